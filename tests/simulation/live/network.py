"""Databases behind a network that loses, delays and repeats: the only way to them in a simulation.

A request that was sent is applied later by the network, not by who sent it: so it lands even if its sender is dead, at
any time up to the quarantine. Reads may be answered by a replica that is behind, unless a barrier was asked for.
"""

from __future__ import annotations

import asyncio
import bisect
from dataclasses import dataclass, replace

import numpy as np

from vectormigrate.model.batch import Batch, DenseColumn
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, KeyOrder, Metric, VectorField
from vectormigrate.model.errors import CollectionMissing, Throttled, Unreachable, Unresolved
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.record import id_text, parse_id
from vectormigrate.stores.base import Content, Endpoint, Page, Range, Store, StoreInfo
from vectormigrate.stores.memory import CAPABILITIES

ORDER = KeyOrder.NUMERIC


def shape(name):
    return CollectionShape(
        name,
        IdField("id", IdKind.INT, ORDER),
        (VectorField("v", dim=1, metric=Metric.EUCLID),),
        dynamic=True,
    )


def batch(records):
    """Id to value; the vector says the same as the payload."""
    ids = sorted(records)
    values = np.array([[records[one]] for one in ids], np.float32).reshape(len(ids), 1)
    return Batch(ids, {"v": DenseColumn(values)}, [{"n": records[one]} for one in ids])


@dataclass
class Faults:
    """Chances of one request."""

    refused: float = 0.0
    """It never left."""
    throttled: float = 0.0
    lost: float = 0.0
    """It left and is never applied; no answer."""
    unanswered: float = 0.0
    """It is applied in good time; no answer."""
    late: float = 0.0
    """It is applied some time before the quarantine ends; no answer."""
    slow: float = 0.0
    """A hundred times as slow."""
    down: bool = False


class Link:
    """One database and the network to it."""

    def __init__(self, name, clock, rng, *, quarantine, stale=0.0, barrier=True):
        self.name = name
        self.clock = clock
        self.rng = rng
        self.quarantine = quarantine
        self.stale = stale
        self.has_barrier = barrier
        self.faults = Faults()
        self.rows = {}
        self.shape = None
        self.history = {}
        """Id to [(time, value or None)]: what readers of a replica may still see."""
        self.sent = 0
        self.watch = lambda kind, ids: None
        """Told when a write is sent."""
        self.busy = {}
        """Id to how many writes of it are under way."""
        self.on_apply = lambda ids: None
        self.under_way = 0

    # What the database does, at one moment.

    def put(self, one, value):
        self.history.setdefault(one, []).append((self.clock.monotonic(), self.rows.get(one)))
        if value is None:
            self.rows.pop(one, None)
        else:
            self.rows[one] = value

    def seen(self, one, at):
        """The value that a reader sees that is so far behind."""
        for when, before in self.history.get(one, ()):
            if when > at:
                return before
        return self.rows.get(one)

    def ids(self):
        return sorted(self.rows.keys() | self.history.keys())

    # The network.

    def delay(self):
        slow = 100 if self.rng.random() < self.faults.slow else 1
        return self.rng.choice((0.0, 0.001, 0.003, 0.01)) * self.rng.random() * slow + 0.0001

    async def read(self):
        """The way of a read there; returns how far behind it is answered."""
        await asyncio.sleep(self.delay())
        self._check()
        return self.clock.monotonic() - (self.stale * self.rng.random() if self.stale else 0.0)

    def _check(self):
        if self.faults.down or self.rng.random() < self.faults.refused:
            raise Unreachable(f"{self.name} is away")
        if self.rng.random() < self.faults.throttled:
            raise Throttled(f"{self.name} asks for less")

    async def write(self, ids, apply):
        """Send a write; returns what `apply` answered."""
        await asyncio.sleep(self.delay() / 2)
        self._check()
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        fate = self._fate()
        self.under_way += 1

        def land():
            self.under_way -= 1
            result = apply()
            self.on_apply(ids)
            if not answer.done() and fate == "answered":
                loop.call_later(self.delay() / 2, _tell, answer, result)

        def vanish():
            self.under_way -= 1

        wait = self.delay()
        if fate == "late":
            wait = self.quarantine * 0.9 * self.rng.random()
        loop.call_later(wait, vanish if fate == "lost" else land)
        if fate == "answered":
            return await answer
        await asyncio.sleep(min(wait, self.quarantine / 4) if fate != "late" else self.delay())
        raise Unresolved(f"{self.name} did not answer")

    def _fate(self):
        roll = self.rng.random()
        for fate in ("lost", "unanswered", "late"):
            share = getattr(self.faults, fate)
            if roll < share:
                return fate
            roll -= share
        return "answered"


def _tell(future, result):
    if not future.done():
        future.set_result(result)


class SimStore(Store):
    """The port over a link. Values are ints: the payload's `n` and the vector's only number."""

    def __init__(self, link, name, collection, *, replays=None):
        self.endpoint = Endpoint("memory", name)
        self.link = link
        self.collection = collection
        self._replays = replays
        """Told of each write of an id and its end, where replays are watched."""

    @property
    def capabilities(self):
        return replace(CAPABILITIES, write_batch=50, scan_page=4)

    async def info(self):
        return StoreInfo("memory", "0")

    async def collections(self):
        return [self.collection] if self.link.shape else []

    async def describe(self, collection):
        if self.link.shape is None:
            raise CollectionMissing(f"there is no collection {collection!r}")
        return self.link.shape

    async def create(self, wanted):
        self.link.shape = wanted
        return wanted

    async def finish_load(self, wanted):
        return

    async def drop(self, collection):
        self.link.shape = None

    async def count(self, collection):
        await self.link.read()
        return len(self.link.rows)

    async def split(self, collection, parts):
        ids = self.link.ids()
        cuts = sorted({ids[len(ids) * part // parts] for part in range(1, parts)}) if ids else []
        bounds = [None, *map(id_text, cuts), None]
        return [Range(lower, upper) for lower, upper in zip(bounds, bounds[1:], strict=False)]

    async def scan(self, collection, span, *, limit=None, content=Content.FULL):
        lower = None if span.lower is None else parse_id(span.lower)
        upper = None if span.upper is None else parse_id(span.upper)
        while True:
            at = await self.link.read()
            ids = self.link.ids()
            start = 0 if lower is None else bisect.bisect_right(ids, lower)
            found = {}
            for one in ids[start:]:
                if upper is not None and one > upper:
                    break
                value = self.link.seen(one, at)
                if value is not None:
                    found[one] = value
                if len(found) == (limit or 4):
                    break
            if not found:
                return
            lower = max(found)
            yield Page(batch(found), id_text(lower))

    async def fetch(self, collection, ids, *, content=Content.FULL):
        at = await self.link.read()
        found = {one: value for one in ids if (value := self.link.seen(one, at)) is not None}
        await asyncio.sleep(self.link.delay() / 2)
        whole = batch(found)
        order = [whole.ids.index(one) for one in ids if one in found]
        return whole.take(order) if order else whole

    async def query(self, collection, query):
        raise NotImplementedError

    async def upsert(self, collection, given, *, fresh=False):
        values = dict(zip(given.ids, (payload["n"] for payload in given.payload), strict=True))
        return await self._write(list(values), values)

    async def patch(self, collection, ids, payload):
        def apply():
            for one in ids:
                held = self.link.rows.get(one)
                if held is not None:
                    self.link.put(one, held + payload["add"])
            return WriteResult(len(ids))

        return await self.link.write(ids, apply)

    async def delete(self, collection, ids):
        return await self._write(ids, dict.fromkeys(ids))

    async def delete_matching(self, matches):
        """Whatever matches when the database gets to it."""

        def apply():
            gone = [one for one, value in self.link.rows.items() if matches(value)]
            for one in gone:
                self.link.put(one, None)
            return gone

        return await self.link.write([], apply)

    async def _write(self, ids, values):
        def apply():
            for one, value in values.items():
                self.link.put(one, value)
            return WriteResult(len(values))

        if self._replays is not None:
            self._replays.begin(self.link, ids)
        try:
            return await self.link.write(ids, apply)
        finally:
            if self._replays is not None:
                self._replays.end(self.link, ids)

    async def barrier(self, collection, *, position=""):
        await asyncio.sleep(self.link.delay())
        self.link._check()
        if self.link.has_barrier:
            self.link.history.clear()

    async def settle(self):
        return self.link.quarantine

    async def close(self):
        return
