"""Any store as a Qdrant: what goes in comes out, in Qdrant's order, and what was there before is taken as it is."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import numpy as np
import pytest

from tests.stores.qdrant.facade.answering import A, B, Both, Engine, Served
from vectormigrate.model.batch import Batch, dense_column
from vectormigrate.model.collection import (
    CollectionShape,
    Field,
    FieldType,
    IdField,
    IdKind,
    Metric,
    VectorField,
)
from vectormigrate.model.errors import StoreBroken, Unsupported
from vectormigrate.model.filter import Native
from vectormigrate.stores.base import Endpoint, Range
from vectormigrate.stores.memory import CAPABILITIES, Database, MemoryStore
from vectormigrate.stores.qdrant.facade.emulated import emulated
from vectormigrate.stores.sqlite import open_store

POINTS = [
    {
        "id": 2**64 - 1,
        "vector": {"a": [1, 2]},
        "payload": {"id": "mine", "a": 1, "payload": {"b": None}, "vector": [1]},
    },
    {"id": 9, "vector": {"a": [2, 1], "m": [[1, 1], [0, 1]]}, "payload": {"word": "x", "void": None}},
    {"id": 10, "vector": {"s": {"indices": [5, 2], "values": [1, 2]}}},
    {"id": B, "vector": {"a": [0, 1]}, "payload": {"word": "x"}},
    {"id": A, "vector": {}, "payload": {}},
]
SETTINGS = {
    "vectors": {
        "a": {"size": 2, "distance": "Euclid"},
        "m": {"size": 2, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}},
    },
    "sparse_vectors": {"s": {}},
}


@pytest.fixture(params=["memory", "sqlite"])
async def inner(request, tmp_path):
    if request.param == "memory":
        yield MemoryStore(Endpoint("memory"), Database())
        return
    async with open_store(Endpoint("sqlite", str(tmp_path / "qdrant.db"))) as store:
        yield store


@pytest.fixture
def against(inner):
    engine = Engine()
    yield Both(Served(inner), engine)
    engine.database.close()


async def test_it_answers_as_qdrant(against):
    await against.ask("PUT", "/collections/c", SETTINGS)
    await against.ask("PUT", "/collections/c/points", {"points": POINTS})
    offset = None
    for _ in range(3):
        page = await against.ask(
            "POST", "/collections/c/points/scroll", {"limit": 2, "offset": offset, "with_vector": True}
        )
        offset = page["next_page_offset"]
    assert offset is None
    where = {"must": [{"key": "word", "match": {"value": "x"}}], "must_not": [{"has_id": [9]}]}
    for body in (
        {"query": [1.1, 1.3], "using": "a", "with_payload": True},
        {"query": [1.1, 1.3], "using": "a", "filter": where},
        {"query": {"indices": [2], "values": [1]}, "using": "s", "with_vector": True},
        {"query": [[1, 1]], "using": "m"},
        {"query": 9, "using": "a"},
    ):
        await against.ask("POST", "/collections/c/points/query", body)
    await against.ask("POST", "/collections/c/points/payload", {"payload": {"a": 2}, "filter": where})
    await against.ask("POST", "/collections/c/points/delete", {"points": [9, A]})
    await against.ask("POST", "/collections/c/points/scroll", {"with_vector": True})


async def test_the_vector_without_a_name(against):
    await against.ask("PUT", "/collections/c", {"vectors": {"size": 2, "distance": "Cosine"}})
    await against.ask("PUT", "/collections/c/points", {"points": [{"id": 1, "vector": [3, 4]}]})
    await against.ask("POST", "/collections/c/points", {"ids": [1], "with_vector": True})
    await against.ask("POST", "/collections/c/points/query", {"query": [3, 4], "with_vector": True})
    assert [vector.name for vector in (await against.served.store.describe("c")).vectors] == ["vector"]


async def test_it_is_the_same_to_the_next_who_opens_it(inner):
    served = Served(inner)
    await served.result("PUT", "/collections/c", {"vectors": {"size": 2, "distance": "Dot"}})
    await served.result(
        "PUT", "/collections/c/points", {"points": [{"id": 1, "vector": [3, 4], "payload": {"a": 1}}]}
    )
    again = Served(inner)
    assert await again.result("GET", "/collections/c/points/1") == {
        "id": 1,
        "payload": {"a": 1},
        "vector": [3, 4],
    }
    shape = await emulated(inner).describe("c")
    assert (shape.id.kind, shape.fields, shape.dynamic) == (IdKind.MIXED, (), True)


async def test_a_collection_that_was_there_before_is_taken_as_it_is(inner):
    shape = CollectionShape(
        "docs",
        IdField("key", IdKind.INT),
        (VectorField("embedding", dim=2, metric=Metric.DOT),),
        (Field("title", FieldType.TEXT),),
    )
    await inner.create(shape)
    vectors = dense_column([np.ones(2), np.zeros(2)], width=2)
    await inner.upsert("docs", Batch([3, 4], {"embedding": vectors}, [{"title": "a"}, {"title": "b"}]))
    served = Served(inner)
    page = await served.result("POST", "/collections/docs/points/scroll", {"limit": 1})
    assert page == {"points": [{"id": 3, "payload": {"title": "a"}}], "next_page_offset": 4}
    page = await served.result("POST", "/collections/docs/points/scroll", {"offset": 4})
    assert page["points"] == [{"id": 4, "payload": {"title": "b"}}]
    found = await served.result(
        "POST", "/collections/docs/points/query", {"query": [1, 1], "using": "embedding"}
    )
    assert [point["id"] for point in found["points"]] == [3, 4]


async def test_what_qdrant_could_not_hold_is_told_not_altered(inner):
    await inner.create(CollectionShape("docs", IdField("key", IdKind.INT), dynamic=True))
    await inner.upsert("docs", Batch([3], {}, [{"big": 2**70}]))
    served = Served(inner)
    status, said = await served.ask("GET", "/collections/docs/points/3")
    assert (status, said) == (
        400,
        "Bad request: what was found cannot be told: an integer needs more than 64 bits",
    )


class TestStore:
    @pytest.fixture
    async def store(self, inner):
        store = emulated(inner)
        await store.create(
            CollectionShape(
                "c", IdField("id", IdKind.MIXED), (VectorField("", dim=1, metric=Metric.DOT),), dynamic=True
            )
        )
        ids = [1, 20, UUID(A)]
        await store.upsert(
            "c", Batch(ids, {"": dense_column([np.ones(1)] * 3, width=1)}, [{"n": n} for n in range(3)])
        )
        return store

    async def test_cursors_stand_on_points(self, store):
        cursor = store.cursor_of(1)
        assert store.key_of(cursor) == 1
        seen = [one async for page in store.scan("c", Range(cursor), limit=1) for one in page.batch.ids]
        assert seen == [20, UUID(A)]
        [page] = [page async for page in store.scan("c", Range(cursor, store.cursor_of(20)))]
        assert page.batch.ids == [20]
        assert [page async for page in store.scan("c", Range(page.cursor, page.cursor))] == []
        spans = await store.split("c", 2)
        seen = [
            one
            for span in spans
            for page in [page async for page in store.scan("c", span)]
            for one in page.batch.ids
        ]
        assert seen == [1, 20, UUID(A)]

    async def test_writes_go_by_id(self, store):
        batch = Batch([1, 2], {"": dense_column([np.zeros(1)] * 2, width=1)}, [{}, {}])
        assert (await store.insert("c", batch)).acknowledged == 1
        assert (await store.fetch("c", [1, 2])).payload == [{"n": 0}, {}]
        await store.delete("c", [1, UUID(A)])
        assert await store.count("c") == 2
        with pytest.raises(Unsupported):
            await store.patch("c", [1], {"a": 1})

    async def test_it_is_made_and_dropped_under_its_name(self, store):
        shape = await store.describe("c")
        await store.check_create(replace(shape, name="d"))
        await store.finish_load(shape)
        await store.drop("c")
        assert await store.collections() == []
        with pytest.raises(Unsupported, match="'vector'"):
            await store.check_create(replace(shape, vectors=(VectorField("vector", dim=1),)))

    async def test_a_filter_in_anybodys_own_words_means_nothing(self, store):
        with pytest.raises(Unsupported):
            [page async for page in store.select("c", Native("qdrant", {}))]


async def test_what_is_no_id_of_a_point_is_told(tmp_path):
    async with open_store(Endpoint("sqlite", str(tmp_path / "x.db"))) as inner:
        store = emulated(inner)
        await store.create(
            CollectionShape("c", IdField("id", IdKind.MIXED), (VectorField("", dim=1),), dynamic=True)
        )
        await inner.upsert(
            "c", Batch(["odd"], {"vector": dense_column([np.ones(1)], width=1)}, [{"payload": {}}])
        )
        with pytest.raises(StoreBroken, match="'odd' is not an id of a point"):
            [page async for page in store.scan("c", Range())]


def test_a_store_that_speaks_qdrant_is_left_alone():
    store = MemoryStore(Endpoint("memory"), Database(replace(CAPABILITIES, name_pattern=".*")))
    assert emulated(store) is store
