"""Ranges over both kinds of ids, filters in a scan, names of one server, and that nothing dials before it must."""

from contextlib import aclosing
from dataclasses import replace
from uuid import UUID

import numpy as np
import pytest

from tests.conformance.subject import make_records, read_all, to_batch
from vectormigrate.model.batch import Batch, DenseColumn
from vectormigrate.model.errors import StoreError, Unsupported
from vectormigrate.model.filter import Compare, Comparison, Exists, Native, matches
from vectormigrate.stores.base import Content, Endpoint, Range
from vectormigrate.stores.qdrant import open_store
from vectormigrate.stores.qdrant.store import port

EDGES = [0, 1, 2**63 - 1, 2**63, 2**64 - 1, UUID(int=0), UUID(int=1), UUID(int=2**127), UUID(int=2**128 - 1)]


async def written(subject, ids):
    shape = await subject.create(fields=[], dynamic=True)
    records = make_records(shape, ids)
    await subject.store.upsert(shape.name, to_batch(shape, records))
    return shape, records


async def test_ids_at_every_edge_come_in_order(subject):
    shape, _ = await written(subject, EDGES[::-1])
    assert [record.id for record in await read_all(subject.store, shape.name, limit=2)] == EDGES
    for place, record_id in enumerate(EDGES):
        cursor = subject.store.cursor_of(record_id)
        rest = await read_all(subject.store, shape.name, Range(cursor), limit=4, content=Content.IDS)
        assert [record.id for record in rest] == EDGES[place + 1 :]
        first = await read_all(subject.store, shape.name, Range(None, cursor), limit=4)
        assert [record.id for record in first] == EDGES[: place + 1]


async def test_a_range_may_be_empty(subject):
    shape, _ = await written(subject, EDGES)
    last = subject.store.cursor_of(EDGES[-1])
    assert await read_all(subject.store, shape.name, Range(last)) == []
    between = Range(subject.store.cursor_of(5), subject.store.cursor_of(7))
    assert await read_all(subject.store, shape.name, between) == []


async def test_large_collections_are_cut_by_a_sample(subject, monkeypatch):
    ids = [*range(150), *(UUID(int=number << 100) for number in range(1, 151))]
    shape, _ = await written(subject, ids)
    monkeypatch.setattr(port, "_LISTED", 100)
    monkeypatch.setattr(port, "_SAMPLES", 30)
    ranges = await subject.store.split(shape.name, 5)
    parts = [await read_all(subject.store, shape.name, span, content=Content.IDS) for span in ranges]
    assert [record.id for part in parts for record in part] == ids
    assert len(ranges) == 5
    assert max(map(len, parts)) < 150


async def test_a_server_that_draws_no_samples_lists_its_ids(subject, monkeypatch):
    shape, _ = await written(subject, [*range(30)])
    monkeypatch.setattr(port, "_LISTED", 10)

    def refuse(*_):
        raise StoreError("no such query")

    monkeypatch.setattr(subject.store._reader, "sample", refuse)
    ranges = await subject.store.split(shape.name, 3)
    assert [len(await read_all(subject.store, shape.name, span)) for span in ranges] == [10, 10, 10]


async def selected(store, collection, where, **how):
    async with aclosing(store.select(collection, where, **how)) as pages:
        return [record_id async for page in pages for record_id in page.batch.ids]


async def test_a_filter_is_the_servers_where_it_has_the_words(subject, qdrant_server):
    shape, records = await written(subject, [*range(20)])
    where = Compare(("n",), Comparison.GTE, 12)
    wanted = [record.id for record in records if matches(where, record.id, record.payload)]
    qdrant_server.seen.clear()
    assert await selected(subject.store, shape.name, where, limit=3) == wanted
    assert any(b'"filter"' in body for _, _, _, body in qdrant_server.seen)
    upper = Range(subject.store.cursor_of(13), subject.store.cursor_of(15))
    assert await selected(subject.store, shape.name, where, span=upper, content=Content.IDS) == [14, 15]
    native = Native("qdrant", {"must": [{"key": "n", "range": {"lt": 2}}]})
    assert await selected(subject.store, shape.name, native) == [0, 1]


async def test_a_filter_is_ours_where_the_server_has_no_words(subject):
    shape, _ = await written(subject, [*range(5)])
    await subject.store.upsert(
        shape.name, Batch([9], {"vec": DenseColumn(np.ones((1, 4), np.float32))}, [{"x": []}])
    )
    assert await selected(subject.store, shape.name, Exists(("x",))) == [9]
    with pytest.raises(Unsupported):
        await selected(subject.store, shape.name, Native("pinecone", {}))


async def test_one_server_has_one_identity(qdrant_server):
    stores = [
        open_store(Endpoint("qdrant", f"http://{host}:{qdrant_server.server_port}"))
        for host in ("127.0.0.1", "localhost", "LOCALHOST")
    ]
    assert len({store.identity() for store in stores}) == 1
    for store in stores:
        await store.close()


async def test_an_alias_leads_to_the_same_place(subject, qdrant_server):
    shape, records = await written(subject, [1, 2])
    alias = shape.name + "-alias"
    qdrant_server.database.alias(
        {"actions": [{"create_alias": {"collection_name": shape.name, "alias_name": alias}}]}
    )
    assert await subject.store.locate(alias) == await subject.store.locate(shape.name)
    assert len(await read_all(subject.store, alias)) == len(records)
    described = await subject.store.describe(alias)
    assert replace(described, name=shape.name) == await subject.store.describe(shape.name)


async def test_strays_are_waited_for():
    store = open_store(Endpoint("qdrant", "http://127.0.0.1:1", options={"quarantine": "5"}))
    assert await store.settle() == 5.0
    assert store.capabilities.normalises_cosine
    await store.close()
    await store.close()


async def test_how_records_go_is_told(subject):
    info = await subject.store.info()
    assert ("grpc" in info.details["records by"]) == subject.store._link.fast


async def test_strict_mode_is_kept_to(subject):
    strict = {"enabled": True, "max_query_limit": 7, "upsert_max_batchsize": 4}
    wanted = replace(
        subject.shape(fields=[], dynamic=True), native={"qdrant": {"strict_mode_config": strict}}
    )
    shape = await subject.store.create(wanted)
    assert shape.native["qdrant"]["strict_mode_config"] == strict
    records = make_records(shape, [*range(30)])
    assert (await subject.store.upsert(shape.name, to_batch(shape, records))).acknowledged == 30
    assert len(await read_all(subject.store, shape.name)) == 30
    assert len(await subject.store.split(shape.name, 3)) == 3
    assert len(subject.store._reader.sample(shape.name, 20)) == 7
