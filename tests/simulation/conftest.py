"""A shell in a directory of its own, and the real stores that a user would name wrongly."""

import shutil
import tempfile
from itertools import count
from pathlib import Path

import psycopg
import pytest

from tests.fakes.milvus import milvus_server, milvus_url
from tests.fakes.terminal import Terminal
from vectormigrate.cli.demo.postgres import EmbeddedPostgres

from .wrong import PASSWORD

__all__ = ["milvus_server", "milvus_url"]

_numbers = count(1)


@pytest.fixture
def terminal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Terminal(tmp_path)


@pytest.fixture(scope="session")
def locked_postgres():
    """A server that wants a password."""
    folder = tempfile.mkdtemp(prefix="vectormigrate-tests-")
    Path(folder).chmod(0o711)
    server = EmbeddedPostgres(Path(folder) / "postgres", durable=False, password=PASSWORD)
    try:
        yield server.start()
    finally:
        server.remove()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def locked_dsn(locked_postgres):
    """The address of a fresh database, password in it."""
    name = f"wrong_{next(_numbers)}"
    with psycopg.connect(locked_postgres.dsn, autocommit=True) as connection:
        connection.execute(f"create database {name} template template0")
    with psycopg.connect(locked_postgres.dsn_for(name), autocommit=True) as connection:
        connection.execute("create extension vector")
    return locked_postgres.dsn_for(name)


@pytest.fixture
def postgres(locked_dsn):
    """A connection to it, as its administrator has."""
    with psycopg.connect(locked_dsn, autocommit=True) as connection:
        yield connection
