"""What slot and outbox see of real writers, and that neither leaves anything behind."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import threading

import psycopg
import pytest

from tests.fakes.draining import drain
from vectormigrate.model.errors import (
    CaptureMissing,
    CaptureTaken,
    StoreBroken,
    Unsupported,
    UsageError,
)
from vectormigrate.stores.capture import TAKEN

from .tables import DOCS, PARTITIONED, WAYS, another, catalog, insert, installed, keys_are_those_of_the_store


async def test_every_way_to_write_is_seen(capture, writer):
    await installed(capture, writer)
    insert(writer, 1, 2, 3)
    with writer.cursor().copy("copy docs from stdin") as copy:
        for key in range(4, 8):
            copy.write_row((key, "copied", "[1,2,3]"))
    assert await drain(capture, 2) == ({1, 2, 3, 4, 5, 6, 7}, False)
    writer.execute("update docs set title = 'y' where id = 1")
    writer.execute("insert into docs values (2, 'z') on conflict (id) do update set title = excluded.title")
    writer.execute("insert into docs values (3, 'z') on conflict do nothing")
    writer.execute("delete from docs where id = 4")
    writer.execute("update docs set id = 50 where id = 5")
    writer.execute(
        "merge into docs using (values (6), (60)) v(id) on docs.id = v.id"
        " when matched then delete when not matched then insert (id) values (v.id)"
    )
    assert await drain(capture) == ({1, 2, 4, 5, 50, 6, 60}, False)
    writer.execute("truncate docs")
    assert await drain(capture) == (set(), True)
    assert await capture.lag() == 0.0


async def test_what_is_rolled_back_was_never_there(capture, writer):
    await installed(capture, writer)
    with writer.transaction():
        insert(writer, 1)
        with writer.transaction() as inner:
            insert(writer, 2)
            raise psycopg.Rollback(inner)
    with writer.transaction() as outer:
        insert(writer, 3)
        raise psycopg.Rollback(outer)
    assert await drain(capture) == ({1}, False)


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        ("smallint", ["-3"]),
        ("uuid", ["0b0e7cd1-77e5-4e29-a1b8-5a2d4c9a1b0e"]),
        ("varchar(9)", ["a", "A", "%s:\\ü", "abc "]),
    ],
)
async def test_plain_keys(capture, writer, schema_dsn, type_, values):
    await installed(capture, writer, f"create table docs (id {type_} primary key, v vector(1))")
    await keys_are_those_of_the_store(capture, writer, schema_dsn, [(value,) for value in values])


async def test_compound_keys(capture, writer, schema_dsn):
    await installed(
        capture,
        writer,
        'create table docs ("tenant ""a" text, n int, v vector(1), primary key (n, "tenant ""a"))',
    )
    await keys_are_those_of_the_store(capture, writer, schema_dsn, [("x", 1), ("y", 1)])


async def test_told_again_until_acknowledged_and_not_after(capture, opened, writer):
    await installed(capture, writer)
    with writer.transaction():
        insert(writer, 1, 2, 3, 4, 5)
    first = await capture.poll(3)
    assert await capture.poll(3) == first
    await capture.close()
    async with opened(capture._way) as other:
        again = await other.poll(3)
        assert set(again.ids) == set(first.ids)
    assert set((await capture.poll(3)).ids) == set(first.ids)
    await capture.acknowledge(first.position)
    second = await capture.poll(3)
    assert set(first.ids) | set(second.ids) == {1, 2, 3, 4, 5}
    await capture.acknowledge(second.position)
    assert await capture.poll(3) is None
    insert(writer, 9)
    third = await capture.poll(3)
    for position in (first.position, second.position):
        await capture.acknowledge(position)
    assert await capture.poll(3) == third
    assert third.ids == (9,)


async def test_a_transaction_that_commits_late_is_neither_lost_nor_in_the_way(capture, writer, schema_dsn):
    await installed(capture, writer)
    with another(schema_dsn) as slow:
        insert(slow, 1)
        insert(writer, 2)
        assert await drain(capture) == ({2}, False)
        slow.commit()
    assert await drain(capture) == ({1}, False)


@pytest.mark.parametrize("seed", [3])
async def test_no_key_is_lost_beside_writers_that_commit_out_of_order(capture, writer, schema_dsn, seed):
    """A copy that follows only what is told ends equal to the table, whoever commits when."""
    await installed(capture, writer)
    threads = [
        threading.Thread(target=_write, args=(schema_dsn, random.Random(10 * seed + number), 60))
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    chance = random.Random(seed)
    copy: dict[int, str] = {}

    async def follow():
        while (changes := await capture.poll(chance.randint(1, 20))) is not None:
            assert not changes.everything
            held = dict(
                writer.execute(
                    "select id, title from docs where id = any($1)", [list(changes.ids)]
                ).fetchall()
            )
            for key in changes.ids:
                copy.pop(key, None)
            copy.update(held)
            if chance.random() < 0.9:
                await capture.acknowledge(changes.position)

    while any(thread.is_alive() for thread in threads):
        await follow()
        await asyncio.sleep(0)
    await follow()
    assert copy == dict(writer.execute("select id, title from docs").fetchall())
    assert len(copy) > 3


def _write(dsn, chance, count):
    commit = chance.choice(["on", "off"])
    with another(dsn, f"set synchronous_commit = {commit}", "set lock_timeout = '200ms'") as connection:
        connection.commit()
        for _ in range(count):
            try:
                for _step in range(chance.randint(1, 4)):
                    key, title = chance.randrange(25), f"{chance.random()}"
                    connection.execute(
                        *chance.choice(
                            [
                                (
                                    "insert into docs values ($1, $2) on conflict (id) do update set title = excluded.title",
                                    [key, title],
                                ),
                                ("update docs set title = $2 where id = $1", [key, title]),
                                ("delete from docs where id = $1", [key]),
                                (
                                    "update docs set id = $2, title = $3 where id = $1",
                                    [key, key + 100, title],
                                ),
                            ]
                        )
                    )
                    if chance.random() < 0.1:
                        connection.execute("select pg_sleep(0.02)")
                connection.commit() if chance.random() < 0.85 else connection.rollback()
            except psycopg.Error:  # a deadlock or a taken key, as in life
                connection.rollback()


POLLER = """
import asyncio, sys
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.pgvector import open_capture
async def main():
    capture = open_capture(Endpoint("pgvector", sys.argv[1], owner="m", options={"capture": sys.argv[2]}), "docs")
    changes = await capture.poll(100)
    print(sorted(changes.ids), flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_a_poller_that_is_killed_before_it_acknowledged_loses_nothing(capture, writer, schema_dsn):
    await installed(capture, writer)
    insert(writer, 1, 2)
    await capture.close()
    command = [sys.executable, "-c", POLLER, schema_dsn, capture._way]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().strip() == "[1, 2]"
        process.send_signal(signal.SIGKILL)
    assert await drain(capture) == ({1, 2}, False)


async def test_sessions_in_replica_role_are_seen(capture, writer):
    await installed(capture, writer)
    writer.execute("set session_replication_role = replica")
    insert(writer, 1)
    writer.execute("delete from docs where id = 1")
    insert(writer, 2)
    assert await drain(capture) == ({1, 2}, False)
    writer.execute("truncate docs")
    assert (await drain(capture)).everything
    writer.execute("reset session_replication_role")


async def test_partitions(capture, writer):
    await installed(capture, writer, *PARTITIONED)
    insert(writer, 1)
    writer.execute("insert into docs_1 values (2)")
    assert await drain(capture) == ({1, 2}, False)
    writer.execute("create table docs_2 partition of docs for values from (10) to (20)")
    insert(writer, 11)
    assert await drain(capture) == ({11}, False)
    writer.execute("update docs set id = 12 where id = 1")
    assert await drain(capture) == ({1, 12}, False)
    writer.execute("set session_replication_role = replica")
    insert(writer, 3, 13)
    writer.execute("reset session_replication_role")
    assert await drain(capture) == ({3, 13}, False)
    assert await capture.check() == []


async def test_partitions_that_come_and_go_with_their_rows(capture, writer):
    await installed(capture, writer, *PARTITIONED)
    writer.execute("create table late (like docs including all)")
    writer.execute("insert into late values (21), (22)")
    writer.execute("alter table docs attach partition late for values from (20) to (30)")
    assert await drain(capture) == ({21, 22}, False)
    writer.execute("insert into late values (23)")
    assert await drain(capture) == ({23}, False)
    writer.execute("truncate late")
    assert (await drain(capture)).everything
    writer.execute("create table gone partition of docs for values from (30) to (40)")
    insert(writer, 31)
    writer.execute("truncate gone")
    assert await drain(capture) == ({31}, True)
    writer.execute("alter table docs detach partition late")
    assert (await drain(capture)).everything
    writer.execute("insert into late values (24)")
    assert await drain(capture) == (set(), False)
    assert await capture.check() == []


@pytest.mark.parametrize(
    ("way", "table"), [("auto", (DOCS,)), ("outbox", (DOCS,)), *((way, PARTITIONED) for way in WAYS)]
)
async def test_nothing_is_left_behind(opened, writer, way, table):
    for statement in table:
        writer.execute(statement)
    before = catalog(writer)
    async with opened(way) as capture:
        foretold = await capture.install(dry_run=True)
        assert catalog(writer) == before
        made = await capture.install()
        assert made == foretold
        assert await capture.install() == await capture.install(dry_run=True) == []
        assert await capture.check() == []
        insert(writer, 1)
        await drain(capture)
        installed = catalog(writer)
        foretold = await capture.remove(dry_run=True)
        assert catalog(writer) == installed
        assert await capture.remove() == foretold != []
        assert await capture.remove() == await capture.remove(dry_run=True) == []
        assert catalog(writer) == before
        assert await capture.check() == ["no capture is installed"]
        assert await capture.lag() is None
        with pytest.raises(CaptureMissing):
            await capture.poll(1)


async def test_two_readers_of_one_name_do_not_each_take_a_part(capture, opened, writer):
    """Two state files with a migration of the same id: whoever comes second is told, and takes nothing."""
    await installed(capture, writer)
    capture.reader = "ours"
    assert (await drain(capture)).everything  # by whom it was read before, nobody knows
    async with opened(capture._way) as other:
        other.reader = "theirs"
        assert await other.check() == [TAKEN]
        assert await other.install() == []
        with pytest.raises(CaptureTaken):
            await other.poll(1)
        insert(writer, 1)
        assert await drain(capture) == ({1}, False)
        assert await capture.check() == []
        capture._forget()  # a slot that is being read is not to be removed
        await other.remove()
        await other.install()
        assert (await drain(other)).everything
        with pytest.raises(CaptureTaken):
            await capture.poll(1)


async def test_its_reader_is_known_again_by_a_later_process(capture, opened, writer):
    await installed(capture, writer)
    capture.reader = "ours"
    await drain(capture)
    insert(writer, 1)
    capture._forget()  # the stream of its process
    async with opened(capture._way) as successor:
        successor.reader = "ours"
        assert await drain(successor) == ({1}, False)


async def test_two_migrations_do_not_take_each_others_changes(capture, opened, writer):
    await installed(capture, writer)
    async with opened(capture._way, "other") as other:
        await other.install()
        await drain(other)
        insert(writer, 1)
        assert (await drain(capture)).ids == (await drain(other)).ids == {1}
        await other.remove()
    assert await capture.check() == []


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        ((DOCS, "create table child () inherits (docs)"), "inherit"),
        ((DOCS.replace("create table", "create unlogged table"),), "unlogged"),
        (
            ("create materialized view docs as select 1 id", "create unique index on docs (id)"),
            "no table|primary key",
        ),
    ],
)
async def test_what_cannot_be_captured_is_refused(triggers, writer, statements, why):
    for statement in statements:
        writer.execute(statement)
    before = catalog(writer)
    with pytest.raises((Unsupported, StoreBroken), match=why):
        await triggers.install()
    assert catalog(writer) == before


async def test_an_option_that_means_nothing(opened):
    with pytest.raises(UsageError, match="none of auto, slot, outbox"):
        opened("magic")
