"""A copy in another file is what SQLite says of the source; what it is not, the plan says."""

from __future__ import annotations

from dataclasses import replace

import apsw
import numpy as np
import pytest

from tests.fakes.moved import moved
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.sqlite import likeness, open_store

SOURCE = """\
CREATE TABLE docs (
  title varchar(40) COLLATE NOCASE NOT NULL DEFAULT 'it''s',
  id integer PRIMARY KEY AUTOINCREMENT,
  n int DEFAULT 7, -- CHECK (n > 0)
  seen TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  v FLOAT[3],
  twice int DEFAULT (1 + 1)
)"""


@pytest.fixture
def connection(tmp_path):
    made = apsw.Connection(str(tmp_path / "a.db"))
    made.execute(SOURCE)
    made.execute("CREATE INDEX by_n ON docs (n DESC, title)")
    vector = np.array([1, 2, 3], "f4").tobytes()
    for number in range(3):
        made.execute("INSERT INTO docs (title, v) VALUES (?, ?)", (f"Title {number}", vector))
    yield made
    made.close()


@pytest.fixture
async def store(tmp_path, connection):
    async with open_store(Endpoint("sqlite", str(tmp_path / "a.db"))) as opened:
        yield opened


def _told(connection, table):
    columns = connection.execute(f"PRAGMA table_xinfo({table})").fetchall()
    return {
        row[1]: (row[0], row[2].upper(), row[4], row[5], connection.column_metadata(None, table, row[1])[1:])
        for row in columns
    }


def _indexed(connection, table):
    found = connection.execute(f"PRAGMA index_list({table})").fetchall()
    return sorted(connection.execute(f'PRAGMA index_xinfo("{row[1]}")').fetchall() for row in found)


async def test_sqlite_says_the_same_of_both(store, connection):
    notes = await moved(store, "docs", "copy")
    before, after = (_told(connection, one) for one in ("docs", "copy"))
    nullable = {"id": (1, "INTEGER", None, 1, ("BINARY", True, True, True))}
    assert after == {**before, **nullable}
    assert _indexed(connection, "copy") == _indexed(connection, "docs")
    assert notes == ()
    for one in ("docs", "copy"):
        connection.execute(f"DELETE FROM {one} WHERE id = 3")
        connection.execute(f"INSERT INTO {one} (v) VALUES (NULL)")
    rows = [
        connection.execute(f"SELECT id, title, n, twice FROM {one}").fetchall() for one in ("docs", "copy")
    ]
    assert rows[0] == rows[1]
    assert rows[1][-1] == (4, "it's", 7, 2)
    assert connection.execute("SELECT count(*) FROM copy WHERE title = 'TITLE 1'").fetchall() == [(1,)]


async def test_a_table_without_numbers_of_its_own_stays_one(store, connection):
    connection.execute("CREATE TABLE plain (k TEXT PRIMARY KEY NOT NULL, v FLOAT[2]) WITHOUT ROWID")
    await moved(store, "plain", "copy")
    with pytest.raises(apsw.SQLError, match="rowid"):
        connection.execute("SELECT rowid FROM copy")


async def test_a_strict_table_is_told(store, connection):
    connection.execute("CREATE TABLE tight (k TEXT PRIMARY KEY NOT NULL, n INT, strict_one TEXT) STRICT")
    assert await moved(store, "tight", "copy") == (
        "the source has no vectors, as far as can be seen: where they are can be said with --source-option",
        "STRICT is not carried: make it after the cutover",
    )


async def test_what_is_not_made_is_told(store, connection):
    connection.create_collation("OWN", lambda one, other: (one > other) - (one < other))
    for statement in (
        "CREATE TABLE other (id INTEGER PRIMARY KEY)",
        """CREATE TABLE odd (id TEXT COLLATE NOCASE PRIMARY KEY, v FLOAT[2], a INT CHECK (a > 0), u TEXT UNIQUE,
            g INT AS (a * 2), b datetime, r INT REFERENCES other, o TEXT COLLATE own)""",
        "CREATE INDEX lowered ON odd (lower(u))",
        "CREATE INDEX gone ON odd (a, u)",
        "CREATE TRIGGER fires AFTER INSERT ON odd BEGIN SELECT 1; END",
    ):
        connection.execute(statement)
    connection.execute("INSERT INTO odd (id, a) VALUES ('x', 1)")
    told = await moved(store, "odd", "copy", rename={"u": "w"})
    assert set(told) == {
        "unique index sqlite_autoindex_odd_2 over u is not carried: make it after the cutover",
        "index lowered over an expression is not carried: make it after the cutover",
        "foreign key r to other is not carried: make it after the cutover",
        "trigger fires is not carried: make it after the cutover",
        "a check is not carried: make it after the cutover",
        'index gone over "a" COLLATE BINARY, "u" COLLATE BINARY is not carried: it needs columns as they were',
        "column 'id': collation NOCASE is not carried",
        "column 'g' is not generated in the target: it holds what it held",
        "column 'b' is declared 'TIMESTAMP' in the target, not 'datetime'",
        "column 'o': collation own is not carried",
    }


async def test_words_that_anybody_may_have_written_do_not_become_a_statement(store, connection):
    """A snapshot's manifest says of itself that it is from a SQLite."""
    described = await store.describe("docs")
    columns = {name: dict(one) for name, one in likeness.told(described)["columns"].items()}
    columns["n"]["default"] = "load_extension('evil')"
    columns["seen"]["default"] = "1); CREATE TABLE evil (a"
    columns["title"]["collation"] = "NOCASE, evil TEXT"
    evil = {"name": "e", "text": '"n" COLLATE BINARY); CREATE TABLE evil (a', "needs": ["n"]}
    shape = replace(
        described,
        name="copy",
        native={**described.native, "sqlite": {"columns": columns, "indexes": [evil]}},
        fields=tuple(
            replace(one, declared="sqlite:int, evil TEXT") if one.name == "n" else one
            for one in described.fields
        ),
    )
    await store.create(shape)
    await store.finish_load(shape)
    made = _told(connection, "copy")
    assert (made["n"][1:3], made["seen"][2], made["title"][3]) == (("INTEGER", None), None, 0)
    assert "evil" not in str(connection.execute("SELECT name, sql FROM sqlite_schema").fetchall())
    left = "\n".join(likeness.left_out(shape, shape))
    for line in (
        "column 'n': default load_extension('evil') is not carried: it calls load_extension",
        "column 'seen': default 1); CREATE TABLE evil (a is not carried: its brackets do not match",
        "CREATE TABLE evil (a is not carried: it is no list of columns",
        "column 'title': collation NOCASE, evil TEXT is not carried",
    ):
        assert line in left
