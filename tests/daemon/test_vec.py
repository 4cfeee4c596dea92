"""Vectors moved by the words of qortex: its file, its table, its variables; and objects of a caller."""

import apsw
import numpy as np
import psycopg
import pytest
import sqlite_vec

import vectormigrate
from tests.fakes.postgres import postgres_database, postgres_server
from vectormigrate import MigrateResult, migrate_vec
from vectormigrate.daemon.vec import KINDS, destination, move, place
from vectormigrate.model.errors import UsageError, VectormigrateError
from vectormigrate.stores import registry
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.memory import forget

__all__ = ["postgres_database", "postgres_server"]


def qortex_file(path, count=12, dim=4):
    """As qortex makes it: text ids in vec_meta, vectors in a vec0 table."""
    connection = apsw.Connection(str(path))
    connection.enable_load_extension(True)
    connection.load_extension(sqlite_vec.loadable_path())
    connection.execute(f"CREATE VIRTUAL TABLE vec_index USING vec0(embedding float[{dim}])")
    connection.execute("CREATE TABLE vec_meta (id TEXT PRIMARY KEY, row_id INTEGER NOT NULL UNIQUE)")
    for row, vector in enumerate(vectors(count, dim), 1):
        connection.execute("INSERT INTO vec_index (rowid, embedding) VALUES (?, ?)", (row, vector.tobytes()))
        connection.execute("INSERT INTO vec_meta VALUES (?, ?)", (f"concept:{row}", row))
    connection.close()


def vectors(count, dim=4):
    return np.random.default_rng(3).standard_normal((count, dim)).astype("f4")


async def test_from_its_file_into_a_fresh_postgres_and_again(tmp_path, postgres_database):
    qortex_file(tmp_path / "vectors.db")
    dsn = postgres_database()
    environ = {"QORTEX_VEC_PATH": str(tmp_path / "vectors.db"), "PGVECTOR_DSN": dsn}
    dry = await move("sqlite", "pgvector", batch_size=5, dry_run=True, environ=environ)
    assert (dry.vectors_read, dry.vectors_written, dry.dry_run) == (12, 0, True)
    for _ in range(2):
        done = await move("sqlite", "pgvector", batch_size=5, dry_run=False, environ=environ)
        assert (done.source_type, done.dest_type) == ("sqlite", "pgvector")
        assert (done.vectors_read, done.vectors_written) == (12, 12)
        assert done.batches >= 3
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("SELECT id, embedding::text FROM qortex_vectors ORDER BY id").fetchall()
    assert len(rows) == 12
    found = dict(rows)
    told = np.array([float(one) for one in found["concept:1"].strip("[]").split(",")], "f4")
    np.testing.assert_array_equal(told, vectors(12)[0])


async def test_a_file_that_is_not_there_and_a_memory_that_is_empty(tmp_path):
    environ = {"HOME": str(tmp_path), "QORTEX_VEC": "memory"}
    with pytest.raises(VectormigrateError, match="qortex"):
        await move("sqlite", "memory", batch_size=5, dry_run=False, environ=environ)
    forget("")
    environ["PGVECTOR_DSN"] = "postgresql://127.0.0.1:1/none"
    qortex_file(tmp_path / "other.db", 1)
    environ["QORTEX_VEC_PATH"] = str(tmp_path / "other.db")
    done = await move("memory", "sqlite", batch_size=5, dry_run=False, environ=environ)
    assert (done.vectors_read, done.batches) == (0, 0)


@pytest.mark.parametrize("size", [0, -1, 10_001])
async def test_a_batch_size_that_never_ends_is_refused(size):
    with pytest.raises(UsageError, match="batch_size must be a whole number from 1"):
        await move("sqlite", "pgvector", batch_size=size, dry_run=False, environ={})
    with pytest.raises(UsageError, match="batch_size"):
        await migrate_vec(Plain(), Plain(), batch_size=size)


async def test_places_by_their_variables(tmp_path):
    assert place("sqlite", {"HOME": str(tmp_path)}).url == f"{tmp_path}/.qortex/vectors.db"
    assert place("pgvector", {}).url == "postgresql://qortex:qortex@localhost:5432/qortex"
    given = {"PGVECTOR_HOST": "db", "PGVECTOR_USER": "a b", "PGVECTOR_PASSWORD": "p@:", "PGVECTOR_DB": "v"}
    assert place("pgvector", given).url == "postgresql://a+b:p%40%3A@db:5432/v"
    assert place("numpy", {}).kind == "memory"
    assert {place(kind, {}).kind for kind in KINDS} == set(KINDS)
    with pytest.raises(UsageError, match="no place of the kind"):
        place("oracle", {})
    assert destination(None, {"QORTEX_VEC": "pgvector"}) == "pgvector"
    assert destination("sqlite", {"QORTEX_VEC": "pgvector"}) == "sqlite"
    with pytest.raises(UsageError, match="where to is not said"):
        destination(None, {})
    with pytest.raises(UsageError, match="are the same"):
        await move("sqlite", "sqlite", batch_size=5, dry_run=False, environ={"HOME": "/x"})


class Plain:
    """Somebody's own index, in the shape that qortex has."""

    def __init__(self, count=0):
        self.held = {f"id{row}": list(map(float, one)) for row, one in enumerate(vectors(count))}
        self.kept = False

    def __len__(self):
        return len(self.held)

    async def iter_all(self, batch_size):
        ids = list(self.held)
        for start in range(0, len(ids), batch_size):
            page = ids[start : start + batch_size]
            yield page, [self.held[one] for one in page]

    async def add(self, ids, embeddings):
        self.held |= dict(zip(ids, embeddings, strict=True))

    async def persist(self):
        self.kept = True


class Older(Plain):
    """The same without a coroutine."""

    def iter_all(self, batch_size):
        yield ["a", "b", "a"], [[1.0] * 4, [2.0] * 4, [3.0] * 4]

    def add(self, ids, embeddings):
        assert len(set(ids)) == len(ids)
        self.held |= dict(zip(ids, embeddings, strict=True))

    def persist(self):
        self.kept = True


async def test_objects_of_a_caller():
    source, target, told = Plain(7), Plain(), []
    dry = await migrate_vec(source, target, batch_size=3, dry_run=True)
    assert (dry.vectors_read, dry.vectors_written, target.held, target.kept) == (7, 0, {}, False)
    done = await migrate_vec(source, target, batch_size=3, on_progress=lambda *now: told.append(now))
    assert (done.source_type, done.dest_type, done.batches, done.vectors_written) == ("Plain", "Plain", 3, 7)
    assert told == [(3, 7), (6, 7), (7, 7)]
    assert target.held == source.held
    assert target.kept
    with pytest.raises(UsageError, match="are the same"):
        await migrate_vec(source, source)


async def test_an_id_that_comes_twice_in_a_batch_arrives_once_and_last():
    target = Older()
    done = await migrate_vec(Older(), target)
    assert (done.vectors_read, done.vectors_written) == (3, 2)
    assert target.held == {"a": [3.0] * 4, "b": [2.0] * 4}


async def test_stores_of_ours_on_either_side():
    async with registry.open_store(Endpoint("memory", "vec-test")) as store:
        done = await migrate_vec(Plain(5), store, batch_size=2)
        assert (done.dest_type, done.vectors_written) == ("memory", 5)
        assert await store.count("vectors") == 5
        back = Plain()
        assert (await migrate_vec(store, back, batch_size=2)).source_type == "memory"
        assert back.held == Plain(5).held
    forget("vec-test")


def test_the_names_are_where_they_are_looked_for():
    assert vectormigrate.MigrateResult is MigrateResult
    with pytest.raises(AttributeError):
        _ = vectormigrate.nothing
