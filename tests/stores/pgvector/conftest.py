"""The real server, for every test of this folder."""

from collections.abc import Iterator
from itertools import count

import psycopg
import pytest

from tests.fakes.postgres import postgres_database, postgres_dsn, postgres_server, postgres_shared_dsn
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.pgvector.connections import Connection
from vectormigrate.stores.pgvector.store import PgvectorStore

__all__ = ["postgres_database", "postgres_dsn", "postgres_server", "postgres_shared_dsn"]

_numbers = count(1)


@pytest.fixture
def schema_dsn(postgres_shared_dsn: str) -> str:
    """A database with the extension, in which the search path begins with a schema of the test's own."""
    name = f"own_{next(_numbers)}"
    with psycopg.connect(postgres_shared_dsn, autocommit=True) as connection:
        connection.execute("create extension if not exists vector")
        connection.execute(f"create schema {name}")
    return f"{postgres_shared_dsn}?options=-csearch_path%3D{name},public"


@pytest.fixture
def connection(schema_dsn: str) -> Iterator[Connection]:
    """As the adapter's own connections are, but each statement for itself."""
    with psycopg.connect(
        schema_dsn, autocommit=True, cursor_factory=psycopg.RawCursor, prepare_threshold=None
    ) as made:
        yield made


@pytest.fixture
async def store(schema_dsn: str):
    async with PgvectorStore(Endpoint("pgvector", schema_dsn)) as opened:
        yield opened
