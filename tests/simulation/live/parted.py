"""A target of two places, as a split collection has it: even values are in one and odd ones in the other, so that most writes move
their record. One network leads to both.
"""

from __future__ import annotations

import bisect

from tests.simulation.live.network import Link
from tests.simulation.live.simstore import SimStore, batch
from vectormigrate.model.division import Division
from vectormigrate.model.errors import CollectionMissing
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.placement import Placement
from vectormigrate.model.record import id_text, parse_id
from vectormigrate.stores.base import Content, Page, Range
from vectormigrate.stores.placed import PlacedStore

EVEN, ODD = "copy_even", "copy_odd"


class Parity(Placement):
    """By the value that a record holds."""

    def place(self, payload):
        return ODD if payload["n"] % 2 else EVEN


ASKED = Placement(Division(value_of="n"), "n", {"0": EVEN, "1": ODD})
"""As the state file has it."""
_PARITY = Parity(ASKED.division, ASKED.field, ASKED.places)


class PartedLink(Link):
    """The database with both places."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.places = {EVEN: {}, ODD: {}}
        self.shapes = {}

    @property
    def rows(self):
        """What is in one place; a record that is in both is like none."""
        merged = {}
        for rows in self.__dict__.get("places", {}).values():
            for one, value in rows.items():
                merged[one] = (merged[one], value) if one in merged else value
        return merged

    @rows.setter
    def rows(self, rows):
        assert not rows, "nothing is there before a split"


class PlaceStore(SimStore):
    """One client of it; who is judged is the store around it."""

    async def collections(self):
        return sorted(self.link.shapes)

    async def describe(self, collection):
        if collection not in self.link.shapes:
            raise CollectionMissing(f"there is no collection {collection!r}")
        return self.link.shapes[collection]

    async def create(self, wanted):
        self.link.shapes[wanted.name] = wanted
        return wanted

    async def drop(self, collection):
        self.link.shapes.pop(collection, None)

    def _rows(self, collection):
        return self.link.places[collection]

    async def count(self, collection):
        await self.link.read()
        return len(self._rows(collection))

    async def split(self, collection, parts):
        middle = sorted(self._rows(collection))
        cut = id_text(middle[len(middle) // 2]) if middle else None
        return [Range(None, cut), Range(cut, None)] if cut is not None else [Range()]

    async def scan(self, collection, span, *, limit=None, content=Content.FULL):
        lower = None if span.lower is None else parse_id(span.lower)
        upper = None if span.upper is None else parse_id(span.upper)
        while True:
            await self.link.read()
            rows = self._rows(collection)
            ids = sorted(one for one in rows if upper is None or one <= upper)
            ids = ids[0 if lower is None else bisect.bisect_right(ids, lower) :][: limit or 4]
            if not ids:
                return
            lower = ids[-1]
            yield Page(batch({one: rows[one] for one in ids}), id_text(lower))

    async def fetch(self, collection, ids, *, content=Content.FULL):
        await self.link.read()
        rows = self._rows(collection)
        whole = batch({one: rows[one] for one in ids if one in rows})
        order = [whole.ids.index(one) for one in ids if one in whole.ids]
        return whole.take(order) if order else whole

    async def upsert(self, collection, given, *, fresh=False):
        values = dict(zip(given.ids, (payload["n"] for payload in given.payload), strict=True))
        return await self._write(collection, values)

    async def delete(self, collection, ids):
        return await self._write(collection, dict.fromkeys(ids))

    async def patch(self, collection, ids, payload):
        raise AssertionError("every patch gives another value, and is a move")

    async def _write(self, collection, values):
        def apply():
            refused = self._refused(values)
            spoilt = {one.id for one in refused}
            taken = [one for one in values if one not in spoilt]
            for one in taken:
                if values[one] is None:
                    self._rows(collection).pop(one, None)
                else:
                    self._rows(collection)[one] = values[one]
            return WriteResult(len(taken), refused), taken

        kind = self.kind()
        return await self.link.write(self.who, list(values), apply, **kind)


class Parted(PlacedStore):
    """Both as one, under the watch."""

    def __init__(self, link, name, sender):
        store = PlaceStore(link, name, "copy", sender)
        super().__init__(store, _PARITY, serves=sender == "replay")
        self.link = link
        self.sender = sender

    @property
    def who(self):
        return self._inner.who

    async def fetch(self, collection, ids, *, content=Content.FULL):
        self.link.watch.fetching(self, ids)
        return await super().fetch(collection, ids, content=content)

    async def upsert(self, collection, given, *, fresh=False):
        return await self._under_watch(given.ids, super().upsert(collection, given, fresh=fresh))

    async def patch(self, collection, ids, payload):
        return await self._under_watch(ids, super().patch(collection, ids, payload))

    async def delete(self, collection, ids):
        return await self._under_watch(ids, super().delete(collection, ids))

    async def _under_watch(self, ids, work):
        who, watch = self.who, self.link.watch
        try:
            watch.begin(who, self.link, ids)
        except BaseException:
            work.close()
            raise
        try:
            return await work
        finally:
            watch.end(who, self.link, ids)
