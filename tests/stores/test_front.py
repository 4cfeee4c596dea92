"""The front of a store that nobody migrates: everything goes to the store, nothing is marked."""

from __future__ import annotations

from vectormigrate.model.touch import Ids
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.front import Outcome, Standing
from vectormigrate.stores.memory import Database, MemoryStore


async def test_reads_and_writes_go_to_the_store():
    store = MemoryStore(Endpoint("memory"), Database())
    front = Standing(store)
    assert front.reading("c").store is store
    assert front.reading(None).upstream is None
    async with front.writing({"c": [Ids(("a",))]}, size=10) as write:
        assert write.access.store is store
        write.answered(Outcome.UNRESOLVED)
        await write.named("c", ["a"])
