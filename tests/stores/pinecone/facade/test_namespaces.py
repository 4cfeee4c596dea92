"""Namespaces and statistics."""

from dataclasses import replace

import pytest

from vectormigrate.stores.memory import CAPABILITIES

A = {"id": "a", "values": [1, 2, 3]}


@pytest.fixture
async def client(client):
    await client.create(dimension=3)
    return client


async def test_namespaces_are_listed_page_by_page(client):
    for name in ("b", "a2", "a1", "a3"):
        await client.upsert(A, namespace=name)
    page = await client.ask("GET", "/namespaces", query=b"limit=2&prefix=a")
    assert (page["namespaces"], page["total_count"]) == (
        [{"name": "a1", "record_count": 1}, {"name": "a2", "record_count": 1}], 3,
    )  # fmt: skip
    token = page["pagination"]["next"].encode()
    rest = await client.ask("GET", "/namespaces", query=b"limit=2&prefix=a&paginationToken=" + token)
    assert [one["name"] for one in rest["namespaces"]] == ["a3"]
    assert "pagination" not in rest
    await client.ask("GET", "/namespaces", query=b"limit=101", status=400)


async def test_a_namespace_is_made_described_and_removed(client):
    assert await client.ask("POST", "/namespaces", {"name": "n"}) == {"name": "n", "record_count": 0}
    await client.ask("POST", "/namespaces", {"name": "n"}, status=409)
    await client.upsert(A, namespace="n")
    assert await client.ask("GET", "/namespaces/n") == {"name": "n", "record_count": 1}
    assert await client.ask("DELETE", "/namespaces/n") == {}
    await client.ask("GET", "/namespaces/n", status=404)
    await client.ask("DELETE", "/namespaces/n", status=404)


async def test_the_default_namespace_is_emptied_and_the_index_stays(client):
    await client.upsert(A)
    await client.ask("DELETE", "/namespaces/__default__")
    assert await client.fetch("a") == {}
    assert (await client.ask("GET", "/indexes/demo"))["dimension"] == 3


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "é"}, 400),
        ({"name": "x" * 513}, 400),
        ({"name": 5}, 400),
        ({}, 400),
        ({"name": "n", "schema": True}, 400),
        ({"name": "n", "schema": {"fields": {"a": {"filterable": True}}}}, 501),
    ],
)
async def test_a_namespace_that_cannot_be_made_is_refused(client, body, status):
    await client.ask("POST", "/namespaces", body, status=status)
    assert (await client.ask("GET", "/namespaces"))["namespaces"] == []


async def test_statistics(client):
    assert await client.ask("POST", "/describe_index_stats", {}) == {
        "namespaces": {}, "dimension": 3, "indexFullness": 0, "totalVectorCount": 0, "metric": "cosine",
        "vectorType": "dense",
    }  # fmt: skip
    await client.upsert(A)
    await client.upsert(A, {**A, "id": "b"}, namespace="n")
    stats = await client.ask("GET", "/describe_index_stats")
    assert stats["namespaces"] == {"__default__": {"vectorCount": 1}, "n": {"vectorCount": 2}}
    assert stats["totalVectorCount"] == 3
    answer = await client.ask("POST", "/describe_index_stats", {"filter": {"a": 1}}, status=400)
    assert "metadata filtering" in answer["message"]


async def test_there_is_nothing_without_the_index(client):
    for method, path in (("POST", "/describe_index_stats"), ("GET", "/namespaces"), ("GET", "/vectors/list")):
        answer = await client.ask(method, f"/i/nothing{path}", status=404)
        assert answer["code"] == 5


async def test_a_store_that_cannot_have_the_name_says_so(client, store):
    store.database.capabilities = replace(CAPABILITIES, collection_pattern=r"\w+")
    answer = await client.upsert(A, namespace="n", status=501)
    assert "'demo/n'" in answer["message"]
    assert await client.fetch("a", namespace="n") == {}
    body = {"name": "with-hyphen", "dimension": 3, "metric": "cosine", "spec": {"serverless": {}}}
    await client.ask("POST", "/indexes", body, status=501)
