"""One request, by gRPC or REST: to Milvus itself as it came, or to the store; a write marked first.

The two transports differ in how a request is passed on, what its answer says and how an error is told: a `Way` each.
Everything else is here once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from vectormigrate.model.clock import Clock
from vectormigrate.model.collection import CollectionShape, IdKind
from vectormigrate.model.errors import Unreachable, VectormigrateError
from vectormigrate.model.touch import Touch, Unnamed
from vectormigrate.stores.facade import Decision
from vectormigrate.stores.front import Access, Front, Outcome, Write
from vectormigrate.stores.milvus.wire.fields import read_ids
from vectormigrate.stores.moved import standing_in
from vectormigrate.stores.raw import Upstream

from . import listing, observing
from .answering import Answers
from .capture import DATABASE, hinted, touches
from .endpoints import SERVICE, Route, find_call
from .problems import Problem, definite, no_database

T = TypeVar("T")
_ALONE = frozenset({"Connect", "GetVersion", "CheckHealth", "AllocTimestamp", "ListDatabases"})
"""What a client asks to connect: answered also when the old server is gone for good, its collections being elsewhere."""


class Way(ABC, Generic[T]):
    """How one request goes and comes; T is its answer."""

    route: Route
    database: str
    """The database that it names; "" for the one that is meant without a name."""
    size: int
    """Bytes."""
    needs_shape: bool = False
    """Whether `message` and `answered` want to know what the collection is like."""

    @abstractmethod
    def collection(self) -> str | None:
        """The collection that it is about. Raises Problem for a request that cannot be read."""

    @abstractmethod
    def message(self, shape: CollectionShape | None, *, marking: bool = False) -> Any:
        """The rpc's message of it; None for an unknown rpc. `shape` is what the collection is like, if it is known;
        `marking` wants no more than what a write is marked by. Raises Problem.
        """

    def following(self) -> Sequence[tuple[str, Any]]:
        """Further rpcs and messages that a request stands for."""
        return ()

    @abstractmethod
    async def send(self, upstream: Upstream) -> T:
        """Pass it on as it came."""

    @abstractmethod
    def said(self, answer: T) -> tuple[Outcome, Any]:
        """What Milvus' answer says of a write, and the message of it if it was applied."""

    @abstractmethod
    def answered(self, message: Any, shape: CollectionShape | None) -> T:
        """A reply of ours."""

    @abstractmethod
    async def listed(self, answer: T, front: Front) -> T:
        """Milvus' list of its collections, with those that moved."""

    @abstractmethod
    def failed(self, problem: Problem) -> T:
        """A problem, told."""

    @abstractmethod
    def broken(self, error: VectormigrateError) -> T:
        """An error of the model, told."""


@dataclass(frozen=True, slots=True)
class Calls:
    """Requests over a front."""

    front: Front
    answers: Answers
    clock: Clock

    async def handle(self, way: Way[T]) -> T:
        """Answer one request."""
        try:
            if way.route.decision in (Decision.FORWARD, Decision.SERVE):
                anywhere = way.route.decision is Decision.SERVE
                return await self.front.read(
                    _key(way), lambda access: self._read(access, way), anywhere=anywhere
                )
            return await self._write(way)
        except Problem as problem:
            return way.failed(problem)
        except VectormigrateError as error:
            return way.broken(error)

    async def _read(self, access: Access, way: Way[T]) -> T:
        """Answer a read, or pass it on; tell the front of a search, and stand in for a server that is not needed any more."""
        if access.upstream is None:
            return await self._answer(access, way)
        asked = self.clock.monotonic()
        try:
            answer = await way.send(access.upstream)
        except Unreachable:
            store = standing_in(self.front)
            if store is None or way.route.rpc not in _ALONE:
                raise
            return way.answered(await self.answers.answer(store, "", way.route, way.message(None)), None)
        if way.route.rpc == listing.RPC and _is_default(way.database) and self.front.moved():
            return await way.listed(answer, self.front)
        shape, name = access.shape, way.collection()
        if access.shadowed and shape is not None and name is not None and way.route.rpc == "Search":
            seconds = self.clock.monotonic() - asked
            self.front.observed(name, seconds, lambda: _found(way, answer, shape))
        return answer

    async def _write(self, way: Way[T]) -> T:
        name = _key(way)
        access = self.front.primary(name)
        if access.store is not None:
            self.answers.check(way.route)
        touched = await self._touched(way, access, name)
        async with self.front.writing(touched, size=way.size) as write:
            if write.access.upstream is not None:
                return await self._pass(write.access.upstream, way, write, touched)
            try:
                return await self._answer(write.access, way, write, touched)
            except (Problem, VectormigrateError) as error:
                problem = definite(error)
        raise problem

    async def _touched(self, way: Way[T], access: Access, name: str | None) -> dict[str, tuple[Touch, ...]]:
        if not _is_default(way.database):
            return {}  # migrations are of the default database
        if name is not None and access.upstream is not None and access.shape is None:
            return {name: ()}  # nothing of it is migrated
        shape = await _shape(way, access)
        native = access.upstream is not None
        message = way.message(shape, marking=True)
        return touches(way.route, message, shape, self.front.concerned(), native=native)

    async def _pass(
        self, upstream: Upstream, way: Way[T], write: Write, touched: dict[str, tuple[Touch, ...]]
    ) -> T:
        answer = await way.send(upstream)
        outcome, reply = way.said(answer)
        write.answered(outcome)
        if reply is None:
            return answer
        await _name(write, touched, reply, write.access.shape)
        shape = write.access.shape
        if outcome is Outcome.ANSWERED and shape is not None and way.route.rpc == "Upsert":
            _hint(write, way, shape)
        return answer

    async def _answer(
        self,
        access: Access,
        way: Way[T],
        write: Write | None = None,
        touched: dict[str, tuple[Touch, ...]] | None = None,
    ) -> T:
        assert access.store is not None
        if not _is_default(way.database):
            raise no_database(way.database)
        self.answers.check(way.route)
        shape = await _shape(way, access)
        # An alias of it may have been said.
        name = access.shape.name if access.shape is not None else way.collection() or ""
        message = way.message(shape)
        if access.shape is not None and "collection_name" in message.DESCRIPTOR.fields_by_name:
            message.collection_name = name
        reply = await self.answers.answer(access.store, name, way.route, message)
        for rpc, further in way.following():
            await self.answers.answer(access.store, name, find_call(SERVICE + rpc), further)
        if write is not None:
            await _name(write, touched or {}, reply, shape)
        return way.answered(reply, shape)


def _hint(write: Write, way: Way[Any], shape: CollectionShape) -> None:
    """Offer what an upsert put there, if it can be told from its request."""
    try:
        message = way.message(shape)
    except Problem:
        return  # Milvus has taken it all the same
    records = hinted(way.route.rpc, message, shape)
    if records is not None:
        write.hint(message.collection_name, records, way.size)


def _found(way: Way[T], answer: T, shape: CollectionShape) -> observing.Found | None:
    reply = way.said(answer)[1]
    return observing.found(way.message(shape), reply, shape) if observing.is_answer(reply) else None


async def _shape(way: Way[T], access: Access) -> CollectionShape | None:
    """What the collection is like, as far as that is known or must be."""
    name = way.collection()
    if access.shape is None and access.store is not None and name and way.needs_shape:
        return await access.store.describe(name)
    return access.shape


def _key(way: Way[T]) -> str | None:
    return way.collection() if _is_default(way.database) else None


def _is_default(database: str) -> bool:
    return database in ("", DATABASE)


async def _name(
    write: Write, touched: dict[str, tuple[Touch, ...]], reply: Any, shape: CollectionShape | None
) -> None:
    """Tell of the ids that were picked for the client."""
    for collection, told in touched.items():
        if any(isinstance(touch, Unnamed) for touch in told):
            ids = read_ids(reply.IDs)
            if shape is not None and shape.id.kind is IdKind.INT:  # REST may tell them as texts
                ids = [int(one) for one in ids if isinstance(one, str | int)]
            await write.named(collection, ids)
