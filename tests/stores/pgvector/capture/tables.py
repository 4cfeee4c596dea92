"""What every test of this folder writes to, and how."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager

import psycopg

from tests.fakes.draining import drain
from vectormigrate.stores.base import Content, Endpoint, Range
from vectormigrate.stores.pgvector import open_store

WAYS = ("outbox", "slot")


DOCS = "create table docs (id bigint primary key, title text, embedding vector(3))"


async def installed(capture, writer, *statements):
    for statement in statements or (DOCS,):
        writer.execute(statement)
    await capture.install()
    assert (await drain(capture)).everything


def insert(writer, *ids):
    for key in ids:
        writer.execute("insert into docs values ($1, 'x', '[1,2,3]')", [key])


@contextmanager
def another(dsn, *statements):
    with psycopg.connect(dsn, cursor_factory=psycopg.RawCursor) as connection:
        connection.execute("set synchronous_commit = on")
        connection.commit()
        for statement in statements:
            connection.execute(statement)
        yield connection


async def keys_are_those_of_the_store(capture, writer, dsn, rows):
    for row in rows:
        marks = ", ".join(f"${place}" for place in range(1, len(row) + 1))
        writer.execute(f"insert into docs values ({marks}, '[1]')", row)
    async with open_store(Endpoint("pgvector", dsn)) as store:
        pages = [page async for page in store.scan("docs", Range(), content=Content.IDS)]
        assert (await drain(capture)).ids == {key for page in pages for key in page.batch.ids}
        writer.execute("delete from docs")
        assert len((await drain(capture)).ids) == len(rows)


PARTITIONED = (
    "create table docs (id bigint primary key, title text, embedding vector(3)) partition by range (id)",
    "create table docs_1 partition of docs for values from (0) to (10)",
)


CATALOG = (
    (
        "select n.nspname, c.relname, c.relkind, c.relreplident, c.relacl::text from pg_class c"
        " join pg_namespace n on n.oid = c.relnamespace where n.nspname not in ('pg_toast')"
    ),
    "select nspname, nspacl::text, obj_description(oid, 'pg_namespace') from pg_namespace",
    "select tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), tgenabled from pg_trigger",
    "select pronamespace::regnamespace::text, proname from pg_proc",
    "select pubname from pg_publication",
    "select slot_name from pg_replication_slots",
    (
        "select attrelid::regclass::text, attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute"
        " where attrelid = 'docs'::regclass"
    ),
    "select typnamespace::regnamespace::text, typname from pg_type",
    "select objid::text, refobjid::text from pg_depend where refobjid = 'docs'::regclass",
    "select description from pg_description where objsubid = 0 and classoid = 'pg_namespace'::regclass",
)


def catalog(writer):
    return [sorted(map(repr, writer.execute(query).fetchall())) for query in CATALOG]


END_READER = "select pg_terminate_backend(active_pid, 5000) from pg_replication_slots"


async def until(writer, query):
    async with asyncio.timeout(20):
        while not writer.execute(query).fetchone()[0]:
            await asyncio.sleep(0.01)
