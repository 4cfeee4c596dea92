"""The data plane, whichever transport asks: a read goes where the front says, a write goes there inside its mark.

What goes to Pinecone goes as it came; only what the journal needs is read out of it. What goes to a store is answered
by the actions of `serving`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

import orjson

from vectormigrate.model.batch import Batch
from vectormigrate.model.clock import Clock
from vectormigrate.model.collection import Metric
from vectormigrate.model.errors import CollectionMissing, GateRefused, Unsupported
from vectormigrate.model.query import Match, Query
from vectormigrate.model.touch import Scope, Touch, Unknown, Whole
from vectormigrate.stores.base import Store
from vectormigrate.stores.facade import Decision
from vectormigrate.stores.front import Access, Front, Outcome, Write
from vectormigrate.stores.pinecone.filters import BadFilter
from vectormigrate.stores.pinecone.wire import responses
from vectormigrate.stores.pinecone.wire.heads import clearing
from vectormigrate.stores.pinecone.wire.records import Malformed, decode_vectors
from vectormigrate.stores.pinecone.wire.shape import Keys, Layout
from vectormigrate.stores.raw import Upstream

from .answers import DEFINITE, READ_AT, WRITTEN_AT, Positions, TooLarge
from .endpoints import Route
from .names import Names, Place
from .rooms import Shelf
from .serving import actions

Json = dict[str, Any]
Reply = TypeVar("Reply")

MOST_BYTES = 2 * 1024 * 1024
"""Of one request that writes records."""


class Asked(ABC, Generic[Reply]):
    """One request of a transport, read as far as it is asked to be."""

    index: str
    route: Route
    size: int

    @abstractmethod
    def namespace(self) -> str:
        """The canonical namespace. Raises Malformed."""

    @abstractmethod
    def touches(self, layout: Layout) -> list[Touch]:
        """What an action that names records may change, cheaply. Raises Malformed."""

    @abstractmethod
    def only_asks(self) -> bool:
        """It has the form of a write and changes nothing."""

    @abstractmethod
    def body(self) -> Json:
        """All of it, as the body of a REST request. Raises Malformed."""

    @abstractmethod
    async def forward(self, upstream: Upstream) -> Reply:
        """Send it as it came."""

    @abstractmethod
    def outcome(self, reply: Reply) -> tuple[Outcome, str]:
        """What Pinecone's reply says of a write, and the position it gives."""

    @abstractmethod
    def succeeded(self, reply: Reply) -> bool:
        """Whether it was done."""

    @abstractmethod
    def answered(self, reply: Reply) -> Mapping[str, Any] | None:
        """Pinecone's reply to a read as the object of REST; None when it is not to be read here (compressed)."""

    @abstractmethod
    def reply(self, answer: Json, position: tuple[str, int]) -> Reply:
        """An answer of ours, with the log sequence number to give under that name."""


class DataPlane:
    """The data plane over a front. Where nobody knows the source's shape nothing is hinted or shadowed."""

    def __init__(self, front: Front, names: Names, clock: Clock) -> None:
        self._front = front
        self._names = names
        self._clock = clock
        self._positions = Positions(clock)
        self._actions = actions()

    async def handle(self, asked: Asked[Reply]) -> Reply:
        """Answer one request of a documented endpoint."""
        match asked.route.endpoint.decision:
            case Decision.SERVE | Decision.FORWARD:
                return await self._read(asked)
            case Decision.CAPTURE if asked.route.action == "update" and asked.only_asks():
                return await self._read(asked)
            case Decision.CAPTURE:
                return await self._write(asked)
            case Decision.REFUSE:
                return await self.write_anywhere(asked, [Whole(Scope.RESTORE)])

    async def undocumented(self, asked: Asked[Reply], what: str, *, reads: bool) -> Reply:
        """A request of an endpoint that is in no description."""
        if not reads:
            return await self.write_anywhere(asked, [Unknown(what)])
        access = self._front.primary(self._names.collections(asked.index)[0])
        return await asked.forward(_upstream(access, asked.route))

    async def write_anywhere(self, asked: Asked[Reply], touches: Sequence[Touch]) -> Reply:
        """What only Pinecone can do, and may change any record of the index."""
        touched = dict.fromkeys(self._names.collections(asked.index), touches)
        async with self._front.writing(touched, size=asked.size) as write:
            reply = await asked.forward(_upstream(write.access, asked.route))
            outcome, position = asked.outcome(reply)
            write.answered(outcome, position=position)
            return reply

    async def _read(self, asked: Asked[Reply]) -> Reply:
        namespace = asked.namespace()
        place = self._names.place(asked.index, namespace)
        anywhere = asked.route.endpoint.decision is not Decision.FORWARD
        return await self._front.read(
            place.collection, lambda access: self._read_at(access, asked, namespace, place), anywhere=anywhere
        )

    async def _read_at(self, access: Access, asked: Asked[Reply], namespace: str, place: Place) -> Reply:
        if access.upstream is None:
            answer = await self._serve(asked, access, namespace)
            return asked.reply(answer, (READ_AT, self._positions.next()))
        if not access.shadowed or asked.route.action != "query" or place.shape is None:
            return await asked.forward(access.upstream)
        begun = self._clock.monotonic()
        reply = await asked.forward(access.upstream)
        if asked.succeeded(reply):
            seconds = self._clock.monotonic() - begun
            self._front.observed(place.collection, seconds, lambda: _searched(asked, reply, place))
        return reply

    async def _write(self, asked: Asked[Reply]) -> Reply:
        namespace = asked.namespace()
        place = self._names.place(asked.index, namespace)
        if not place.certain:
            raise GateRefused(
                f"one namespace of {asked.index!r} is being moved, and whether it is {namespace!r} was not said",
                hint="name the namespace of the source collection",
            )
        touched = {place.collection: self._touches(asked, place)}
        async with self._front.writing(touched, size=asked.size) as write:
            if write.access.upstream is not None:
                return await self._passed(asked, write, place)
            done = await self._applied(asked, write.access, namespace)
        if isinstance(done, Exception):
            raise done
        return done

    async def _passed(self, asked: Asked[Reply], write: Write, place: Place) -> Reply:
        reply = await asked.forward(_upstream(write.access, asked.route))
        outcome, position = asked.outcome(reply)
        if position and place.layout.keys is not Keys.ID:
            namespace = asked.namespace()  # each has a log of its own; lines are what positions are parted by
            position = "" if "\n" in namespace else f"{namespace}={position}"
        write.answered(outcome, position=position)
        if asked.route.action == "upsert" and place.shape is not None and asked.succeeded(reply):
            write.hint(place.collection, partial(_records, asked, place.layout), asked.size)
        return reply

    async def _applied(self, asked: Asked[Reply], access: Access, namespace: str) -> Reply | Exception:
        """The answer, or the refusal: leaving the front's block by it would say that nobody knows what came of it."""
        try:
            answer = await self._serve(asked, access, namespace)
        except DEFINITE as error:
            return error
        return asked.reply(answer, (WRITTEN_AT, self._positions.next()))

    def _touches(self, asked: Asked[Reply], place: Place) -> list[Touch]:
        match asked.route.action:
            case "create_namespace":
                return []
            case "delete_namespace":
                return [clearing(place.layout, drops=place.collection != asked.index)]
            case _:
                return asked.touches(place.layout)

    async def _serve(self, asked: Asked[Reply], access: Access, namespace: str) -> Json:
        action = self._actions.get(asked.route.action)
        if action is None:
            raise not_served(asked.route)
        if asked.size > MOST_BYTES:
            raise TooLarge(
                f"Error, message length too large: found {asked.size} bytes, the limit is: {MOST_BYTES} bytes"
            )
        if not asked.index:
            raise CollectionMissing(
                "no index is served at the root of this address: use the host that its description tells"
            )
        shelf = Shelf(store_of(access), asked.index, self._names)
        return await action(shelf, namespace, asked.body())


def store_of(access: Access) -> Store:
    """The store of an access that has no upstream."""
    if access.store is None:
        raise ValueError("an access is either to a server or to a store")
    return access.store


def not_served(route: Route) -> Unsupported:
    """The error for what only Pinecone can answer, once it is not the primary."""
    return Unsupported(f"{route.endpoint.path} is not served here: {route.endpoint.why}")


def _upstream(access: Access, route: Route) -> Upstream:
    if access.upstream is None:
        raise not_served(route)
    return access.upstream


def _records(asked: Asked[Any], layout: Layout) -> Batch:
    """The records of an upsert as Pinecone stores them: of the same id twice, the last one."""
    last = {one["id"]: one for one in asked.body()["vectors"]}
    return decode_vectors(list(last.values()), layout, layout.namespace)


def _searched(asked: Asked[Reply], reply: Reply, place: Place) -> tuple[Query, list[Match]] | None:
    layout = place.layout
    if layout.dense is None or place.shape is None:
        return None
    metric = place.shape.vector(layout.dense).metric or Metric.COSINE
    try:
        answer = asked.answered(reply)
        return None if answer is None else responses.read_search(asked.body(), answer, layout, metric)
    except (Malformed, BadFilter, orjson.JSONDecodeError, KeyError):
        return None
