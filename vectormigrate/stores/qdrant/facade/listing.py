"""Qdrant's own list of its collections, with those that moved: what it was asked to drop of them is still answered here.

An application that makes what it does not find in the list would otherwise be told that it is there.
"""

from __future__ import annotations

import json
from dataclasses import replace

from vectormigrate.stores.front import Front
from vectormigrate.stores.moved import lacking
from vectormigrate.stores.qdrant.pb import collections_pb2
from vectormigrate.stores.raw import HttpResponse, RpcReply

from .problems import OK

OPERATION = "list_collections"


def listed(response: HttpResponse, front: Front) -> HttpResponse:
    """Its answer over HTTP, which came uncompressed."""
    if response.status != 200:
        return response
    document = json.loads(response.body)
    held = document["result"]["collections"]
    gone = lacking(front, [one["name"] for one in held])
    if not gone:
        return response
    held.extend({"name": name} for name in gone)
    headers = [pair for pair in response.headers if pair[0].lower() != b"content-length"]
    return replace(response, headers=headers, body=json.dumps(document, separators=(",", ":")).encode())


def replied(reply: RpcReply, front: Front) -> RpcReply:
    """Its answer over gRPC."""
    if reply.code != OK:
        return reply
    told = collections_pb2.ListCollectionsResponse.FromString(reply.message)
    for name in lacking(front, [one.name for one in told.collections]):
        told.collections.add(name=name)
    return replace(reply, message=told.SerializeToString())
