"""The way by triggers."""

from __future__ import annotations

import pytest

from tests.fakes.draining import drain
from vectormigrate.model.errors import (
    StoreDown,
)
from vectormigrate.stores.pgvector.capture import outbox

from .tables import DOCS, another, catalog, insert, installed, keys_are_those_of_the_store


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
    await keys_are_those_of_the_store(triggers, writer, schema_dsn, [tuple(values.values())])


async def test_a_key_that_is_equal_and_another(triggers, writer):
    await installed(triggers, writer, "create table docs (id numeric primary key, v vector(1))")
    writer.execute("insert into docs values (1.0, '[1]')")
    await drain(triggers)
    writer.execute("update docs set id = 1.00")
    assert (await drain(triggers)).ids == {"1.0", "1.00"}


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


async def test_lag_is_the_age_of_the_oldest_change(triggers, writer):
    await installed(triggers, writer)
    assert await triggers.lag() == 0.0
    insert(writer, 1)
    writer.execute(f"update {triggers._names.changes} set at = at - interval '1 hour'")
    assert await triggers.lag() == pytest.approx(3600, abs=60)
    assert "60 minutes" in " ".join(await triggers.check())


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
