"""The changes of one table, told by triggers that write each changed key into a table of ours in the same file.

Writers of a file stand in a line, so numbers are in the order of the commits and one watermark is enough. The row at
the watermark stays: SQLite would give its number to the next change. (AUTOINCREMENT would not, but leaves a table
behind that nobody can drop.)

The surprise is REPLACE: a row that it throws out to make room fires no delete trigger, unless the writer's own
connection has `recursive_triggers` on. So where a row can be thrown out for another constraint than its own key, a
BEFORE trigger looks for it first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import apsw

from vectormigrate.model.errors import CaptureMissing, CollectionMissing, Unsupported
from vectormigrate.model.record import RecordId
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.capture import Capture, Changes

from . import rows, schema
from .database import Database
from .errors import STORE
from .store import path_of, timeout_of
from .table import Flavour, Table, quoted

_STALE = 900.0
"""Seconds after which a change that nobody fetched is a problem."""
_DAY = 86_400.0
_OURS = "SELECT name, type, tbl_name, sql FROM sqlite_schema WHERE name IN (?, ?) OR type = 'trigger' AND name LIKE ?"
_BEFORE = ("replaced", "displaced")
_WHERE = " WHERE "


@dataclass(frozen=True, slots=True)
class _State:
    """The one row of the state table."""

    token: str
    """Made anew by each install: a position of an earlier one is no position of this."""
    acknowledged: int
    gap: bool
    """Something was written that nobody saw."""
    made: dict[str, str]
    """Statements of the triggers by name, as SQLite keeps them."""


class SqliteCapture(Capture):
    """See the port."""

    def __init__(self, endpoint: Endpoint, collection: str) -> None:
        digest = hashlib.sha256(f"{endpoint.owner}\0{collection}".encode()).hexdigest()
        self._root = f"vectormigrate_{digest[:12]}"
        self._changes, self._state = quoted(f"{self._root}_changes"), quoted(f"{self._root}_state")
        self._collection = collection
        self._endpoint = endpoint
        self._database = Database(path_of(endpoint.url), timeout_of(endpoint))
        self._quiet: tuple[int, int] | None = None
        """The connection that last saw nothing, and the version of the file that it saw."""
        self._table: tuple[int, Table] | None = None

    # By command.

    async def install(self) -> list[str]:
        return await self._database.write(self._install, self._collection)

    async def check(self) -> list[str]:
        return await self._database.read(self._check, self._collection)

    async def remove(self) -> list[str]:
        if not self._database.exists:
            return []
        return await self._database.write(self._remove, self._collection)

    # By the engine.

    async def poll(self, limit: int) -> Changes | None:
        found = await self._database.read(lambda connection: self._poll(connection, limit), self._collection)
        if found is not None and not found.position:
            # Kept, so that it is told once more when the trouble goes away by itself.
            await self._database.write(self._keep_gap, self._collection)
        return found

    async def acknowledge(self, position: str) -> None:
        if position:
            token, last = json.loads(position)
            await self._database.write(
                lambda connection: self._forget(connection, token, last), self._collection
            )

    async def lag(self) -> float | None:
        return await self._database.read(self._age, self._collection)

    async def close(self) -> None:
        await self._database.close()

    # Made and unmade, each in one transaction.

    def _install(self, connection: apsw.Connection) -> list[str]:
        table = self._load(connection)
        if self._read_state(connection) is not None and not self._problems(connection):
            return []
        self._remove(connection)
        keys = ", ".join(f"k{place}" for place in range(1, len(table.keys) + 1))
        connection.execute(
            f"CREATE TABLE {self._changes} (seq INTEGER PRIMARY KEY, at REAL NOT NULL DEFAULT (julianday('now')), {keys})"
        )
        connection.execute(
            f"CREATE TABLE {self._state} (token TEXT, acknowledged INTEGER, gap INTEGER, made TEXT)"
        )
        for statement in self._triggers(connection, table, keys):
            connection.execute(statement)
        made = self._trigger_texts(connection)
        connection.execute(
            f"INSERT INTO {self._state} VALUES (lower(hex(randomblob(8))), 0, 1, ?)",  # noqa: S608 quoted names
            (json.dumps(made),),
        )
        tables = [f"table {self._root}_changes", f"table {self._root}_state"]
        return [*tables, *(f"trigger {name} on {self._collection}" for name in made)]

    def _remove(self, connection: apsw.Connection) -> list[str]:
        done = []
        for name, kind, _, _ in sorted(self._ours(connection), key=lambda row: row[1] == "table"):
            connection.execute(f"DROP {kind.upper()} {quoted(name)}")
            done.append(f"{kind} {name}")
        return done

    def _triggers(self, connection: apsw.Connection, table: Table, keys: str) -> Iterator[str]:
        names = [quoted(key.name) for key in table.keys]
        on = quoted(self._collection)
        tell = f"INSERT INTO {self._changes} ({keys})"
        new, old = (", ".join(f"{row}.{name}" for name in names) for row in ("NEW", "OLD"))
        # Byte for byte: under NOCASE a key that changes its case is equal and another id.
        moved = " OR ".join(f"OLD.{name} IS NOT NEW.{name} COLLATE BINARY" for name in names)
        yield f"CREATE TRIGGER {self._name('inserted')} AFTER INSERT ON {on} BEGIN {tell} VALUES ({new}); END"  # noqa: S608 quoted names
        yield f"CREATE TRIGGER {self._name('deleted')} AFTER DELETE ON {on} BEGIN {tell} VALUES ({old}); END"
        yield (
            f"CREATE TRIGGER {self._name('updated')} AFTER UPDATE ON {on} BEGIN {tell} VALUES ({new});"
            f" {tell} SELECT {old} WHERE {moved}; END"
        )
        in_the_way = list(_conflicts(connection, table, self._collection))
        if in_the_way:
            found = [f"{tell} SELECT {', '.join(names)} FROM {on} WHERE {where};" for where in in_the_way]  # noqa: S608 quoted names
            yield f"CREATE TRIGGER {self._name('replaced')} BEFORE INSERT ON {on} BEGIN {' '.join(found)} END"
            other = " OR ".join(f"{name} IS NOT OLD.{name} COLLATE BINARY" for name in names)
            found = [f"{statement[:-1]} AND ({other});" for statement in found]
            yield f"CREATE TRIGGER {self._name('displaced')} BEFORE UPDATE ON {on} BEGIN {' '.join(found)} END"

    def _name(self, kind: str) -> str:
        return quoted(f"{self._root}_{kind}")

    def _keep_gap(self, connection: apsw.Connection) -> None:
        connection.execute(f"UPDATE {self._state} SET gap = 1")  # noqa: S608 quoted names

    def _forget(self, connection: apsw.Connection, token: str, last: int) -> None:
        if self._expect(connection).token == token:
            sql = f"UPDATE {self._state} SET acknowledged = max(acknowledged, ?), gap = 0"  # noqa: S608 quoted names
            connection.execute(sql, (last,))
            connection.execute(f"DELETE FROM {self._changes} WHERE seq < ?", (last,))  # noqa: S608 quoted names

    # Looking. Every job below runs in one transaction, so that it sees one state of the file.

    def _poll(self, connection: apsw.Connection, limit: int) -> Changes | None:
        version: Any = connection.execute("PRAGMA data_version").fetchall()[0][0]
        now = (id(connection), version)
        if self._quiet == now:
            return None
        state = self._expect(connection)
        if self._problems(connection):
            return Changes((), True, "")
        told: list[Any] = connection.execute(
            f"SELECT * FROM {self._changes} WHERE seq > ? ORDER BY seq LIMIT ?",  # noqa: S608 quoted names
            (state.acknowledged, limit),
        ).fetchall()
        if not (told or state.gap):
            self._quiet = now
            return None
        last = told[-1][0] if told else state.acknowledged
        ids = tuple(dict.fromkeys(self._ids(connection, told)))
        return Changes(ids, state.gap, json.dumps([state.token, last]))

    def _ids(self, connection: apsw.Connection, told: list[Any]) -> Iterator[RecordId]:
        """The ids that were told. A key that can be no id (NULL, a fraction) is no record of this collection either."""
        table = self._load(connection)
        for _, _, *values in told:
            parts = [key.part(value) for key, value in zip(table.keys, values, strict=True)]
            if None not in parts:
                yield table.record_id(values)

    def _check(self, connection: apsw.Connection) -> list[str]:
        if self._read_state(connection) is None:
            return ["no capture is installed"]
        found = self._problems(connection)
        age = self._age(connection) or 0.0
        if age > _STALE:
            found.append(f"changes have been waiting for {age / 60:,.0f} minutes: nobody fetches them")
        return found

    def _problems(self, connection: apsw.Connection) -> list[str]:
        """What may hide changes until a new install."""
        state = self._expect(connection)
        made = self._trigger_texts(connection)
        try:
            table = self._load(connection)
        except CollectionMissing:
            return [f"the table {self._collection} was dropped or renamed"]
        if not made:
            return [f"the triggers are gone: the table {self._collection} was dropped and made anew"]
        if made != state.made:
            return ["triggers were dropped or changed, or a column of the key was renamed"]
        keys = ", ".join(f"k{place}" for place in range(1, len(table.keys) + 1))
        if set(self._triggers(connection, table, keys)) != set(made.values()):
            return ["the key or the unique indexes are others than when the capture was installed"]
        return []

    def _age(self, connection: apsw.Connection) -> float | None:
        state = self._read_state(connection)
        if state is None:
            return None
        sql = (
            f"SELECT (julianday('now') - at) * {_DAY} FROM {self._changes} WHERE seq > ? ORDER BY seq LIMIT 1"  # noqa: S608 quoted names
        )
        rows: list[Any] = connection.execute(sql, (state.acknowledged,)).fetchall()
        return max(float(rows[0][0]), 0.0) if rows else 0.0

    def _load(self, connection: apsw.Connection) -> Table:
        version: Any = connection.execute("PRAGMA schema_version").fetchall()[0][0]
        if self._table is None or self._table[0] != version:
            table = schema.load(
                connection, str(self._database.path), self._collection, self._endpoint.options
            )
            if table.flavour is not Flavour.PLAIN:
                raise Unsupported(
                    f"changes of {self._collection!r} cannot be captured: it is a {table.flavour.value} table",
                    hint="SQLite has no triggers on virtual tables; stop writing to it while it is migrated",
                    store=STORE,
                    collection=self._collection,
                )
            if table.sampled and rows.is_empty(connection, table):
                return table  # its key was guessed from nothing
            self._table = version, table
        return self._table[1]

    def _expect(self, connection: apsw.Connection) -> _State:
        state = self._read_state(connection)
        if state is None:
            raise CaptureMissing(
                f"no capture is installed on {self._collection!r}, so its changes are not seen",
                hint="vectormigrate capture install ID",
                store=STORE,
                collection=self._collection,
            )
        return state

    def _read_state(self, connection: apsw.Connection) -> _State | None:
        if sum(row[1] == "table" for row in self._ours(connection)) < 2:
            return None
        rows: list[Any] = connection.execute(f"SELECT * FROM {self._state}").fetchall()  # noqa: S608 quoted names
        token, acknowledged, gap, made = rows[0]
        return _State(token, acknowledged, bool(gap), json.loads(made))

    def _trigger_texts(self, connection: apsw.Connection) -> dict[str, str]:
        return {name: sql for name, kind, _, sql in self._ours(connection) if kind == "trigger"}

    def _ours(self, connection: apsw.Connection) -> list[Any]:
        names = (f"{self._root}_changes", f"{self._root}_state", f"{self._root}_%")
        return connection.execute(_OURS, names).fetchall()


def _conflicts(connection: apsw.Connection, table: Table, collection: str) -> Iterator[str]:
    """Conditions on the rows that a REPLACE of the row NEW throws out and that are other records than NEW."""
    exact = all(key.exact for key in table.keys)
    keys = {key.name for key in table.keys}
    indexes: list[Any] = connection.execute(f"PRAGMA index_list({quoted(table.name)})").fetchall()
    for _, name, unique, origin, partial in indexes:
        if not unique or (origin == "pk" and exact):
            continue
        columns: list[Any] = connection.execute(f"PRAGMA index_xinfo({quoted(name)})").fetchall()
        members = [(column, collation) for _, _, column, _, collation, is_key in columns if is_key]
        if any(column is None for column, _ in members):
            raise Unsupported(
                f"changes of {collection!r} cannot be captured: its unique index {name!r} is over an expression",
                hint="a REPLACE could remove a record unseen; drop that index while the migration runs",
                store=STORE,
                collection=collection,
            )
        where = " AND ".join(
            f"{quoted(column)} = NEW.{quoted(column)} COLLATE {quoted(collation)}"
            for column, collation in members
        )
        if partial:
            found: list[Any] = connection.execute(
                "SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = ?", (name,)
            ).fetchall()
            where += f" AND ({_condition(found[0][0])})"
        yield where
    alias = _rowid(connection, table, keys)
    if alias:
        yield f"{alias} = NEW.{alias}"


def _condition(sql: str) -> str:
    """The condition of a partial index."""
    return sql[sql.upper().index(_WHERE) + len(_WHERE) :]


def _rowid(connection: apsw.Connection, table: Table, keys: set[str]) -> str:
    """The name of a hidden row number, which a writer can set too; "" where there is none beside the key."""
    listed: list[Any] = connection.execute(f"PRAGMA table_list({quoted(table.name)})").fetchall()
    if any(row[0] == "main" and row[4] for row in listed):
        return ""
    columns: list[Any] = connection.execute(f"PRAGMA table_info({quoted(table.name)})").fetchall()
    if len(keys) == 1 and any(row[1] in keys and row[2].upper() == "INTEGER" for row in columns):
        return ""
    taken = {row[1].lower() for row in columns}
    return next((name for name in ("rowid", "_rowid_", "oid") if name not in taken), "")


def open_capture(endpoint: Endpoint, collection: str) -> Capture:
    """Open the capture of a table. Nothing is touched yet."""
    return SqliteCapture(endpoint, collection)
