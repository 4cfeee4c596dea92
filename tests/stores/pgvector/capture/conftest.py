"""Captures of both ways, of a table of the test's own."""

from __future__ import annotations

import pytest

from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.pgvector import open_capture

from .tables import WAYS


@pytest.fixture
def writer(connection):
    connection.execute("set synchronous_commit = on")
    return connection


@pytest.fixture
def opened(schema_dsn):
    def open_one(way: str, owner: str = "m", dsn: str = schema_dsn):
        return open_capture(Endpoint("pgvector", dsn, owner=owner, options={"capture": way}), "docs")

    return open_one


@pytest.fixture(params=WAYS)
async def capture(request, opened):
    async with opened(request.param) as made:
        yield made
        await made.remove()


@pytest.fixture
async def triggers(opened):
    async with opened("outbox") as made:
        yield made
        await made.remove()


@pytest.fixture
async def slot(opened):
    async with opened("slot") as made:
        yield made
        await made.remove()
