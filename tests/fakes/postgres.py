"""A PostgreSQL for the tests: one server a test process, a fresh database a test.

Import the fixtures by name into the `conftest.py` or the module that wants them. `postgres_server` is the server,
`postgres_database` makes databases (and drops them at the end of the test), `postgres_dsn` is the DSN of one.
A database costs a tenth of a second: tests that only make tables of their own share `postgres_shared_dsn`.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from vectormigrate.cli.demo.postgres import EmbeddedPostgres

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """A running server without fsync, shared by all tests of this process."""
    folder = tempfile.mkdtemp(prefix="vectormigrate-tests-")
    Path(folder).chmod(0o711)
    settings = {
        "shared_buffers": "64MB",
        "max_connections": "60",
        "autovacuum": "off",
        "wal_level": "logical",
    }
    server = EmbeddedPostgres(Path(folder) / "postgres", durable=False, settings=settings)
    try:
        yield server.start()
    finally:
        server.remove()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_shared_dsn(postgres_server: EmbeddedPostgres) -> str:
    """The DSN of one database for many tests, each with tables of its own names; without the extension at first."""
    with psycopg.connect(postgres_server.dsn, autocommit=True) as connection:
        connection.execute("create database shared template template0")
    return postgres_server.dsn_for("shared")


@pytest.fixture
def postgres_database(postgres_server: EmbeddedPostgres) -> Iterator[Callable[[], str]]:
    """Makes a fresh, empty database without the extension at each call and returns its DSN."""
    made: list[str] = []

    def make() -> str:
        name = f"test_{next(_numbers)}"
        with psycopg.connect(postgres_server.dsn, autocommit=True) as connection:
            connection.execute(f"create database {name} template template0")
        made.append(name)
        return postgres_server.dsn_for(name)

    yield make
    with psycopg.connect(postgres_server.dsn, autocommit=True) as connection:
        for name in made:
            connection.execute(f"drop database if exists {name} with (force)")


@pytest.fixture
def postgres_dsn(postgres_database: Callable[[], str]) -> str:
    """The DSN of a fresh, empty database."""
    return postgres_database()
