"""Pages, look-ups and searches against what the vendor's own client reads from the same server."""

import numpy as np
import pytest

from tests.conformance.subject import make_sparse
from vectormigrate.model.batch import Batch, batch_of_records
from vectormigrate.model.collection import Element, Metric, VectorField, VectorKind
from vectormigrate.model.errors import StoreBroken
from vectormigrate.model.query import Query
from vectormigrate.model.record import Record
from vectormigrate.stores.base import Range
from vectormigrate.stores.place import RequestTooLarge
from vectormigrate.stores.qdrant.store import reader
from vectormigrate.stores.qdrant.wire import messages

FIELDS = [
    VectorField("plain", dim=3, metric=Metric.EUCLID),
    VectorField("unit", dim=3, metric=Metric.COSINE),
    VectorField("half", element=Element.FLOAT16, dim=3, metric=Metric.DOT),
    VectorField("bytes", element=Element.UINT8, dim=3, metric=Metric.MANHATTAN),
    VectorField("tokens", VectorKind.MULTI, dim=2, metric=Metric.DOT),
    VectorField("words", VectorKind.SPARSE),
]


def records() -> list[Record]:
    random = np.random.default_rng(1)
    return [
        Record(
            number,
            {
                "plain": random.standard_normal(3).astype(np.float32),
                "unit": random.standard_normal(3).astype(np.float32),
                "half": random.standard_normal(3).astype(np.float16),
                "bytes": random.integers(0, 256, 3, dtype=np.uint8),
            },
            {"words": make_sparse({number: 0.5, 2**32 - 1: 1.5})},
            {"tokens": random.standard_normal((2, 2)).astype(np.float32)},
            {"n": number, "text": "ü", "deep": {"list": [1, 1.5, None, True]}},
        )
        for number in range(5)
    ]


@pytest.fixture
async def filled(subject):
    shape = await subject.create(vectors=FIELDS, fields=[], dynamic=True)
    await subject.store.upsert(shape.name, batch_of_records(records(), shape.vectors))
    return subject, shape


async def test_the_vendors_client_reads_the_same(filled, vendor):
    subject, shape = filled
    theirs, _ = vendor.scroll(shape.name, with_vectors=True, limit=100)
    ours = await subject.store.fetch(shape.name, [one.id for one in theirs])
    assert ours.ids == [one.id for one in theirs]
    assert ours.payload == [one.payload for one in theirs]
    for record, one in zip(ours.records(), theirs, strict=True):
        for name, vector in {**record.dense, **record.multi}.items():
            np.testing.assert_array_equal(vector.astype(np.float32), np.array(one.vector[name], np.float32))
        assert record.sparse["words"].indices.tolist() == one.vector["words"].indices
        assert record.sparse["words"].values.tolist() == one.vector["words"].values


async def test_what_the_vendors_client_writes_is_read(subject, vendor):
    shape = await subject.create(
        vectors=[VectorField("v", dim=2, metric=Metric.DOT)], fields=[], dynamic=True
    )
    from qdrant_client import models

    vendor.upsert(
        shape.name, [models.PointStruct(id=2**64 - 1, vector={"v": [0.5, -1]}, payload={"a": [None]})]
    )
    batch = await subject.store.fetch(shape.name, [2**64 - 1])
    assert batch.vectors["v"].values.tolist() == [[0.5, -1.0]]
    assert batch.payload == [{"a": [None]}]


async def test_integers_of_64_bits_keep_their_digits(subject, vendor):
    from qdrant_client import models

    shape = await subject.create(
        vectors=[VectorField("v", dim=2, metric=Metric.DOT)], fields=[], dynamic=True
    )
    payloads = [{"n": 2**64 - 1}, {"deep": [2**63, 1]}, {"x": 1e19, "y": 2.0**63}]
    vendor.upsert(
        shape.name,
        [models.PointStruct(id=row, vector={"v": [1, 2]}, payload=one) for row, one in enumerate(payloads)],
    )
    [page] = [page async for page in subject.store.scan(shape.name, Range())]
    fetched = await subject.store.fetch(shape.name, [2, 1, 0])
    for read in (page.batch.payload, fetched.payload[::-1]):
        assert read == payloads
        assert [type(value) for value in read[2].values()] == [float, float]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
async def test_every_vector_can_be_searched(filled, vendor, field):
    subject, shape = filled
    record = records()[2]
    vector = {**record.dense, **record.multi, **record.sparse}[field.name]
    ours = await subject.store.query(
        shape.name, Query(vector, field.name, limit=3, exact=True, with_record=True)
    )
    assert len(ours) == 3
    assert ours[0].record.payload["n"] == ours[0].id
    if field.kind is not VectorKind.SPARSE:
        theirs = vendor.query_points(
            shape.name, vector.astype(float).tolist(), using=field.name, limit=3
        ).points
        assert [match.id for match in ours] == [one.id for one in theirs]
        assert [match.score for match in ours] == pytest.approx([one.score for one in theirs])


async def test_too_large_an_answer_is_asked_for_by_halves(filled, monkeypatch):
    subject, shape = filled
    asked = []
    real = messages.read_points if subject.store._link.fast else reader.points.read_points

    def limited(points, *args, **how) -> Batch:
        asked.append(len(points))
        if len(points) > 1:
            raise RequestTooLarge("too large")
        return real(points, *args, **how)

    monkeypatch.setattr(messages if subject.store._link.fast else reader.points, "read_points", limited)
    pages = [page async for page in subject.store.scan(shape.name, Range(), limit=4)]
    assert [len(page.batch) for page in pages] == [1] * 5
    assert asked[:3] == [4, 2, 1]


async def test_a_vector_that_appeared_meanwhile_is_an_error_once(filled, qdrant_server):
    subject, shape = filled
    opened = subject.store._catalog.opened(shape.name)
    opened.shape = type(shape)(shape.name, shape.id, shape.vectors[:1], dynamic=True)
    with pytest.raises(StoreBroken):
        await subject.store.fetch(shape.name, [1])
    assert len(await subject.store.fetch(shape.name, [1])) == 1


async def test_ids_drawn_by_the_server(filled):
    subject, shape = filled
    drawn = subject.store._reader.sample(shape.name, 3)
    assert len(set(drawn)) == 3
    assert set(drawn) <= set(range(5))


async def test_reads_ask_a_majority(filled, qdrant_server):
    subject, shape = filled
    qdrant_server.seen.clear()
    await subject.store.fetch(shape.name, [1])
    [page async for page in subject.store.scan(shape.name, Range())]
    for method, path, _, body in qdrant_server.seen:
        if method == "RPC":
            assert b":\x02" in body or b"2\x02" in body
        else:
            assert "consistency=majority" in path
