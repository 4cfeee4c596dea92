"""A client's filter for any store: in the model's words as far as it has them, and the rest by looking.

What the model's words find may be too much; then each record that they find is looked at. A search first looks at more of the
nearest than are wanted, and only where too few of those match at every record that may: right, and then as slow as the collection is
large. A store of Qdrant's own is asked in its own words instead.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

import msgspec

from vectormigrate.model.batch import Batch
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.filter import And, Filter, HasId, Native
from vectormigrate.model.query import Match
from vectormigrate.model.record import RecordId
from vectormigrate.stores.base import EVERYWHERE, Content, Page, Range, Store
from vectormigrate.stores.qdrant.filters import DIALECT, EVERYTHING, superset
from vectormigrate.stores.qdrant.wire.changes import RawFilter
from vectormigrate.stores.qdrant.wire.meaning import Point, means

from .problems import Problem, not_served, wrong_input

MOST = 100_000
"""Points that a filter answered by looking may match in a search."""
FAILURES = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
"""What comes of reading something that is no filter."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Which points a request is about."""

    where: Filter = EVERYTHING
    check: RawFilter | None = None
    """What each record that `where` finds must mean besides; None where it finds no other."""
    native: Filter | None = None
    """The same in Qdrant's own words, for a store of Qdrant's that keeps the collection's own names."""

    def among(self, *others: Filter) -> Condition:
        """Those of them that are of these as well."""
        native = None if self.native is None else And((self.native, *others))
        return replace(self, where=_all(self.where, *others), native=native)

    def content(self, wanted: Content) -> Content:
        """How much of each record has to be read for what is wanted of it and for what is looked at."""
        if self.check is None:
            return wanted
        if b'"has_vector"' in msgspec.json.encode(
            self.check
        ):  # perhaps in a value alone, which costs no more than time
            return Content.FULL
        return Content.PAYLOAD if wanted is Content.IDS else wanted

    def holds(self, match: Match) -> bool:
        """Whether a match, found by `where` and with its record, matches."""
        record = match.record
        assert record is not None, "it was asked for"
        return self._means(Point(record.payload, record.id, {*record.dense, *record.multi, *record.sparse}))

    def kept(self, batch: Batch) -> Batch:
        """The records of a batch that match, found by `where`. Raises Problem for what is no filter, or beyond us."""
        if self.check is None:
            return batch
        rows = [row for row in range(len(batch)) if self._means(point_at(batch, row))]
        return batch if len(rows) == len(batch) else batch.take(rows)

    def _means(self, point: Point) -> bool:
        try:
            return self.check is None or means(self.check, point)
        except Unsupported as error:
            raise not_served(error.message) from None
        except FAILURES as error:
            raise _unreadable(error) from None


def _all(*parts: Filter) -> Filter:
    items = tuple(one for one in parts if one != EVERYTHING)
    return items[0] if len(items) == 1 else And(items)


def point_at(batch: Batch, row: int) -> Point:
    """A row as conditions look at it."""
    held = {name for name, column in batch.vectors.items() if column.has(row)}
    return Point(batch.payload[row], batch.ids[row], held)


def _unreadable(error: Exception) -> Problem:
    return wrong_input(f"the filter cannot be read: {error}")


def condition(store: Store, given: RawFilter | None) -> Condition:
    """A request's filter for this store. Raises Problem for what is no filter."""
    if not given:
        return Condition()
    try:
        where, exact = superset(given)
    except FAILURES as error:
        raise _unreadable(error) from None
    if exact:
        return Condition(where)
    return Condition(where, given, Native(DIALECT, given) if store.capabilities.kind == DIALECT else None)


async def pages(
    store: Store,
    collection: str,
    chosen: Condition,
    span: Range = EVERYWHERE,
    *,
    limit: int | None = None,
    content: Content = Content.FULL,
) -> AsyncGenerator[Batch, None]:
    """The points of a range that match, in the store's order, at most `limit` a batch."""
    if chosen.native is not None:
        given = False
        own = pages(store, collection, Condition(chosen.native), span, limit=limit, content=content)
        try:
            async with aclosing(own) as batches:
                async for batch in batches:
                    given = True
                    yield batch
            return
        except Unsupported:  # the names there are others
            if given:
                raise
    found: AsyncGenerator[Page, None]
    content = chosen.content(content)
    if chosen.where == EVERYTHING:
        found = store.scan(collection, span, limit=limit, content=content)
    else:
        found = store.select(collection, chosen.where, span, limit=limit, content=content)
    async with aclosing(found) as read:
        async for page in read:
            batch = chosen.kept(page.batch)
            if len(batch):
                yield batch


async def matching_ids(store: Store, collection: str, chosen: Condition) -> list[RecordId]:
    """The ids of all points that match."""
    ids: list[RecordId] = []
    async with aclosing(pages(store, collection, chosen, content=Content.IDS)) as batches:
        async for batch in batches:
            ids += batch.ids
    return ids


async def looked_up(store: Store, collection: str, chosen: Condition) -> Filter:
    """For a search: the points that match by their ids. Raises Problem when there are too many."""
    ids = await matching_ids(store, collection, chosen)
    if len(ids) > MOST:
        raise not_served(f"more than {MOST} points match a filter that has to be looked for")
    return HasId(tuple(ids))
