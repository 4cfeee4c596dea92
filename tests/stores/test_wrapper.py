"""A wrapper that adds nothing is the store itself."""

from __future__ import annotations

import pytest

from tests.conformance.suite import ConformanceSuite, Subject
from vectormigrate.model.errors import StoreDown
from vectormigrate.stores.base import Endpoint, Range, Store
from vectormigrate.stores.memory import Database, MemoryStore
from vectormigrate.stores.wrapper import Wrapper


class TestWrapper(ConformanceSuite):
    @pytest.fixture
    def target(self):
        database = Database()
        return Subject(open=lambda: Wrapper(MemoryStore(Endpoint("memory", owner="mig"), database)))

    async def test_it_stands_for_the_inner_store(self, subject: Subject):
        assert subject.store.endpoint == Endpoint("memory", owner="mig")
        assert subject.store.cursor_of(5) == "i:5"
        assert await subject.store.partitions("any") == {}

    async def test_nothing_of_the_port_is_forgotten(self):
        """A method that the wrapper inherits from the port would answer for the inner store without asking it."""
        own = vars(Wrapper).keys()
        port = {name for name in vars(Store) if not name.startswith("_") or name == "__init__"}
        assert port - {"__init__"} <= own

    async def test_an_error_in_a_scan_passes_and_ends_it(self, subject: Subject):
        shape = await subject.create()
        await subject.fill(shape, 4)
        pages = subject.store.scan(shape.name, Range(), limit=2)
        await anext(pages)
        subject.store._inner.database.faults.next_errors.append(StoreDown("down"))
        with pytest.raises(StoreDown):
            await anext(pages)
        with pytest.raises(StopAsyncIteration):
            await anext(pages)
