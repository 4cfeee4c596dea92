"""A gRPC call of the data plane, read as far as it is asked to be. Its message is parsed once, which costs little:
protobuf leaves the numbers of vectors packed until they are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vectormigrate.model.touch import Touch
from vectormigrate.stores.front import Outcome
from vectormigrate.stores.pinecone.wire import heads, messages
from vectormigrate.stores.pinecone.wire.records import canonical_namespace
from vectormigrate.stores.pinecone.wire.shape import Layout
from vectormigrate.stores.raw import RpcCall, RpcReply, Upstream

from . import answers
from .dataplane import Asked
from .endpoints import Route

Json = dict[str, Any]

_POSITIONS = ("x-pinecone-request-lsn", "x-pinecone-lsn-committed")


class Rpc(Asked[RpcReply]):
    """One unary call. Raises Malformed when it is no message of its method."""

    def __init__(self, index: str, route: Route, call: RpcCall) -> None:
        self.index = index
        self.route = route
        self.size = len(call.request)
        self._call = call
        self._method = route.endpoint.path.rpartition("/")[2]
        self._message = messages.read_request(self._method, call.request)

    def namespace(self) -> str:
        field = "name" if self.route.action == "create_namespace" else "namespace"
        return canonical_namespace(getattr(self._message, field, None))

    def touches(self, layout: Layout) -> list[Touch]:
        return heads.touches(self.route.action, messages.head_of(self._method, self._message), layout)

    def only_asks(self) -> bool:
        return bool(self._message.dry_run)

    def body(self) -> Json:
        return messages.to_object(self._message)

    async def forward(self, upstream: Upstream) -> RpcReply:
        return await upstream.call(self._call)

    def outcome(self, reply: RpcReply) -> tuple[Outcome, str]:
        metadata = (*reply.initial_metadata, *reply.trailing_metadata)
        position = next((value for key, value in metadata if key in _POSITIONS), "")
        return answers.outcome_of_code(reply.code), str(position)

    def succeeded(self, reply: RpcReply) -> bool:
        return reply.code == 0

    def answered(self, reply: RpcReply) -> Mapping[str, Any] | None:
        return messages.read_answer(self._method, reply.message)

    def reply(self, answer: Json, position: tuple[str, int]) -> RpcReply:
        metadata = ((position[0], str(position[1])),)
        return RpcReply(messages.write_answer(self._method, answer), initial_metadata=metadata)


class Bytes(Rpc):
    """A call of a method that is in no description: nothing of it can be read."""

    def __init__(self, index: str, route: Route, call: RpcCall) -> None:
        self.index = index
        self.route = route
        self.size = len(call.request)
        self._call = call
