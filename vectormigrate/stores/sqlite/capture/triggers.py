"""The triggers of a capture, as statements.

The surprise is REPLACE: a row that it throws out to make room fires no delete trigger, unless the writer's own
connection has `recursive_triggers` on. So where a row can be thrown out for another constraint than its own key, a
BEFORE trigger looks for it first.

A virtual table takes no triggers; those of vec0 stand on its shadow tables, which it writes by SQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apsw

from vectormigrate.model.collection import IdKind
from vectormigrate.model.errors import Unsupported
from vectormigrate.stores.sqlite.errors import STORE
from vectormigrate.stores.sqlite.table import Flavour, Table, quoted
from vectormigrate.stores.sqlite.virtual import QORTEX_IDS

_WHERE = " WHERE "


@dataclass(frozen=True, slots=True)
class _Writing:
    """What the statements of one capture have in common."""

    root: str
    tell: str
    """The beginning of the INSERT into the table of changes."""

    def trigger(self, kind: str, when: str, table: str, *statements: str) -> str:
        name = quoted(f"{self.root}_{kind}")
        return f"CREATE TRIGGER {name} {when} ON {quoted(table)} BEGIN {' '.join(statements)} END"


def statements(connection: apsw.Connection, table: Table, root: str, changes: str) -> list[str]:
    """What makes the triggers. Raises Unsupported where a change could pass unseen."""
    places = ", ".join(f"k{place}" for place in range(1, len(table.keys) + 1))
    writing = _Writing(root, f"INSERT INTO {changes} ({places})")
    if table.flavour is Flavour.PLAIN:
        return list(_plain(connection, writing, table.name, table))
    if table.flavour is Flavour.QORTEX:
        return [*_plain(connection, writing, QORTEX_IDS, table), *_shadows(connection, writing, table)]
    return list(_shadows(connection, writing, table))


def _plain(connection: apsw.Connection, writing: _Writing, on: str, table: Table) -> Iterator[str]:
    """Of a table whose rows are the records."""
    names = [quoted(key.name) for key in table.keys]
    new, old = (", ".join(f"{row}.{name}" for name in names) for row in ("NEW", "OLD"))
    # Byte for byte: under NOCASE a key that changes its case is equal and another id.
    moved = " OR ".join(f"OLD.{name} IS NOT NEW.{name} COLLATE BINARY" for name in names)
    tell_new, tell_old = f"{writing.tell} VALUES ({new});", f"{writing.tell} VALUES ({old});"
    yield writing.trigger("inserted", "AFTER INSERT", on, tell_new)
    yield writing.trigger("deleted", "AFTER DELETE", on, tell_old)
    yield writing.trigger(
        "updated", "AFTER UPDATE", on, tell_new, f"{writing.tell} SELECT {old} WHERE {moved};"
    )
    found = [
        f"{writing.tell} SELECT {', '.join(names)} FROM {quoted(on)} WHERE {where}"  # noqa: S608 quoted names
        for where in _conflicts(connection, on, table)
    ]
    if found:
        other = " OR ".join(f"{name} IS NOT OLD.{name} COLLATE BINARY" for name in names)
        yield writing.trigger("replaced", "BEFORE INSERT", on, *(f"{select};" for select in found))
        yield writing.trigger(
            "displaced", "BEFORE UPDATE", on, *(f"{select} AND ({other});" for select in found)
        )


def _shadows(connection: apsw.Connection, writing: _Writing, table: Table) -> Iterator[str]:
    """Of a vec0 table: rows come and go in `NAME_rowids`; long texts and auxiliary columns have tables of their own."""
    rowids = f"{table.name}_rowids"
    outside = (
        [f"{table.name}_auxiliary"] if any(field.shadow.startswith("x.") for field in table.fields) else []
    )
    outside += [
        f"{table.name}_metadatatext{field.metadata:02d}"
        for field in table.fields
        if field.metadata is not None and field.shadow != "NULL"
    ]
    for place, (shadow, actions) in enumerate(
        [(rowids, ("INSERT", "DELETE")), *((name, ("INSERT", "UPDATE", "DELETE")) for name in outside)]
    ):
        for action in actions:
            row = "OLD" if action == "DELETE" else "NEW"
            key = _key_of(table, rowids, f"{row}.rowid", row if shadow == rowids else "")
            yield writing.trigger(
                f"shadow{place}_{action.lower()}", f"AFTER {action}", shadow, f"{writing.tell} {key};"
            )


def _key_of(table: Table, rowids: str, row: str, at_hand: str) -> str:
    """What gives the key of the row of that number; `at_hand` is NEW or OLD when the row of `rowids` is there."""
    if table.flavour is Flavour.QORTEX:
        return f"SELECT id FROM {quoted(QORTEX_IDS)} WHERE row_id = {row}"  # noqa: S608 fixed name
    if table.keys[0].kind is IdKind.INT:
        return f"VALUES ({row})"
    return f"VALUES ({at_hand}.id)" if at_hand else f"SELECT id FROM {quoted(rowids)} WHERE rowid = {row}"  # noqa: S608 quoted names


def _conflicts(connection: apsw.Connection, on: str, table: Table) -> Iterator[str]:
    """Conditions on the rows that a REPLACE of the row NEW throws out and that are other records than NEW."""
    exact = all(key.exact for key in table.keys)
    indexes: list[Any] = connection.execute(f"PRAGMA index_list({quoted(on)})").fetchall()
    for _, name, unique, origin, partial in indexes:
        if not unique or (origin == "pk" and exact):
            continue
        columns: list[Any] = connection.execute(f"PRAGMA index_xinfo({quoted(name)})").fetchall()
        members = [(column, collation) for _, _, column, _, collation, is_key in columns if is_key]
        if any(column is None for column, _ in members):
            raise Unsupported(
                f"changes of {table.name!r} cannot be captured: its unique index {name!r} is over an expression",
                hint="a REPLACE could remove a record unseen; drop that index while the migration runs",
                store=STORE,
                collection=table.name,
            )
        where = " AND ".join(
            f"{quoted(column)} = NEW.{quoted(column)} COLLATE {quoted(collation)}"
            for column, collation in members
        )
        yield where + (_condition(connection, name) if partial else "")
    alias = _rowid(connection, on, [key.name for key in table.keys])
    if alias:
        yield f"{alias} = NEW.{alias}"


def _condition(connection: apsw.Connection, index: str) -> str:
    """What a partial index demands of its rows."""
    found = "SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = ?"
    sql: Any = connection.execute(found, (index,)).fetchall()[0][0]
    flat = " ".join(sql.split()) if "'" not in sql and '"' not in sql else sql
    return f" AND ({flat[flat.upper().index(_WHERE) + len(_WHERE) :]})"


def _rowid(connection: apsw.Connection, on: str, keys: Sequence[str]) -> str:
    """The name of a hidden row number, which a writer can set too; "" where there is none beside the key."""
    listed: list[Any] = connection.execute(f"PRAGMA table_list({quoted(on)})").fetchall()
    if any(row[0] == "main" and row[4] for row in listed):
        return ""
    columns: list[Any] = connection.execute(f"PRAGMA table_info({quoted(on)})").fetchall()
    if len(keys) == 1 and any(row[1] == keys[0] and row[2].upper() == "INTEGER" for row in columns):
        return ""
    taken = {row[1].lower() for row in columns}
    return next((name for name in ("rowid", "_rowid_", "oid") if name not in taken), "")
