"""Trouble with what was installed is told, once and until it is mended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fakes.draining import drain
from vectormigrate.model.errors import (
    CollectionMissing,
)
from vectormigrate.stores.pgvector.capture import state

from .tables import DOCS, END_READER, WAYS, installed

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
