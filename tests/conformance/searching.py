"""A search finds what numpy finds, scores it as the metric says, and filters as `model.filter` means it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vectormigrate.model.collection import Element, Field, FieldType, Metric, VectorKind
from vectormigrate.model.errors import Unsupported, VectormigrateError
from vectormigrate.model.filter import (
    And,
    Compare,
    Comparison,
    Exists,
    Filter,
    HasId,
    In,
    IsNull,
    Native,
    Not,
    Or,
    matches,
)
from vectormigrate.model.query import Query
from vectormigrate.model.record import Record

from .compare import assert_same, ids_of, natural
from .subject import Subject, beside_sparse, make_ids, make_record, make_sparse, requires, to_batch


class Searching:
    """Nearest first, in neutral scores."""

    @pytest.mark.parametrize("metric", Metric)
    async def test_scores_are_those_of_numpy(self, subject: Subject, metric: Metric):
        able = subject.capabilities
        requires(able.queries, "queries")
        requires(metric in able.metrics, f"metrics: {metric}")
        of_bits = metric in (Metric.HAMMING, Metric.JACCARD)
        requires(not of_bits or Element.BINARY in able.elements, f"elements: binary, for {metric}")
        element, dim = (Element.BINARY, 32) if of_bits else (Element.FLOAT32, 6)
        shape = await subject.create(vectors=[subject.vector(element=element, dim=dim, metric=metric)])
        records = await subject.fill(shape, 30)
        await subject.store.finish_load(shape)
        asked = make_record(shape, records[0].id, seed=77).dense["vec"]
        got = await subject.store.query(shape.name, Query(asked, "vec", limit=7, exact=True))
        scores = {record.id: _score(metric, asked, record.dense["vec"]) for record in records}
        nearest = sorted(scores.values(), reverse=metric.higher_is_nearer)[:7]
        np.testing.assert_allclose([match.score for match in got], nearest, rtol=2e-5, atol=2e-6)
        for match in got:
            assert match.score == pytest.approx(scores[match.id], rel=2e-5, abs=2e-6)
            assert match.record is None

    async def test_words_of_another_vendor_are_refused(self, subject: Subject):
        requires(subject.capabilities.queries, "queries")
        shape = await subject.create()
        nothing = np.zeros(0, np.float32)
        with pytest.raises(Unsupported):
            await subject.store.query(shape.name, Query(nothing, "", words=Native("nobody", b"word")))

    async def test_a_sparse_search_scores_by_common_terms(self, subject: Subject):
        able = subject.capabilities
        requires(able.queries, "queries")
        requires(able.sparse, "sparse")
        vectors = [subject.vector("words", VectorKind.SPARSE, dim=1000)]
        if able.max_vectors != 1:
            vectors.append(beside_sparse(subject))
        shape = await subject.create(vectors=vectors)
        weights = [{1: 1.0, 5: 1.0}, {5: 2.0, 999: 1.0}, {2: 4.0}]
        records = [
            replace(make_record(shape, id_, seed), sparse={"words": make_sparse(weight)})
            for seed, (id_, weight) in enumerate(zip(make_ids(shape.id.kind, 3), weights, strict=True))
        ]
        await subject.store.upsert(shape.name, to_batch(shape, records))
        await subject.store.finish_load(shape)
        got = await subject.store.query(
            shape.name, Query(make_sparse({1: 3.0, 5: 2.0}), "words", limit=2, exact=True)
        )
        assert [match.id for match in got] == [records[0].id, records[1].id]
        if shape.vector("words").metric is Metric.DOT:
            assert [match.score for match in got] == pytest.approx([5.0, 4.0])

    async def test_the_record_comes_along_when_asked_for(self, subject: Subject):
        requires(subject.capabilities.queries, "queries")
        shape = await subject.create()
        records = await subject.fill(shape, 4)
        await subject.store.finish_load(shape)
        asked = Query(records[2].dense["vec"], "vec", limit=4, with_record=True)
        got = await subject.store.query(shape.name, asked)
        by_id = {record.id: record for record in records}
        assert_same([match.record for match in got], [by_id[match.id] for match in got], shape)

    async def test_a_search_finds_what_was_written_after_the_load(self, subject: Subject):
        requires(subject.capabilities.queries, "queries")
        shape = await subject.create()
        records = await subject.fill(shape, 5)
        await subject.store.finish_load(shape)
        late = make_record(shape, make_ids(shape.id.kind, 1, start=50)[0], seed=88)
        await subject.store.upsert(shape.name, to_batch(shape, [late]))
        await subject.store.delete(shape.name, [records[0].id])
        await subject.store.barrier(shape.name)
        got = await subject.store.query(shape.name, Query(late.dense["vec"], "vec", limit=10, exact=True))
        assert {match.id for match in got} == {late.id, *ids_of(records[1:])}

    async def test_a_search_in_nothing_finds_nothing(self, subject: Subject):
        requires(subject.capabilities.queries, "queries")
        shape = await subject.create()
        await subject.store.finish_load(shape)
        assert await subject.store.query(shape.name, Query(np.ones(4, np.float32), "vec")) == []

    async def test_records_without_the_vector_are_not_found(self, subject: Subject):
        requires(subject.capabilities.queries, "queries")
        requires(subject.capabilities.nullable_vectors, "nullable_vectors")
        shape = await subject.create()
        records = [make_record(shape, id_, seed) for seed, id_ in enumerate(make_ids(shape.id.kind, 3))]
        records[1] = replace(records[1], dense={})
        await subject.store.upsert(shape.name, to_batch(shape, records))
        await subject.store.finish_load(shape)
        got = await subject.store.query(shape.name, Query(np.ones(4, np.float32), "vec", exact=True))
        assert {match.id for match in got} == {records[0].id, records[2].id}

    async def test_a_query_that_does_not_fit_is_refused(self, subject: Subject):
        shape = await subject.create()
        await subject.fill(shape, 2)
        queries = [Query(np.ones(5, np.float32), "vec"), Query(np.ones(4, np.float32), "stranger")]
        for query in queries:
            with pytest.raises(VectormigrateError) as caught:
                await subject.store.query(shape.name, query)
            assert not caught.value.retryable

    async def test_filters_mean_what_the_model_says(self, subject: Subject):
        able = subject.capabilities
        requires(able.queries, "queries")
        requires(able.filters, "filters")
        declared = {FieldType.TEXT, FieldType.INT, FieldType.BOOL, FieldType.FLOAT} <= able.field_types
        requires(declared or able.dynamic, "field_types: text, int, bool, float")
        fields = [
            Field("label", FieldType.TEXT),
            Field("n", FieldType.INT),
            Field("flag", FieldType.BOOL),
            Field("x", FieldType.FLOAT),
        ]
        shape = await subject.create(fields=fields if declared else [], dynamic=not declared)
        records = await self.filterable(subject, shape, PAYLOADS)
        await self.compare(subject, shape, records, declared_filters(records))

    async def test_filters_reach_undeclared_and_nested_keys(self, subject: Subject):
        able = subject.capabilities
        requires(able.queries, "queries")
        requires(able.filters, "filters")
        requires(able.dynamic, "dynamic")
        shape = await subject.create(fields=[], dynamic=True)
        records = await self.filterable(subject, shape, NESTED)
        await self.compare(subject, shape, records, NESTED_FILTERS)

    async def filterable(self, subject: Subject, shape, payloads: list[dict]) -> list[Record]:
        ids = make_ids(shape.id.kind, len(payloads))
        records = [
            replace(make_record(shape, id_, seed), payload=payload)
            for seed, (id_, payload) in enumerate(zip(ids, payloads, strict=True))
        ]
        await subject.store.upsert(shape.name, to_batch(shape, records))
        await subject.store.finish_load(shape)
        return records

    async def compare(self, subject: Subject, shape, records: list[Record], filters: list[Filter]) -> None:
        """The store agrees with `matches`, or says Unsupported: a wrong answer is the one thing that may not be."""
        wrong, unsupported = [], []
        asked = np.ones(4, np.float32)
        for condition in filters:
            wanted = {record.id for record in records if matches(condition, record.id, record.payload)}
            query = Query(asked, "vec", limit=len(records), filter=condition, exact=True)
            try:
                got = {match.id for match in await subject.store.query(shape.name, query)}
            except Unsupported:
                unsupported.append(condition)
                continue
            if got != wanted:
                wrong.append(
                    f"{condition}: found {sorted(got, key=natural)}, not {sorted(wanted, key=natural)}"
                )
        assert not wrong, "\n".join(wrong)
        assert len(unsupported) < len(filters) / 2, (
            "most filters are unsupported: say so in capabilities.filters"
        )


PAYLOADS: list[dict] = [
    {"label": "a", "n": 1, "flag": True, "x": 0.5},
    {"label": "A", "n": 2, "flag": False, "x": 1.0},
    {"label": 'it\'s "quoted" \\ 100%_', "n": -5, "flag": True, "x": -1.5},
    {"label": "", "n": 0, "flag": False, "x": 0.0},
    {"label": "ü", "n": 2**53 + 1, "flag": True, "x": 1e9},
    {"label": "b", "n": 2**53, "flag": None, "x": None},
    {"label": None, "n": None, "flag": True, "x": 2.0},
]


def declared_filters(records: list[Record]) -> list[Filter]:
    label, n, x = ("label",), ("n",), ("x",)
    equal = Compare(label, Comparison.EQ, "a")
    return [
        *(
            Compare(label, Comparison.EQ, payload["label"])
            for payload in PAYLOADS
            if payload["label"] is not None
        ),
        *(Compare(label, comparison, "b") for comparison in Comparison),
        *(Compare(n, comparison, 2) for comparison in Comparison),
        *(Compare(n, comparison, 2**53) for comparison in Comparison),
        *(Compare(x, comparison, 1.0) for comparison in Comparison),
        *(Compare(("flag",), comparison, True) for comparison in (Comparison.EQ, Comparison.NE)),
        In(label, ("a", "ü", 'it\'s "quoted" \\ 100%_')),
        In(n, (1, 2**53 + 1)),
        In(label, ()),
        IsNull(label),
        Not(IsNull(n)),
        Not(equal),
        Not(Not(equal)),
        Not(Compare(n, Comparison.GT, 1)),
        Not(In(n, (1, 2))),
        And((equal, Compare(n, Comparison.EQ, 1))),
        And((equal, Compare(n, Comparison.EQ, 2))),
        Or((equal, Compare(n, Comparison.EQ, 2))),
        And(()),
        Or(()),
        Not(And((equal, Or((Compare(n, Comparison.LT, 0), IsNull(label)))))),
        HasId((records[1].id, records[3].id)),
        Not(HasId((records[1].id,))),
        And((HasId(tuple(ids_of(records))), Compare(n, Comparison.GTE, 1))),
    ]


NESTED: list[dict] = [
    {"a": 1, "tags": ["x", "y"], "deep": {"b": {"c": 5}}},
    {"a": "1", "tags": [], "deep": {"b": None}},
    {"a": True, "tags": "x", "deep.b.c": 5},
    {"a": None, "tags": None},
    {"a": 1.0, "tags": [1, "z"], "deep": {"b": {"c": "5"}}},
    {},
    {"a": [1, 2], "tags": ["it's"], "it's": 1},
]

NESTED_FILTERS: list[Filter] = [
    *(Compare(("a",), Comparison.EQ, value) for value in (1, "1", True)),
    *(Compare(("a",), comparison, 1) for comparison in Comparison),
    *(Compare(("tags",), comparison, "x") for comparison in (Comparison.EQ, Comparison.NE)),
    *(Compare(("deep", "b", "c"), comparison, 5) for comparison in Comparison),
    Compare(("deep.b.c",), Comparison.EQ, 5),
    Compare(("tags",), Comparison.EQ, "it's"),
    Compare(("it's",), Comparison.EQ, 1),
    In(("tags",), ("y", "z")),
    In(("a",), (1, "1")),
    Exists(("a",)),
    Not(Exists(("a",))),
    Exists(("deep", "b")),
    Exists(("deep", "b", "c")),
    IsNull(("a",)),
    Not(IsNull(("a",))),
    IsNull(("deep", "b")),
    IsNull(("nowhere",)),
    Not(Compare(("deep", "b", "c"), Comparison.GTE, 5)),
    And((Exists(("tags",)), Not(In(("tags",), ("x",))))),
]


def _score(metric: Metric, asked: np.ndarray, held: np.ndarray) -> float:
    if asked.dtype == np.uint8:
        left, right = np.unpackbits(asked).astype(bool), np.unpackbits(held).astype(bool)
        if metric is Metric.HAMMING:
            return float((left != right).sum())
        return 1 - (left & right).sum() / (left | right).sum()
    left, right = asked.astype(np.float64), held.astype(np.float64)
    match metric:
        case Metric.COSINE:
            return left @ right / np.linalg.norm(left) / np.linalg.norm(right)
        case Metric.DOT:
            return left @ right
        case Metric.EUCLID:
            return np.sqrt(((left - right) ** 2).sum())
        case _:
            return np.abs(left - right).sum()
