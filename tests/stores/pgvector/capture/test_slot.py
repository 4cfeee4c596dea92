"""The way by a logical slot."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.fakes.draining import drain
from vectormigrate.model.errors import (
    Unsupported,
)
from vectormigrate.stores.pgvector.capture import slot as capture_slot

from .tables import DOCS, another, insert, installed, until


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
            await until(writer, "select exists (select from pg_stat_activity where wait_event = 'SyncRep')")
            insert(writer, 2)
            assert await drain(slot) == ({2}, False)
            writer.execute("select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'")
            await asyncio.to_thread(committing.join)
            await slot.close()
            assert await drain(slot) == ({1, 2}, False)
        finally:
            writer.execute("alter system reset synchronous_standby_names")
            writer.execute("select pg_reload_conf()")


async def test_a_commit_that_is_seen_before_it_is_flushed_is_told(slot, writer):
    """So that `None` means what a reader may rely on: nothing that it can see was left out."""
    await installed(slot, writer)
    writer.execute("set synchronous_commit = off")
    for key in range(20):
        insert(writer, key)
        assert await drain(slot) == ({key}, False)


async def test_a_slot_lets_go_of_what_others_wrote(slot, writer):
    await installed(slot, writer)
    writer.execute("create table noise as select repeat('x', 500) t from generate_series(1, 5000)")
    end = writer.execute("select pg_current_wal_lsn()").fetchone()[0]
    assert await slot.poll(10) is None
    await until(writer, f"select confirmed_flush_lsn >= '{end}' from pg_replication_slots")
    insert(writer, 1)
    assert (await drain(slot)).ids == {1}


async def test_a_transaction_that_changes_more_than_is_worth_naming(slot, writer, monkeypatch):
    monkeypatch.setattr(capture_slot, "MOST", 10)
    await installed(slot, writer)
    writer.execute("insert into docs select generate_series(1, 11)")
    insert(writer, 12)
    assert await drain(slot) == ({12}, True)


async def test_lag_of_a_slot(slot, writer):
    await installed(slot, writer)
    insert(writer, 1)
    assert await slot.poll(1)
    assert 0 <= await slot.lag() < 60
    await drain(slot)
    assert await slot.lag() == 0.0


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
