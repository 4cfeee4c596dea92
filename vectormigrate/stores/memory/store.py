"""The port over a memory database: checks, faults, and a copy of everything that crosses the border."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

import vectormigrate
from vectormigrate.model.batch import Batch, batch_of_records
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import (
    CollectionShape,
    VectorField,
    VectorKind,
)
from vectormigrate.model.errors import (
    CollectionExists,
    CollectionMissing,
    ShapeMismatch,
    Unresolved,
    Unsupported,
)
from vectormigrate.model.filter import matches
from vectormigrate.model.operation import Refusal, WriteResult
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Payload, Record, RecordId, SparseVector
from vectormigrate.stores.admission import Admission, check_request
from vectormigrate.stores.base import Content, Endpoint, Page, Range, Store, StoreInfo
from vectormigrate.stores.creation import as_made

from .database import Database, LateWrite, Table
from .faults import Outcome
from .search import score


class MemoryStore(Store):
    """One opening of a memory database."""

    def __init__(self, endpoint: Endpoint, database: Database) -> None:
        self.endpoint = endpoint
        self.database = database

    @property
    def capabilities(self) -> Capabilities:
        return self.database.capabilities

    async def info(self) -> StoreInfo:
        await self._request()
        return StoreInfo("memory", vectormigrate.__version__)

    async def collections(self) -> list[str]:
        await self._request()
        return sorted(self.database.tables)

    async def describe(self, collection: str) -> CollectionShape:
        await self._request()
        return self._table(collection).shape

    async def create(self, shape: CollectionShape) -> CollectionShape:
        await self._request()
        if shape.name in self.database.tables:
            raise CollectionExists(
                f"there is a collection {shape.name!r} already", store="memory", collection=shape.name
            )
        made = as_made(shape, self.capabilities)
        self.database.tables[shape.name] = Table(made)
        return made

    async def finish_load(self, shape: CollectionShape) -> None:
        await self.barrier(shape.name)

    async def drop(self, collection: str) -> None:
        await self._request()
        self.database.tables.pop(collection, None)

    async def count(self, collection: str) -> int:
        await self._request()
        return len(self._table(collection))

    async def split(self, collection: str, parts: int) -> list[Range]:
        await self._request()
        edges = [None, *self._table(collection).cuts(parts), None]
        return [Range(lower, upper) for lower, upper in pairwise(edges)]

    async def scan(
        self, collection: str, span: Range, *, limit: int | None = None, content: Content = Content.FULL
    ) -> AsyncGenerator[Page, None]:
        size = limit or self.capabilities.scan_page
        lower = span.lower
        while True:
            await self._request()
            table = self._table(collection)
            records = table.page(lower, span.upper, size, self._now())
            if not records:
                return
            lower = table.cursor(records[-1].id)
            yield Page(_batch(table.shape, records, content), lower)

    async def fetch(
        self, collection: str, ids: Sequence[RecordId], *, content: Content = Content.FULL
    ) -> Batch:
        await self._request()
        table, now = self._table(collection), self._now()
        found = [record for record_id in ids if (record := table.seen(record_id, now)) is not None]
        return _batch(table.shape, found, content)

    async def query(self, collection: str, query: Query) -> list[Match]:
        query.check_plain()
        await self._request()
        table = self._table(collection)
        field = _searched(table.shape, query)
        metric = field.metric
        if metric is None:
            raise Unsupported(
                f"vector {query.using!r} declares no metric", store="memory", collection=collection
            )
        hits: list[tuple[float, Record]] = []
        for record in table.after(None, None, self._now()):
            if query.filter is None or matches(query.filter, record.id, record.payload):
                points = score(field, metric, query, record)
                if points is not None:
                    hits.append((points, record))
        hits.sort(key=lambda hit: -hit[0] if metric.higher_is_nearer else hit[0])
        return [
            Match(record.id, points, _copy(record) if query.with_record else None)
            for points, record in hits[: query.limit]
        ]

    async def upsert(self, collection: str, batch: Batch, *, fresh: bool = False) -> WriteResult:
        return await self._write(collection, batch, keep_old=False)

    async def insert(self, collection: str, batch: Batch) -> WriteResult:
        if not self.capabilities.insert_only:
            return await super().insert(collection, batch)
        return await self._write(collection, batch, keep_old=True)

    async def _write(self, collection: str, batch: Batch, *, keep_old: bool) -> WriteResult:
        await self._request()
        table = self._table(collection)
        check_request(batch.ids, self.capabilities, collection)
        refused = {
            refusal.row: refusal for refusal in Admission(table.shape, self.capabilities).refusals(batch)
        }
        self._refuse_unlucky(batch.ids, refused)
        records = [_copy(batch.record(row)) for row in range(len(batch)) if row not in refused]

        def apply() -> int:
            taken = [record for record in records if not (keep_old and table.latest(record.id))]
            for record in taken:
                table.put(record.id, record, self._now(), self.database.faults.stale_for)
            return len(taken)

        return WriteResult(self._apply(apply, collection), _in_order(refused))

    async def patch(self, collection: str, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        await self._request()
        table = self._table(collection)
        check_request(ids, self.capabilities, collection)
        admission = Admission(table.shape, self.capabilities)
        fault = admission.payload_fault(payload, whole=False)
        refused = {row: admission.refusal(row, ids[row], fault) for row in range(len(ids)) if fault}
        self._refuse_unlucky(ids, refused)
        patched = [record_id for row, record_id in enumerate(ids) if row not in refused]
        news = _copied(payload)

        def apply() -> int:
            for record_id in patched:
                old = table.latest(record_id)
                if old is not None:
                    new = replace(old, payload={**old.payload, **_copied(news)})
                    table.put(record_id, new, self._now(), self.database.faults.stale_for)
            return len(patched)

        return WriteResult(self._apply(apply, collection), _in_order(refused))

    async def delete(self, collection: str, ids: Sequence[RecordId]) -> WriteResult:
        await self._request()
        table = self._table(collection)
        check_request(ids, self.capabilities, collection)
        refused: dict[int, Refusal] = {}
        self._refuse_unlucky(ids, refused)
        removed = [record_id for row, record_id in enumerate(ids) if row not in refused]

        def apply() -> int:
            for record_id in removed:
                table.put(record_id, None, self._now(), self.database.faults.stale_for)
            return len(removed)

        return WriteResult(self._apply(apply, collection), _in_order(refused))

    async def barrier(self, collection: str, *, position: str = "") -> None:
        await self._request()
        self._table(collection).reveal()

    def identity(self) -> str:
        return f"memory:{self.endpoint.url or id(self.database)}"

    async def settle(self) -> float:
        now = self._now()
        waits = [write.due - now for write in self.database.late if write.owner == self.endpoint.owner]
        return max([0.0, *(wait for wait in waits if wait != float("inf"))])

    async def close(self) -> None:
        """Nothing to give back: the database stays with its name."""

    # What every request goes through.

    def _now(self) -> float:
        return self.database.faults.clock()

    async def _request(self) -> None:
        await asyncio.sleep(self.database.faults.latency)
        self.database.land(until=self._now())
        self.database.faults.check_request()

    def _apply(self, apply: Callable[[], int], collection: str) -> int:
        faults = self.database.faults
        if not faults.loses_answer():
            return apply()
        if faults.outcome is Outcome.APPLIED:
            apply()
        elif faults.outcome is Outcome.LATE:
            due = self._now() + faults.late_after
            self.database.late.append(LateWrite(due, self.endpoint.owner, apply))
        raise Unresolved("the answer to a write was lost", store="memory", collection=collection)

    def _refuse_unlucky(self, ids: Sequence[RecordId], refused: dict[int, Refusal]) -> None:
        for row, record_id in enumerate(ids):
            error = self.database.faults.refuses(record_id)
            if error is not None:
                refused.setdefault(row, Refusal(row, record_id, error))

    def _table(self, collection: str) -> Table:
        table = self.database.tables.get(collection)
        if table is None:
            raise CollectionMissing(
                f"there is no collection {collection!r}",
                hint=f"there are: {', '.join(sorted(self.database.tables)) or 'none'}",
                store="memory",
                collection=collection,
            )
        return table


def _in_order(refused: dict[int, Refusal]) -> tuple[Refusal, ...]:
    return tuple(refused[row] for row in sorted(refused))


def _searched(shape: CollectionShape, query: Query) -> VectorField:
    try:
        field = shape.vector(query.using)
    except KeyError:
        raise ShapeMismatch(
            f"there is no vector {query.using!r}",
            hint=f"there are: {', '.join(vector.name for vector in shape.vectors) or 'none'}",
            store="memory",
            collection=shape.name,
        ) from None
    if isinstance(query.vector, SparseVector):
        fits = field.kind is VectorKind.SPARSE
    else:
        fits = field.kind is not VectorKind.SPARSE and query.vector.shape[-1] == field.row_width
    if not fits:
        raise ShapeMismatch(
            f"the query does not fit vector {query.using!r}",
            hint=f"it is {field.kind} {field.element} of {field.dim} dimensions",
            store="memory",
            collection=shape.name,
        )
    return field


# The border: nothing that a caller can change is shared with the database.


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value


def _copy(record: Record) -> Record:
    return Record(
        record.id,
        {name: np.array(vector) for name, vector in record.dense.items()},
        {
            name: SparseVector(np.array(vector.indices, np.int64), np.array(vector.values, np.float32))
            for name, vector in record.sparse.items()
        },
        {name: np.array(tokens) for name, tokens in record.multi.items()},
        _copied(record.payload),
        record.partition,
    )


def _batch(shape: CollectionShape, records: list[Record], content: Content) -> Batch:
    ids = [record.id for record in records]
    if content is Content.IDS:
        return Batch(ids, {}, [{} for _ in ids])
    whole = batch_of_records(records, shape.vectors, partitioned=bool(shape.partitions))
    return replace(whole, payload=[_copied(record.payload) for record in records])
