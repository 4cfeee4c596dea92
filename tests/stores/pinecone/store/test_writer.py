"""Records go in whole, in requests that Pinecone takes, and what becomes of each is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.conformance.compare import assert_holds
from tests.conformance.subject import make_ids, make_record, make_records, make_sparse, to_batch
from tests.fakes.pinecone import Refused
from vectormigrate.model.batch import Batch, DenseColumn
from vectormigrate.model.collection import Metric, VectorKind
from vectormigrate.model.errors import RecordRefused, StoreError, Throttled, Unresolved
from vectormigrate.model.operation import WriteResult
from vectormigrate.stores.pinecone.store import writer

UPSERT = "/vectors/upsert"


def sizes(service, path=UPSERT):
    return [size for _, where, size in service.requests if where == path]


async def test_a_write_is_cut_into_requests_of_two_megabytes(subject, service):
    shape = await subject.create(vectors=[subject.vector(dim=1536)])
    values = np.random.default_rng(1).standard_normal((400, 1536)).astype(np.float32)
    batch = Batch(list(make_ids(shape.id.kind, 400)), {"vec": DenseColumn(values)}, [{}] * 400)
    assert await subject.store.upsert(shape.name, batch) == WriteResult(400)
    assert len(sizes(service)) > 3
    assert max(sizes(service)) <= 2_000_000
    got = await subject.store.fetch(shape.name, batch.ids)
    assert np.array_equal(got.vectors["vec"].values, values)


async def test_hybrid_records_come_back(subject, service):
    words = subject.vector("words", VectorKind.SPARSE, dim=100)
    shape = await subject.create(vectors=[subject.vector(metric=Metric.DOT), words])
    records = make_records(shape, make_ids(shape.id.kind, 4))
    records[1] = replace(records[1], sparse={})
    assert await subject.store.upsert(shape.name, to_batch(shape, records)) == WriteResult(4)
    await assert_holds(subject.store, shape, records)
    bad = replace(records[2], sparse={"words": make_sparse({})})
    result = await subject.store.upsert(shape.name, to_batch(shape, [records[0], bad]))
    assert [(refusal.row, type(refusal.error)) for refusal in result.refused] == [(1, RecordRefused)]


async def test_one_record_that_only_the_server_refuses_is_found(subject, service, monkeypatch):
    shape = await subject.create()
    records = make_records(shape, make_ids(shape.id.kind, 20))
    real = service.upsert

    def strict(index, body, size):
        if any(vector["id"] == records[7].id for vector in body["vectors"]):
            raise Refused(400, "I do not like this one")
        return real(index, body, size)

    monkeypatch.setattr(service, "upsert", strict)
    result = await subject.store.upsert(shape.name, to_batch(shape, records))
    assert result.acknowledged == 19
    assert [(refusal.row, refusal.id) for refusal in result.refused] == [(7, records[7].id)]
    assert "do not like" in result.refused[0].error.message
    await assert_holds(subject.store, shape, [*records[:7], *records[8:]])


async def test_a_request_that_is_wrong_for_every_record_is_no_fault_of_the_records(subject, service):
    shape = await subject.create()
    service.failing = [(UPSERT, 400, {})] * 99
    with pytest.raises(StoreError) as caught:
        await subject.store.upsert(
            shape.name, to_batch(shape, make_records(shape, make_ids(shape.id.kind, 64)))
        )
    assert "no record is accepted" in caught.value.message
    service.failing.clear()


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, Throttled), (503, Unresolved), ("drop", Unresolved), ("drop after", Unresolved)],
)
async def test_a_single_request_says_whether_it_was_applied(subject, service, status, kind):
    shape = await subject.create()
    service.failing = [(UPSERT, status, {"retry-after": "2"})]
    with pytest.raises(kind) as caught:
        await subject.store.upsert(
            shape.name, to_batch(shape, make_records(shape, make_ids(shape.id.kind, 3)))
        )
    assert type(caught.value) is kind
    assert await subject.store.count(shape.name) == (3 if status == "drop after" else 0)
    assert len(sizes(service)) == 1


async def test_a_throttled_part_makes_the_whole_unresolved(subject, service, monkeypatch):
    monkeypatch.setattr(writer, "MOST_RECORDS", 5)
    shape = await subject.create()
    service.failing = [(UPSERT, 429, {"retry-after": "2"})]
    with pytest.raises(Unresolved) as caught:
        await subject.store.upsert(
            shape.name, to_batch(shape, make_records(shape, make_ids(shape.id.kind, 20)))
        )
    assert caught.value.retry_after == 2.0


async def test_a_patch_is_an_update_where_that_is_enough(subject, service):
    shape = await subject.create()
    records = [
        make_record(shape, one, place, text="old", x=0.5)
        for place, one in enumerate(make_ids(shape.id.kind, 2))
    ]
    await subject.store.upsert(shape.name, to_batch(shape, records))
    service.requests.clear()
    assert await subject.store.patch(
        shape.name, [records[0].id, "absent"], {"text": "new", "yes": True}
    ) == WriteResult(2)
    assert (len(sizes(service, "/vectors/update")), sizes(service)) == (1, [])
    records[0] = replace(records[0], payload={"text": "new", "x": 0.5, "yes": True})
    await assert_holds(subject.store, shape, records)


@pytest.mark.parametrize("patch", [{"n": 5}, {"n": 0.5}, {"text": None}, {"n": 5.0}, {"deep": {"a": 1}}])
async def test_a_patch_writes_anew_what_an_update_would_bend(subject, service, patch):
    shape = await subject.create()
    record = make_record(shape, make_ids(shape.id.kind, 1)[0], 1, text="old", n=7, other=1.0)
    await subject.store.upsert(shape.name, to_batch(shape, [record]))
    await subject.store.patch(shape.name, [record.id], patch)
    assert sizes(service, "/vectors/update") == []
    await assert_holds(subject.store, shape, [replace(record, payload={**record.payload, **patch})])


async def test_a_patch_that_cannot_be_is_refused_for_each(subject):
    shape = await subject.create()
    await subject.fill(shape, 2)
    result = await subject.store.patch(shape.name, make_ids(shape.id.kind, 2), {"text": "a\0b"})
    assert (result.acknowledged, len(result.refused)) == (0, 2)


async def test_a_patch_that_makes_a_record_too_large_is_refused(subject):
    shape = await subject.create()
    records = await subject.fill(shape, 2)
    result = await subject.store.patch(
        shape.name, [record.id for record in records], {"n": 1, "text": "x" * 50_000}
    )
    assert [refusal.row for refusal in result.refused] == [0, 1]


async def test_partitions_move(subject, service):
    shape = await subject.create(partitions=("a", "b"))
    record = replace(make_record(shape, "x", 1), partition="a")
    for partition in ("a", None, "b", "b", None):
        record = replace(record, partition=partition)
        await subject.store.upsert(shape.name, to_batch(shape, [record]))
        await assert_holds(subject.store, shape, [record])
        assert await subject.store.count(shape.name) == 1
    assert await subject.store.delete(shape.name, ["x"]) == WriteResult(1)
    await assert_holds(subject.store, shape, [])
