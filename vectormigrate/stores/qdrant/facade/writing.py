"""Changes of points, applied to any store as Qdrant would apply them.

Stores replace records whole, so what changes a part of one is read, changed and written back, one writer a point at a
time. A filter is asked twice: for the points it may be about, and, once nobody else writes those, for the points it is
about. Vectors under cosine are made unit length here unless the store does that itself: they read back so in Qdrant.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from vectormigrate.model.batch import Batch, Column, DenseColumn, MultiColumn, batch_of_records
from vectormigrate.model.collection import CollectionShape, Element, Metric, VectorField
from vectormigrate.model.filter import HasId
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.record import Array, Payload, Record, RecordId
from vectormigrate.stores.base import Content, Store
from vectormigrate.stores.qdrant.wire.changes import (
    Change,
    ClearPayload,
    Delete,
    DeletePayload,
    DeleteVectors,
    RawFilter,
    Selected,
    SetPayload,
    Strange,
    UpdateVectors,
    Upsert,
)
from vectormigrate.stores.qdrant.wire.paths import merge, read_path, remove
from vectormigrate.stores.qdrant.wire.payloads import to_plain
from vectormigrate.stores.turns import Turns

from .matching import Condition, condition, matching_ids
from .problems import not_found, not_served, problem_of, wrong_input


class Writer:
    """Applies changes to one collection of a store."""

    def __init__(self, store: Store, turns: Turns, shape: CollectionShape) -> None:
        self._store = store
        self._turns = turns
        self._shape = shape
        self._name = shape.name

    async def apply(self, changes: Sequence[Change]) -> None:
        """Apply these one after the other. Raises Problem or StoreError at the first that fails; those before it are
        done then, as in Qdrant.
        """
        for change in changes:
            await self._apply(change)

    async def _apply(self, change: Change) -> None:
        match change:
            case Upsert():
                await self._upsert(change)
            case UpdateVectors():
                await self._update_vectors(change)
            case Delete(points):
                await self._selected(points, self._delete)
            case DeleteVectors(points, names):
                await self._rewrite(points, self._without_vectors(names))
            case SetPayload(points):
                await self._set_payload(change)
            case DeletePayload(points, keys):
                paths = _read_paths(keys)
                await self._rewrite(
                    points, lambda record: _with_payload(record, _removed(record.payload, paths))
                )
            case ClearPayload(points):
                await self._rewrite(points, lambda record: _with_payload(record, {}))
            case Strange(what):
                raise not_served(f"there is no operation {what}")

    # Whole points.

    async def _upsert(self, change: Upsert) -> None:
        batch = self._read(change)
        async with self._turns.hold(self._name, batch.ids):
            if not change.whole:
                batch = batch.take(await self._allowed(batch, change))
            await self._put(batch)

    def _read(self, change: Upsert | UpdateVectors) -> Batch:
        """The points of a write; of an id that is given twice, the last."""
        wide = [
            replace(field, element=Element.FLOAT32) if _is_normalised(field) else field
            for field in self._shape.vectors
        ]
        try:
            batch = change.read(wide)
            for payload in batch.payload:
                to_plain(payload)
        except ValueError as error:
            raise wrong_input(str(error)) from None
        last = {record_id: row for row, record_id in enumerate(batch.ids)}
        batch = batch if len(last) == len(batch) else batch.take(sorted(last.values()))
        return replace(
            batch, vectors={name: self._stored(name, column) for name, column in batch.vectors.items()}
        )

    def _stored(self, name: str, column: Column) -> Column:
        """The vectors as Qdrant would keep them. Raises Problem for numbers that it refuses."""
        field = self._shape.vector(name)
        if isinstance(column, DenseColumn | MultiColumn) and not np.isfinite(column.values).all():
            raise wrong_input(f"vector {name!r} holds a number beyond {field.element}")
        if not _is_normalised(field) or not isinstance(column, DenseColumn | MultiColumn):
            return column
        unit = column.values if self._store.capabilities.normalises_cosine else _unit(column.values)
        return replace(column, values=unit.astype(field.element.dtype, copy=False))

    async def _allowed(self, batch: Batch, change: Upsert) -> list[int]:
        """The rows that a conditional upsert may write."""
        known = await self._store.fetch(self._name, batch.ids, content=Content.IDS)
        there = set(known.ids)
        changing = await self._still_matching(known.ids, change.condition)
        return [
            row
            for row, record_id in enumerate(batch.ids)
            if (record_id in changing and change.mode != "insert_only")
            or (record_id not in there and change.mode != "update_only")
        ]

    async def _delete(self, ids: Sequence[RecordId]) -> None:
        size = self._store.capabilities.write_batch
        for start in range(0, len(ids), size):
            _check(await self._store.delete(self._name, ids[start : start + size]))

    # Parts of points.

    async def _update_vectors(self, change: UpdateVectors) -> None:
        given = self._read(change)
        news = {record.id: record for record in given.records()}
        async with self._turns.hold(self._name, given.ids):
            changing = await self._still_matching(given.ids, change.condition)
            await self._change(
                [record_id for record_id in given.ids if record_id in changing],
                lambda record: _with_vectors(record, news[record.id]),
            )

    async def _set_payload(self, change: SetPayload) -> None:
        try:
            to_plain(change.payload)
        except ValueError as error:
            raise wrong_input(str(error)) from None
        if change.replace:
            await self._rewrite(change.points, lambda record: _with_payload(record, change.payload))
            return
        path = () if change.key is None else _read_paths((change.key,))[0]
        await self._rewrite(
            change.points,
            lambda record: _with_payload(record, merge(record.payload, change.payload, path)),
        )

    def _without_vectors(self, names: Sequence[str]) -> Callable[[Record], Record]:
        for name in names:
            if all(field.name != name for field in self._shape.vectors):
                raise wrong_input(f"Not existing vector name error: {name}")

        def change(record: Record) -> Record:
            return replace(
                record,
                dense=_without(record.dense, names),
                sparse=_without(record.sparse, names),
                multi=_without(record.multi, names),
            )

        return change

    async def _rewrite(self, points: Selected, change: Callable[[Record], Record]) -> None:
        await self._selected(points, lambda ids: self._change(ids, change))

    async def _change(self, ids: Sequence[RecordId], change: Callable[[Record], Record]) -> None:
        """Read, change, write back; the caller holds the ids. Raises Problem for a point that is not there."""
        size = self._store.capabilities.write_batch
        missing: list[RecordId] = []
        for start in range(0, len(ids), size):
            part = ids[start : start + size]
            found = await self._store.fetch(self._name, part)
            if len(found) < len(part):
                there = set(found.ids)
                missing += [record_id for record_id in part if record_id not in there]
            await self._put(
                batch_of_records([change(record) for record in found.records()], self._shape.vectors)
            )
        if missing:
            raise not_found(f"No point with id {missing[0]} found")

    async def _put(self, batch: Batch) -> None:
        size = self._store.capabilities.write_batch
        for start in range(0, len(batch), size):
            _check(await self._store.upsert(self._name, batch.slice(start, start + size)))

    # Which points.

    async def _selected(self, points: Selected, act: Callable[[Sequence[RecordId]], Awaitable[None]]) -> None:
        """Act on the points of a selection while nobody else writes them."""
        if points.ids is not None:
            ids = list(dict.fromkeys(points.ids))
            async with self._turns.hold(self._name, ids):
                await act(ids)
            return
        candidates = await matching_ids(self._store, self._name, condition(self._store, points.filter))
        async with self._turns.hold(self._name, candidates):
            matching = await self._still_matching(candidates, points.filter)
            await act([record_id for record_id in candidates if record_id in matching])

    async def _still_matching(self, ids: Sequence[RecordId], given: RawFilter | None) -> set[RecordId]:
        chosen = condition(self._store, given)
        if chosen == Condition():
            return set(ids)
        return set(await matching_ids(self._store, self._name, chosen.among(HasId(tuple(ids)))))


def _check(result: WriteResult) -> None:
    """Raise for the first point that the store refused; those that it took, it has."""
    if result.refused:
        raise problem_of(result.refused[0].error)


def _read_paths(keys: Sequence[str]) -> list[tuple[str | int | None, ...]]:
    try:
        return [read_path(key) for key in keys]
    except ValueError as error:
        raise wrong_input(str(error)) from None


def _removed(payload: Payload, paths: Sequence[tuple[str | int | None, ...]]) -> Payload:
    for path in paths:
        payload = remove(payload, path)
    return payload


def _with_payload(record: Record, payload: Payload) -> Record:
    return replace(record, payload=payload)


def _with_vectors(record: Record, news: Record) -> Record:
    return replace(
        record,
        dense={**record.dense, **news.dense},
        sparse={**record.sparse, **news.sparse},
        multi={**record.multi, **news.multi},
    )


Vector = TypeVar("Vector")


def _without(vectors: Mapping[str, Vector], names: Sequence[str]) -> dict[str, Vector]:
    return {name: vector for name, vector in vectors.items() if name not in names}


def _is_normalised(field: VectorField) -> bool:
    return field.metric is Metric.COSINE and field.element in (Element.FLOAT32, Element.FLOAT16)


def _unit(values: Array) -> Array:
    """Rows at length one, in 32-bit arithmetic, but for those that Qdrant leaves as they are."""
    floats = values.astype(np.float32, copy=False)
    squares = np.einsum("ij,ij->i", floats, floats)
    kept = (squares < np.finfo(np.float32).eps) | (np.abs(squares - 1) <= 1e-6)
    lengths = np.sqrt(np.where(kept, np.float32(1), squares))
    unit: Array = floats / lengths[:, None]
    return unit
