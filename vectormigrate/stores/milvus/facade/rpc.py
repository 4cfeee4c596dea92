"""The gRPC way: reads pass undecoded but for the collection that they name; errors are a Status inside a good reply.

What a client may send again (nothing left, or writes are held) is told by gRPC's own code, as a server that is down would
be told: pymilvus tries again on UNAVAILABLE, and not on DEADLINE_EXCEEDED, which says that nobody knows.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from google.protobuf.message import DecodeError

from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.errors import StoreDown, Unreachable, Unresolved, VectormigrateError
from vectormigrate.stores.front import Front, Outcome
from vectormigrate.stores.raw import RpcCall, RpcReply, Upstream

from . import listing
from .answering import REPLIES, REQUESTS, status_of
from .calling import Way
from .capture import collection_of
from .endpoints import find_call
from .problems import Problem, invalid, problem_of, refused

OK, DEADLINE, UNIMPLEMENTED, UNAVAILABLE = 0, 4, 12, 14
_REFUSED = frozenset({3, 5, 6, 7, 8, 9, 11, 12, 16})
"""Codes of gRPC with which nothing was applied."""


class RpcWay(Way[RpcReply]):
    """One call."""

    def __init__(self, call: RpcCall) -> None:
        self._call = call
        self.route = find_call(call.method)
        self.size = len(call.request)

    @cached_property
    def _message(self) -> Any:
        kind = REQUESTS.get(self.route.rpc)
        if kind is None:
            return None
        try:
            return kind.FromString(self._call.request)
        except DecodeError as error:
            raise invalid(f"the request cannot be read: {error}") from None

    @property
    def database(self) -> str:  # type: ignore[override]  # read out of the request when it is wanted
        named = getattr(self._message, "db_name", "")
        if named or self._message is None:
            return str(named)
        return next((str(value) for key, value in self._call.metadata if key == "dbname"), "")

    def collection(self) -> str | None:
        return None if self._message is None else collection_of(self._message)

    def message(self, shape: CollectionShape | None, *, marking: bool = False) -> Any:
        return self._message

    async def send(self, upstream: Upstream) -> RpcReply:
        return await upstream.call(self._call)

    def said(self, answer: RpcReply) -> tuple[Outcome, Any]:
        if answer.code != OK:
            return (Outcome.ANSWERED if answer.code in _REFUSED else Outcome.UNRESOLVED), None
        kind = REPLIES.get(self.route.rpc)
        if kind is None:
            return Outcome.ANSWERED, None
        try:
            reply = kind.FromString(answer.message)
        except DecodeError:
            return Outcome.UNRESOLVED, None
        status = status_of(reply)
        if status is None or (status.code == 0 and status.error_code == 0):
            return Outcome.ANSWERED, reply
        applied = Outcome.ANSWERED if refused(status.code, status.error_code) else Outcome.UNRESOLVED
        return applied, None

    def answered(self, message: Any, shape: CollectionShape | None) -> RpcReply:
        return RpcReply(message.SerializeToString())

    async def listed(self, answer: RpcReply, front: Front) -> RpcReply:
        return await listing.replied(answer, self._message, front)

    def failed(self, problem: Problem) -> RpcReply:
        kind = REPLIES.get(self.route.rpc)
        reply = None if kind is None else kind()
        status = None if reply is None else status_of(reply)
        if reply is None or status is None:
            return RpcReply(code=UNIMPLEMENTED, details=problem.text)
        problem.fill(status)
        return RpcReply(reply.SerializeToString())

    def broken(self, error: VectormigrateError) -> RpcReply:
        if isinstance(error, Unreachable | StoreDown):
            return RpcReply(code=UNAVAILABLE, details=error.message)
        if isinstance(error, Unresolved):
            return RpcReply(code=DEADLINE, details=error.message)
        return self.failed(problem_of(error))
