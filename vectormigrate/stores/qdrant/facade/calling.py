"""The gRPC half of the door: as `port`, for calls. Reads pass undecoded; of writes only what is marked is decoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from vectormigrate.model.batch import Batch
from vectormigrate.model.clock import Clock
from vectormigrate.model.errors import VectormigrateError
from vectormigrate.model.touch import Scope, Touch, Whole
from vectormigrate.stores.base import Store
from vectormigrate.stores.facade import Decision
from vectormigrate.stores.front import Access, Front, Outcome, Write
from vectormigrate.stores.qdrant.pb import collections_pb2, points_pb2
from vectormigrate.stores.qdrant.wire import calls
from vectormigrate.stores.qdrant.wire.certain import certain, keeps_as_given
from vectormigrate.stores.qdrant.wire.changes import Change, Upsert
from vectormigrate.stores.qdrant.wire.settings import read_aliased
from vectormigrate.stores.raw import RpcCall, RpcReply, Upstream
from vectormigrate.stores.routing import Route
from vectormigrate.stores.turns import Turns

from . import listing, observing
from .capture import touches_of, whole
from .endpoints import find_call
from .passing import reply_outcome
from .problems import OK, UNIMPLEMENTED, Problem, definite, problem_of
from .rpc import SERVING, answer, parse, read


@dataclass(frozen=True, slots=True)
class _Captured:
    """What a call may change, and what it asks for if it is a write of points."""

    collection: str | None
    touched: Mapping[str, Sequence[Touch]]
    changes: Sequence[Change] = ()
    wait: bool = True


class Calls:
    """gRPC calls over a front."""

    def __init__(self, front: Front, clock: Clock, turns: Turns) -> None:
        self._front = front
        self._clock = clock
        self._turns = turns

    async def rpc(self, call: RpcCall) -> RpcReply:
        """Answer one call."""
        started = self._clock.monotonic()
        route = find_call(call.method)
        try:
            if route.decision in (Decision.FORWARD, Decision.SERVE):
                return await self._front.read(
                    _collection_of(route, call.request),
                    lambda access: self._read(access, route, call, started),
                    anywhere=route.decision is Decision.SERVE,
                )
            return await self._write(route, call, started)
        except Problem as problem:
            return RpcReply(code=problem.code, details=problem.text)
        except VectormigrateError as error:
            told = problem_of(error)
            return RpcReply(code=told.code, details=told.text)

    async def _read(self, access: Access, route: Route, call: RpcCall, started: float) -> RpcReply:
        if access.upstream is None:
            assert access.store is not None
            return await self._answer(access.store, route, call, started)
        asked = self._clock.monotonic()
        reply = await access.upstream.call(call)
        if route.operation == listing.OPERATION and self._front.moved():
            return listing.replied(reply, self._front)
        shape = access.shape
        if access.shadowed and shape is not None and route.operation in observing.CALLS and reply.code == OK:
            self._front.observed(
                _collection_of(route, call.request) or "",
                self._clock.monotonic() - asked,
                lambda: observing.heard(route.operation, call.request, reply.message, shape),
            )
        return reply

    async def _write(self, route: Route, call: RpcCall, started: float) -> RpcReply:
        access = self._front.primary(_collection_of(route, call.request))
        if access.store is not None:
            _check_served(route, call)
        captured = _capture(route, call, self._front.concerned(), native=access.upstream is not None)
        async with self._front.writing(captured.touched, size=len(call.request)) as write:
            if write.access.upstream is not None:
                return await self._pass(write.access.upstream, route, call, write, captured)
            assert write.access.store is not None
            try:
                _check_served(route, call)
                return await self._answer(write.access.store, route, call, started)
            except (Problem, VectormigrateError) as error:
                problem = definite(error)
        raise problem

    async def _pass(
        self, upstream: Upstream, route: Route, call: RpcCall, write: Write, captured: _Captured
    ) -> RpcReply:
        reply = await upstream.call(call)
        points = route.operation in calls.WRITES
        statuses = _statuses(route, reply) if points and reply.code == OK else frozenset[int]()
        said = reply_outcome(reply, wait=captured.wait, points=points, statuses=statuses)
        write.answered(said)
        shape = write.access.shape
        match captured.changes:
            case [Upsert(whole=True) as change] if (
                said is Outcome.ANSWERED and reply.code == OK and shape and keeps_as_given(shape)
            ):

                def records() -> Batch:
                    try:
                        return certain(change, shape)
                    except ValueError:
                        return Batch([])  # a vector that the server made, for one

                if route.operation == "upsert" and captured.collection is not None:
                    write.hint(captured.collection, records, len(call.request))
        return reply

    async def _answer(self, store: Store, route: Route, call: RpcCall, started: float) -> RpcReply:
        if route.operation == "health":
            return RpcReply(SERVING)
        message = await answer(store, self._turns, route, call.request)
        if "time" in message.DESCRIPTOR.fields_by_name:
            message.time = self._clock.monotonic() - started
        return RpcReply(message.SerializeToString())


_OF_THE_SERVER = frozenset(
    {"change_aliases", "list_aliases", "list_collections", "version", "health"}
    | {"make_full_snapshot", "full_snapshots", "delete_full_snapshot", "unknown"}
)
"""Operations that are about no collection in particular."""


def _collection_of(route: Route, data: bytes) -> str | None:
    """The collection that a call is about: in every request about one, field 1 is its name."""
    if route.operation in _OF_THE_SERVER:
        return None
    if data[:1] == b"\x0a":  # it comes first, and the rest need not be looked at
        size = shift = 0
        for digits in data[1:6]:
            size |= (digits & 0x7F) << shift
            shift += 7
            if digits < 0x80:
                break
        data = data[: 1 + shift // 7 + size]
    try:
        return collections_pb2.GetCollectionInfoRequest.FromString(data).collection_name or None
    except DecodeError:
        return None  # the request is none, which its receiver will say


def _capture(route: Route, call: RpcCall, concerned: Sequence[str], *, native: bool) -> _Captured:
    """What a call may change; all that is `concerned` if it is about no collection. Raises Problem for one that cannot
    be read.
    """
    operation = route.operation
    if operation in calls.WRITES:
        message = parse(calls.WRITES[operation], call.request)
        changes = read(lambda given: calls.read_changes(operation, given), message)
        touched = {message.collection_name: touches_of(changes, native=native)}
        return _Captured(message.collection_name, touched, changes, message.wait)
    if operation == "change_aliases":
        names = read_aliased(parse(collections_pb2.ChangeAliases, call.request))
        return _Captured(None, {name: (Whole(Scope.ALIAS),) for name in names})
    collection = _collection_of(route, call.request)
    of = concerned if collection is None else (collection,)
    return _Captured(collection, dict.fromkeys(of, whole(operation, route.decision, call.method)))


def _statuses(route: Route, reply: RpcReply) -> frozenset[int]:
    """The values of `UpdateStatus` in an answer."""
    if route.operation == "batch":
        batch: Any = points_pb2.UpdateBatchResponse.FromString(reply.message)
        return frozenset(one.status for one in batch.result)
    one: Any = points_pb2.PointsOperationResponse.FromString(reply.message)
    return frozenset({one.result.status})


def _check_served(route: Route, call: RpcCall) -> None:
    """Raise Problem for a write that no store can take, before anything is marked for it."""
    if not route.known or route.decision is Decision.REFUSE:
        raise Problem(400, UNIMPLEMENTED, f"{call.method} is not served here: {route.why}")
