"""A stream of batches as calls: each batch of a `BatchStream` is sent on, or answered, as a `BatchObjects` call.

So it is marked before it leaves and its outcome is known by object, whichever version Weaviate is of. The client sees
what it would see of a server that is never busy: each batch is acknowledged with its results.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from google.protobuf.message import DecodeError

from vectormigrate.stores.raw import Conversation, RpcCall, RpcReply
from vectormigrate.stores.weaviate import pb
from vectormigrate.stores.weaviate.wire.values import BEACON

from .problems import INVALID, OK

_SERVICE = "/weaviate.v1.Weaviate/"


class Stream(Conversation):
    """One stream."""

    def __init__(self, call: RpcCall, send: Callable[[RpcCall], Awaitable[RpcReply]]) -> None:
        self._call = call
        self._send = send
        self._start: Any = None

    async def heard(self, message: bytes) -> Sequence[bytes] | RpcReply:
        try:
            said = pb.BatchStreamRequest.FromString(message)
        except DecodeError as error:
            return RpcReply(code=INVALID, details=f"the message cannot be read: {error}")
        match said.WhichOneof("message"):
            case "start":
                self._start = said.start
                return [_reply("started")]
            case "data" if self._start is not None:
                return await self._data(said.data)
            case "stop":
                return RpcReply()
            case _:
                return RpcReply(code=INVALID, details="a stream begins with a start message")

    def parting(self) -> Sequence[bytes]:
        return [_reply("shutting_down")]

    async def _data(self, data: Any) -> Sequence[bytes]:
        told = []
        if data.objects.values:
            told.append(
                await self._batch(
                    "BatchObjects",
                    pb.BatchObjectsRequest(objects=data.objects.values),
                    "uuid",
                    [one.uuid for one in data.objects.values],
                )
            )
        if data.references.values:
            told.append(
                await self._batch(
                    "BatchReferences",
                    pb.BatchReferencesRequest(references=data.references.values),
                    "beacon",
                    [
                        f"{BEACON}{one.from_collection}/{one.from_uuid}/{one.name}"
                        for one in data.references.values
                    ],
                )
            )
        acks = pb.BatchStreamReply()
        acks.acks.uuids.extend(one.uuid for one in data.objects.values)
        acks.acks.beacons.extend(
            f"{BEACON}{one.from_collection}/{one.from_uuid}/{one.name}" for one in data.references.values
        )
        return [acks.SerializeToString(), *told]

    async def _batch(self, method: str, request: Any, kind: str, names: Sequence[str]) -> bytes:
        """One call, and what it came to as the results of its items, which are called so."""
        if self._start.HasField("consistency_level"):
            request.consistency_level = self._start.consistency_level
        reply = await self._send(
            replace(self._call, method=_SERVICE + method, request=request.SerializeToString())
        )
        if reply.code == OK:
            told = getattr(pb, f"{method}Reply").FromString(reply.message)
            errors = {one.index: one.error for one in told.errors}
        else:
            errors = dict.fromkeys(range(len(names)), reply.details)
        message = pb.BatchStreamReply()
        message.results.SetInParent()
        for index, name in enumerate(names):
            if index in errors:
                message.results.errors.add(error=errors[index], **{kind: name})
            else:
                message.results.successes.add(**{kind: name})
        return bytes(message.SerializeToString())


def _reply(kind: str) -> bytes:
    message = pb.BatchStreamReply()
    getattr(message, kind).SetInParent()
    return bytes(message.SerializeToString())
