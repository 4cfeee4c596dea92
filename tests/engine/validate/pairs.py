"""A source and a target in memory, the second a faithful copy of the first until a test does something to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import numpy as np

from vectormigrate.engine.validate.compare import Comparer
from vectormigrate.engine.validate.fullscan import Totals, combine, compare_range, plan_spans
from vectormigrate.engine.validate.sides import Sides
from vectormigrate.model.batch import Batch, DenseColumn, MultiColumn, SparseColumn, dense_column
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, Metric, VectorField
from vectormigrate.model.finding import Finding
from vectormigrate.model.mapping import MappingOptions, Translator, make_plan
from vectormigrate.model.record import Payload, Record, RecordId
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.memory import CAPABILITIES, Database, MemoryStore

DIM = 16
SOURCE, TARGET = "docs", "copy"


def make_ids(kind: IdKind, count: int) -> list[RecordId]:
    match kind:
        case IdKind.INT:
            return [number * 3 - 40 for number in range(count)]
        case IdKind.UUID:
            return [UUID(int=(number * 7919 % 65_521) << 100 | number) for number in range(count)]
        case IdKind.TEXT:
            return [f"dok-{number:05d}-ä" for number in range(count)]
        case IdKind.COMPOUND:
            return [(f"t{number % 3}", number) for number in range(count)]


def make_payload(number: int) -> Payload:
    return {
        "title": f"title {number}",
        "n": 1,
        "price": Decimal("1.50"),
        "seen": datetime(2024, 1, 1, number % 24, tzinfo=UTC),
        "tags": ["a", {"deep": [number, None]}],
        "gone": None,
    }


def shape(kind: IdKind = IdKind.INT, **changes: object) -> CollectionShape:
    parts = (IdField("a", IdKind.TEXT), IdField("b", IdKind.INT)) if kind is IdKind.COMPOUND else ()
    plain = CollectionShape(
        SOURCE,
        IdField("id", kind, parts=parts),
        (VectorField("v", dim=DIM, metric=Metric.EUCLID),),
        dynamic=True,
    )
    return replace(plain, **changes)


def make_batch(made: CollectionShape, count: int, seed: int = 0) -> Batch:
    """Records for a shape whose vectors are all dense."""
    random = np.random.default_rng(seed)
    columns = {
        vector.name: dense_column(
            list(random.standard_normal((count, vector.dim)).astype(vector.element.dtype)),
            width=vector.dim,
            dtype=vector.element.dtype,
        )
        for vector in made.vectors
    }
    payload = [
        {key: value for key, value in make_payload(row).items() if made.dynamic or made.field_named(key)}
        for row in range(count)
    ]
    partition = (
        [made.partitions[row % len(made.partitions)] for row in range(count)] if made.partitions else None
    )
    return Batch(make_ids(made.id.kind, count), columns, payload, partition)


@dataclass
class Pair:
    """Both sides, and what a full scan of them found."""

    source: MemoryStore
    target: MemoryStore
    sides: Sides
    findings: list[Finding] = field(default_factory=list)
    progressed: int = 0

    async def sink(self, findings: Sequence[Finding]) -> None:
        assert findings
        self.findings.extend(findings)

    def progress(self, count: int) -> None:
        self.progressed += count

    async def scan(self, parts: int = 3) -> Totals:
        """A full scan, each range by itself; the totals travel through JSON on the way, as from a worker."""
        self.findings.clear()
        results = []
        for span in await plan_spans(self.sides, parts):
            result = await compare_range(self.sides, span, self.sink, self.progress)
            results.append(type(result).from_dict(result.as_dict()))
        return combine(results, await self.source.count(SOURCE), await self.target.count(TARGET))

    async def target_record(self, record_id: RecordId) -> Record:
        return (await self.target.fetch(TARGET, [record_id])).record(0)

    async def put(self, record: Record) -> None:
        """Write one target record, past everything that keeps the sides equal."""
        made = await self.target.describe(TARGET)
        columns: dict[str, DenseColumn | SparseColumn | MultiColumn] = {}
        for vector in made.vectors:
            values = record.dense.get(vector.name)
            columns[vector.name] = dense_column([values], width=len(values), dtype=values.dtype)
        partition = [record.partition] if made.partitions else None
        result = await self.target.upsert(
            TARGET, Batch([record.id], columns, [dict(record.payload)], partition)
        )
        assert not result.refused

    async def change(self, record_id: RecordId, **changes: object) -> None:
        await self.put(replace(await self.target_record(record_id), **changes))


async def make_pair(
    made: CollectionShape | None = None,
    batch: Batch | None = None,
    *,
    count: int = 200,
    capabilities: Capabilities = CAPABILITIES,
    source_capabilities: Capabilities = CAPABILITIES,
    options: MappingOptions | None = None,
    existing: CollectionShape | None = None,
    stored: Callable[[Batch], Batch] = lambda batch: batch,
    threshold: float = 0.999,
    page: int = 64,
    store: type[MemoryStore] = MemoryStore,
) -> Pair:
    """Fill a source, copy it. `stored` is what the target does to a batch by nature."""
    source = store(Endpoint("memory"), Database(replace(source_capabilities, scan_page=page)))
    target = store(Endpoint("memory"), Database(replace(capabilities, scan_page=page * 4 // 5)))
    made = await source.create(made or shape())
    batch = batch or make_batch(made, count)
    assert not (await source.upsert(SOURCE, batch)).refused
    plan = make_plan(made, target.capabilities, TARGET, existing, options)
    plan.check()
    await target.create(existing or plan.target)
    translator = Translator(plan, target.capabilities)
    translation = translator(batch)
    assert not (await target.upsert(TARGET, stored(translation.batch))).refused
    comparer = Comparer(plan, made, threshold=threshold)
    return Pair(source, target, Sides(source, SOURCE, target, TARGET, translator, comparer))
