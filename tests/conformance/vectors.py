"""Vectors arrive bit by bit, in their own element type, or the store says beforehand what it does to them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vectormigrate.model.collection import Element, Metric, VectorField, VectorKind
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.record import Record

from .compare import assert_holds, by_id
from .subject import (
    Subject,
    beside_sparse,
    make_ids,
    make_record,
    make_sparse,
    random_rows,
    read_all,
    requires,
    several_dense,
    to_batch,
)

_TINY = np.finfo(np.float32)
TRAPS = {
    Element.FLOAT32: [
        [0.0, -0.0, 1.0, -1.0],
        [float(_TINY.smallest_subnormal), -float(_TINY.smallest_subnormal), float(_TINY.tiny), 1.0],
        [float(_TINY.max), float(_TINY.min), 1e-38, 1e38],
        [0.1, 1 / 3, 16777217.0, 1.0000001],
    ],
    Element.FLOAT16: [[65504.0, -65504.0, 6e-8, -0.0], [0.1, 1 / 3, 2049.0, 1.0]],
    Element.INT8: [[-128, 127, 0, -1], [1, 2, 3, 4]],
    Element.BINARY: [[0b10000001, 0b00000000], [0xFF, 0x01]],
}


class Vectors:
    """Dense of every element type, sparse, multi; present, absent, empty, zero, not finite."""

    @pytest.mark.parametrize("element", TRAPS)
    async def test_vectors_come_back_bit_by_bit(self, subject: Subject, element: Element):
        requires(element in subject.capabilities.elements, f"elements: {element}")
        dim = 16 if element is Element.BINARY else 4
        shape = await subject.create(vectors=[subject.vector(element=element, dim=dim)])
        rows = [np.array(row, dtype=element.dtype) for row in TRAPS[element]]
        rows += [*random_rows(np.random.default_rng(7), shape.vectors[0], 20)]
        await _holds(subject, shape, [{"dense": {"vec": row}} for row in rows])

    async def test_several_vectors_keep_apart(self, subject: Subject):
        requires(several_dense(subject.capabilities), "max_vectors, max_dense")
        shape = await subject.create(vectors=[subject.vector("one", dim=3), subject.vector("two", dim=8)])
        await subject.fill(shape, 5)
        records = [make_record(shape, id_, seed) for seed, id_ in enumerate(make_ids(shape.id.kind, 5))]
        await assert_holds(subject.store, shape, records)

    async def test_a_missing_vector_stays_missing(self, subject: Subject):
        requires(subject.capabilities.nullable_vectors, "nullable_vectors")
        shape = await subject.create()
        ids = make_ids(shape.id.kind, 3)
        records = [make_record(shape, id_, seed) for seed, id_ in enumerate(ids)]
        records[1] = replace(records[1], dense={})
        assert await subject.store.upsert(shape.name, to_batch(shape, records)) == WriteResult(3)
        await assert_holds(subject.store, shape, records)
        records[0] = replace(records[0], dense={})
        await subject.store.upsert(shape.name, to_batch(shape, records[:1]))
        await assert_holds(subject.store, shape, records)
        without = replace(to_batch(shape, records[2:]), vectors={})
        await subject.store.upsert(shape.name, without)
        records[2] = replace(records[2], dense={})
        await assert_holds(subject.store, shape, records)

    async def test_a_missing_vector_is_refused_where_none_may_be_missing(self, subject: Subject):
        requires(not subject.capabilities.nullable_vectors, "nullable_vectors is off")
        shape = await subject.create()
        ids = make_ids(shape.id.kind, 2)
        records = [make_record(shape, id_, seed) for seed, id_ in enumerate(ids)]
        records[0] = replace(records[0], dense={})
        result = await subject.store.upsert(shape.name, to_batch(shape, records))
        assert [refusal.id for refusal in result.refused] == [ids[0]]
        await assert_holds(subject.store, shape, records[1:])

    async def test_not_a_number_comes_back_where_it_can_be_kept(self, subject: Subject):
        requires(subject.capabilities.non_finite, "non_finite")
        shape = await subject.create()
        rows = [[np.nan, 1, 2, 3], [np.inf, -np.inf, 0, 1]]
        await _holds(subject, shape, [{"dense": {"vec": np.array(row, np.float32)}} for row in rows])

    @pytest.mark.parametrize("metric", [Metric.EUCLID, Metric.DOT, Metric.COSINE])
    async def test_a_zero_vector_comes_back_or_is_refused(self, subject: Subject, metric: Metric):
        able = subject.capabilities
        requires(metric in able.metrics, f"metrics: {metric}")
        shape = await subject.create(vectors=[subject.vector(metric=metric)])
        ids = make_ids(shape.id.kind, 2)
        unit = np.array([0, 1, 0, 0], np.float32)
        records = [Record(ids[0], {"vec": unit}), Record(ids[1], {"vec": np.zeros(4, np.float32)})]
        result = await subject.store.upsert(shape.name, to_batch(shape, records))
        if not (able.zero_vectors and (metric is not Metric.COSINE or able.zero_vector_under_cosine)):
            assert [refusal.id for refusal in result.refused] == [ids[1]]
            del records[1]
        await assert_holds(subject.store, shape, records)

    async def test_cosine_keeps_vectors_or_normalises_as_announced(self, subject: Subject):
        able = subject.capabilities
        requires(Metric.COSINE in able.metrics, "metrics: cosine")
        shape = await subject.create(vectors=[subject.vector(metric=Metric.COSINE)])
        records = [
            make_record(shape, id_, seed) for seed, id_ in enumerate(make_ids(shape.id.kind, 5), start=1)
        ]
        await subject.store.upsert(shape.name, to_batch(shape, records))
        if not able.normalises_cosine:
            await assert_holds(subject.store, shape, records)
            return
        got = sorted(await read_all(subject.store, shape.name), key=by_id)
        for left, right in zip(got, records, strict=True):
            wanted = right.dense["vec"] / np.linalg.norm(right.dense["vec"])
            np.testing.assert_allclose(left.dense["vec"], wanted, rtol=1e-5, atol=1e-7)

    async def test_sparse_vectors_come_back(self, subject: Subject):
        requires(subject.capabilities.sparse, "sparse")
        shape = await subject.create(vectors=self.sparse_fields(subject))
        weights = [{0: 1.0}, {99_999: 0.25, 7: 1e-30}, {place: place + 0.5 for place in range(0, 300, 3)}]
        if subject.capabilities.empty_sparse:
            weights.insert(2, {})
        await _holds(subject, shape, [{"sparse": {"words": make_sparse(weight)}} for weight in weights])

    async def test_a_missing_sparse_vector_is_not_an_empty_one(self, subject: Subject):
        able = subject.capabilities
        requires(able.sparse, "sparse")
        requires(able.nullable_vectors, "nullable_vectors")
        shape = await subject.create(vectors=self.sparse_fields(subject))
        await _holds(subject, shape, [{"sparse": {}}, {"sparse": {"words": make_sparse({})}}])

    def sparse_fields(self, subject: Subject) -> list[VectorField]:
        """A sparse field, beside a dense one since some stores want one in every collection."""
        words = subject.vector("words", VectorKind.SPARSE, dim=100_000)
        return [words] if subject.capabilities.max_vectors == 1 else [beside_sparse(subject), words]

    async def test_multi_vectors_come_back(self, subject: Subject):
        requires(subject.capabilities.multi, "multi")
        shape = await subject.create(vectors=[subject.vector("tokens", VectorKind.MULTI)])
        random = np.random.default_rng(3)
        tokens = [random.standard_normal((count, 4)).astype(np.float32) for count in (1, 7, 32)]
        await _holds(subject, shape, [{"multi": {"tokens": rows}} for rows in tokens])

    async def test_wide_vectors_come_back(self, subject: Subject):
        dim = min(1536, subject.capabilities.max_dim or 1536)
        shape = await subject.create(vectors=[subject.vector(dim=dim)])
        await subject.fill(shape, 50)
        records = [make_record(shape, id_, seed) for seed, id_ in enumerate(make_ids(shape.id.kind, 50))]
        await assert_holds(subject.store, shape, records)

    async def test_a_view_of_a_larger_array_is_written_as_it_reads(self, subject: Subject):
        shape = await subject.create()
        records = [make_record(shape, id_, seed) for seed, id_ in enumerate(make_ids(shape.id.kind, 6))]
        batch = to_batch(shape, records)
        strided = np.asfortranarray(batch.vectors["vec"].values)
        batch = replace(batch, vectors={"vec": replace(batch.vectors["vec"], values=strided)})
        await subject.store.upsert(shape.name, batch.slice(1, 4))
        await subject.store.upsert(shape.name, batch.take([5, 4]))
        await assert_holds(subject.store, shape, [*records[1:4], *records[4:]])


async def _holds(subject: Subject, shape, parts: list[dict]) -> None:
    """Write a record for each, the other vectors made up, and find all of them as they were."""
    records = []
    for seed, (record_id, part) in enumerate(zip(make_ids(shape.id.kind, len(parts)), parts, strict=True)):
        made = make_record(shape, record_id, seed)
        wanted = {kind: {**getattr(made, kind), **vectors} for kind, vectors in part.items()}
        for kind, vectors in part.items():
            if not vectors:
                wanted[kind] = {}
        records.append(replace(made, **wanted))
    assert await subject.store.upsert(shape.name, to_batch(shape, records)) == WriteResult(len(records))
    await assert_holds(subject.store, shape, records)
