"""Points by id, in order, and counted, from any store."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace

from vectormigrate.model.batch import Batch, batch_of_records
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.filter import HasId
from vectormigrate.model.query import Match
from vectormigrate.model.record import RecordId
from vectormigrate.stores.base import EVERYWHERE, Content, Range, Store
from vectormigrate.stores.qdrant.ids import PointId
from vectormigrate.stores.qdrant.wire.questions import Count, Retrieve, Scroll, Wanted
from vectormigrate.stores.qdrant.wire.responses import Points, Slice

from .matching import Condition, condition, matching_ids, pages
from .ordering import Placed, by_value
from .problems import INTERNAL, Problem, not_found


async def retrieve(store: Store, collection: str, request: Retrieve) -> Points:
    """The points of these ids that are there, in the order asked for."""
    content = Content.FULL if request.wanted.anything else Content.IDS
    found = await store.fetch(collection, list(dict.fromkeys(request.ids)), content=content)
    return Points([found], request.wanted)


async def point(store: Store, collection: str, request: Retrieve) -> Points:
    """One point. Raises Problem when it is not there."""
    found = await retrieve(store, collection, request)
    if not len(found.batches[0]):
        raise not_found(f"Point with id {request.ids[0]} does not exists!")
    return found


async def scroll(store: Store, collection: str, request: Scroll) -> Slice:
    """One page: the point at `offset` if it matches, and those behind it."""
    chosen = condition(store, request.filter)
    if request.order is not None:
        placed = await by_value(store, collection, request.order, chosen, request.limit)
        found = await found_points(store, await store.describe(collection), placed, request.wanted)
        return Slice(replace(found, scores=None), None)
    content = Content.FULL if request.wanted.anything else Content.IDS
    batches: list[Batch] = []
    left, span = request.limit, EVERYWHERE
    if request.offset is not None:
        span = Range(store.cursor_of(request.offset))
        batches.append(await _at(store, collection, request.offset, chosen, content))
        left -= len(batches[0])
    following: PointId | None = None
    async with aclosing(pages(store, collection, chosen, span, limit=left + 1, content=content)) as read:
        async for batch in read:
            batches.append(batch.slice(0, left))
            if len(batch) > left:
                following = point_id(batch.ids[left])
                break
            left -= len(batch)
    return Slice(Points(batches, request.wanted), following)


async def found_points(
    store: Store, shape: CollectionShape, found: Sequence[Match], wanted: Wanted
) -> Points:
    """What was found, as much of it as is wanted: read now where it was not when it was found."""
    if not wanted.anything:
        batch = Batch([match.id for match in found], payload=[{} for _ in found])
    elif all(match.record is not None for match in found):
        batch = batch_of_records([match.record for match in found if match.record], shape.vectors)
    else:
        held = await store.fetch(shape.name, list(dict.fromkeys(match.id for match in found)))
        rows = {one: row for row, one in enumerate(held.ids)}
        found = [match for match in found if match.id in rows]  # others are gone meanwhile
        batch = held.take([rows[match.id] for match in found])
    orders = [match.value for match in found if isinstance(match, Placed)]
    return Points([batch], wanted, [match.score for match in found], orders or None)


async def _at(
    store: Store, collection: str, record_id: PointId, chosen: Condition, content: Content
) -> Batch:
    if chosen == Condition():
        return await store.fetch(collection, [record_id], content=content)
    only = chosen.among(HasId((record_id,)))
    async with aclosing(pages(store, collection, only, limit=1, content=content)) as read:
        async for batch in read:
            return batch
    return Batch([])


async def count(store: Store, collection: str, request: Count) -> int:
    """How many points match, exactly, whether or not an estimate would have done."""
    chosen = condition(store, request.filter)
    if chosen == Condition():
        return await store.count(collection)
    return len(await matching_ids(store, collection, chosen))


def point_id(record_id: RecordId) -> PointId:
    """An id out of the store, which can only be a point's. Raises Problem."""
    if isinstance(record_id, str | tuple):
        raise Problem(500, INTERNAL, f"Service internal error: {record_id!r} is no id of a point")
    return record_id
