"""The front of one source server: requests about collections under migration go by their lanes, all others pass through.

Names are resolved through the source's aliases, so that a write to an alias is a write to its collection.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace

from vectormigrate.model.batch import Batch
from vectormigrate.model.errors import GateRefused
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import RecordId
from vectormigrate.model.touch import Touch
from vectormigrate.state.roles import Side
from vectormigrate.stores.front import Access, Front, Outcome, Write
from vectormigrate.stores.raw import Upstream

from .bounded import Bounded
from .lane import Lane, Pass

Observer = Callable[[str, float, Callable[[], tuple[Query, Sequence[Match]] | None]], None]
"""Collection, seconds that the primary took, and what decodes question and answer."""


class Router(Front):
    """Lanes by collection name over one upstream."""

    def __init__(self, upstream: Upstream | None, chance: random.Random) -> None:
        """`upstream` is the source's own server, None where requests have no other way than a lane."""
        self._through = Access(upstream=upstream)
        self._chance = chance
        self._lanes: dict[str, Lane] = {}
        self._observers: dict[str, tuple[float, Observer]] = {}
        self._told: dict[str, Mapping[str, str]] = {}
        """What each collection's source said of its names."""
        self._aliases: dict[str, str] = {}
        """Other names of collections that have a lane, to the name that it goes by."""

    def add(self, collection: str, lane: Lane) -> None:
        """Send what concerns this collection by this lane."""
        self._lanes[collection] = lane
        self._resolve()

    def learn(self, collection: str, aliases: Mapping[str, str]) -> None:
        """Take over the aliases of this collection's source: every name that stands for the collection leads to its lane,
        from when it has one.
        """
        self._told[collection] = aliases
        self._resolve()

    def remove(self, collection: str) -> None:
        """It passes through again."""
        self._lanes.pop(collection, None)
        self._told.pop(collection, None)
        self._observers.pop(collection, None)
        self._resolve()

    def _resolve(self) -> None:
        known: dict[str, str] = {}
        for name in self._lanes:
            aliases = self._told.get(name, {})
            real = aliases.get(name, name)
            same = [real, *(alias for alias, collection in aliases.items() if collection == real)]
            known |= {one: name for one in same if one not in self._lanes}
        self._aliases = known

    def shadow(self, collection: str, share: float, observer: Observer) -> None:
        """Tell `observer` about this share of the searches; 0 for none."""
        self._observers[collection] = (share, observer)

    def lane(self, collection: str | None) -> Lane | None:
        """The lane of a collection, by its name or an alias."""
        if collection is None:
            return None
        return self._lanes.get(collection) or self._lanes.get(self._aliases.get(collection, ""))

    def reading(self, collection: str | None) -> Access:
        lane = self.lane(collection)
        if lane is None:
            return self._through
        side = lane.role.primary
        if lane.read_share and self._chance.random() < lane.read_share:
            return replace(lane.access(side.other), secondary=True)
        access = lane.access(side)
        share = self._observers.get(lane.ends.collection, (0.0, None))[0] if lane.whole else 0.0
        if share and self._chance.random() < share:
            return replace(access, shadowed=True)
        return access

    def primary(self, collection: str | None) -> Access:
        lane = self.lane(collection)
        return self._through if lane is None else lane.access(lane.role.primary)

    def concerned(self) -> Sequence[str]:
        return tuple(self._lanes)

    def moved(self) -> Sequence[str]:
        return tuple(name for name, lane in self._lanes.items() if lane.role.primary is Side.TARGET)

    def known_as(self, name: str) -> str:
        return next((aliases[name] for aliases in self._told.values() if name in aliases), name)

    def writing(
        self, touched: Mapping[str, Sequence[Touch]], *, size: int = 0
    ) -> AbstractAsyncContextManager[Write]:
        return self._writing(touched, size)

    @asynccontextmanager
    async def _writing(self, touched: Mapping[str, Sequence[Touch]], size: int) -> AsyncIterator[Write]:
        lanes: dict[str, tuple[Lane, list[Touch]]] = {}
        collections: dict[str, str] = {}
        """By the names of the request: what they stand for now, whatever is learnt while it is under way."""
        for name, touches in touched.items():
            lane = self.lane(name)
            if lane is not None:
                collections[name] = lane.ends.collection
                lanes.setdefault(lane.ends.collection, (lane, []))[1].extend(touches)
        if len(lanes) == 1:  # as nearly always, and it is waited for
            [(name, (lane, touches))] = lanes.items()
            async with lane.writing(touches, size) as passing:
                yield self._written(touched, collections, {name: passing})
            return
        async with AsyncExitStack() as stack:
            passes: dict[str, Pass] = {}
            for name, (lane, touches) in sorted(lanes.items()):  # in one order: no two wait for each other
                passes[name] = await stack.enter_async_context(lane.writing(touches, size))
            yield self._written(touched, collections, passes)

    def _written(
        self,
        touched: Mapping[str, Sequence[Touch]],
        collections: Mapping[str, str],
        passes: Mapping[str, Pass],
    ) -> _Written:
        elsewhere = len(collections) < len(touched) or not touched
        access = self._meeting([one.access for one in passes.values()], elsewhere=elsewhere)
        limits = [one.timeout for one in passes.values() if one.timeout]
        if access.upstream is not None and limits:
            access = replace(access, upstream=Bounded(access.upstream, min(limits)))
        return _Written(access, {name: passes[of] for name, of in collections.items()})

    def _meeting(self, accesses: Sequence[Access], *, elsewhere: bool) -> Access:
        """The one place where a request goes; it cannot go to two."""
        met = {id(one.upstream or one.store): one for one in accesses}
        if elsewhere:
            met[id(self._through.upstream)] = self._through
        if len(met) > 1:
            raise GateRefused(
                "the request concerns collections that are answered by different databases now",
                hint="send one request a collection",
            )
        return next(iter(met.values()))

    def observed(
        self, collection: str, seconds: float, found: Callable[[], tuple[Query, Sequence[Match]] | None]
    ) -> None:
        lane = self.lane(collection)
        if lane is not None and lane.ends.collection in self._observers:
            self._observers[lane.ends.collection][1](lane.ends.collection, seconds, found)


class _Written(Write):
    """A write over all lanes that it concerns."""

    def __init__(self, access: Access, passes: Mapping[str, Pass]) -> None:
        """`passes` by the names that the request uses, several perhaps for one."""
        self.access = access
        self._passes = passes

    def answered(self, outcome: Outcome, *, position: str = "") -> None:
        for passing in self._passes.values():
            passing.answered(outcome, position)

    async def named(self, collection: str, ids: Sequence[RecordId]) -> None:
        passing = self._passes.get(collection)
        if passing is not None:
            await passing.named(ids)

    def hint(self, collection: str, records: Callable[[], Batch], size: int) -> None:
        passing = self._passes.get(collection)
        if passing is not None:
            passing.hint(records, size)
