"""What a store brings to the suite, and what the suite builds for it: shapes and records that its capabilities allow."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

import numpy as np
import pytest

from vectormigrate.model.batch import Batch, batch_of_records
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import (
    CollectionShape,
    Element,
    Field,
    FieldType,
    IdField,
    IdKind,
    KeyOrder,
    Metric,
    VectorField,
    VectorKind,
)
from vectormigrate.model.record import Record, RecordId, SparseVector
from vectormigrate.stores.base import Range, Store


@dataclass
class Subject:
    """One store under test: how to open it, again and again, over the same database."""

    open: Callable[[], Store]
    raw_count: Callable[[str], Awaitable[int]] | None = None
    """Records of a collection as the vendor's own client counts them, beside our adapter."""
    store: Store = field(init=False)
    made: list[str] = field(init=False, default_factory=list)

    @property
    def capabilities(self) -> Capabilities:
        return self.store.capabilities

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Subject]:
        """The subject with `store` open; drops what was made."""
        self.store = self.open()
        try:
            yield self
        finally:
            for name in self.made:
                await self.store.drop(name)
            await self.store.close()

    def new_name(self) -> str:
        """A collection name that nobody has and the store allows."""
        unique = uuid4().hex[:12]
        for prefix in ("vm_", "Vm", "vm-"):
            if re.fullmatch(self.capabilities.collection_pattern, prefix + unique):
                self.made.append(prefix + unique)
                return prefix + unique
        raise AssertionError(f"no name matches {self.capabilities.collection_pattern}")

    async def create(
        self,
        kind: IdKind | None = None,
        vectors: Sequence[VectorField] | None = None,
        fields: Sequence[Field] | None = None,
        *,
        dynamic: bool = False,
        partitions: tuple[str, ...] = (),
    ) -> CollectionShape:
        """Make a collection; what is not given is the plainest thing that the store can hold."""
        return await self.store.create(
            self.shape(kind, vectors, fields, dynamic=dynamic, partitions=partitions)
        )

    def shape(
        self,
        kind: IdKind | None = None,
        vectors: Sequence[VectorField] | None = None,
        fields: Sequence[Field] | None = None,
        *,
        dynamic: bool = False,
        partitions: tuple[str, ...] = (),
    ) -> CollectionShape:
        """The shape that `create` would make."""
        able = self.capabilities
        if kind is None:
            kind = next(
                kind for kind in (IdKind.TEXT, IdKind.UUID, IdKind.INT, IdKind.MIXED) if kind in able.id_kinds
            )
        key = IdField("key", kind)
        if kind is IdKind.COMPOUND:
            parts = (IdField("a", IdKind.TEXT, KeyOrder.BYTES), IdField("b", IdKind.INT, KeyOrder.NUMERIC))
            key = replace(key, parts=parts)
        if fields is None:
            plain = (Field("label", FieldType.TEXT), Field("n", FieldType.INT))
            fields = [field for field in plain if field.type in able.field_types]
        if vectors is None:
            vectors = [self.vector()]
        return CollectionShape(
            self.new_name(), key, tuple(vectors), tuple(fields), dynamic or not fields, partitions
        )

    def vector(
        self,
        name: str = "vec",
        kind: VectorKind = VectorKind.DENSE,
        element: Element = Element.FLOAT32,
        dim: int = 4,
        metric: Metric | None = None,
    ) -> VectorField:
        """A vector field under a metric that changes nothing on the way in, nullable where that is possible."""
        if metric is None:
            exact = (Metric.HAMMING,) if element is Element.BINARY else (Metric.EUCLID, Metric.DOT)
            exact = (Metric.DOT,) if kind is VectorKind.SPARSE else exact
            metric = next((metric for metric in exact if metric in self.capabilities.metrics), None)
        return VectorField(name, kind, element, dim, metric, nullable=self.capabilities.nullable_vectors)

    async def fill(self, shape: CollectionShape, count: int, start: int = 0) -> list[Record]:
        """Write `count` records and give them back in key order."""
        records = make_records(shape, make_ids(shape.id.kind, count, start))
        result = await self.store.upsert(shape.name, to_batch(shape, records), fresh=True)
        assert (result.acknowledged, result.refused) == (count, ())
        return records


def requires(able: bool, capability: str) -> None:
    """Skip what the store cannot do, naming the capability: the one place where the suite skips."""
    if not able:
        pytest.skip(f"capability: {capability}")


def several_dense(able: Capabilities) -> bool:
    """Whether a collection holds more than one dense vector."""
    return able.max_vectors != 1 and able.max_dense != 1


def beside_sparse(subject: Subject) -> VectorField:
    """A dense vector under the one metric that sparse ones have too: some stores want them to be compared alike."""
    return subject.vector(metric=Metric.DOT)


def make_ids(kind: IdKind, count: int, start: int = 0) -> list[RecordId]:
    """Distinct ids, ascending in the natural order of their kind."""
    numbers = range(start, start + count)
    match kind:
        case IdKind.INT:
            return [number * 7 - 50 for number in numbers]
        case IdKind.TEXT:
            return [f"id-{number:06d}" for number in numbers]
        case IdKind.UUID:
            return [UUID(int=(number << 96) + 0xABCDEF) for number in numbers]
        case IdKind.COMPOUND:
            return [(f"tenant-{number // 5:04d}", number % 5) for number in numbers]
        case IdKind.MIXED:  # numbers as far as the middle of most tests, UUIDs beyond
            return [number if number < 8 else UUID(int=(number << 96) + 0xABCDEF) for number in numbers]


def make_record(shape: CollectionShape, record_id: RecordId, seed: int = 0, **payload: object) -> Record:
    """A record that fills the shape: every vector drawn from the seed, the payload as given or made up."""
    random = np.random.default_rng(seed)
    dense, sparse, multi = {}, {}, {}
    for vector in shape.vectors:
        match vector.kind:
            case VectorKind.DENSE:
                dense[vector.name] = random_rows(random, vector, 1)[0]
            case VectorKind.SPARSE:
                sparse[vector.name] = make_sparse({3: 0.5, 7 + seed: 1.25})
            case VectorKind.MULTI:
                multi[vector.name] = random_rows(random, vector, 2)
    if not payload:
        payload = {"label": f"record {seed}", "n": seed}
        if shape.fields:
            payload = {key: value for key, value in payload.items() if shape.field_named(key)}
    partition = shape.partitions[seed % len(shape.partitions)] if shape.partitions else None
    return Record(record_id, dense, sparse, multi, payload, partition)


def make_records(shape: CollectionShape, ids: Sequence[RecordId]) -> list[Record]:
    """One record an id."""
    return [make_record(shape, record_id, seed) for seed, record_id in enumerate(ids)]


def random_rows(random: np.random.Generator, vector: VectorField, rows: int) -> np.ndarray:
    """Rows of the element type."""
    assert vector.dim is not None
    match vector.element:
        case Element.BINARY:
            return random.integers(0, 256, (rows, (vector.dim + 7) // 8), dtype=np.uint8)
        case Element.INT8:
            return random.integers(-128, 128, (rows, vector.dim), dtype=np.int8)
        case Element.UINT8:
            return random.integers(0, 256, (rows, vector.dim), dtype=np.uint8)
        case _:
            return random.standard_normal((rows, vector.dim)).astype(vector.element.dtype)


def make_sparse(weights: dict[int, float]) -> SparseVector:
    """A sparse vector out of index to weight."""
    places = sorted(weights)
    return SparseVector(
        np.array(places, dtype=np.int64), np.array([weights[place] for place in places], dtype=np.float32)
    )


def to_batch(shape: CollectionShape, records: Sequence[Record]) -> Batch:
    """Records as a batch of the shape's columns."""
    return batch_of_records(
        [replace(record, payload=dict(record.payload)) for record in records],
        shape.vectors,
        partitioned=bool(shape.partitions),
    )


async def read_all(store: Store, collection: str, span: Range | None = None, **how) -> list[Record]:
    """Everything of a range, page after page."""
    return [
        record
        async for page in store.scan(collection, span or Range(), **how)
        for record in page.batch.records()
    ]
