"""Which collection a namespace is, while some of them are being moved."""

import numpy as np
import pytest

from tests.fakes.clock import FakeClock
from vectormigrate.model.batch import Batch, DenseColumn
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, KeyOrder, Metric, VectorField
from vectormigrate.model.touch import Ids
from vectormigrate.stores.front import Access
from vectormigrate.stores.pinecone.facade import PineconeFacade

from .conftest import HOST, SHAPE, Client

PARTS = tuple(IdField(name, IdKind.TEXT, KeyOrder.BYTES) for name in ("ns", "id"))
ALL = CollectionShape(
    "demo/*",
    IdField("key", IdKind.COMPOUND, parts=PARTS),
    (VectorField("v", dim=2, metric=Metric.DOT),),
    dynamic=True,
)
BODY = {"vectors": [{"id": "a", "values": [1, 2]}]}


def _client(front, **words):
    return Client(PineconeFacade(front, index="demo", data_host=HOST, clock=FakeClock(), **words))


async def _marks(client, front, *namespaces):
    for namespace in namespaces:
        await client.send("POST", "/vectors/upsert", {**BODY, "namespace": namespace})
    return front.marks


async def test_one_namespace_by_its_name(front, upstream):
    front.under_migration = ["demo/n", "demolition/*"]
    front.access = Access(upstream=upstream, shape=SHAPE)
    marks = await _marks(_client(front), front, "n", "", "other")
    assert marks == [{"demo/n": [Ids(("a",))]}, {"demo": [Ids(("a",))]}, {"demo/other": [Ids(("a",))]}]
    assert front.hints[0][0] == "demo/other"


async def test_all_namespaces(front, upstream):
    front.under_migration = ["demo/*"]
    front.access = Access(upstream=upstream, shape=ALL)
    marks = await _marks(_client(front), front, "n", "", "*")
    assert marks == [{"demo/*": [Ids(((space, "a"),))]} for space in ("n", "__default__", "*")]
    ((collection, records, _),) = front.hints
    assert (collection, records().ids) == ("demo/*", [("*", "a")])


async def test_the_one_namespace_of_an_index_that_was_named(front, upstream):
    front.under_migration = ["demo"]
    front.access = Access(upstream=upstream, shape=SHAPE)
    marks = await _marks(_client(front, namespace="n"), front, "n", "", "other")
    assert [list(one) for one in marks] == [["demo"], ["demo/__default__"], ["demo/other"]]


async def test_the_one_namespace_of_an_index_that_was_not_named(front, upstream):
    front.under_migration = ["demo"]
    front.access = Access(upstream=upstream, shape=SHAPE)
    client = _client(front)
    assert await _marks(client, front, "") == [{"demo": [Ids(("a",))]}]
    answer = await client.ask("POST", "/vectors/upsert", {**BODY, "namespace": "n"}, status=412)
    assert "'n'" in answer["message"]
    assert len(upstream.requests) == 1
    await client.query(vector=[1, 2], namespace="n")
    assert len(upstream.requests) == 2


@pytest.mark.parametrize("name", ["demo", "demo/n", "demo/*"])
async def test_an_index_may_be_given_by_any_of_its_collections(front, name):
    facade = PineconeFacade(front, index=name, data_host=HOST, clock=FakeClock())
    assert await _marks(Client(facade), front, "n") == [{"demo/n": [Ids(("a",))]}]


async def test_all_namespaces_from_a_store(front, store):
    await store.create(ALL)
    values = DenseColumn(np.array([[1, row] for row in range(6)], np.float32))
    ids = [(space, f"{space}{row}") for row in range(3) for space in ("m", "n")]
    await store.upsert("demo/*", Batch(ids, {"v": values}, [{} for _ in ids]))
    front.under_migration, front.access = ["demo/*"], Access(store=store, shape=ALL)
    client = _client(front)
    assert await client.ids(vector=[0, 1], topK=2, namespace="m") == ["m2", "m1"]
    stats = await client.ask("POST", "/describe_index_stats", {})
    assert stats["namespaces"] == {"m": {"vectorCount": 3}, "n": {"vectorCount": 3}}
    described = await client.ask("GET", "/indexes/demo")
    assert (described["name"], described["host"], described["dimension"]) == ("demo", HOST, 2)
    assert [one["name"] for one in (await client.ask("GET", "/indexes"))["indexes"]] == ["demo"]
    await client.upsert({"id": "x", "values": [1, 1]}, namespace="new")
    assert (await store.fetch("demo/*", [("new", "x")])).ids == [("new", "x")]
    await client.ask("DELETE", "/namespaces/m")
    assert await store.count("demo/*") == 4
