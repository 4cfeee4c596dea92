"""The raw floors: what the stores can do with nothing of ours in the way. Each runs in a process of its own.

`python -m integration.bench.floors VERB KIND URL COLLECTION RECORDS BATCH` prints the seconds of the work alone:
rows that are to be written are ready as the client wants them before the clock starts, connections are open.

- read: plain `SELECT` (SQLite), binary `COPY TO` (Postgres), `query_iterator` (Milvus);
- write: `executemany` in transactions of a batch (SQLite), one binary `COPY FROM` of ready bytes (Postgres),
  `upsert` of ready arrays, a batch a call (Milvus), into a collection that our store made;
- seed: fill a source collection, not timed.
"""

from __future__ import annotations

import json
import logging
import struct
import sys
import time
from collections.abc import Callable

import apsw
import numpy as np
import psycopg
from pymilvus import DataType, MilvusClient

from integration.bench.data import DIM, Row, chunks
from integration.bench.measure import warm

COLUMNS = "id, embedding, title, number, score, ok, meta"


def sqlite_seed(url: str, collection: str, records: int) -> None:
    connection = apsw.Connection(url)
    connection.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF")
    connection.execute(
        f"CREATE TABLE {collection} (id TEXT PRIMARY KEY, embedding FLOAT[{DIM}], title TEXT, number INTEGER,"
        " score REAL, ok BOOLEAN, meta JSON)"
    )
    for _, rows in chunks(records):
        with connection:
            connection.executemany(f"INSERT INTO {collection} VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def sqlite_read(url: str, collection: str) -> float:
    connection = apsw.Connection(url)
    began = time.perf_counter()
    for _ in connection.execute(f"SELECT {COLUMNS} FROM {collection}"):
        pass
    return time.perf_counter() - began


def sqlite_write(url: str, collection: str, records: int, batch: int) -> float:
    connection = apsw.Connection(url)
    ready = [rows for _, rows in chunks(records)]
    warm(records)
    began = time.perf_counter()
    for rows in ready:
        for start in range(0, len(rows), batch):
            with connection:
                connection.executemany(
                    f"INSERT INTO {collection} ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    rows[start : start + batch],
                )
    return time.perf_counter() - began


def postgres_seed(url: str, collection: str, records: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.execute(
            f'CREATE TABLE {collection} (id text COLLATE "C" PRIMARY KEY, embedding vector({DIM}), title text,'
            " number bigint, score double precision, ok boolean, meta jsonb)"
        )
    postgres_write(url, collection, records, 0)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"VACUUM ANALYZE {collection}")


def postgres_read(url: str, collection: str) -> float:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        began = time.perf_counter()
        with cursor.copy(f"COPY (SELECT {COLUMNS} FROM {collection}) TO STDOUT (FORMAT BINARY)") as copy:
            for _ in copy:
                pass
        return time.perf_counter() - began


def postgres_write(url: str, collection: str, records: int, _: int) -> float:
    ready = [b"".join(map(_encoded, rows)) for _, rows in chunks(records)]
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        warm(records)
        began = time.perf_counter()
        with cursor.copy(f"COPY {collection} ({COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0))
            for part in ready:
                copy.write(part)
            copy.write(struct.pack(">h", -1))
        connection.commit()
        return time.perf_counter() - began


def _encoded(row: Row) -> bytes:
    vector = struct.pack(">HH", DIM, 0) + np.frombuffer(row[1], np.float32).astype(">f4").tobytes()
    fields = (
        row[0].encode(),
        vector,
        row[2].encode(),
        struct.pack(">q", row[3]),
        struct.pack(">d", row[4]),
        struct.pack(">?", row[5]),
        b"\x01" + row[6].encode(),
    )
    return struct.pack(">h", len(fields)) + b"".join(
        struct.pack(">i", len(field)) + field for field in fields
    )


def milvus_seed(url: str, collection: str, records: int) -> None:
    client = MilvusClient(url)
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=64)
    schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=DIM)
    schema.add_field("title", DataType.VARCHAR, max_length=200)
    schema.add_field("number", DataType.INT64)
    schema.add_field("score", DataType.DOUBLE)
    schema.add_field("ok", DataType.BOOL)
    schema.add_field("meta", DataType.JSON)
    index = client.prepare_index_params()
    index.add_index("embedding", index_type="FLAT", metric_type="COSINE")
    client.create_collection(collection, schema=schema, index_params=index)
    milvus_write(url, collection, records, 2000)
    client.flush(collection)


def milvus_read(url: str, collection: str) -> float:
    client = MilvusClient(url)
    client.load_collection(collection)
    began = time.perf_counter()
    iterator = client.query_iterator(collection, batch_size=5000, output_fields=["*"])
    while iterator.next():
        pass
    return time.perf_counter() - began


def milvus_write(url: str, collection: str, records: int, batch: int) -> float:
    client = MilvusClient(url)
    names = COLUMNS.split(", ")
    seconds = 0.0
    for vectors, rows in chunks(records):
        ready = [
            dict(zip(names, (row[0], vector, *row[2:6], json.loads(row[6])), strict=True))
            for vector, row in zip(vectors, rows, strict=True)
        ]
        began = time.perf_counter()
        for start in range(0, len(ready), batch):
            client.upsert(collection, ready[start : start + batch])
        seconds += time.perf_counter() - began
    return seconds


SEED: dict[str, Callable[[str, str, int], None]] = {
    "sqlite": sqlite_seed,
    "pgvector": postgres_seed,
    "milvus": milvus_seed,
}
READ: dict[str, Callable[[str, str], float]] = {
    "sqlite": sqlite_read,
    "pgvector": postgres_read,
    "milvus": milvus_read,
}
WRITE: dict[str, Callable[[str, str, int, int], float]] = {
    "sqlite": sqlite_write,
    "pgvector": postgres_write,
    "milvus": milvus_write,
}


def main() -> None:
    """Do what the command line says and print the seconds."""
    logging.disable(logging.ERROR)
    verb, kind, url, collection, records, batch = sys.argv[1:]
    match verb:
        case "seed":
            SEED[kind](url, collection, int(records))
            print(0.0)
        case "read":
            print(READ[kind](url, collection))
        case "write":
            print(WRITE[kind](url, collection, int(records), int(batch)))
        case _:
            raise SystemExit(f"unknown verb {verb}")


if __name__ == "__main__":
    main()
