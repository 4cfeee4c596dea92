"""What the port itself brings: defaults, and secrets that do not show."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vectormigrate.model.batch import Batch
from vectormigrate.model.errors import Unsupported
from vectormigrate.stores.base import Endpoint, Store
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
