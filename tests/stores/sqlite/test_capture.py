"""What the triggers see, by the interpreter's own SQLite as the writer: another library, another version."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing

import pytest

from tests.fakes.draining import drain
from vectormigrate.model.errors import CaptureMissing, CollectionMissing, Unsupported
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.sqlite import open_capture, open_store

DOCS = "CREATE TABLE docs (id TEXT PRIMARY KEY, slug TEXT UNIQUE COLLATE NOCASE, n INT, embedding BLOB)"


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "source.db")


@pytest.fixture
def writer(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


@pytest.fixture
async def capture(path):
    async with open_capture(Endpoint("sqlite", path, owner="m"), "docs") as opened:
        yield opened


async def installed(capture, writer, *statements):
    for statement in statements or (DOCS,):
        writer.execute(statement)
    await capture.install()
    assert (await drain(capture)).everything


def schema(writer):
    return writer.execute("SELECT * FROM sqlite_schema ORDER BY name").fetchall()


async def test_every_way_to_write_is_seen(capture, writer):
    await installed(capture, writer)
    writer.executemany("INSERT INTO docs VALUES (?, ?, ?, '')", [(f"d{n}", f"s{n}", n) for n in range(4)])
    assert (await drain(capture)).ids == {"d0", "d1", "d2", "d3"}
    writer.execute("UPDATE docs SET n = 7 WHERE id = 'd0'")
    writer.execute("INSERT INTO docs (id) VALUES ('d1') ON CONFLICT (id) DO UPDATE SET n = 8")
    writer.execute("DELETE FROM docs WHERE id = 'd2'")
    assert (await drain(capture)).ids == {"d0", "d1", "d2"}
    writer.execute("DELETE FROM docs")
    assert await drain(capture) == ({"d0", "d1", "d3"}, False)


@pytest.mark.parametrize(
    ("statement", "seen"),
    [
        ("UPDATE docs SET id = 'D1' WHERE id = 'd1'", {"d1", "D1"}),
        ("INSERT OR REPLACE INTO docs VALUES ('new', 'S2', 0, '')", {"new", "d2"}),
        ("REPLACE INTO docs (rowid, id) SELECT rowid, 'new' FROM docs WHERE id = 'd3'", {"new", "d3"}),
        ("UPDATE OR REPLACE docs SET slug = 's1' WHERE id = 'd3'", {"d1", "d3"}),
        ("INSERT OR REPLACE INTO docs VALUES ('new', 'free', 9, '')", {"new", "d9"}),
        ("INSERT OR IGNORE INTO docs VALUES ('d1', 'free', 0, '')", set()),
    ],
)
async def test_a_row_that_makes_room_or_moves_is_seen(capture, writer, statement, seen):
    await installed(capture, writer, DOCS, "CREATE UNIQUE INDEX part ON docs (n) WHERE n > 5")
    writer.executemany("INSERT INTO docs VALUES (?, ?, ?, '')", [(f"d{n}", f"s{n}", n) for n in (1, 2, 3, 9)])
    await drain(capture)
    held = {key for (key,) in writer.execute("SELECT id FROM docs")}
    writer.execute(statement)
    now = {key for (key,) in writer.execute("SELECT id FROM docs")}
    found = (await drain(capture)).ids
    assert held ^ now <= seen <= found


@pytest.mark.parametrize(
    ("table", "insert", "ids"),
    [
        ("(id INTEGER PRIMARY KEY, v BLOB)", "('5', '')", {5}),
        ("(a TEXT, b INTEGER, v BLOB, PRIMARY KEY (a, b)) WITHOUT ROWID", "('x', 2, '')", {("x", 2)}),
        ("(id TEXT PRIMARY KEY, v BLOB) WITHOUT ROWID", "('5', '')", {"5"}),
        ('("we""ird id" TEXT PRIMARY KEY, v BLOB)', "('q', '')", {"q"}),
        ("(id TEXT PRIMARY KEY, v BLOB)", "(NULL, '')", set()),
    ],
)
async def test_keys_of_every_kind(capture, writer, table, insert, ids):
    await installed(capture, writer, f"CREATE TABLE docs {table}")
    writer.execute(f"INSERT INTO docs VALUES {insert}")
    assert (await drain(capture)).ids == ids
    writer.execute("DELETE FROM docs")
    assert (await drain(capture)).ids == ids


async def test_a_key_under_a_collation_that_replaces_another(capture, writer):
    await installed(capture, writer, "CREATE TABLE docs (id TEXT COLLATE NOCASE PRIMARY KEY, v BLOB)")
    writer.execute("INSERT INTO docs VALUES ('a', '')")
    await drain(capture)
    writer.execute("INSERT OR REPLACE INTO docs VALUES ('A', '')")
    assert (await drain(capture)).ids == {"a", "A"}


async def test_uuids_come_as_the_store_gives_them(capture, path, writer):
    await installed(capture, writer, "CREATE TABLE docs (id BLOB PRIMARY KEY, v BLOB)")
    writer.execute("INSERT INTO docs VALUES (?, '')", (bytes(range(16)),))
    async with open_store(Endpoint("sqlite", path)) as store:
        (found,) = (await drain(capture)).ids
        assert (await store.fetch("docs", [found])).ids == [found]


async def test_what_is_rolled_back_was_never_there(capture, writer):
    await installed(capture, writer)
    writer.execute("BEGIN")
    writer.execute("INSERT INTO docs (id) VALUES ('a')")
    assert await capture.poll(10) is None
    writer.execute("ROLLBACK")
    assert await drain(capture) == (set(), False)


async def test_told_again_until_acknowledged_and_not_after(capture, path, writer):
    await installed(capture, writer)
    writer.executemany("INSERT INTO docs (id) VALUES (?)", [(f"d{n}",) for n in range(5)])
    first = await capture.poll(3)
    assert await capture.poll(3) == first
    async with open_capture(Endpoint("sqlite", path, owner="m"), "docs") as other:
        assert await other.poll(3) == first
    await capture.acknowledge(first.position)
    second = await capture.poll(3)
    assert len(second.ids) == 2
    await capture.acknowledge(second.position)
    assert await capture.poll(3) is None
    writer.execute("INSERT INTO docs (id) VALUES ('late')")
    await capture.acknowledge(second.position)
    assert (await capture.poll(3)).ids == ("late",)


async def test_a_position_of_an_earlier_install_forgets_nothing(capture, writer):
    await installed(capture, writer)
    writer.executemany("INSERT INTO docs (id) VALUES (?)", [(f"d{n}",) for n in range(5)])
    old = await capture.poll(10)
    await capture.remove()
    await capture.install()
    await capture.acknowledge(old.position)
    assert (await capture.poll(10)).everything


async def test_nothing_is_left_behind(capture, writer):
    writer.execute(DOCS)
    writer.execute("CREATE TRIGGER mine AFTER INSERT ON docs BEGIN SELECT 1; END")
    writer.execute("PRAGMA user_version = 7")
    before = schema(writer)
    made = await capture.install()
    assert len(made) == 7
    assert await capture.install() == []
    assert await capture.check() == []
    writer.execute("INSERT INTO docs (id) VALUES ('a')")
    assert len(await capture.remove()) == len(made)
    assert await capture.remove() == []
    assert schema(writer) == before
    assert writer.execute("PRAGMA user_version").fetchone() == (7,)
    with pytest.raises(CaptureMissing):
        await capture.poll(1)
    assert await capture.check() == ["no capture is installed"]
    assert await capture.lag() is None


async def test_two_migrations_do_not_take_each_others_changes(capture, path, writer):
    await installed(capture, writer)
    async with open_capture(Endpoint("sqlite", path, owner="other"), "docs") as other:
        await other.install()
        await drain(other)
        writer.execute("INSERT INTO docs (id) VALUES ('a')")
        assert (await drain(capture)).ids == (await drain(other)).ids == {"a"}
        await other.remove()
    assert await capture.check() == []


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        (["DROP TABLE docs"], "dropped or renamed"),
        (["ALTER TABLE docs RENAME TO old"], "dropped or renamed"),
        (["DROP TABLE docs", DOCS], "made anew"),
        (["ALTER TABLE docs RENAME COLUMN id TO key"], "renamed"),
        (["CREATE UNIQUE INDEX more ON docs (n)"], "unique indexes are others"),
    ],
)
async def test_trouble_is_told_until_a_new_install(capture, writer, statements, told):
    await installed(capture, writer)
    for statement in statements:
        writer.execute(statement)
    assert told in " ".join(await capture.check())
    for _ in range(2):
        changes = await capture.poll(10)
        assert changes.everything
        await capture.acknowledge(changes.position)
    if not writer.execute("SELECT 1 FROM sqlite_schema WHERE name = 'docs'").fetchone():
        with pytest.raises(CollectionMissing):
            await capture.install()
        return
    assert await capture.install()
    assert await capture.check() == []
    assert (await drain(capture)).everything
    assert await capture.poll(10) is None


async def test_trouble_that_went_away_by_itself_is_told_once_more(capture, writer):
    await installed(capture, writer)
    writer.execute("CREATE UNIQUE INDEX more ON docs (n)")
    seen = await capture.poll(10)
    await capture.acknowledge(seen.position)
    writer.execute("DROP INDEX more")
    assert (await drain(capture)).everything
    assert await capture.poll(10) is None


async def test_what_cannot_be_captured_is_refused(capture, path, writer):
    writer.execute(DOCS)
    writer.execute("CREATE UNIQUE INDEX e ON docs (lower(slug))")
    before = schema(writer)
    with pytest.raises(Unsupported, match="over an expression"):
        await capture.install()
    assert schema(writer) == before
    async with open_capture(Endpoint("sqlite", path), "nothing") as other:
        with pytest.raises(CollectionMissing):
            await other.install()


async def test_lag_is_the_age_of_the_oldest_change(capture, writer):
    await installed(capture, writer)
    assert await capture.lag() == 0.0
    writer.execute("INSERT INTO docs (id) VALUES ('a')")
    (table,) = writer.execute("SELECT name FROM sqlite_schema WHERE name LIKE '%changes'").fetchone()
    writer.execute(f"UPDATE {table} SET at = at - 0.5")
    assert await capture.lag() == pytest.approx(43_200, rel=0.01)
    assert "720 minutes" in " ".join(await capture.check())


@pytest.mark.parametrize("seed", range(3))
async def test_no_key_is_lost_whatever_is_written(capture, path, writer, seed):
    """A copy that follows only what is told ends equal to the table."""
    chance = random.Random(seed)
    await installed(capture, writer)
    copy = {}
    for _ in range(300):
        name, slug = f"d{chance.randrange(12)}", f"s{chance.randrange(12)}"
        writer.execute(
            chance.choice(
                [
                    "INSERT OR REPLACE INTO docs VALUES (?1, ?2, random(), '')",
                    "INSERT OR IGNORE INTO docs VALUES (?1, ?2, random(), '')",
                    "UPDATE OR REPLACE docs SET slug = ?2, n = random() WHERE id = ?1",
                    "UPDATE OR REPLACE docs SET id = ?1, n = random() WHERE slug = ?2",
                    "DELETE FROM docs WHERE id = ?1 OR slug = ?2",
                ]
            ),
            (name, slug),
        )
        if chance.random() < 0.2:
            for key in (await drain(capture, chance.randint(1, 9))).ids:
                _copy_row(copy, writer, key)
    for key in (await drain(capture)).ids:
        _copy_row(copy, writer, key)
    assert copy == {row[0]: row for row in writer.execute("SELECT * FROM docs")}


def _copy_row(copy, writer, key):
    row = writer.execute("SELECT * FROM docs WHERE id = ?", (key,)).fetchone()
    copy.pop(key, None)
    if row:
        copy[key] = row
