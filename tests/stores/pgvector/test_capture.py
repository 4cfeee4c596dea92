"""What slot and outbox see of real writers, and that neither leaves anything behind."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest

from tests.fakes.draining import drain
from vectormigrate.model.errors import (
    CaptureMissing,
    CollectionMissing,
    StoreBroken,
    StoreDown,
    Unsupported,
    UsageError,
)
from vectormigrate.stores.base import Content, Endpoint, Range
from vectormigrate.stores.pgvector import open_capture, open_store
from vectormigrate.stores.pgvector.capture import outbox, state
from vectormigrate.stores.pgvector.capture import slot as capture_slot
from vectormigrate.stores.pgvector.capture.pgoutput import is_visible

WAYS = ("outbox", "slot")
DOCS = "create table docs (id bigint primary key, title text, embedding vector(3))"


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
    await _keys_are_those_of_the_store(capture, writer, schema_dsn, [(value,) for value in values])


async def test_compound_keys(capture, writer, schema_dsn):
    await installed(
        capture,
        writer,
        'create table docs ("tenant ""a" text, n int, v vector(1), primary key (n, "tenant ""a"))',
    )
    await _keys_are_those_of_the_store(capture, writer, schema_dsn, [("x", 1), ("y", 1)])


async def test_keys_that_have_several_texts(triggers, writer, schema_dsn):
    """What a key looks like as text must not depend on the session that writes it."""
    values = {
        "date": "2020-03-04",
        "timestamptz": "2020-03-04 05:06:07+03",
        "interval": "1 day 02:03",
        "numeric": "1.50",
        "float8": "0.1",
        "char(4)": "ab",
        "bool": "t",
        "inet": "1.2.3.4",
        "bytea": "\\x00ff",
    }
    columns = [f"k{place} {type_}" for place, type_ in enumerate(values)]
    key = ", ".join(f"k{place}" for place in range(len(values)))
    await installed(
        triggers, writer, f"create table docs ({', '.join(columns)}, v vector(1), primary key ({key}))"
    )
    for setting in ("DateStyle = 'SQL, DMY'", "IntervalStyle = 'sql_standard'", "TimeZone = 'Asia/Tokyo'"):
        writer.execute(f"set {setting}")
    writer.execute("set extra_float_digits = -9")
    writer.execute("set bytea_output = 'escape'")
    await _keys_are_those_of_the_store(triggers, writer, schema_dsn, [tuple(values.values())])


async def _keys_are_those_of_the_store(capture, writer, dsn, rows):
    for row in rows:
        marks = ", ".join(f"${place}" for place in range(1, len(row) + 1))
        writer.execute(f"insert into docs values ({marks}, '[1]')", row)
    async with open_store(Endpoint("pgvector", dsn)) as store:
        pages = [page async for page in store.scan("docs", Range(), content=Content.IDS)]
        assert (await drain(capture)).ids == {key for page in pages for key in page.batch.ids}
        writer.execute("delete from docs")
        assert len((await drain(capture)).ids) == len(rows)


async def test_a_key_that_is_equal_and_another(triggers, writer):
    await installed(triggers, writer, "create table docs (id numeric primary key, v vector(1))")
    writer.execute("insert into docs values (1.0, '[1]')")
    await drain(triggers)
    writer.execute("update docs set id = 1.00")
    assert (await drain(triggers)).ids == {"1.0", "1.00"}


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


async def test_writers_need_no_right_but_to_write(triggers, writer):
    await installed(triggers, writer)
    writer.execute("create role clerk")
    try:
        writer.execute("grant usage on schema " + _schema(writer) + " to clerk")
        writer.execute("grant select, insert on docs to clerk")
        writer.execute("set role clerk")
        insert(writer, 1)
        writer.execute("reset role")
        assert (await drain(triggers)).ids == {1}
    finally:
        writer.execute("reset role")
        writer.execute("drop owned by clerk")
        writer.execute("drop role clerk")


def _schema(writer):
    return writer.execute("select current_schema()").fetchone()[0]


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


PARTITIONED = (
    "create table docs (id bigint primary key, title text, embedding vector(3)) partition by range (id)",
    "create table docs_1 partition of docs for values from (0) to (10)",
)


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


@pytest.mark.parametrize(
    ("way", "table"), [("auto", (DOCS,)), ("outbox", (DOCS,)), *((way, PARTITIONED) for way in WAYS)]
)
async def test_nothing_is_left_behind(opened, writer, way, table):
    for statement in table:
        writer.execute(statement)
    before = catalog(writer)
    async with opened(way) as capture:
        made = await capture.install()
        assert made
        assert await capture.install() == []
        assert await capture.check() == []
        insert(writer, 1)
        await drain(capture)
        assert await capture.remove()
        assert await capture.remove() == []
        assert catalog(writer) == before
        assert await capture.check() == ["no capture is installed"]
        assert await capture.lag() is None
        with pytest.raises(CaptureMissing):
            await capture.poll(1)


async def test_two_migrations_do_not_take_each_others_changes(capture, opened, writer):
    await installed(capture, writer)
    async with opened(capture._way, "other") as other:
        await other.install()
        await drain(other)
        insert(writer, 1)
        assert (await drain(capture)).ids == (await drain(other)).ids == {1}
        await other.remove()
    assert await capture.check() == []


END_READER = "select pg_terminate_backend(active_pid, 5000) from pg_replication_slots"
RECREATED = ("drop table docs", DOCS)


@pytest.mark.parametrize(
    ("way", "statements", "told"),
    [
        *((way, RECREATED, "dropped, replaced or renamed") for way in WAYS),
        *((way, ("alter table docs rename to old",), "dropped, replaced or renamed") for way in WAYS),
        *((way, ("alter table docs rename column id to key",), "other columns") for way in WAYS),
        *((way, ("alter table docs alter column title type varchar(9)",), "other columns") for way in WAYS),
        ("outbox", ("alter table docs disable trigger user",), "triggers of the capture"),
        (
            "outbox",
            (
                "alter table docs disable trigger {root}_new",
                "alter table docs enable always trigger {root}_new",
            ),
            "triggers of the capture",
        ),
        ("slot", ("alter publication {root} set (publish = 'insert')",), "publication was changed"),
        ("slot", ("drop publication {root}",), "publication was changed"),
        ("slot", (END_READER, "select pg_drop_replication_slot('{slot}')"), "slot is gone"),
    ],
)
async def test_trouble_is_told_until_a_new_install(opened, writer, way, statements, told):
    async with opened(way) as capture:
        await installed(capture, writer)
        names = writer.execute("select slot_name from pg_replication_slots").fetchone() or ("",)
        for statement in statements:
            writer.execute(statement.format(root=capture._names.root, slot=names[0]))
        assert told in " ".join(await capture.check())
        for _ in range(2):
            changes = await capture.poll(10)
            assert changes.everything
            await capture.acknowledge(changes.position)
        if writer.execute("select to_regclass('docs')").fetchone() == (None,):
            with pytest.raises(CollectionMissing):
                await capture.install()
        else:
            assert await capture.install()
            assert await capture.check() == []
            assert (await drain(capture)).everything
            assert await capture.poll(10) is None
        await capture.remove()


async def test_trouble_that_went_away_by_itself_is_told_once_more(triggers, writer):
    await installed(triggers, writer)
    writer.execute("alter table docs rename to old")
    seen = await triggers.poll(10)
    await triggers.acknowledge(seen.position)
    writer.execute("alter table old rename to docs")
    assert (await drain(triggers)).everything
    assert await triggers.poll(10) is None


async def test_a_server_that_was_restored_or_failed_over_may_have_lost_commits(capture, writer):
    await installed(capture, writer)

    def forge(connection):
        note = state.expect(connection, capture._names, "docs")
        state.write(connection, capture._names, replace(note, timeline="000000FF"))

    await capture._run(forge)
    assert "standby" in " ".join(await capture.check())
    assert (await capture.poll(10)).everything


async def test_an_install_that_was_interrupted_is_done_again(slot, writer):
    writer.execute(DOCS)
    await slot._run(slot._publish)
    assert await slot.check() == ["an install was not finished"]
    assert (await slot.poll(1)).everything
    assert await slot.install()
    assert await slot.check() == []


async def test_a_slot_that_the_server_took_away(slot, writer):
    await installed(slot, writer)
    writer.execute("alter system set max_slot_wal_keep_size = '1MB'")
    writer.execute("select pg_reload_conf()")
    try:
        for _ in range(4):
            insert(writer, *range(3))
            writer.execute("delete from docs")
            writer.execute("select pg_switch_wal()")
        writer.execute("checkpoint")
        assert (await slot.poll(10)).everything
        assert await slot.check() == ["the server has invalidated the replication slot"]
        assert await slot.install()
        assert await slot.check() == []
    finally:
        writer.execute("alter system reset max_slot_wal_keep_size")
        writer.execute("select pg_reload_conf()")


async def test_a_commit_is_not_told_before_readers_see_it(slot, writer, schema_dsn):
    """Behind a synchronous standby that does not answer, the log has the commit and no snapshot has it."""
    await installed(slot, writer)
    writer.execute("set synchronous_commit = local")
    writer.execute("alter system set synchronous_standby_names = 'nobody'")
    writer.execute("select pg_reload_conf()")
    with another(schema_dsn) as waiting:
        try:
            insert(waiting, 1)
            committing = threading.Thread(target=waiting.commit)
            committing.start()
            await _until(writer, "select exists (select from pg_stat_activity where wait_event = 'SyncRep')")
            insert(writer, 2)
            assert await drain(slot) == ({2}, False)
            writer.execute("select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'")
            await asyncio.to_thread(committing.join)
            await slot.close()
            assert await drain(slot) == ({1, 2}, False)
        finally:
            writer.execute("alter system reset synchronous_standby_names")
            writer.execute("select pg_reload_conf()")


async def _until(writer, query):
    async with asyncio.timeout(20):
        while not writer.execute(query).fetchone()[0]:
            await asyncio.sleep(0.01)


async def test_a_stream_that_the_server_ends_is_opened_again(slot, writer):
    await installed(slot, writer)
    writer.execute(END_READER)
    insert(writer, 1)
    with pytest.raises(StoreDown):
        await slot.poll(10)
    first = await slot.poll(10)
    assert first.ids == (1,)
    writer.execute(END_READER)
    await slot.acknowledge(first.position)
    insert(writer, 2)
    with pytest.raises(StoreDown):
        await slot.poll(10)
    assert {2} <= (await drain(slot)).ids <= {1, 2}
    assert await slot.poll(10) is None


async def test_a_commit_that_is_seen_before_it_is_flushed_is_told(slot, writer):
    """So that `None` means what a reader may rely on: nothing that it can see was left out."""
    await installed(slot, writer)
    writer.execute("set synchronous_commit = off")
    for key in range(20):
        insert(writer, key)
        assert await drain(slot) == ({key}, False)


async def test_what_is_unfinished_at_the_end_of_the_log_does_not_keep_a_poll_waiting(
    slot, writer, schema_dsn
):
    """A record may be flushed in part, up to the end of a page, for as long as its transaction is idle."""
    await installed(slot, writer)
    with another(schema_dsn) as slow:
        slow.execute("create table wide as select repeat('x', 1500) t from generate_series(1, 300)")
        async with asyncio.timeout(5):
            assert await slot.poll(10) is None


async def test_a_slot_lets_go_of_what_others_wrote(slot, writer):
    await installed(slot, writer)
    writer.execute("create table noise as select repeat('x', 500) t from generate_series(1, 5000)")
    end = writer.execute("select pg_current_wal_lsn()").fetchone()[0]
    assert await slot.poll(10) is None
    await _until(writer, f"select confirmed_flush_lsn >= '{end}' from pg_replication_slots")
    insert(writer, 1)
    assert (await drain(slot)).ids == {1}


async def test_a_transaction_that_changes_more_than_is_worth_naming(slot, writer, monkeypatch):
    monkeypatch.setattr(capture_slot, "MOST", 10)
    await installed(slot, writer)
    writer.execute("insert into docs select generate_series(1, 11)")
    insert(writer, 12)
    assert await drain(slot) == ({12}, True)


@pytest.mark.parametrize(
    ("xid", "snapshot", "visible"),
    [
        (5, "3:9:", True),
        (5, "3:9:5", False),
        (9, "3:9:", False),
        (2**32 - 1, f"{2**32}:{2**32 + 5}:", True),
        (4, f"{2**32}:{2**32 + 5}:", True),
        (4, f"{2**32}:{2**32 + 5}:{2**32 + 4}", False),
        (5, f"{2**32 - 9}:{2**32 - 3}:", False),
    ],
)
def test_who_sees_a_transaction_whose_number_was_cut_short(xid, snapshot, visible):
    assert is_visible(xid, snapshot) is visible


async def test_lag_is_the_age_of_the_oldest_change(triggers, writer):
    await installed(triggers, writer)
    assert await triggers.lag() == 0.0
    insert(writer, 1)
    writer.execute(f"update {triggers._names.changes} set at = at - interval '1 hour'")
    assert await triggers.lag() == pytest.approx(3600, abs=60)
    assert "60 minutes" in " ".join(await triggers.check())


async def test_lag_of_a_slot(slot, writer):
    await installed(slot, writer)
    insert(writer, 1)
    assert await slot.poll(1)
    assert 0 <= await slot.lag() < 60
    await drain(slot)
    assert await slot.lag() == 0.0


async def test_a_writer_that_does_not_end_keeps_an_install_waiting_and_nobody_else(
    triggers, writer, schema_dsn, monkeypatch
):
    monkeypatch.setattr(outbox, "_ATTEMPTS", 2)
    monkeypatch.setattr(outbox, "_LOCK_TIMEOUT", "50ms")
    monkeypatch.setattr(outbox, "_PAUSE", 0.01)
    writer.execute(DOCS)
    before = catalog(writer)
    with another(schema_dsn) as slow:
        insert(slow, 1)
        with pytest.raises(StoreDown, match="unfinished writes"):
            await triggers.install()
        insert(writer, 2)
        assert catalog(writer) == before
        slow.commit()
    assert await triggers.install()


async def test_beside_a_publication_of_all_tables_the_outbox_is_in_no_publication(triggers, writer):
    writer.execute("create publication everything for all tables")
    try:
        await installed(triggers, writer)
        insert(writer, 1)
        assert (await drain(triggers)).ids == {1}
        held = writer.execute("select tablename from pg_publication_tables where schemaname like 'vectorm%'")
        assert held.fetchall() == []
        assert await triggers.check() == []
        writer.execute(f"truncate {triggers._names.changes}")  # what a crash does to an unlogged table
        assert (await drain(triggers)).everything
        assert await drain(triggers) == (set(), False)
    finally:
        writer.execute("drop publication everything")


async def test_a_publication_of_all_tables_that_comes_later_is_a_problem(triggers, writer):
    await installed(triggers, writer)
    writer.execute("create publication everything for all tables")
    try:
        assert "publication of all tables" in " ".join(await triggers.check())
    finally:
        writer.execute("drop publication everything")


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        ((DOCS, "alter table docs replica identity full"), "replica identity"),
        ((DOCS, "alter table docs replica identity nothing"), "replica identity"),
        (
            ("create table docs (id int not null, v vector(1))", "create unique index on docs (id)"),
            "replica identity",
        ),
        (("create table docs (id date primary key, v vector(1))",), "several texts"),
    ],
)
async def test_where_a_publication_would_break_writers_there_is_no_slot(opened, writer, statements, why):
    for statement in statements:
        writer.execute(statement)
    async with opened("slot") as capture:
        with pytest.raises(Unsupported, match=why):
            await capture.install()
    async with opened("auto") as capture:
        made = await capture.install()
        assert why in made[0]
        assert len(made) == 5
        await capture.remove()


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
