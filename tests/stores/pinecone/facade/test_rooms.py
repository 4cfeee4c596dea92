"""Namespaces in a store: collections of their own, halves of a key, partitions."""

import numpy as np
import pytest

from tests.fakes.clock import FakeClock
from vectormigrate.model.batch import Batch, DenseColumn
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, KeyOrder, Metric, VectorField
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.filter import HasId
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.front import Standing
from vectormigrate.stores.memory import Database, MemoryStore
from vectormigrate.stores.pinecone.facade import PineconeFacade

from .conftest import HOST, Client

VALUES = (VectorField("v", dim=2, metric=Metric.DOT),)
PARTS = tuple(IdField(name, IdKind.TEXT, KeyOrder.BYTES) for name in ("ns", "id"))
NAMESPACED = CollectionShape("demo", IdField("key", IdKind.COMPOUND, parts=PARTS), VALUES, dynamic=True)
PARTITIONED = CollectionShape(
    "demo", IdField("id", IdKind.TEXT, KeyOrder.BYTES), VALUES, dynamic=True, partitions=("m", "n")
)


def _values(rows):
    return {"v": DenseColumn(np.array([[1.0, row] for row in range(rows)], np.float32))}


@pytest.fixture(params=["namespaced", "partitioned"])
async def shared(request, store):
    """A client of an index whose namespaces share one collection, 40 records in each, nearest first in `m`."""
    shape = NAMESPACED if request.param == "namespaced" else PARTITIONED
    await store.create(shape)
    names = ["__default__", "m", "n"]
    ids = [(space, f"{space[0]}{row:02}") for row in range(40) for space in names]
    payload = [{"row": row // 3} for row in range(120)]
    if shape is NAMESPACED:
        batch = Batch(ids, _values(120), payload)
    else:
        partition = [None if space == "__default__" else space for space, _ in ids]
        batch = Batch([one for _, one in ids], _values(120), payload, partition)
    await store.upsert("demo", batch)
    return Client(
        PineconeFacade(Standing(store), index="demo", data_host=HOST, clock=FakeClock(), shape=shape)
    )


async def test_reads_stay_in_their_namespace(shared):
    assert await shared.ids(vector=[0, 1], topK=2, namespace="m") == ["m39", "m38"]
    assert await shared.ids(vector=[0, 1], topK=2) == ["_39", "_38"]
    assert len(await shared.ids(vector=[0, 1], topK=100, namespace="n")) == 40
    assert await shared.ids(vector=[0, 1], filter={"row": {"$lt": 2}}, namespace="n") == ["n01", "n00"]
    assert await shared.ids(id="m00", topK=1, namespace="n") == []
    assert list(await shared.fetch("m01", "n01", namespace="m")) == ["m01"]
    listed = await shared.ask("GET", "/vectors/list", query=b"namespace=m&limit=3&prefix=m0")
    assert [one["id"] for one in listed["vectors"]] == ["m00", "m01", "m02"]
    token = listed["pagination"]["next"].encode()
    rest = await shared.ask(
        "GET", "/vectors/list", query=b"namespace=m&limit=9&prefix=m0&paginationToken=" + token
    )
    assert [one["id"] for one in rest["vectors"]] == [f"m0{row}" for row in range(3, 10)]
    assert "pagination" not in rest


async def test_paging_by_metadata_stays_in_its_namespace(shared):
    body = {"filter": {"row": {"$gte": 0}}, "namespace": "n", "limit": 15}
    found = []
    for _ in range(3):
        page = await shared.ask("POST", "/vectors/fetch_by_metadata", body)
        found += page["vectors"]
        body["paginationToken"] = page.get("pagination", {}).get("next")
    assert sorted(found) == [f"n{row:02}" for row in range(40)]
    assert body["paginationToken"] is None


async def test_writes_stay_in_their_namespace(shared):
    await shared.upsert({"id": "new", "values": [5, 5]}, namespace="n")
    await shared.ask("POST", "/vectors/update", {"id": "n00", "values": [7, 7], "namespace": "n"})
    await shared.ask("POST", "/vectors/delete", {"ids": ["n01", "m01"], "namespace": "n"})
    await shared.ask("POST", "/vectors/delete", {"filter": {"row": {"$gt": 10}}, "namespace": "m"})
    stats = await shared.ask("POST", "/describe_index_stats", {})
    assert {name: one["vectorCount"] for name, one in stats["namespaces"].items()} == {
        "__default__": 40, "m": 11, "n": 40,
    }  # fmt: skip
    assert (await shared.fetch("n00", namespace="n"))["n00"]["values"] == [7, 7]
    assert list(await shared.fetch("m01", namespace="m")) == ["m01"]
    await shared.ask("POST", "/vectors/delete", {"deleteAll": True, "namespace": "m"})
    assert (await shared.ask("GET", "/namespaces/n"))["record_count"] == 40
    await shared.ask("GET", "/namespaces/m", status=404)
    await shared.ask("DELETE", "/namespaces/n")
    assert [one["name"] for one in (await shared.ask("GET", "/namespaces"))["namespaces"]] == ["__default__"]


async def test_the_one_namespace_of_a_collection_need_not_be_the_default_one(store):
    shape = CollectionShape("demo", IdField("id", IdKind.TEXT, KeyOrder.BYTES), VALUES, dynamic=True)
    await store.create(shape)
    facade = PineconeFacade(
        Standing(store), index="demo", data_host=HOST, clock=FakeClock(), shape=shape, namespace="n"
    )
    client = Client(facade)
    await client.upsert({"id": "a", "values": [1, 1]}, namespace="n")
    await client.upsert({"id": "b", "values": [1, 1]})
    assert await store.collections() == ["demo", "demo/__default__"]
    assert (await store.fetch("demo", ["a"])).ids == ["a"]
    stats = await client.ask("POST", "/describe_index_stats", {})
    assert stats["namespaces"] == {"n": {"vectorCount": 1}, "__default__": {"vectorCount": 1}}


async def test_an_index_may_have_no_default_namespace(store, client):
    shape = CollectionShape("demo/n", IdField("id", IdKind.TEXT, KeyOrder.BYTES), VALUES, dynamic=True)
    await store.create(shape)
    await client.upsert({"id": "a", "values": [1, 1]}, namespace="n")
    assert (await client.ask("GET", "/indexes/demo"))["dimension"] == 2
    assert await client.ids(vector=[1, 1]) == []
    await client.upsert({"id": "b", "values": [1, 1]})
    assert await store.collections() == ["demo", "demo/n"]


class Wordless(MemoryStore):
    """Can be asked for ids, and for nothing else: as where a migration has converted what is filtered by."""

    async def query(self, collection, query):
        if query.filter is not None and not isinstance(query.filter, HasId):
            raise Unsupported("no words for that")
        return await super().query(collection, query)


async def test_what_the_store_has_no_words_for_is_looked_for():
    store = Wordless(Endpoint("memory"), Database())
    await store.create(PARTITIONED)
    ids = [f"r{row}" for row in range(9)]
    await store.upsert("demo", Batch(ids, _values(9), [{"row": row} for row in range(9)], ["m"] * 9))
    facade = PineconeFacade(
        Standing(store), index="demo", data_host=HOST, clock=FakeClock(), shape=PARTITIONED
    )
    found = await Client(facade).ids(vector=[0, 1], topK=2, filter={"row": {"$lt": 5}}, namespace="m")
    assert found == ["r4", "r3"]
