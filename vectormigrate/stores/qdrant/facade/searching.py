"""The points nearest to a vector, from any store: scores are Qdrant's own, because the model's are."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace

import numpy as np

from vectormigrate.model.batch import Batch, batch_of_records
from vectormigrate.model.collection import CollectionShape, Element, VectorField, VectorKind
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.filter import Filter, HasId, Not
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Array, Record, SparseVector
from vectormigrate.stores.base import Content, Store
from vectormigrate.stores.qdrant.filters import DIALECT, EVERYTHING
from vectormigrate.stores.qdrant.ids import PointId
from vectormigrate.stores.qdrant.wire.requests import Fused, Nearest, Wanted
from vectormigrate.stores.qdrant.wire.responses import Points

from .matching import Condition, condition, looked_up, pages
from .problems import not_found, not_served, wrong_input
from .reading import point_id

_MORE, _FEW = 4, 40
"""So many times more than are wanted, and so many besides, are looked at before every record is."""
_MOST = 10_000
"""The most that any store is asked for in that way: there are those that give no more."""


async def nearest(store: Store, collection: str, request: Nearest) -> Points:
    """What a search finds. Raises Problem for what does not fit the collection or cannot be scored as Qdrant would."""
    if request.fused is not None:
        return await _by_ranks(store, collection, request, request.fused)
    chosen = condition(store, request.filter)
    if request.target is None:
        return await _in_order(store, collection, request, chosen)
    shape = await store.describe(collection)
    field = _searched(shape, request.using)
    target = request.target
    if not isinstance(target, np.ndarray | SparseVector):
        chosen = chosen.among(Not(HasId((target,))))
        target = await _vector_of(store, shape, field, target)
    query = Query(
        _fitting(field, target),
        field.name,
        request.offset + request.limit,
        exact=request.exact,
        with_record=request.wanted.anything,
    )
    found = await _matching(store, collection, query, chosen)
    matches = [match for match in found if _is_near(field, match, request.threshold)]
    return _points(shape, matches[request.offset :], request)


async def _by_ranks(store: Store, collection: str, request: Nearest, fused: Fused) -> Points:
    """The points that several searches find, those first that stand high in most of them."""
    scores: dict[PointId, np.float32] = {}
    for part in fused.parts:
        found = await nearest(store, collection, replace(part, wanted=Wanted(payload=False)))
        for rank, one in enumerate(one for batch in found.batches for one in batch.ids):
            share = np.float32(1) / np.float32(rank + fused.k)
            scores[point_id(one)] = scores.get(point_id(one), np.float32(0)) + share
    best = sorted(scores, key=lambda one: -scores[one])
    best = [one for one in best if request.threshold is None or scores[one] >= request.threshold]
    best = best[request.offset : request.offset + request.limit]
    content = Content.FULL if request.wanted.anything else Content.IDS
    batch = await store.fetch(collection, best, content=content)
    return Points([batch], request.wanted, [float(scores[point_id(one)]) for one in batch.ids])


async def _matching(store: Store, collection: str, query: Query, chosen: Condition) -> list[Match]:
    """The nearest that match: asked for in words of the store where it has them, else looked for."""
    ask = _overlapping if isinstance(query.vector, SparseVector) else _asked
    words = chosen.native if chosen.check is not None else chosen.where
    try:
        if words is not None:
            return await ask(store, collection, _where(query, words))
        more = replace(query, limit=_MORE * query.limit + _FEW, with_record=True)
        if more.limit <= _MOST:
            found = [
                match
                for match in await ask(store, collection, _where(more, chosen.where))
                if chosen.holds(match)
            ]
            if len(found) >= query.limit:
                return found[: query.limit]
    except Unsupported:
        if words == EVERYTHING:
            raise
    return await ask(store, collection, _where(query, await looked_up(store, collection, chosen)))


def _where(query: Query, where: Filter) -> Query:
    return replace(query, filter=None if where == EVERYTHING else where)


async def _asked(store: Store, collection: str, query: Query) -> list[Match]:
    return await store.query(collection, query)


async def _overlapping(store: Store, collection: str, query: Query) -> list[Match]:
    """What a sparse search finds: Qdrant leaves out what shares no index with the query, other stores may not."""
    limit = query.limit
    while True:
        found = await store.query(collection, replace(query, limit=limit, with_record=True))
        kept = [match for match in found if match.score != 0 or _shares(query, match)]
        if len(kept) >= query.limit or len(found) < limit:
            return kept[: query.limit]
        limit *= 4


def _shares(query: Query, match: Match) -> bool:
    held = match.record.sparse.get(query.using) if match.record is not None else None
    assert isinstance(query.vector, SparseVector)
    return held is not None and bool(np.isin(query.vector.indices, held.indices).any())


async def _in_order(store: Store, collection: str, request: Nearest, chosen: Condition) -> Points:
    """A search for nothing: points in the order of their ids, all with the same score."""
    size = request.offset + request.limit
    content = Content.FULL if request.wanted.anything else Content.IDS
    batches: list[Batch] = []
    skipped, left = request.offset, request.limit
    async with aclosing(pages(store, collection, chosen, limit=size, content=content)) as read:
        async for batch in read:
            found = batch.slice(skipped, skipped + left)
            skipped = max(0, skipped - len(batch))
            left -= len(found)
            batches.append(found)
            if left <= 0:
                break
    return Points(batches, request.wanted, [0.0] * (request.limit - left))


def _searched(shape: CollectionShape, using: str) -> VectorField:
    try:
        field = shape.vector(using)
    except KeyError:
        raise wrong_input(f"Not existing vector name error: {using}") from None
    settings = shape.native.get(DIALECT, {}).get("vectors", {}).get(using, {})
    if settings.get("modifier") == "idf":
        raise not_served(f"the scores of {using!r} are weighted by frequency, which only Qdrant knows")
    return field


async def _vector_of(
    store: Store, shape: CollectionShape, field: VectorField, record_id: PointId
) -> Array | SparseVector:
    found = await store.fetch(shape.name, [record_id])
    if not len(found):
        raise not_found(f"No point with id {record_id} found")
    record = found.record(0)
    dense: Mapping[str, Array | SparseVector] = {**record.dense, **record.multi}
    held = dense.get(field.name, record.sparse.get(field.name))
    if held is None:
        raise wrong_input(f"Point {record_id} has no vector {field.name!r}")
    return held


def _fitting(field: VectorField, target: Array | SparseVector) -> Array | SparseVector:
    """The vector to search with, as the store wants it. Raises Problem when it is of another kind or size."""
    if isinstance(target, SparseVector) is not (field.kind is VectorKind.SPARSE):
        raise wrong_input(f"Vector {field.name!r} is {field.kind}, and the query is not")
    if isinstance(target, SparseVector):
        return target
    if target.ndim == 2 and field.kind is VectorKind.DENSE:
        raise wrong_input(f"Vector {field.name!r} is dense, and the query has several vectors")
    given = target.shape[-1]
    if given != field.dim:
        raise wrong_input(f"Vector dimension error: expected dim: {field.dim}, got {given}")
    if not np.isfinite(target).all():
        raise wrong_input("a vector holds a number beyond 32-bit floats")
    target = _as_stored(target, field.element)
    return np.atleast_2d(target) if field.kind is VectorKind.MULTI else target


def _as_stored(target: Array, element: Element) -> Array:
    """A query in the numbers that the vectors are stored in: Qdrant compares those."""
    match element:
        case Element.FLOAT16:
            return target.astype(np.float16).astype(np.float32)
        case Element.UINT8:
            whole: Array = np.trunc(np.clip(target, 0, 255))
            return whole
        case _:
            return target


def _is_near(field: VectorField, match: Match, threshold: float | None) -> bool:
    if threshold is None:
        return True
    score, limit = np.float32(match.score), np.float32(threshold)
    return bool(score > limit if _higher_is_nearer(field) else score < limit)


def _higher_is_nearer(field: VectorField) -> bool:
    return field.kind is VectorKind.SPARSE or (field.metric is not None and field.metric.higher_is_nearer)


def _points(shape: CollectionShape, matches: list[Match], request: Nearest) -> Points:
    records = [match.record or Record(match.id) for match in matches]
    fields = shape.vectors if request.wanted.anything else ()
    return Points([batch_of_records(records, fields)], request.wanted, [match.score for match in matches])
