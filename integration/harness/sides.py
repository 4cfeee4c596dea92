"""One side of a migration, filled, changed and read by the vendor's own client, never by our stores."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import psycopg
import pyarrow.parquet as pq
from pgvector.psycopg import register_vector
from pymilvus import DataType

from tests.fakes.milvus import vendor_client

from . import runs
from .records import DIM, Item, canonical


class Side(ABC):
    """A store under test with one collection in it."""

    kind: str
    url: str
    _connection: Any

    def arguments(self, side: str, collection: str) -> list[str]:
        """Command line flags that name this side."""
        return [f"--{side}-type", self.kind, f"--{side}-url", self.url, f"--{side}-index", collection]

    @abstractmethod
    def create(self, collection: str) -> None:
        """Make an empty collection of the test's shape, as a user of the vendor would."""

    @abstractmethod
    def put(self, collection: str, items: Iterable[Item]) -> None:
        """Add or replace records."""

    @abstractmethod
    def delete(self, collection: str, ids: list[str]) -> None:
        """Remove records."""

    @abstractmethod
    def read(self, collection: str) -> dict[str, Item]:
        """Every record. An absent collection is empty."""

    @abstractmethod
    def drop(self, collection: str) -> None:
        """Remove the collection if it is there."""

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()


class WatchableSide(Side):
    """A store with triggers: it can tell which run wrote which record, so what is copied again can be counted."""

    @abstractmethod
    def watch(self, collection: str) -> None:
        """Log every write of a record from now on."""

    @abstractmethod
    def begin_run(self, number: int) -> None:
        """Writes belong to this run from now on."""

    @abstractmethod
    def writes(self) -> list[tuple[int, str]]:
        """Run and id of every write that was logged."""


class SqliteSide(WatchableSide):
    """A table in a SQLite file."""

    kind = "sqlite"

    def __init__(self, path: Path) -> None:
        self.url = str(path)
        self._connection = apsw.Connection(self.url)
        self._connection.set_busy_timeout(20_000)
        self._connection.execute("PRAGMA journal_mode=WAL")

    def create(self, collection: str) -> None:
        self._connection.execute(
            f"CREATE TABLE {collection} (id TEXT PRIMARY KEY, embedding FLOAT[{DIM}], title TEXT, number INTEGER,"
            " score REAL, ok BOOLEAN, meta JSON)"
        )

    def put(self, collection: str, items: Iterable[Item]) -> None:
        with self._connection:
            self._connection.executemany(
                f"INSERT OR REPLACE INTO {collection} VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    (one.id, one.vector, one.title, one.number, one.score, int(one.ok), one.meta)
                    for one in items
                ),
            )

    def delete(self, collection: str, ids: list[str]) -> None:
        with self._connection:
            self._connection.executemany(f"DELETE FROM {collection} WHERE id = ?", [(one,) for one in ids])

    def read(self, collection: str) -> dict[str, Item]:
        if not self._connection.execute(
            "SELECT 1 FROM sqlite_schema WHERE name = ?", (collection,)
        ).fetchone():
            return {}
        rows = self._connection.execute(
            f"SELECT id, embedding, title, number, score, ok, meta FROM {collection}"
        )
        return {
            key: Item(key, bytes(vector), title, number, score, bool(ok), canonical(meta))
            for key, vector, title, number, score, ok, meta in rows
        }

    def drop(self, collection: str) -> None:
        self._connection.execute(f"DROP TABLE IF EXISTS {collection}")

    def watch(self, collection: str) -> None:
        self._connection.execute(
            "DROP TABLE IF EXISTS write_log; DROP TABLE IF EXISTS present_run;"
            "CREATE TABLE write_log (run INTEGER, id TEXT); CREATE TABLE present_run (run INTEGER);"
            "INSERT INTO present_run VALUES (0);"
            + "".join(
                f"CREATE TRIGGER log_{verb} AFTER {verb} ON {collection} BEGIN"
                " INSERT INTO write_log SELECT run, NEW.id FROM present_run; END;"
                for verb in ("INSERT", "UPDATE")
            )
        )

    def begin_run(self, number: int) -> None:
        self._connection.execute("UPDATE present_run SET run = ?", (number,))

    def writes(self) -> list[tuple[int, str]]:
        return [(run, key) for run, key in self._connection.execute("SELECT run, id FROM write_log")]


class PostgresSide(WatchableSide):
    """A table in PostgreSQL with pgvector."""

    kind = "pgvector"

    def __init__(self, dsn: str) -> None:
        self.url = dsn
        self._connection = psycopg.connect(dsn, autocommit=True)
        self._connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        register_vector(self._connection)

    def create(self, collection: str) -> None:
        self._connection.execute(
            f"CREATE TABLE {collection} (id text PRIMARY KEY, embedding vector({DIM}), title text, number bigint,"
            " score double precision, ok boolean, meta jsonb)"
        )

    def put(self, collection: str, items: Iterable[Item]) -> None:
        rows = [
            (
                one.id,
                np.frombuffer(one.vector, np.float32),
                one.title,
                one.number,
                one.score,
                one.ok,
                one.meta,
            )
            for one in items
        ]
        with self._connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO {collection} VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET"
                " embedding = excluded.embedding, title = excluded.title, number = excluded.number,"
                " score = excluded.score, ok = excluded.ok, meta = excluded.meta",
                rows,
            )

    def delete(self, collection: str, ids: list[str]) -> None:
        self._connection.execute(f"DELETE FROM {collection} WHERE id = ANY(%s)", (ids,))

    def read(self, collection: str) -> dict[str, Item]:
        if self._connection.execute("SELECT to_regclass(%s)", (collection,)).fetchone() == (None,):
            return {}
        rows = self._connection.execute(
            f"SELECT id, embedding, title, number, score, ok, meta FROM {collection}", binary=True
        )
        return {
            key: Item(key, _bytes(vector), title, number, score, ok, canonical(meta))
            for key, vector, title, number, score, ok, meta in rows
        }

    def drop(self, collection: str) -> None:
        self._connection.execute(f"DROP TABLE IF EXISTS {collection}")

    def watch(self, collection: str) -> None:
        self._connection.execute(
            "DROP TABLE IF EXISTS write_log; DROP TABLE IF EXISTS present_run;"
            "CREATE TABLE write_log (run integer, id text); CREATE TABLE present_run (run integer);"
            "INSERT INTO present_run VALUES (0);"
            "CREATE OR REPLACE FUNCTION log_write() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN INSERT INTO write_log SELECT run, NEW.id FROM present_run; RETURN NULL; END';"
            f"CREATE TRIGGER log_write AFTER INSERT OR UPDATE ON {collection}"
            " FOR EACH ROW EXECUTE FUNCTION log_write()"
        )

    def begin_run(self, number: int) -> None:
        self._connection.execute("UPDATE present_run SET run = %s", (number,))

    def writes(self) -> list[tuple[int, str]]:
        return [
            (run, key) for run, key in self._connection.execute("SELECT run, id FROM write_log").fetchall()
        ]


class MilvusSide(Side):
    """A collection in Milvus."""

    kind = "milvus"

    def __init__(self, url: str) -> None:
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        self.url = url
        self._connection = self._client = vendor_client(url)

    def create(self, collection: str) -> None:
        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=64)
        schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=DIM)
        schema.add_field("title", DataType.VARCHAR, max_length=200)
        schema.add_field("number", DataType.INT64)
        schema.add_field("score", DataType.DOUBLE)
        schema.add_field("ok", DataType.BOOL)
        schema.add_field("meta", DataType.JSON)
        index = self._client.prepare_index_params()
        index.add_index("embedding", index_type="FLAT", metric_type="COSINE")
        self._client.create_collection(collection, schema=schema, index_params=index)

    def put(self, collection: str, items: Iterable[Item]) -> None:
        rows = (
            {
                "id": one.id,
                "embedding": np.frombuffer(one.vector, np.float32),
                "title": one.title,
                "number": one.number,
                "score": one.score,
                "ok": one.ok,
                "meta": json.loads(one.meta),
            }
            for one in items
        )
        while part := list(islice(rows, 2000)):
            self._client.upsert(collection, part)

    def delete(self, collection: str, ids: list[str]) -> None:
        for start in range(0, len(ids), 1000):
            self._client.delete(collection, ids=ids[start : start + 1000])

    def read(self, collection: str) -> dict[str, Item]:
        if not self._client.has_collection(collection):
            return {}
        self._client.load_collection(collection)
        iterator = self._client.query_iterator(
            collection, batch_size=5000, output_fields=["*"], consistency_level="Strong"
        )
        found: dict[str, Item] = {}
        while page := iterator.next():
            for row in page:
                found[row["id"]] = Item(
                    row["id"],
                    np.asarray(row["embedding"], np.float32).tobytes(),
                    row["title"],
                    row["number"],
                    row["score"],
                    row["ok"],
                    canonical(row["meta"]),
                )
        iterator.close()
        return found

    def drop(self, collection: str) -> None:
        if self._client.has_collection(collection):
            self._client.drop_collection(collection)


class ParquetSide(Side):
    """A folder of snapshots, read by plain pyarrow. What is there before, `export` has made of a SQLite file."""

    kind = "parquet"

    def __init__(self, folder: Path) -> None:
        self.url = str(folder)
        self._beside = SqliteSide(folder.with_suffix(".db"))

    def create(self, collection: str) -> None:
        self._beside.drop(collection)
        self._beside.create(collection)

    def put(self, collection: str, items: Iterable[Item]) -> None:
        self._beside.put(collection, items)
        arguments = ("export", "made", self.url, *self._beside.arguments("source", collection))
        with tempfile.TemporaryDirectory() as folder:
            runs.run(*arguments, state=Path(folder) / "state.db")

    def delete(self, collection: str, ids: list[str]) -> None:
        raise AssertionError("nobody else changes a snapshot")

    def read(self, collection: str) -> dict[str, Item]:
        folder = Path(self.url, collection)
        if not folder.exists():
            return {}
        assert not list(folder.glob("_log/*")), "what is through leaves no log"
        table = pq.read_table(folder)
        vectors = table.column("vector.embedding").combine_chunks().values.to_numpy().reshape(-1, DIM)
        found: dict[str, Item] = {}
        for row, (key, text) in enumerate(zip(*map(table.column, ("id", "payload")), strict=True)):
            payload = json.loads(text.as_py())
            plain = (payload[name] for name in ("title", "number", "score", "ok"))
            found[key.as_py()] = Item(key.as_py(), vectors[row].tobytes(), *plain, canonical(payload["meta"]))
        return found

    def drop(self, collection: str) -> None:
        shutil.rmtree(Path(self.url, collection), ignore_errors=True)

    def close(self) -> None:
        self._beside.close()


def _bytes(vector: Any) -> bytes:
    values = vector.to_numpy() if hasattr(vector, "to_numpy") else vector
    return np.asarray(values, np.float32).tobytes()
