"""Records come out, in addresses that gateways take, and what makes no sense is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.conformance.compare import assert_same, ids_of
from tests.conformance.subject import Subject, make_record, make_records, read_all, to_batch
from vectormigrate.model.collection import IdField, IdKind
from vectormigrate.model.errors import StoreBroken, StoreError, Unsupported
from vectormigrate.model.filter import Exists
from vectormigrate.model.query import Query
from vectormigrate.stores.base import Content, Range


async def filled(subject, ids):
    shape = await subject.create()
    records = make_records(shape, ids)
    await subject.store.upsert(shape.name, to_batch(shape, records))
    await subject.store.barrier(shape.name)
    return shape, records


async def test_long_ids_are_fetched_in_several_addresses(subject, service):
    shape, records = await filled(subject, [f"{number:03d}" + "é/ "[1:] * 200 for number in range(40)])
    service.requests.clear()
    got = await subject.store.fetch(shape.name, ids_of(records)[::-1])
    assert_same(got.records(), records[::-1], shape)
    assert len(service.requests) > 3


async def test_an_address_that_is_still_too_long_is_halved(subject, service):
    shape, records = await filled(subject, [f"{number:03d}" for number in range(9)])
    service.failing = [("/vectors/fetch", 414, {}), ("/vectors/fetch", 431, {})]
    assert_same((await subject.store.fetch(shape.name, ids_of(records))).records(), records, shape)
    service.failing = [("/vectors/fetch", 414, {})] * 9
    with pytest.raises(StoreError) as caught:
        await subject.store.fetch(shape.name, ids_of(records)[:1])
    assert not caught.value.retryable
    service.failing.clear()


async def test_a_record_that_goes_between_list_and_fetch_is_left_out(subject, service):
    shape, records = await filled(subject, ["a", "b", "c"])
    service.delays["list"] = 3600
    index = service.index(shape.name)
    service.delete(index, {"ids": ["b"]})
    assert_same(await read_all(subject.store, shape.name, limit=1), [records[0], records[2]], shape)
    service.delays.clear()


@pytest.mark.parametrize(
    "answer",
    [
        {"vectors": [1]},
        {"vectors": {"a": 5}},
        {"vectors": {"a": {"id": "a", "values": [1, 2]}}},
        {"vectors": {"a": {"id": "a", "values": [1, 2, 3, "x"]}}},
        {"vectors": {"a": {"id": "a", "values": [1, 2, 3, 4], "metadata": 5}}},
    ],
)
async def test_a_record_that_makes_no_sense_is_told(subject, service, monkeypatch, answer):
    shape, _ = await filled(subject, ["a"])
    monkeypatch.setattr(service, "fetch", lambda *how: (answer, {}))
    with pytest.raises(StoreBroken):
        await subject.store.fetch(shape.name, ["a"])


async def test_sparse_values_that_nobody_expected_are_not_dropped(subject, service):
    shape, _ = await filled(subject, ["a"])
    vector = {"id": "a", "values": [1, 2, 3, 4], "sparseValues": {"indices": [1], "values": [1.0]}}
    service.upsert(service.index(shape.name), {"vectors": [vector]}, 100)
    with pytest.raises(StoreBroken, match="sparse"):
        await subject.store.fetch(shape.name, ["a"])


async def test_an_id_in_two_partitions_is_told(subject, service):
    shape = await subject.create(partitions=("p", "q"))
    for partition in ("p", "q"):
        vector = {"id": "same", "values": [1, 2, 3, 4]}
        service.upsert(service.index(shape.name), {"vectors": [vector], "namespace": partition}, 100)
    with pytest.raises(StoreBroken, match="two namespaces"):
        await subject.store.fetch(shape.name, ["same"])
    with pytest.raises(StoreBroken, match="two namespaces"):
        await read_all(subject.store, shape.name)


async def test_partitions_are_merged_in_the_order_of_ids(subject, service):
    service.page = 3
    shape = await subject.create(partitions=("p", "q", "r"))
    ids = [f"{number:02d}" for number in range(40)]
    records = [make_record(shape, one, (place * 7) % 5) for place, one in enumerate(ids)]
    await subject.store.upsert(shape.name, to_batch(shape, records))
    assert_same(await read_all(subject.store, shape.name, limit=4), records, shape)
    cut = subject.store.cursor_of("17")
    assert ids_of(await read_all(subject.store, shape.name, Range(cut))) == ids[18:]
    assert ids_of(await read_all(subject.store, shape.name, Range(None, cut))) == ids[:18]


async def test_what_was_never_written_to_is_empty_by_whatever_name(subject):
    shape, _ = await filled(subject, ["a"])
    name = f"{shape.name}/elsewhere"
    assert len(await subject.store.fetch(name, ["a"])) == 0
    assert await read_all(subject.store, name) == []
    assert await subject.store.query(name, Query(np.ones(4, np.float32), "vec")) == []
    assert [page async for page in subject.store.select(name, Exists(("n",)))] == []
    assert len(await subject.store.fetch(shape.name, [5, ("a", "b")])) == 0


async def test_an_id_that_is_not_of_the_keys_kind_is_told(opens, service):
    parts = (IdField("tenant", IdKind.TEXT), IdField("no", IdKind.INT))
    async with Subject(open=lambda: opens(keys="namespaced")).running() as subject:
        shape = subject.shape()
        await subject.store.create(replace(shape, id=IdField("key", IdKind.COMPOUND, parts=parts)))
        vector = {"id": "not a number", "values": [1, 2, 3, 4]}
        service.upsert(service.index(shape.name), {"vectors": [vector], "namespace": "t"}, 100)
        for content in Content:
            with pytest.raises(StoreBroken):
                await read_all(subject.store, shape.name, content=content)


async def test_a_cursor_of_another_collection_is_told(subject):
    shape, _ = await filled(subject, ["a"])
    for cursor in ("i:5", "nonsense"):
        with pytest.raises(Unsupported):
            await read_all(subject.store, shape.name, Range(cursor))


async def test_large_collections_are_counted_by_their_statistics(subject, service, monkeypatch):
    shape, _ = await filled(subject, ["a", "b"])
    service.requests.clear()
    assert await subject.store.count(shape.name) == 2
    assert any(path == "/vectors/list" for _, path, _ in service.requests)
    monkeypatch.setattr(service, "stats", lambda index: {"namespaces": {"": {"vectorCount": 20_000}}})
    service.requests.clear()
    assert await subject.store.count(shape.name) == 20_000
    assert not any(path == "/vectors/list" for _, path, _ in service.requests)
    monkeypatch.setattr(service, "stats", lambda index: {"namespaces": [5]})
    with pytest.raises(StoreBroken):
        await subject.store.count(shape.name)
