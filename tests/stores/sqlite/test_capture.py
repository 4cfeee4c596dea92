"""What the triggers see of a writer, and what is found where they do not look."""

from __future__ import annotations

import random
from contextlib import closing

import apsw
import numpy as np
import pytest
import sqlite_vec

from tests.fakes.draining import drain
from vectormigrate.model.errors import CaptureMissing, CaptureTaken, CollectionMissing, Unsupported
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.capture import TAKEN
from vectormigrate.stores.sqlite import open_capture, open_store
from vectormigrate.stores.sqlite.capture.digests import digest

DOCS = "CREATE TABLE docs (id TEXT PRIMARY KEY, slug TEXT UNIQUE COLLATE NOCASE, n INT, embedding BLOB)"


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "source.db")


@pytest.fixture
def writer(path):
    # apsw too: two SQLite libraries in one process would not see each other's locks.
    with closing(apsw.Connection(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
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
    return list(writer.execute("SELECT * FROM sqlite_schema ORDER BY name"))


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


async def test_a_row_that_makes_room_for_a_value_of_another_type(capture, writer):
    await installed(capture, writer, "CREATE TABLE docs (id TEXT PRIMARY KEY, n INT UNIQUE, t TEXT UNIQUE)")
    writer.execute("INSERT INTO docs VALUES ('a', 5, '7'), ('b', 6, '8')")
    await drain(capture)
    writer.execute("INSERT OR REPLACE INTO docs VALUES ('c', '5', 8)")
    assert writer.execute("SELECT id FROM docs").fetchall() == [("c",)]
    assert (await drain(capture)).ids == {"a", "b", "c"}


async def test_a_row_that_goes_with_another(capture, writer):
    writer.execute("CREATE TABLE owner (id INTEGER PRIMARY KEY)")
    writer.execute("PRAGMA foreign_keys = ON")
    await installed(
        capture, writer, "CREATE TABLE docs (id TEXT PRIMARY KEY, o REFERENCES owner ON DELETE CASCADE)"
    )
    writer.execute("INSERT INTO owner VALUES (1)")
    writer.execute("INSERT INTO docs VALUES ('a', 1)")
    await drain(capture)
    writer.execute("DELETE FROM owner")
    assert (await drain(capture)).ids == {"a"}


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
    foretold = await capture.install(dry_run=True)
    assert schema(writer) == before
    made = await capture.install()
    assert len(made) == 7, made
    assert sorted(foretold) == sorted(made)
    assert await capture.install() == await capture.install(dry_run=True) == []
    assert await capture.check() == []
    writer.execute("INSERT INTO docs (id) VALUES ('a')")
    assert sorted(await capture.remove(dry_run=True)) == sorted(made)
    assert len(await capture.remove()) == len(made)
    assert await capture.remove() == await capture.remove(dry_run=True) == []
    assert schema(writer) == before
    assert writer.execute("PRAGMA user_version").fetchone() == (7,)
    with pytest.raises(CaptureMissing):
        await capture.poll(1)
    assert await capture.check() == ["no capture is installed"]
    assert await capture.lag() is None


async def test_what_it_keeps_is_no_collection(capture, path, vec0):
    await installed(capture, vec0, VEC0)
    async with open_store(Endpoint("sqlite", path)) as store:
        assert await store.collections() == ["docs"]


async def test_two_migrations_do_not_take_each_others_changes(capture, path, writer):
    await installed(capture, writer)
    async with open_capture(Endpoint("sqlite", path, owner="other"), "docs") as other:
        await other.install()
        await drain(other)
        writer.execute("INSERT INTO docs (id) VALUES ('a')")
        assert (await drain(capture)).ids == (await drain(other)).ids == {"a"}
        await other.remove()
    assert await capture.check() == []


async def test_two_readers_of_one_name_do_not_each_take_a_part(capture, path, writer):
    """Two state files with a migration of the same id: whoever comes second is told, and takes nothing."""
    capture.reader = "ours"
    await installed(capture, writer)
    async with open_capture(Endpoint("sqlite", path, owner="m"), "docs") as other:
        other.reader = "theirs"
        assert await other.check() == [TAKEN]
        assert await other.install() == []
        with pytest.raises(CaptureTaken):
            await other.poll(1)
        writer.execute("INSERT INTO docs (id) VALUES ('a')")
        assert await drain(capture) == ({"a"}, False)
        assert await capture.check() == []
        await other.remove()
        await other.install()
        assert (await drain(other)).everything
        with pytest.raises(CaptureTaken):
            await capture.poll(1)


async def test_its_reader_is_known_again_by_a_later_process(capture, path, writer):
    capture.reader = "ours"
    await installed(capture, writer)
    writer.execute("INSERT INTO docs (id) VALUES ('a')")
    async with open_capture(Endpoint("sqlite", path, owner="m"), "docs") as successor:
        successor.reader = "ours"
        assert await drain(successor) == ({"a"}, False)


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        (["DROP TABLE docs"], "dropped or renamed"),
        (["ALTER TABLE docs RENAME TO old"], "dropped or renamed"),
        (["DROP TABLE docs", DOCS], "made anew"),
        (["ALTER TABLE docs RENAME COLUMN id TO key"], "other columns"),
        (["ALTER TABLE docs ADD COLUMN more TEXT DEFAULT 'x'"], "other columns"),
        (["CREATE UNIQUE INDEX more ON docs (n)"], "other unique indexes"),
        (["CREATE UNIQUE INDEX more ON docs (n + 1)"], "over an expression"),
        (["DROP TRIGGER {root}_deleted"], "triggers of the capture"),
    ],
)
async def test_trouble_is_told_until_a_new_install(capture, writer, statements, told):
    await installed(capture, writer)
    for statement in statements:
        writer.execute(statement.format(root=capture._root))
    assert told in " ".join(await capture.check())
    for _ in range(2):
        changes = await capture.poll(10)
        assert changes.everything
        await capture.acknowledge(changes.position)
    if told == "over an expression":
        writer.execute("DROP INDEX more")
        assert (await drain(capture)).everything
        return
    if told == "dropped or renamed":
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


@pytest.mark.parametrize("seed", range(2))
async def test_no_key_is_lost_whatever_is_written(capture, path, writer, seed):
    """A copy that follows only what is told ends equal to the table."""
    chance = random.Random(seed)
    await installed(capture, writer)
    copy = {}
    for _ in range(200):
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


# vec0, which writes past SQL.

VEC0 = (
    "CREATE VIRTUAL TABLE docs USING vec0(id TEXT PRIMARY KEY, part INTEGER PARTITION KEY, v float[4], f int8[4],"
    " title TEXT, good BOOLEAN, n INTEGER, +more TEXT)"
)
LONG = "a text that is longer than twelve"


@pytest.fixture
def vec0(path):
    with closing(apsw.Connection(path)) as connection:
        connection.enable_load_extension(True)
        connection.load_extension(sqlite_vec.loadable_path())
        connection.execute("PRAGMA synchronous = OFF")
        yield connection


def vector(*values):
    return np.array(values, "<f4").tobytes()


def add(vec0, *names):
    for name in names:
        vec0.execute(
            "INSERT INTO docs VALUES (?, 1, ?, vec_int8(?), 'short', 0, 7, 'aux')",
            (name, vector(1, 2, 3, 4), bytes(4)),
        )


async def test_vec0_rows_that_come_and_go(capture, vec0):
    await installed(capture, vec0, VEC0)
    add(vec0, "a", "b")
    assert await drain(capture) == ({"a", "b"}, False)
    vec0.execute("DELETE FROM docs WHERE id = 'a'")
    assert await drain(capture) == ({"a"}, False)
    assert await capture.poll(10) is None


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("v = ?", vector(1, 2, 3, 5)),
        ("title = ?", "other"),
        ("title = ?", LONG),
        ("good = ?", 1),
        ("n = ?", 8),
        ("more = ?", "other"),
    ],
)
async def test_vec0_rows_that_change_in_place(capture, vec0, change, value):
    await installed(capture, vec0, VEC0)
    add(vec0, "a", "b", "c")
    await drain(capture)
    vec0.execute(f"UPDATE docs SET {change} WHERE id = 'b'", (value,))
    seen = await capture.poll(10)
    assert (seen.ids, seen.everything) == (("b",), False)
    assert await capture.poll(10) == seen
    await capture.acknowledge(seen.position)
    assert await capture.poll(10) is None


async def test_vec0_changes_between_poll_and_acknowledge_are_told_again(capture, path, vec0):
    await installed(capture, vec0, VEC0)
    add(vec0, "a", "b", "c")
    await drain(capture)
    vec0.executemany("UPDATE docs SET n = 1 WHERE id = ?", [("a",), ("b",), ("c",)])
    first = await capture.poll(2)
    assert len(first.ids) == 2
    vec0.execute("UPDATE docs SET n = 2 WHERE id = ?", (first.ids[0],))
    await capture.acknowledge(first.position)
    assert {first.ids[0]} | ({"a", "b", "c"} - set(first.ids)) == (await drain(capture)).ids
    vec0.execute("UPDATE docs SET n = 3 WHERE id = 'a'")
    lost = await capture.poll(10)
    async with open_capture(Endpoint("sqlite", path, owner="m"), "docs") as successor:
        await successor.acknowledge(lost.position)
        assert (await drain(successor)).ids == {"a"}


async def test_vec0_by_row_number_and_its_removal(capture, vec0):
    vec0.execute("CREATE VIRTUAL TABLE docs USING vec0(v float[4])")
    vec0.execute("INSERT INTO docs (rowid, v) VALUES (5, ?)", (vector(1, 2, 3, 4),))
    before = schema(vec0)
    await capture.install()
    assert (await drain(capture)).everything
    vec0.execute("UPDATE docs SET v = ? WHERE rowid = 5", (vector(1, 2, 3, 5),))
    vec0.execute("INSERT INTO docs (rowid, v) VALUES (6, ?)", (vector(1, 2, 3, 4),))
    assert await drain(capture) == ({5, 6}, False)
    assert await capture.check() == []
    await capture.remove()
    assert schema(vec0) == before
    await capture.install()
    vec0.execute("DROP TABLE docs")
    assert "dropped" in " ".join(await capture.check())


async def test_the_qortex_layout(path, vec0):
    vec0.execute("CREATE VIRTUAL TABLE vec_index USING vec0(v float[4])")
    vec0.execute("CREATE TABLE vec_meta (id TEXT PRIMARY KEY, row_id INTEGER)")
    async with open_capture(Endpoint("sqlite", path, owner="m"), "vec_index") as capture:
        await capture.install()
        await drain(capture)
        for number, name in enumerate("abc", 1):
            vec0.execute("INSERT INTO vec_index (rowid, v) VALUES (?, ?)", (number, vector(1, 2, 3, 4)))
            vec0.execute("INSERT INTO vec_meta VALUES (?, ?)", (name, number))
        assert (await drain(capture)).ids == {"a", "b", "c"}
        vec0.execute("UPDATE vec_index SET v = ? WHERE rowid = 2", (vector(0, 0, 0, 0),))
        assert (await drain(capture)).ids == {"b"}
        vec0.execute("DELETE FROM vec_index WHERE rowid = 3")
        vec0.execute("UPDATE vec_meta SET id = 'z' WHERE id = 'a'")
        assert (await drain(capture)).ids == {"a", "c", "z"}


@pytest.mark.parametrize(("rows", "size"), [(1024, 3072), (1024, 3), (8, 16), (1024, 1)])
def test_every_byte_of_a_row_counts_in_its_digest_and_no_other(rows, size):
    chance = np.random.default_rng(3)
    data = chance.integers(0, 256, (rows, size), dtype=np.uint8)
    before = digest(data.tobytes(), rows)
    for place in {0, size // 2, size - 1}:
        changed = data.copy()
        changed[rows // 2, place] ^= 1
        assert np.flatnonzero(before != digest(changed.tobytes(), rows)).tolist() == [rows // 2]


def test_a_digest_of_bits():
    data = bytearray(128)
    before = digest(bytes(data), 1024)
    data[3] = 4
    assert np.flatnonzero(before != digest(bytes(data), 1024)).tolist() == [26]
