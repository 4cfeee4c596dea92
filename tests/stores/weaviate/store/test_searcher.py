"""Searches by Weaviate itself: filters that it can say in part, vectors of several rows, and its most."""

import json
from dataclasses import replace
from uuid import UUID

import grpc
import numpy as np
import pytest

from tests.conformance.compare import ids_of
from tests.conformance.subject import make_ids, to_batch
from tests.fakes.clock import FakeClock
from tests.stores.weaviate.classes import MADE
from vectormigrate.model.collection import Field, FieldType, Metric, VectorField, VectorKind
from vectormigrate.model.errors import ShapeMismatch, Unsupported
from vectormigrate.model.filter import And, Compare, Comparison, Native, Not
from vectormigrate.model.query import Query
from vectormigrate.model.record import Record, SparseVector
from vectormigrate.stores.base import EVERYWHERE
from vectormigrate.stores.front import Standing
from vectormigrate.stores.raw import RpcCall
from vectormigrate.stores.weaviate import open_store, pb
from vectormigrate.stores.weaviate.facade.port import WeaviateFacade
from vectormigrate.stores.weaviate.pb import Filters
from vectormigrate.stores.weaviate.store import searcher
from vectormigrate.stores.weaviate.wire.shape import write_class

from .answering import Failing, answering

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


WORDS = pb.SearchRequest(bm25_search=pb.BM25(query="red car", properties=["label^2"]))


def ranking(scores, asked):
    """A server whose class `Docs` has objects with these scores; what it was asked is put into `asked`."""

    def search(_, raw):
        asked.append(pb.SearchRequest.FromString(raw))
        results = [
            pb.SearchResult(metadata={"id_as_bytes": UUID(int=one).bytes, "score": score})
            for one, score in scores.items()
        ]
        return pb.SearchReply(results=results).SerializeToString()

    answers = {"/v1/schema/Docs": write_class(MADE), "/v1/aliases": {"aliases": []}}
    return answering(lambda _, path, __: (200, json.dumps(answers[path]).encode()), search)


async def test_words_are_ranked_by_weaviate_with_its_own_scores():
    asked = []
    query = Query(np.zeros(0), "", 5, like("a"), words=Native("weaviate", WORDS.SerializeToString()))
    with ranking({3: 1.5, 1: 0.25}, asked) as (endpoint, _):
        async with open_store(endpoint) as store:
            got = await store.query("Docs", query)
            with pytest.raises(Unsupported, match="only qdrant"):
                await store.query("Docs", replace(query, words=Native("qdrant", b"")))
            with pytest.raises(Unsupported, match="among other records"):
                await store.query("Docs", replace(query, filter=Not(WORD)))
    assert [(match.id, match.score, match.record) for match in got] == [
        (UUID(int=3), 1.5, None),
        (UUID(int=1), 0.25, None),
    ]
    [request] = asked
    assert request.bm25_search == WORDS.bm25_search
    assert (request.limit, request.metadata.score, request.filters.value_text) == (5, True, "a")


async def test_words_behind_the_facade_are_asked_of_weaviate_and_told_as_it_tells_them():
    asked = []
    request = pb.SearchRequest(collection="Docs", limit=2, offset=1, uses_127_api=True)
    request.metadata.uuid = request.metadata.score = True
    request.hybrid_search.CopyFrom(pb.Hybrid(query="car", alpha=0.3, vector_bytes=ASKED.tobytes()))
    request.filters.CopyFrom(Filters.FromString(like("a").value))
    with ranking({3: 1.0, 1: 0.5, 2: 0.25}, asked) as (endpoint, _):
        async with open_store(endpoint) as store:
            facade = WeaviateFacade(Standing(store), FakeClock())
            called = RpcCall("/weaviate.v1.Weaviate/Search", request.SerializeToString())
            reply = await facade.rpc(called)
    assert reply.details == ""
    told = pb.SearchReply.FromString(reply.message).results
    assert [(one.metadata.id, one.metadata.score) for one in told] == [
        (str(UUID(int=1)), 0.5),
        (str(UUID(int=2)), 0.25),
    ]
    assert asked[-1].hybrid_search == request.hybrid_search
    assert asked[-1].filters == request.filters
    assert (asked[-1].limit, asked[-1].offset) == (3, 0)


async def test_what_weaviate_says_of_the_words_is_the_clients_matter():
    def search(_, raw):
        raise Failing(grpc.StatusCode.UNKNOWN, "alpha should be between 0.0 and 1.0")

    answers = {"/v1/schema/Docs": write_class(MADE), "/v1/aliases": {"aliases": []}}
    request = pb.SearchRequest(collection="Docs", uses_127_api=True)
    request.hybrid_search.CopyFrom(pb.Hybrid(query="car", alpha=3))
    with answering(lambda _, path, __: (200, json.dumps(answers[path]).encode()), search) as (endpoint, _):
        async with open_store(endpoint) as store:
            facade = WeaviateFacade(Standing(store), FakeClock())
            reply = await facade.rpc(RpcCall("/weaviate.v1.Weaviate/Search", request.SerializeToString()))
    assert reply.code != 13
    assert reply.details == "alpha should be between 0.0 and 1.0"
