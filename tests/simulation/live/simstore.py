"""The store port over a link. A record's value is one int: the payload's `n` and the vector's only number."""

from __future__ import annotations

import asyncio
import bisect
from contextvars import ContextVar
from dataclasses import replace
from itertools import pairwise

import numpy as np

from vectormigrate.model.batch import Batch, DenseColumn
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, KeyOrder, Metric, VectorField
from vectormigrate.model.errors import CollectionMissing, RecordRefused, Unsupported
from vectormigrate.model.operation import Refusal, WriteResult
from vectormigrate.model.record import id_text, parse_id
from vectormigrate.stores.base import Content, Endpoint, Page, Range, Store, StoreInfo
from vectormigrate.stores.memory import CAPABILITIES

CLIENT = ContextVar("client", default=None)
"""Set where a request of a client runs, for lane and replays share their stores: "named", or "wide" when the request says
not which ids it touches.
"""
MARKED = ContextVar("marked", default=False)
"""Whether that request had to be marked before it left."""
_CAPABILITIES = replace(CAPABILITIES, write_batch=50, scan_page=4)


def shape(name):
    return CollectionShape(
        name,
        IdField("id", IdKind.INT, KeyOrder.NUMERIC),
        (VectorField("v", dim=1, metric=Metric.EUCLID),),
        dynamic=True,
    )


def batch(records):
    """Id to value; the vector says the same as the payload."""
    ids = sorted(records)
    values = np.array([[records[one]] for one in ids], np.float32).reshape(len(ids), 1)
    return Batch(ids, {"v": DenseColumn(values)}, [{"n": records[one]} for one in ids])


class SimStore(Store):
    """One client of a link. `sender` is who writes through it, unless it is the application."""

    def __init__(self, link, name, collection, sender):
        self.endpoint = Endpoint("memory", name)
        self.link = link
        self.collection = collection
        self.sender = sender

    @property
    def who(self):
        """Who asks now."""
        return "client" if CLIENT.get() else self.sender

    @property
    def capabilities(self):
        return _CAPABILITIES

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

    # Reading.

    async def count(self, collection):
        await self.link.read()
        return len(self.link.rows)

    async def split(self, collection, parts):
        ids = self.link.ids()
        cuts = sorted({ids[len(ids) * part // parts] for part in range(1, parts)}) if ids else []
        bounds = [None, *map(id_text, cuts), None]
        return [Range(lower, upper) for lower, upper in pairwise(bounds)]

    async def scan(self, collection, span, *, limit=None, content=Content.FULL):
        lower = None if span.lower is None else parse_id(span.lower)
        upper = None if span.upper is None else parse_id(span.upper)
        while True:
            began = self.link.clock.monotonic()
            at = await self.link.read()
            ids = self.link.ids()
            found = {}
            for one in ids[0 if lower is None else bisect.bisect_right(ids, lower) :]:
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
            self.link.watch.scanned(self, list(found), began)
            yield Page(batch(found), id_text(lower))

    async def fetch(self, collection, ids, *, content=Content.FULL):
        self.link.watch.fetching(self, ids)
        at = await self.link.read()
        found = {one: value for one in ids if (value := self.link.seen(one, at)) is not None}
        await asyncio.sleep(self.link.delay() / 2)
        whole = batch(found)
        order = [whole.ids.index(one) for one in ids if one in found]
        return whole.take(order) if order else whole

    async def query(self, collection, query):
        raise Unsupported("nobody searches in a simulation")

    async def barrier(self, collection, *, position=""):
        await asyncio.sleep(self.link.delay())
        self.link.check()
        if self.link.has_barrier:
            while any(message.queued for message in self.link.under_way.values()):
                await asyncio.sleep(0.01)
            self.link.history.clear()

    # Writing.

    async def upsert(self, collection, given, *, fresh=False):
        values = dict(zip(given.ids, (payload["n"] for payload in given.payload), strict=True))
        return await self._put(values)

    async def patch(self, collection, ids, payload):
        """Records that are not there stay away."""

        def apply():
            there = [one for one in ids if one in self.link.rows]
            for one in there:
                self.link.put(one, payload["n"])
            return WriteResult(len(ids)), there

        return await self._send(ids, apply)

    async def delete(self, collection, ids):
        return await self._put(dict.fromkeys(ids))

    async def delete_matching(self, matches):
        """Whatever matches when the database gets to it."""

        def apply():
            gone = [one for one, value in sorted(self.link.rows.items()) if matches(one, value)]
            for one in gone:
                self.link.put(one, None)
            return gone, gone

        return await self._send([], apply)

    async def put_matching(self, matches, value):
        """Every record that matches when the database gets to it holds this value then."""

        def apply():
            changed = [one for one, held in sorted(self.link.rows.items()) if matches(one, held)]
            for one in changed:
                self.link.put(one, value)
            return changed, changed

        return await self._send([], apply)

    async def add(self, pick, value):
        """A new record, whose id the database picks when it gets to it; returns the id."""

        def apply():
            one = pick()
            self.link.put(one, value)
            return one, [one]

        return await self._send([], apply)

    async def put_later(self, ids, value, within):
        """Accepted now, applied within so many seconds."""

        def apply():
            for one in ids:
                self.link.put(one, value)
            return None, list(ids)

        return await self._send(ids, apply, queued=within * self.link.rng.random())

    async def _put(self, values):
        def apply():
            refused = self._refused(values)
            spoilt = {one.id for one in refused}
            taken = [one for one in values if one not in spoilt]
            for one in taken:
                self.link.put(one, values[one])
            return WriteResult(len(taken), refused), taken

        return await self._send(list(values), apply)

    def _refused(self, values):
        """Those of the records that the database never takes."""
        return tuple(
            Refusal(row, one, RecordRefused("poison"))
            for row, (one, value) in enumerate(values.items())
            if self.link.refuses(value)
        )

    @staticmethod
    def kind():
        """What kind of request is under way."""
        return {"wide": CLIENT.get() == "wide", "marked": MARKED.get()}

    async def _send(self, ids, apply, **kind):
        sender, watch = self.who, self.link.watch
        kind |= self.kind()
        watch.begin(sender, self.link, ids)
        try:
            return await self.link.write(sender, ids, apply, **kind)
        finally:
            watch.end(sender, self.link, ids)

    async def settle(self):
        return self.link.quarantine

    async def close(self):
        return
