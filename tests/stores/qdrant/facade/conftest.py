"""A facade over the memory store, alone and beside the engine that it is judged by."""

from __future__ import annotations

import pytest

from tests.stores.qdrant.facade.answering import Served, comparing
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.memory import Database, MemoryStore


@pytest.fixture
def store():
    return MemoryStore(Endpoint("memory"), Database())


@pytest.fixture
def served(store):
    return Served(store)


@pytest.fixture
def both():
    with comparing() as comparison:
        yield comparison
