"""Records written, changed and removed."""

import asyncio
from dataclasses import replace

import pytest

from vectormigrate.model.collection import (
    CollectionShape,
    Field,
    FieldType,
    IdField,
    IdKind,
    KeyOrder,
    VectorField,
)
from vectormigrate.stores.memory import CAPABILITIES

A = {"id": "a", "values": [1, 2, 3], "metadata": {"n": 1, "t": "x"}}


@pytest.fixture
async def client(client):
    await client.create(dimension=3)
    return client


async def test_an_upsert_replaces_the_whole_record(client):
    assert await client.upsert(A, {**A, "id": "b"}) == {"upsertedCount": 2}
    await client.upsert({"id": "a", "values": [3, 2, 1]})
    assert await client.fetch("a", "b") == {
        "a": {"id": "a", "values": [3.0, 2.0, 1.0]},
        "b": {"id": "b", "values": [1.0, 2.0, 3.0], "metadata": {"n": 1.0, "t": "x"}},
    }


async def test_an_upsert_that_is_refused_makes_no_namespace(client):
    for values in ([1, 2], [0, 0, 0]):
        await client.upsert({"id": "a", "values": values}, namespace="n", status=400)
    assert (await client.ask("GET", "/namespaces"))["namespaces"] == []


async def test_of_the_same_id_twice_the_last_one_counts(client):
    await client.upsert(A, {"id": "a", "values": [7, 7, 7]})
    assert (await client.fetch("a"))["a"]["values"] == [7, 7, 7]


async def test_an_upsert_larger_than_the_store_takes_at_once(client, store):
    store.database.capabilities = replace(CAPABILITIES, write_batch=7)
    await client.upsert(*({**A, "id": f"{row:03}"} for row in range(20)))
    stats = await client.ask("POST", "/describe_index_stats", {})
    assert stats["totalVectorCount"] == 20
    await client.ask("POST", "/vectors/delete", {"deleteAll": True})
    assert (await client.ask("POST", "/describe_index_stats", {}))["totalVectorCount"] == 0


async def test_numbers_are_integers_where_the_collection_declares_them(client, store):
    fields = (Field("n", FieldType.INT), Field("t", FieldType.TEXT))
    key = IdField("id", IdKind.TEXT, KeyOrder.BYTES)
    await store.create(CollectionShape("demo/typed", key, (VectorField("v", dim=3),), fields))
    await client.upsert(A, namespace="typed")
    await client.ask("POST", "/vectors/update", {"id": "a", "setMetadata": {"n": 2}, "namespace": "typed"})
    held = (await store.fetch("demo/typed", ["a"])).payload[0]
    assert (held, type(held["n"])) == ({"n": 2, "t": "x"}, int)
    answer = await client.upsert({**A, "metadata": {"n": 1.5}}, namespace="typed", status=400)
    assert answer["code"] == 3


async def test_what_metadata_cannot_say_is_told_as_text(client, store):
    await client.upsert(A)
    await store.patch("demo", ["a"], {"nested": {"x": [1]}, "none": None, "whole": 2**53 + 1})
    shown = (await client.fetch("a"))["a"]["metadata"]
    assert shown == {"n": 1, "t": "x", "_vm_meta": '{"nested":{"x":[1]},"whole":9007199254740993}'}


# Updates.


async def test_an_update_changes_what_it_names(client):
    await client.upsert(A)
    await client.ask("POST", "/vectors/update", {"id": "a", "setMetadata": {"n": 5, "new": ["y"]}})
    await client.ask("POST", "/vectors/update", {"id": "a", "values": [0, 0, 9], "namespace": "__default__"})
    assert (await client.fetch("a"))["a"] == {
        "id": "a", "values": [0, 0, 9], "metadata": {"n": 5, "t": "x", "new": ["y"]},
    }  # fmt: skip


async def test_sparse_values_are_updated_beside_dense_ones(client):
    await client.create(name="hybrid", dimension=2, metric="dotproduct")
    at = "/i/hybrid/vectors"
    vector = {"id": "a", "values": [1, 1], "sparseValues": {"indices": [1], "values": [1]}}
    await client.ask("POST", f"{at}/upsert", {"vectors": [vector]})
    await client.ask(
        "POST", f"{at}/update", {"id": "a", "sparseValues": {"indices": [9, 2], "values": [1, 2]}}
    )
    fetched = await client.ask("GET", f"{at}/fetch", query=b"ids=a")
    assert fetched["vectors"]["a"]["values"] == [1, 1]
    assert fetched["vectors"]["a"]["sparseValues"] == {"indices": [2, 9], "values": [2, 1]}


async def test_an_update_of_what_is_not_there_does_nothing(client):
    await client.ask("POST", "/vectors/update", {"id": "zz", "values": [1, 1, 1], "setMetadata": {"a": 1}})
    await client.ask("POST", "/vectors/update", {"id": "zz", "setMetadata": {"a": 1}, "namespace": "nowhere"})
    gone = {"filter": {"a": 1}, "setMetadata": {"a": 2}, "namespace": "nowhere"}
    assert await client.ask("POST", "/vectors/update", gone) == {"matchedRecords": 0}
    assert await client.fetch("zz") == {}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"id": "a", "filter": {"n": 1}},
        {"filter": {"n": 1}, "values": [1, 1, 1]},
        {"filter": {"n": 1}},
        {"id": "a", "values": [1, 1]},
        {"id": "a", "values": [0, 0, 0]},
        {"id": "a", "setMetadata": {"n": None}},
        {"id": "a", "setMetadata": []},
        {"id": "a", "unknown": 1},
        {"id": "a", "sparseValues": {"indices": [1], "values": [1]}},
        {"filter": {"n": 1}, "setMetadata": {"n": 2}, "dryRun": "yes"},
    ],
)
async def test_an_update_that_cannot_be_meant_is_refused(client, body):
    await client.upsert(A)
    assert (await client.ask("POST", "/vectors/update", body, status=400))["code"] == 3
    assert (await client.fetch("a"))["a"]["metadata"] == {"n": 1, "t": "x"}


async def test_writes_of_one_record_do_not_lose_each_other(client, store):
    await client.upsert(A)
    store.database.faults.latency = 0.001  # every request yields, so that others come between
    writes = [{"id": "a", "values": [1, 1, row + 1]} for row in range(8)]
    writes += [{"id": "a", "setMetadata": {f"k{row}": row}} for row in range(8)]
    async with asyncio.TaskGroup() as group:
        for pair in zip(writes[:8], writes[8:], strict=True):
            for body in pair:
                group.create_task(client.ask("POST", "/vectors/update", body))
    held = (await client.fetch("a"))["a"]["metadata"]
    assert held == {"n": 1, "t": "x", **{f"k{row}": row for row in range(8)}}


async def test_a_delete_by_filter_spares_what_no_longer_matches(client, store, monkeypatch):
    await client.upsert(*({**A, "id": f"{row}"} for row in range(4)))
    delete, writes = store.delete, []

    async def overtaken(collection, ids):
        writes.append(
            group.create_task(client.upsert({"id": "2", "values": [1, 1, 1], "metadata": {"n": 2}}))
        )
        for _ in range(50):  # long enough for the upsert, if it does not wait for its turn
            await asyncio.sleep(0)
        return await delete(collection, ids)

    monkeypatch.setattr(store, "delete", overtaken)
    async with asyncio.TaskGroup() as group:
        await client.ask("POST", "/vectors/delete", {"filter": {"n": 1}})
    assert list(await client.fetch("0", "1", "2", "3")) == ["2"]


async def test_a_delete_by_filter_looks_again_when_it_is_its_turn(client, store, monkeypatch):
    await client.upsert(*({**A, "id": f"{row}"} for row in range(4)))
    select = store.select

    async def overtaken(*arguments, **options):
        async for page in select(*arguments, **options):
            await client.upsert({"id": "2", "values": [1, 1, 1], "metadata": {"n": 2}})
            yield page

    monkeypatch.setattr(store, "select", overtaken)
    await client.ask("POST", "/vectors/delete", {"filter": {"n": 1}})
    assert list(await client.fetch("0", "1", "2", "3")) == ["2"]


@pytest.mark.parametrize("body", [{"ids": ["a"]}, {"deleteAll": True}, {"filter": {"n": 1}}])
async def test_deleting_where_no_namespace_is_says_so(client, body):
    answer = await client.ask("POST", "/vectors/delete", {**body, "namespace": "nowhere"}, status=404)
    assert (answer["code"], answer["message"]) == (5, "Namespace not found")
