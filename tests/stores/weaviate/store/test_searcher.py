"""Searches by Weaviate itself: filters that it can say in part, vectors of several rows, and its most."""

import numpy as np
import pytest

from tests.conformance.compare import ids_of
from tests.conformance.subject import make_ids, to_batch
from vectormigrate.model.collection import Field, FieldType, Metric, VectorField, VectorKind
from vectormigrate.model.errors import ShapeMismatch, Unsupported
from vectormigrate.model.filter import And, Compare, Comparison, Native, Not
from vectormigrate.model.query import Query
from vectormigrate.model.record import Record, SparseVector
from vectormigrate.stores.base import EVERYWHERE
from vectormigrate.stores.weaviate.pb import Filters
from vectormigrate.stores.weaviate.store import searcher

WORD = Compare(("label",), Comparison.EQ, "red car")
ASKED = np.array([1, 0, 0, 0], np.float32)


async def cars(subject, count=40):
    """Records ever farther from `ASKED`, every tenth of them a red car, the others cars that are red as well."""
    shape = await subject.create(fields=[Field("label", FieldType.TEXT), Field("n", FieldType.INT)])
    records = [
        Record(
            record_id,
            {"vec": np.array([1, number, 0, 0], np.float32)},
            payload={"label": "red car" if number % 10 == 9 else "car, red", "n": number},
        )
        for number, record_id in enumerate(make_ids(shape.id.kind, count))
    ]
    await subject.store.upsert(shape.name, to_batch(shape, records))
    await subject.store.finish_load(shape)
    return shape, records


@pytest.mark.parametrize("limit", [1, 2, 10])
async def test_what_weaviate_finds_too_much_is_left_out_until_there_is_enough(subject, limit):
    shape, records = await cars(subject)
    got = await subject.store.query(shape.name, Query(ASKED, "vec", limit=limit, filter=WORD))
    assert [match.id for match in got] == ids_of(records[9::10])[:limit]
    assert [match.score for match in got] == pytest.approx([9.0, 19.0, 29.0, 39.0][:limit])
    assert {match.record for match in got} == {None}


async def test_what_weaviate_says_just_so_needs_no_looking(subject, monkeypatch):
    shape, _ = await cars(subject)
    monkeypatch.setattr(searcher, "_matches", lambda *_: pytest.fail("looked at a record"))
    where = And((Compare(("n",), Comparison.GTE, 5), Compare(("n",), Comparison.LT, 8)))
    got = await subject.store.query(shape.name, Query(ASKED, "vec", filter=where, with_record=True))
    assert [match.record.payload["n"] for match in got] == [5, 6, 7]


async def test_where_its_most_is_not_enough_every_record_is_looked_at(subject, monkeypatch):
    shape, records = await cars(subject)
    monkeypatch.setattr(searcher, "MOST", 8)
    for where in (WORD, Not(Compare(("label",), Comparison.EQ, "car, red"))):
        got = await subject.store.query(shape.name, Query(ASKED, "vec", limit=3, filter=where))
        assert [match.id for match in got] == ids_of(records[9::10])[:3]
    got = await subject.store.query(shape.name, Query(ASKED, "vec", limit=20))
    assert [match.id for match in got] == ids_of(records[:20])


def like(pattern):
    message = Filters(operator=Filters.OPERATOR_LIKE, value_text=pattern)
    message.target.property = "label"
    return Native("weaviate", message.SerializeToString())


async def test_its_own_words_are_its_own_matter(subject, monkeypatch):
    shape, records = await cars(subject)
    got = await subject.store.query(shape.name, Query(ASKED, "vec", limit=5, filter=like("ca*"), exact=True))
    assert [match.id for match in got] == ids_of(records[:5])
    selected = [
        record_id
        async for page in subject.store.select(shape.name, like("ca*"), limit=7)
        for record_id in page.batch.ids
    ]
    scanned = [
        record_id async for page in subject.store.scan(shape.name, EVERYWHERE) for record_id in page.batch.ids
    ]
    assert selected == scanned
    monkeypatch.setattr(searcher, "MOST", 4)
    with pytest.raises(Unsupported, match="at most 4"):
        await subject.store.query(shape.name, Query(ASKED, "vec", limit=5, filter=like("ca*")))


async def test_a_multi_vector_is_searched_by_its_rows(subject):
    tokens = VectorField("tokens", VectorKind.MULTI, dim=2, metric=Metric.COSINE)
    shape = await subject.create(vectors=[tokens])
    rows = [np.array(one, np.float32) for one in ([[1, 0], [0, 1]], [[1, 0]], [[0, 1], [0, 1]])]
    records = [
        Record(record_id, multi={"tokens": row})
        for record_id, row in zip(make_ids(shape.id.kind, 3), rows, strict=True)
    ]
    await subject.store.upsert(shape.name, to_batch(shape, records))
    got = await subject.store.query(shape.name, Query(rows[0], "tokens", limit=1))
    assert [match.id for match in got] == [records[0].id]


async def test_questions_that_do_not_fit_are_not_asked(subject):
    shape, _ = await cars(subject, 3)
    sparse = SparseVector(np.array([1]), np.array([1], np.float32))
    for vector, using in (
        (sparse, "vec"),
        (np.ones((1, 4), np.float32), "vec"),
        (ASKED[:3], "vec"),
        (ASKED, "no"),
    ):
        with pytest.raises(ShapeMismatch):
            await subject.store.query(shape.name, Query(vector, using))
