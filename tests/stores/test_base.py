"""What the port itself brings: defaults, and secrets that do not show."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vectormigrate.model.batch import Batch, batch_of_records
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, KeyOrder
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.filter import Compare, Comparison, Native
from vectormigrate.model.record import Record
from vectormigrate.stores.base import Content, Endpoint, Range, Store
from vectormigrate.stores.memory import CAPABILITIES, Database, MemoryStore


class Closing(MemoryStore):
    closed = 0

    async def close(self) -> None:
        self.closed += 1


def test_an_endpoint_never_shows_its_key():
    assert "hunter2" not in repr(Endpoint("memory", api_key="hunter2"))


async def test_a_store_is_closed_at_the_end_of_its_block_even_after_an_error():
    store = Closing(Endpoint("memory"), Database())

    async def fail() -> None:
        async with store as opened:
            assert opened is store
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert store.closed == 1


async def test_the_defaults_of_a_plain_store():
    store = MemoryStore(Endpoint("memory", "memory://x"), Database(replace(CAPABILITIES, insert_only=False)))
    assert store.key_of(store.cursor_of(("a", 5))) == ("a", 5)
    assert Store.identity(store) == "memory:memory://x"
    assert await Store.settle(store) == 0.0
    with pytest.raises(Unsupported) as caught:
        await Store.insert(store, "c", Batch([]))
    assert (caught.value.collection, "insert-only" in caught.value.message) == ("c", True)


async def test_select_reads_everything_and_keeps_what_matches_in_pages_of_the_asked_size():
    store = MemoryStore(Endpoint("memory"), Database())
    shape = CollectionShape("c", IdField("id", IdKind.INT, KeyOrder.NUMERIC), dynamic=True)
    await store.create(shape)
    await store.upsert(
        "c", batch_of_records([Record(i, payload={"even": i % 2 == 0}) for i in range(20)], ())
    )
    where = Compare(("even",), Comparison.EQ, True)
    pages = [page async for page in Store.select(store, "c", where, Range("i:3"), limit=3)]
    assert [page.batch.ids for page in pages] == [[4, 6, 8], [10, 12, 14], [16, 18]]
    assert pages[0].cursor == store.cursor_of(8)
    assert pages[0].batch.payload == [{"even": True}] * 3
    ids = [page async for page in Store.select(store, "c", where, content=Content.IDS)]
    assert [page.batch.payload[0] for page in ids] == [{}]


async def test_select_refuses_another_vendors_words():
    store = MemoryStore(Endpoint("memory"), Database())
    await store.create(CollectionShape("c", IdField("id", IdKind.INT, KeyOrder.NUMERIC), dynamic=True))
    await store.upsert("c", batch_of_records([Record(1)], ()))
    with pytest.raises(Unsupported, match="qdrant"):
        _ = [page async for page in Store.select(store, "c", Native("qdrant", {}))]
