"""The points nearest to a vector, from any store: scores are Qdrant's own, because the model's are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from vectormigrate.model.collection import CollectionShape, Element, VectorField, VectorKind
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.filter import Filter
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Array, SparseVector
from vectormigrate.stores.base import Store
from vectormigrate.stores.qdrant.filters import DIALECT, EVERYTHING
from vectormigrate.stores.qdrant.ids import PointId

from .matching import Condition, looked_up
from .problems import not_found, wrong_input

_MORE, _FEW = 4, 40
"""So many times more than are wanted, and so many besides, are looked at before every record is."""
_MOST = 10_000
"""The most that any store is asked for in that way: there are those that give no more."""


async def matching(store: Store, collection: str, query: Query, chosen: Condition) -> list[Match]:
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


def searched(shape: CollectionShape, using: str) -> VectorField:
    """The vector that a search is by. Raises Problem for one that is not there."""
    try:
        return shape.vector(using)
    except KeyError:
        raise wrong_input(f"Not existing vector name error: {using}") from None


def by_frequency(shape: CollectionShape, using: str) -> bool:
    """Whether Qdrant weights the scores of a vector by how frequent its indices are."""
    settings = shape.native.get(DIALECT, {}).get("vectors", {}).get(using, {})
    return bool(settings.get("modifier") == "idf")


async def vector_of(
    store: Store, shape: CollectionShape, field: VectorField, record_id: PointId
) -> Array | SparseVector:
    """The vector of a point. Raises Problem for a point that is not there, or has none."""
    found = await store.fetch(shape.name, [record_id])
    if not len(found):
        raise not_found(f"No point with id {record_id} found")
    record = found.record(0)
    dense: Mapping[str, Array | SparseVector] = {**record.dense, **record.multi}
    held = dense.get(field.name, record.sparse.get(field.name))
    if held is None:
        raise wrong_input(f"Point {record_id} has no vector {field.name!r}")
    return held


def fitting(field: VectorField, target: Array | SparseVector) -> Array | SparseVector:
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


def is_near(field: VectorField, match: Match, threshold: float | None) -> bool:
    """Whether a match lies on the nearer side of a threshold."""
    if threshold is None:
        return True
    score, limit = np.float32(match.score), np.float32(threshold)
    return bool(score > limit if _higher_is_nearer(field) else score < limit)


def _higher_is_nearer(field: VectorField) -> bool:
    return field.kind is VectorKind.SPARSE or (field.metric is not None and field.metric.higher_is_nearer)
