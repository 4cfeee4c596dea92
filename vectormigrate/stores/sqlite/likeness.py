"""What a table says beside its rows, and a copy of it in another file says again: defaults, collations, indexes, the order of the
columns, keys that are counted up. Read into `CollectionShape.native`, and made of it.

What SQLite tells by its text alone (generated columns, checks), or what holds of other rows and tables (unique indexes, foreign keys,
triggers), is not made: records arrive in an order of their own. A plan lists that.

What was read may have been written by anybody, so no text of it enters a statement but as `expressions.py` allows, or made anew.
"""

from __future__ import annotations

import re
from typing import Any

import apsw

from vectormigrate.model.collection import CollectionShape, IdKind
from vectormigrate.stores.expressions import Grammar, words

from . import declared
from .errors import STORE
from .table import quoted

_EVERYWHERE = frozenset({"BINARY", "NOCASE", "RTRIM"})
"""Collations that every SQLite has; others are a program's own."""
_GENERATED = (2, 3)
_EXPRESSIONS = Grammar(
    words("""
        abs cast char coalesce concat concat_ws date datetime format hex ifnull iif instr json json_array
        json_object julianday length lower ltrim max min nullif octet_length printf quote random randomblob
        replace round rtrim sign strftime substr substring time timediff trim typeof unhex unicode unixepoch
        upper zeroblob
    """)
)
"""Functions of every SQLite that only compute: none that loads code, or reads or writes a file."""
_PART = rf'"(?:[^"]|"")+" COLLATE (?:{"|".join(sorted(_EVERYWHERE))})(?: DESC)?'
_INDEXED = re.compile(rf"{_PART}(?:, {_PART})*", re.IGNORECASE)


def read(connection: apsw.Connection, name: str, sql: str) -> dict[str, Any]:
    """What a plain table says, as plain values."""
    columns: dict[str, Any] = {}
    rest: list[str] = []
    for _, column, type_, _, default, _, hidden in _rows(connection, f"PRAGMA table_xinfo({quoted(name)})"):
        if hidden == 1:
            continue
        collation = connection.column_metadata(None, name, column)[1]
        said = {"type": type_, "default": default or "", "generated": hidden in _GENERATED}
        if collation.upper() != "BINARY":
            said["collation"] = collation
        columns[column] = {key: value for key, value in said.items() if value}
    indexes = []
    for _, index, unique, origin, partial in _rows(connection, f"PRAGMA index_list({quoted(name)})"):
        if origin == "pk":
            continue
        held = [row for row in _rows(connection, f"PRAGMA index_xinfo({quoted(index)})") if row[5]]
        names = [row[2] for row in held]
        plain = not partial and all(names) and {row[4].upper() for row in held} <= _EVERYWHERE
        if unique or not plain:
            over = ", ".join(one or "an expression" for one in names)
            rest.append(f"{'unique ' if unique else ''}index {index} over {over}")
        else:
            parts = [f"{quoted(row[2])} COLLATE {row[4]}{' DESC' * row[3]}" for row in held]
            indexes.append({"name": index, "text": ", ".join(parts), "needs": names})
    rest += [
        f"foreign key {row[3]} to {row[2]}"
        for row in _rows(connection, f"PRAGMA foreign_key_list({quoted(name)})")
    ]
    rest += [
        f"trigger {row[0]}"
        for row in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE"
            " AND name NOT LIKE 'vectormigrate%' ORDER BY name",
            (name,),
        )
    ]
    text = _outside_texts(sql)
    rest += ["a check"] * bool(re.search(r"\bCHECK\s*\(", text))
    rest += ["STRICT"] * bool(re.search(r"\)[^)]*\bSTRICT\b[^)]*$", text))
    found = {
        "columns": columns,
        "indexes": indexes,
        "rest": rest,
        "counted": bool(re.search(r"\bAUTOINCREMENT\b", text)),
        "rowless": bool(re.search(r"\)[^)]*\bWITHOUT\s+ROWID\b[^)]*$", text)),
    }
    return {key: value for key, value in found.items() if value}


def _rows(connection: apsw.Connection, sql: str) -> list[Any]:
    return connection.execute(sql).fetchall()


def _outside_texts(sql: str) -> str:
    """A statement in upper case, without names in quotes, texts and remarks."""
    return re.sub(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", " ", sql, flags=re.DOTALL).upper()


def told(shape: CollectionShape) -> dict[str, Any]:
    """What the SQLite says that a shape is from; empty where it is from elsewhere."""
    found: dict[str, Any] = shape.native.get(STORE) or {}
    return found


def _columns(shape: CollectionShape) -> dict[str, Any]:
    found: dict[str, Any] = told(shape).get("columns") or {}
    return found


def _here(shape: CollectionShape) -> set[str]:
    """The columns that a table of this shape has."""
    names = {part.name for part in shape.id.parts or (shape.id,)}
    names |= {vector.name for vector in shape.vectors}
    return names | {field.name for field in shape.fields}


def additions(shape: CollectionShape, name: str) -> str:
    """What is said of a column behind its type."""
    column = _columns(shape).get(name) or {}
    behind = f" COLLATE {column['collation']}" if column.get("collation", "").upper() in _EVERYWHERE else ""
    said = column.get("default")
    return f"{behind} DEFAULT ({said})" if said and not _EXPRESSIONS.fault(said) else behind


def counted(shape: CollectionShape) -> str:
    """The word for a key that is never given twice."""
    return " AUTOINCREMENT" if told(shape).get("counted") and shape.id.kind is IdKind.INT else ""


def ending(shape: CollectionShape) -> str:
    """The word for a table that has no numbers of its own."""
    return " WITHOUT ROWID" if told(shape).get("rowless") else ""


def in_order(shape: CollectionShape, lines: list[tuple[str, str]]) -> list[str]:
    """Definitions of columns, by name, as the columns stood in the table that they come from; others behind them."""
    places = {name: place for place, name in enumerate(_columns(shape))}
    return [text for _, text in sorted(lines, key=lambda line: places.get(line[0], len(places)))]


def indexes(shape: CollectionShape) -> list[tuple[str, str]]:
    """The name and the columns of each index that a copy has."""
    here = _here(shape)
    return [
        (f"{shape.name}_{one['name']}", str(one["text"]))
        for one in told(shape).get("indexes") or ()
        if not _why_not(one, here)
    ]


def _why_not(one: dict[str, Any], here: set[str]) -> str:
    """Why an index is not made again, or ""."""
    if not here.issuperset(one["needs"]):
        return "it needs columns as they were"
    return "" if _INDEXED.fullmatch(one["text"]) else "it is no list of columns"


def left_out(source: CollectionShape, made: CollectionShape) -> list[str]:
    """What a table says and its copy would not, a line each; of columns that do not arrive the mapping tells."""
    here = _here(made)
    lines = [f"{one} is not carried: make it after the cutover" for one in told(source).get("rest") or ()]
    lines += [
        f"index {one['name']} over {one['text']} is not carried: {why}"
        for one in told(source).get("indexes") or ()
        if (why := _why_not(one, here))
    ]
    key = source.id.name
    for name, column in _columns(source).items():
        if name not in here:
            continue
        if column.get("generated"):
            lines.append(f"column {name!r} is not generated in the target: it holds what it held")
        collation = column.get("collation", "")
        if collation and (collation.upper() not in _EVERYWHERE or name == key):
            lines.append(f"column {name!r}: collation {collation} is not carried")
        default = column.get("default", "")
        if default and (why := _EXPRESSIONS.fault(default)):
            lines.append(f"column {name!r}: default {default} is not carried: {why}")
        field = made.field_named(name)
        if field is not None and declared.declare_field(field).upper() != column.get("type", "").upper():
            lines.append(
                f"column {name!r} is declared {declared.declare_field(field)!r} in the target, not {column.get('type', '')!r}"
            )
    return lines
