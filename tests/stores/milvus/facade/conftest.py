"""A facade over the memory store."""

from __future__ import annotations

import pytest

from tests.stores.milvus.facade.answering import Served
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.memory import Database, MemoryStore


@pytest.fixture
def store():
    return MemoryStore(Endpoint("memory"), Database())


@pytest.fixture
def served(store):
    return Served(store)
