"""The capture of one table of a file: the watermark, the gap, and what is wrong.

Writers of a file stand in a line, so numbers are in the order of the commits and one watermark is enough. The row at
the watermark stays: SQLite would give its number to the next change. (AUTOINCREMENT would not, but leaves a table
behind that nobody can drop.)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apsw

from vectormigrate.model.errors import CaptureMissing, CollectionMissing, Unsupported
from vectormigrate.model.record import RecordId
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.capture import TAKEN, Capture, Changes, taken
from vectormigrate.stores.sqlite import rows, schema
from vectormigrate.stores.sqlite.database import Database
from vectormigrate.stores.sqlite.errors import STORE
from vectormigrate.stores.sqlite.store import path_of, timeout_of
from vectormigrate.stores.sqlite.table import Flavour, Table, quoted

from . import digests, triggers
from .digests import Digest

_STALE = 900.0
"""Seconds after which a change that nobody fetched is a problem."""
_DAY = 86_400.0
_OURS = (
    "SELECT name, type, sql FROM sqlite_schema WHERE type IN ('table', 'trigger') AND substr(name, 1, ?) = ?"
)

_UNCLAIMED = Changes((), True, "")
"""What a reader sees of a capture that nobody reads yet."""


@dataclass(frozen=True, slots=True)
class _State:
    """The one row of the state table."""

    token: str
    """Made anew by each install: a position of an earlier one is no position of this. With a slash and the reader behind it, once
    there is one.
    """
    acknowledged: int
    gap: bool
    """Something was written that nobody saw."""
    made: dict[str, str]
    """Statements of the triggers by name, as SQLite keeps them."""
    columns: str
    """The statement that makes the table: who drops a column, or adds one, changes every row and fires no trigger."""

    @property
    def reader(self) -> str:
        return self.token.partition("/")[2]


class SqliteCapture(Capture):
    """See the port."""

    def __init__(self, endpoint: Endpoint, collection: str) -> None:
        digest = hashlib.sha256(f"{endpoint.owner}\0{collection}".encode()).hexdigest()
        self._root = f"vectormigrate_{digest[:12]}"
        self._changes = quoted(f"{self._root}_changes")
        self._state = quoted(f"{self._root}_state")
        self._digests = quoted(f"{self._root}_digests")
        self._collection = collection
        self._endpoint = endpoint
        self._database = Database(path_of(endpoint.url), timeout_of(endpoint))
        self._quiet: tuple[int, int] | None = None
        """The connection that last saw nothing, and the version of the file that it saw."""
        self._table: tuple[int, Table] | None = None
        self._found: tuple[str, list[Digest]] = ("", [])
        """The last position told, and the digests to keep when it is acknowledged."""

    # By command.

    async def install(self, *, dry_run: bool = False) -> list[str]:
        if dry_run:
            return await self._database.read(self._foretell, self._collection)
        return await self._database.write(self._install, self._collection)

    async def check(self) -> list[str]:
        return await self._database.read(self._check, self._collection)

    async def remove(self, *, dry_run: bool = False) -> list[str]:
        if not self._database.exists:
            return []
        if dry_run:
            return await self._database.read(self._listed, self._collection)
        return await self._database.write(self._remove, self._collection)

    # By the engine.

    async def poll(self, limit: int) -> Changes | None:
        def look(connection: apsw.Connection) -> Changes | None:
            return self._poll(connection, limit)

        found = await self._database.read(look, self._collection)
        if found is _UNCLAIMED:
            await self._database.write(self._claim, self._collection)
            found = await self._database.read(look, self._collection)
        if found is not None and not found.position:
            # Kept, so that it is told once more when the trouble goes away by itself.
            await self._database.write(self._keep_gap, self._collection)
        return found

    async def acknowledge(self, position: str) -> None:
        if position:
            news = self._found[1] if self._found[0] == position else []
            await self._database.write(
                lambda connection: self._forget(connection, position, news), self._collection
            )

    async def lag(self) -> float | None:
        return await self._database.read(self._age, self._collection)

    async def close(self) -> None:
        await self._database.close()

    # Made and unmade, each in one transaction.

    def _install(self, connection: apsw.Connection) -> list[str]:
        table = self._load(connection)
        if self._is_sound(connection):
            return []
        self._remove(connection)
        keys = ", ".join(f"k{place}" for place in range(1, len(table.keys) + 1))
        connection.execute(
            f"CREATE TABLE {self._changes} (seq INTEGER PRIMARY KEY, at REAL NOT NULL DEFAULT (julianday('now')), {keys})"
        )
        connection.execute(
            f"CREATE TABLE {self._state} (token TEXT, acknowledged INTEGER, gap INTEGER, made TEXT, columns TEXT)"
        )
        if table.flavour is not Flavour.PLAIN:
            digests.create(connection, self._digests)
        for statement in self._triggers(connection, table):
            connection.execute(statement)
        made = self._trigger_texts(connection)
        connection.execute(
            f"INSERT INTO {self._state} VALUES (lower(hex(randomblob(8))), 0, 1, ?, ?)",  # noqa: S608 quoted names
            (json.dumps(made), self._columns(connection)),
        )
        return self._listed(connection)

    def _foretell(self, connection: apsw.Connection) -> list[str]:
        """What `_install` would make."""
        table = self._load(connection)
        if self._is_sound(connection):
            return []
        kept = ["changes", "state", *(["digests"] if table.flavour is not Flavour.PLAIN else [])]
        named = [statement.split('"')[1] for statement in self._triggers(connection, table)]
        return [*(f"table {self._root}_{kind}" for kind in kept), *(f"trigger {name}" for name in named)]

    def _is_sound(self, connection: apsw.Connection) -> bool:
        return self._read_state(connection) is not None and not self._problems(connection)

    def _listed(self, connection: apsw.Connection) -> list[str]:
        return [f"{kind} {name}" for name, kind, _ in self._ours(connection)]

    def _triggers(self, connection: apsw.Connection, table: Table) -> list[str]:
        return triggers.statements(connection, table, self._root, self._changes)

    def _remove(self, connection: apsw.Connection) -> list[str]:
        done = []
        for name, kind, _ in sorted(self._ours(connection), key=lambda row: row[1] == "table"):
            connection.execute(f"DROP {kind.upper()} {quoted(name)}")
            done.append(f"{kind} {name}")
        return done

    def _claim(self, connection: apsw.Connection) -> None:
        """Read it alone from now on, and compare everything once: nobody knows what others took before."""
        if not self._expect(connection).reader:
            sql = f"UPDATE {self._state} SET token = token || '/' || ?, gap = 1"  # noqa: S608 quoted names
            connection.execute(sql, (self.reader,))

    def _keep_gap(self, connection: apsw.Connection) -> None:
        connection.execute(f"UPDATE {self._state} SET gap = 1")  # noqa: S608 quoted names

    def _forget(self, connection: apsw.Connection, position: str, news: list[Digest]) -> None:
        token, last, _ = json.loads(position)
        if self._expect(connection).token == token:
            sql = f"UPDATE {self._state} SET acknowledged = max(acknowledged, ?), gap = 0"  # noqa: S608 quoted names
            connection.execute(sql, (last,))
            connection.execute(f"DELETE FROM {self._changes} WHERE seq < ?", (last,))  # noqa: S608 quoted names
            if news:
                digests.keep(connection, self._digests, news)

    # Looking. Every job below runs in one transaction, so that it sees one state of the file.

    def _poll(self, connection: apsw.Connection, limit: int) -> Changes | None:
        version: Any = connection.execute("PRAGMA data_version").fetchall()[0][0]
        now = (id(connection), version)
        if self._quiet == now:
            return None
        state = self._expect(connection)
        if self._is_anothers(state):
            raise taken(STORE, self._collection)
        if self.reader and not state.reader:
            return _UNCLAIMED
        if self._problems(connection):
            return Changes((), True, "")
        told: list[Any] = connection.execute(
            f"SELECT * FROM {self._changes} WHERE seq > ? ORDER BY seq LIMIT ?",  # noqa: S608 quoted names
            (state.acknowledged, limit),
        ).fetchall()
        keys, news = self._in_place(connection, state, limit - len(told))
        if not (told or keys or news or state.gap):
            self._quiet = now
            return None
        last = told[-1][0] if told else state.acknowledged
        position = json.dumps([state.token, last, digests.name(news)])
        self._found = position, news
        ids = dict.fromkeys(self._ids(connection, [*(row[2:] for row in told), *keys]))
        return Changes(tuple(ids), state.gap, position)

    def _in_place(
        self, connection: apsw.Connection, state: _State, room: int
    ) -> tuple[list[digests.Key], list[Digest]]:
        """What was changed where no trigger looks. A gap says it all, so that only the digests are taken then."""
        table = self._load(connection)
        if table.flavour is Flavour.PLAIN or room <= 0:
            return [], []
        if state.gap:
            return [], digests.compare(connection, table, self._digests, None)[1]
        return digests.compare(connection, table, self._digests, room)

    def _ids(self, connection: apsw.Connection, keys: Iterable[Sequence[Any]]) -> Iterator[RecordId]:
        """The ids of keys. A key that can be no id (NULL, a fraction) is no record of this collection either."""
        table = self._load(connection)
        for values in keys:
            parts = [key.part(value) for key, value in zip(table.keys, values, strict=True)]
            if None not in parts:
                yield table.record_id(values)

    def _check(self, connection: apsw.Connection) -> list[str]:
        state = self._read_state(connection)
        if state is None:
            return ["no capture is installed"]
        found = self._problems(connection)
        if self._is_anothers(state):
            found.append(TAKEN)
        age = self._age(connection) or 0.0
        if age > _STALE:
            found.append(f"changes have been waiting for {age / 60:,.0f} minutes: nobody fetches them")
        return found

    def _problems(self, connection: apsw.Connection) -> list[str]:
        """What may hide changes until a new install."""
        state = self._expect(connection)
        made = self._trigger_texts(connection)
        try:
            wanted = self._triggers(connection, self._load(connection))
        except CollectionMissing:
            return [f"the table {self._collection} was dropped or renamed"]
        except Unsupported as error:
            return [error.message]
        faults = (
            (not made, f"the triggers are gone: the table {self._collection} was dropped and made anew"),
            (self._columns(connection) != state.columns, "the table has other columns than at the install"),
            (made != state.made, "triggers of the capture were dropped or changed"),
            (
                set(wanted) != set(state.made.values()),
                "the table has other unique indexes than at the install",
            ),
        )
        return [text for fault, text in faults if fault][:1]

    def _age(self, connection: apsw.Connection) -> float | None:
        state = self._read_state(connection)
        if state is None:
            return None
        sql = (
            f"SELECT (julianday('now') - at) * {_DAY} FROM {self._changes} WHERE seq > ? ORDER BY seq LIMIT 1"  # noqa: S608 quoted names
        )
        oldest: list[Any] = connection.execute(sql, (state.acknowledged,)).fetchall()
        return max(float(oldest[0][0]), 0.0) if oldest else 0.0

    def _load(self, connection: apsw.Connection) -> Table:
        version: Any = connection.execute("PRAGMA schema_version").fetchall()[0][0]
        if self._table is None or self._table[0] != version:
            table = schema.load(
                connection, str(self._database.path), self._collection, self._endpoint.options
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

    def _is_anothers(self, state: _State) -> bool:
        return bool(self.reader and state.reader and state.reader != self.reader)

    def _read_state(self, connection: apsw.Connection) -> _State | None:
        if not any(name == f"{self._root}_state" for name, _, _ in self._ours(connection)):
            return None
        found: list[Any] = connection.execute(f"SELECT * FROM {self._state}").fetchall()  # noqa: S608 quoted names
        token, acknowledged, gap, made, columns = found[0]
        return _State(token, acknowledged, bool(gap), json.loads(made), columns)

    def _columns(self, connection: apsw.Connection) -> str:
        found = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?"
        return str(connection.execute(found, (self._collection,)).fetchall()[0][0])

    def _trigger_texts(self, connection: apsw.Connection) -> dict[str, str]:
        return {name: sql for name, kind, sql in self._ours(connection) if kind == "trigger"}

    def _ours(self, connection: apsw.Connection) -> list[Any]:
        return connection.execute(_OURS, (len(self._root), self._root)).fetchall()
