"""A client's filter for any store: in the model's words where it has them, and otherwise answered by looking.

Looking reads every record that the rest of the filter leaves, and turns the filter into the ids that it found: right,
and as slow as the collection is large. A store of Qdrant's own is asked in its own words instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing

from vectormigrate.model.errors import Unsupported
from vectormigrate.model.filter import And, Filter, HasId, Native
from vectormigrate.model.record import RecordId
from vectormigrate.stores.base import Content, Store
from vectormigrate.stores.qdrant.filters import DIALECT, from_filter
from vectormigrate.stores.qdrant.wire.changes import RawFilter
from vectormigrate.stores.qdrant.wire.meaning import Point, asks_for_null, listed, means

from .problems import not_served, wrong_input

MOST = 100_000
"""Points that a filter answered by looking may match."""
_NO_FILTER = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
"""What comes of reading something that is no filter."""


async def condition(
    store: Store, collection: str, given: RawFilter | None, *, among: Sequence[RecordId] | None = None
) -> Filter | None:
    """A request's filter for this store, as far as it is about the points `among`; None when every record matches.

    Raises Problem for what is no filter, and for what only Qdrant can tell.
    """
    if not given:
        return None
    try:
        translated = from_filter(given)
        if not asks_for_null(given):
            return (
                translated  # of a list with a null in it Qdrant says that it is null, and the model does not
            )
    except Unsupported:
        pass
    except _NO_FILTER as error:
        raise wrong_input(f"the filter cannot be read: {error}") from None
    if store.capabilities.kind == DIALECT:
        return Native(DIALECT, given)
    try:
        return HasId(tuple(await _look(store, collection, given, among)))
    except Unsupported as error:
        raise not_served(error.message) from None
    except _NO_FILTER as error:
        raise wrong_input(f"the filter cannot be read: {error}") from None


async def _look(
    store: Store, collection: str, given: RawFilter, among: Sequence[RecordId] | None
) -> list[RecordId]:
    found: list[RecordId] = []
    async with aclosing(store.select(collection, _narrowed(given, among))) as pages:
        async for page in pages:
            batch = page.batch
            for row, record_id in enumerate(batch.ids):
                held = {name for name, column in batch.vectors.items() if column.has(row)}
                if means(given, Point(batch.payload[row], record_id, held)):
                    found.append(record_id)
            if len(found) > MOST:
                raise Unsupported(f"more than {MOST} points match a filter that has to be looked for")
    return found


def _narrowed(given: RawFilter, among: Sequence[RecordId] | None) -> Filter:
    """What a matching record must meet at least, in the model's words."""
    items: list[Filter] = [] if among is None else [HasId(tuple(among))]
    for one in listed(given.get("must")):
        if asks_for_null({"must": one}):
            continue
        try:
            items.append(from_filter({"must": [one]}))
        except Unsupported:
            continue
    return And(tuple(items))


async def matching_ids(store: Store, collection: str, where: Filter) -> list[RecordId]:
    """The ids of all records that match."""
    ids: list[RecordId] = []
    async with aclosing(store.select(collection, where, content=Content.IDS)) as pages:
        async for page in pages:
            ids += page.batch.ids
    return ids
