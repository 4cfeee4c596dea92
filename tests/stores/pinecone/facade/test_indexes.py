"""Indexes made, described and removed, in both generations of shapes."""

import pytest

from tests.fakes.clock import FakeClock
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, Metric, VectorField, VectorKind
from vectormigrate.stores.front import Standing
from vectormigrate.stores.pinecone.facade import PineconeFacade

from .conftest import HOST, SERVERLESS, Client

NEW = "2026-07"


async def test_an_index_is_described_in_the_generation_of_the_request(client):
    made = await client.create(dimension=8, metric="euclidean")
    old = {
        "name": "demo", "dimension": 8, "metric": "euclidean", "vector_type": "dense", "host": HOST,
        "status": {"ready": True, "state": "Ready"}, "spec": SERVERLESS, "deletion_protection": "disabled",
    }  # fmt: skip
    assert made == old
    assert await client.ask("GET", "/indexes/demo") == old
    new = await client.ask("GET", "/indexes/demo", version=NEW)
    assert new["schema"] == {
        "fields": {"_values": {"type": "dense_vector", "dimension": 8, "metric": "euclidean"}}
    }
    assert new["deployment"]["deployment_type"] == "managed"
    assert "dimension" not in new
    assert await client.ask("GET", "/indexes") == {"indexes": [old]}
    assert await client.ask("GET", "/indexes", version=NEW) == {"indexes": [new]}
    assert await client.ask("GET", "/indexes/demo", version="") == old


@pytest.mark.parametrize(
    ("fields", "kinds"),
    [
        ({"_values": {"type": "dense_vector", "dimension": 4, "metric": "cosine"}}, [VectorKind.DENSE]),
        ({"_sparse_values": {"type": "sparse_vector"}}, [VectorKind.SPARSE]),
        (
            {
                "_values": {"type": "dense_vector", "dimension": 4, "metric": "dotproduct"},
                "_sparse_values": {"type": "sparse_vector"},
            },
            [VectorKind.DENSE, VectorKind.SPARSE],
        ),
    ],
)
async def test_an_index_is_made_of_a_schema(client, store, fields, kinds):
    body = {"name": "made", "schema": {"fields": fields}}
    made = await client.ask("POST", "/indexes", body, status=201, version=NEW)
    assert made["schema"]["fields"] == fields
    assert made["host"] == f"{HOST}/i/made"
    assert [vector.kind for vector in (await store.describe("made")).vectors] == kinds


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"name": "Upper"}, 400),
        ({"name": "x" * 46}, 400),
        ({"name": None}, 400),
        ({"dimension": 0}, 400),
        ({"dimension": 20_001}, 400),
        ({"dimension": None}, 400),
        ({"metric": "manhattan"}, 400),
        ({"deletion_protection": "enabled"}, 501),
        ({"tags": {"a": "b"}}, 501),
        ({"source_collection": "c"}, 501),
    ],
)
async def test_an_index_that_cannot_be_made_is_refused(client, store, change, status):
    body = {"name": "demo", "dimension": 3, "metric": "cosine", "spec": SERVERLESS, **change}
    answer = await client.ask("POST", "/indexes", body, status=status)
    assert answer["status"] == status
    assert answer["error"]["message"]
    assert await store.collections() == []


async def test_a_field_that_only_the_documents_api_reaches_is_refused(client):
    fields = {"embedding": {"type": "dense_vector", "dimension": 4, "metric": "cosine"}}
    await client.ask("POST", "/indexes", {"name": "x", "schema": {"fields": fields}}, status=501, version=NEW)


async def test_sparse_values_are_beside_dense_ones_under_dot_product_only(client, store):
    dense = {"type": "dense_vector", "dimension": 4, "metric": "cosine"}
    fields = {"_values": dense, "_sparse_values": {"type": "sparse_vector"}}
    await client.ask("POST", "/indexes", {"name": "x", "schema": {"fields": fields}}, status=400, version=NEW)
    assert await store.collections() == []


async def test_an_index_that_is_there_is_not_made_again(client):
    await client.create()
    answer = await client.ask(
        "POST", "/indexes", {"name": "demo", "dimension": 3, "spec": SERVERLESS}, status=409
    )
    assert answer["error"]["code"] == "ALREADY_EXISTS"


async def test_nothing_of_an_index_can_be_changed(client):
    described = await client.create()
    assert await client.ask("PATCH", "/indexes/demo", {"deletion_protection": "disabled"}) == described
    for body in (
        {"tags": {"a": "b"}},
        {"deletion_protection": "enabled"},
        {"spec": {"pod": {"replicas": 2}}},
    ):
        await client.ask("PATCH", "/indexes/demo", body, status=501)
    await client.ask("PATCH", "/indexes/other", {"deletion_protection": "disabled"}, status=404)


async def test_an_index_goes_with_its_namespaces(client, store):
    await client.create()
    await client.create(name="demo-2")
    await client.upsert({"id": "a", "values": [1, 1, 1]}, namespace="n")
    response = await client.send("DELETE", "/indexes/demo")
    assert (response.status, response.body) == (202, b"")
    assert await store.collections() == ["demo-2"]
    await client.ask("DELETE", "/indexes/demo", status=404)


async def test_collections_that_are_no_index_are_not_listed(client, store):
    key = IdField("id", IdKind.TEXT)
    await store.create(CollectionShape("odd", key, (VectorField("v", dim=2, metric=Metric.MANHATTAN),)))
    await store.create(CollectionShape("fine", key, (VectorField("v", dim=2, metric=Metric.COSINE),)))
    assert [one["name"] for one in (await client.ask("GET", "/indexes"))["indexes"]] == ["fine"]
    await client.ask("GET", "/indexes/odd", status=501)


async def test_the_data_plane_of_another_index_is_behind_its_prefix(client):
    await client.create()
    await client.create(name="other", dimension=2)
    body = {"vectors": [{"id": "a", "values": [1, 1]}]}
    await client.ask("POST", "/i/other/vectors/upsert", body)
    assert (await client.ask("POST", "/i/other/describe_index_stats", {}))["totalVectorCount"] == 1
    assert (await client.ask("POST", "/describe_index_stats", {}))["totalVectorCount"] == 0
    await client.ask("POST", "/i/nothing/describe_index_stats", {}, status=404)


async def test_without_an_index_of_its_own_there_is_nothing_at_the_root(store):
    client = Client(PineconeFacade(Standing(store), index="", data_host=HOST, clock=FakeClock()))
    assert (await client.create())["host"] == f"{HOST}/i/demo"
    answer = await client.ask("POST", "/describe_index_stats", {}, status=404)
    assert "use the host" in answer["message"]
    await client.ask("POST", "/i/demo/describe_index_stats", {})
