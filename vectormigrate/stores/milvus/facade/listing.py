"""Milvus' own list of its collections, with those that moved and that it was told to drop: they are still answered here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from vectormigrate.stores.front import Front
from vectormigrate.stores.milvus.pb import milvus_pb2
from vectormigrate.stores.moved import described, lacking
from vectormigrate.stores.raw import HttpResponse, RpcReply

from .collections import is_loaded, number_of

RPC = "ShowCollections"
_GOOD = (0, 200)


def listed(response: HttpResponse, front: Front) -> HttpResponse:
    """Its answer over REST, which came uncompressed."""
    if response.status != 200:
        return response
    told = msgspec.json.decode(response.body, type=dict[str, Any])
    if told.get("code") not in _GOOD:
        return response
    names = told.get("data") or []
    gone = lacking(front, names)
    if not gone:
        return response
    headers = [pair for pair in response.headers if pair[0].lower() != b"content-length"]
    return replace(response, headers=headers, body=msgspec.json.encode({**told, "data": [*names, *gone]}))


async def replied(reply: RpcReply, request: Any, front: Front) -> RpcReply:
    """Its answer over gRPC to this request, which may ask for some alone, or for those that can be read."""
    if reply.code:
        return reply
    told = milvus_pb2.ShowCollectionsResponse.FromString(reply.message)
    if told.status.code or told.status.error_code:
        return reply
    wanted, loaded_alone = set(request.collection_names), request.type == milvus_pb2.ShowType.InMemory
    for name, shape in (await described(front, list(told.collection_names))).items():
        loaded = is_loaded(shape)
        if (not wanted or name in wanted) and (loaded or not loaded_alone):
            _add(told, name, loaded=loaded)
    return replace(reply, message=told.SerializeToString())


def _add(told: Any, name: str, *, loaded: bool) -> None:
    """Put one behind the others, in all of what is told of each: clients read it by its place."""
    before = len(told.collection_names)
    told.collection_names.append(name)
    for field, value in (
        ("collection_ids", number_of(name)),
        ("created_timestamps", 0),
        ("created_utc_timestamps", 0),
        ("inMemory_percentages", 100 * loaded),
        ("query_service_available", loaded),
        ("shards_num", 1),
    ):
        if len(getattr(told, field)) == before:
            getattr(told, field).append(value)
