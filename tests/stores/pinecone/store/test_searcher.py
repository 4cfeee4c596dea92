"""Searches by Pinecone and here find the same, scored the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.conformance.compare import assert_same
from tests.conformance.searching import PAYLOADS, declared_filters
from tests.conformance.subject import Subject, make_ids, make_record, make_sparse, to_batch
from vectormigrate.model.collection import IdKind, Metric, VectorKind
from vectormigrate.model.errors import ShapeMismatch, StoreBroken, Unsupported
from vectormigrate.model.filter import Native, matches
from vectormigrate.model.query import Query

ASKED = np.array([0.3, -0.2, 1.0, 0.5], np.float32)


async def filled(subject, payloads, **how):
    shape = await subject.create(**how)
    ids = make_ids(shape.id.kind, len(payloads))
    records = [
        replace(make_record(shape, one, place), payload=payload)
        for place, (one, payload) in enumerate(zip(ids, payloads, strict=True))
    ]
    await subject.store.upsert(shape.name, to_batch(shape, records))
    await subject.store.barrier(shape.name)
    return shape, records


def asked(service):
    return [path for _, path, _ in service.requests if path in ("/query", "/vectors/list")]


@pytest.mark.parametrize("metric", [Metric.COSINE, Metric.DOT, Metric.EUCLID])
async def test_pinecone_and_a_full_scan_agree(subject, service, metric):
    shape, _ = await filled(subject, [{"n": n} for n in range(30)], vectors=[subject.vector(metric=metric)])
    service.requests.clear()
    near = await subject.store.query(shape.name, Query(ASKED, "vec", limit=7))
    assert asked(service) == ["/query"]
    exact = await subject.store.query(shape.name, Query(ASKED, "vec", limit=7, exact=True))
    assert [match.id for match in near] == [match.id for match in exact]
    np.testing.assert_allclose([m.score for m in near], [m.score for m in exact], rtol=1e-5)


async def test_records_come_along(subject):
    shape, records = await filled(subject, [{"n": n} for n in range(5)])
    got = await subject.store.query(shape.name, Query(ASKED, "vec", limit=5, with_record=True))
    by_id = {record.id: record for record in records}
    assert_same([match.record for match in got], [by_id[match.id] for match in got], shape)


NATIVE = [{key: value for key, value in payload.items() if value is not None} for payload in PAYLOADS]
NATIVE = [payload | ({"n": 5} if payload.get("n", 0) > 2**53 else {}) for payload in NATIVE]


@pytest.mark.parametrize("payloads", [NATIVE, PAYLOADS], ids=["native", "hidden"])
async def test_filters_mean_what_the_model_says(subject, service, payloads):
    """Natively where all metadata is, and here where some of it is hidden from Pinecone or cannot be said."""
    shape, records = await filled(subject, payloads)
    native = 0
    for condition in declared_filters(records):
        service.requests.clear()
        found = await subject.store.query(shape.name, Query(ASKED, "vec", limit=50, filter=condition))
        wanted = {record.id for record in records if matches(condition, record.id, record.payload)}
        assert {match.id for match in found} == wanted, condition
        native += "/vectors/list" not in asked(service)
    assert native > 25 if payloads is NATIVE else native == 0


async def test_a_filter_in_pinecones_words_is_passed_on(subject, service):
    shape, _ = await filled(subject, [{"n": 1, "deep": None}, {"n": 2}])
    native = Native("pinecone", {"n": {"$gte": 2}})
    got = await subject.store.query(shape.name, Query(ASKED, "vec", filter=native))
    assert [match.id for match in got] == ["id-000001"]
    with pytest.raises(Unsupported):
        await subject.store.query(shape.name, Query(ASKED, "vec", filter=Native("qdrant", {})))


async def test_namespaces_are_searched_together(opens, served):
    store = opens(keys="namespaced")
    subject = Subject(open=lambda: store)
    subject.store = store
    shape = await subject.create(IdKind.COMPOUND)
    await subject.fill(shape, 12)
    near = await store.query(shape.name, Query(ASKED, "vec", limit=5, with_record=True))
    exact = await store.query(shape.name, Query(ASKED, "vec", limit=5, exact=True))
    assert [match.id for match in near] == [match.id for match in exact]
    assert [match.record.id for match in near] == [match.id for match in near]
    await store.close()


async def test_sparse_words_are_searched(subject, service):
    words = subject.vector("words", VectorKind.SPARSE, dim=100)
    shape, _ = await filled(subject, [{}] * 6, vectors=[words])
    asked_for = make_sparse({3: 1.0, 9: 2.0})
    near = await subject.store.query(shape.name, Query(asked_for, "words", limit=3))
    exact = await subject.store.query(shape.name, Query(asked_for, "words", limit=3, exact=True))
    assert [(match.id, match.score) for match in near] == [(match.id, match.score) for match in exact]


async def test_sparse_words_beside_a_dense_vector_are_searched_here(subject):
    words = subject.vector("words", VectorKind.SPARSE, dim=100)
    shape, records = await filled(subject, [{}] * 4, vectors=[subject.vector(metric=Metric.DOT), words])
    without = replace(records[0], sparse={})
    await subject.store.upsert(shape.name, to_batch(shape, [without]))
    got = await subject.store.query(shape.name, Query(make_sparse({3: 1.0}), "words"))
    assert {match.id for match in got} == {record.id for record in records[1:]}


async def test_what_does_not_fit_is_told(subject):
    shape, _ = await filled(subject, [{}])
    for query in (Query(ASKED[:2], "vec"), Query(ASKED, "other"), Query(make_sparse({1: 1.0}), "vec")):
        with pytest.raises(ShapeMismatch):
            await subject.store.query(shape.name, query)


async def test_a_match_that_makes_no_sense_is_told(subject, service, monkeypatch):
    shape, _ = await filled(subject, [{}])
    monkeypatch.setattr(service, "query", lambda *how: ({"matches": [{"score": 1}]}, {}))
    with pytest.raises(StoreBroken):
        await subject.store.query(shape.name, Query(ASKED, "vec"))


async def test_more_than_pinecone_answers_is_found_here(subject, service):
    shape, _ = await filled(subject, [{}] * 3)
    service.requests.clear()
    got = await subject.store.query(shape.name, Query(ASKED, "vec", limit=10_001))
    assert len(got) == 3
    assert "/query" not in asked(service)
