"""The table of LangChain's `SQLiteVec`: a plain one, and beside it a vec0 table `NAME_vec` in which its searches look.

The class reads text and metadata from the one by the `rowid` that it found in the other. Its trigger `NAME_embed_text`
copies the vector of a row that is inserted, and of no other: an update or a delete has to see to the vec0 table itself
(`writes.FollowedWriter`). Both are one collection here, called as the plain table.

The class knows no ids but that number, and text columns that it does not know it leaves alone. So records whose ids are
no integers have theirs in a column of its own, unique and with a default for what the application adds later; and the
number is a key that SQLite counts, for one that has no name may be another after a VACUUM.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import apsw

from vectormigrate.model.collection import (
    CollectionShape,
    Element,
    Field,
    FieldType,
    IdKind,
    Metric,
    VectorField,
    VectorKind,
)
from vectormigrate.model.errors import Unsupported

from . import declared, virtual
from .errors import STORE
from .table import quoted

COUNTER = "counter"
"""In a shape's native part: the name of the column that only counts."""
NUMBER, TEXT, METADATA, VECTOR = "rowid", "text", "metadata", "text_embedding"
"""Columns, as the class calls them."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_METRICS = {Metric.EUCLID: "l2", Metric.MANHATTAN: "l1", Metric.COSINE: "cosine"}
_UUID = (
    "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-'"
    " || substr('89AB', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))"
)
_DEFAULTS = {
    IdKind.INT: "(random() & 9007199254740991)",
    IdKind.TEXT: f"({_UUID})",
    IdKind.UUID: f"({_UUID})",
}
"""Ids of what the application adds: as good as certainly new."""


@dataclass(frozen=True, slots=True)
class Followed:
    """What stands beside a table of the class."""

    name: str
    """Of the vec0 table."""
    vector: VectorField


def beside(connection: apsw.Connection, name: str) -> Followed | None:
    """What stands beside the table of that name, if the class made both, or we did as it does."""
    columns = {row[1] for row in connection.execute(f"PRAGMA table_info({quoted(name)})")}
    found: list[Any] = connection.execute(
        "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?", (index_name(name),)
    ).fetchall()
    follows = connection.execute(
        "SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND name = ? AND tbl_name = ?",
        (_trigger_name(name), name),
    ).fetchall()
    if not {NUMBER, TEXT, METADATA, VECTOR} <= columns or not found or not follows:
        return None
    if not virtual.is_vec0(found[0][0]):
        return None
    index = virtual.load(connection, index_name(name), found[0][0])
    vectors = [column.field for column in index.vectors]
    if index.row_key != NUMBER or [(one.name, one.element) for one in vectors] != [(VECTOR, Element.FLOAT32)]:
        return None
    return Followed(index.name, vectors[0])


def index_name(table: str) -> str:
    """Name of the vec0 table beside a table."""
    return f"{table}_vec"


def is_wanted(shape: CollectionShape) -> bool:
    """Whether a table for a shape is to be one of the class: a layout says so, or it is a copy of one."""
    names = {field.name for field in shape.fields}
    return shape.native.get(STORE, {}).get(COUNTER) == NUMBER and {TEXT, METADATA} <= names


def check(shape: CollectionShape) -> None:
    """Raise Unsupported for what the class would not find in such a table."""
    fault = _fault(shape)
    if fault:
        raise Unsupported(
            f"LangChain's class for SQLite cannot read this: {fault}",
            hint="leave other vectors behind with --drop, or leave records as they are: --target-layout raw",
            store=STORE,
            collection=shape.name,
        )


def _fault(shape: CollectionShape) -> str:
    if not _NAME.fullmatch(shape.name):
        return f"{shape.name!r} is no name that stands in SQL without quotes"
    if shape.id.parts:
        return "the key has several columns"
    if len(shape.vectors) != 1:
        return f"it has one vector in each record, and here are {len(shape.vectors)}"
    return _vector_fault(shape.vectors[0])


def _vector_fault(vector: VectorField) -> str:
    if vector.kind is not VectorKind.DENSE or vector.element is not Element.FLOAT32:
        return (
            f"its vectors are dense and of float32, and {vector.name!r} is {vector.kind} of {vector.element}"
        )
    if vector.name != VECTOR:
        return f"its vector is called {VECTOR!r}, and this one {vector.name!r}"
    if vector.metric is not None and vector.metric not in _METRICS:
        return f"sqlite-vec's tables do not compare by {vector.metric}"
    return ""


def create_statements(shape: CollectionShape) -> list[str]:
    """SQL that makes both tables and the trigger between them."""
    [vector] = shape.vectors
    name, index = quoted(shape.name), quoted(index_name(shape.name))
    columns = [f"{quoted(NUMBER)} INTEGER PRIMARY KEY AUTOINCREMENT"]
    if shape.id.name != NUMBER or shape.id.kind is not IdKind.INT:
        kind = shape.id.kind
        columns.append(
            f"{quoted(shape.id.name)} {declared.declare_key(kind)} NOT NULL UNIQUE DEFAULT {_DEFAULTS[kind]}"
        )
    columns += [f"{quoted(field.name)} {declared.declare_field(field)}" for field in shape.fields]
    columns.append(f"{quoted(VECTOR)} {declared.declare_vector(vector)}")
    metric = _METRICS[vector.metric or Metric.EUCLID]
    body = ",\n  ".join(columns)
    held = f"{NUMBER} INTEGER PRIMARY KEY, {VECTOR} float[{vector.dim}] distance_metric={metric}"
    copied = f"INSERT INTO {index} ({NUMBER}, {VECTOR}) VALUES (new.{NUMBER}, new.{VECTOR})"  # noqa: S608 quoted names
    trigger = quoted(_trigger_name(shape.name))
    return [
        f"CREATE TABLE {name} (\n  {body}\n)",
        f"CREATE VIRTUAL TABLE {index} USING vec0({held})",
        f"CREATE TRIGGER {trigger} AFTER INSERT ON {name} BEGIN {copied}; END",
    ]


def own_field(followed: Followed, name: str, *, nullable: bool) -> Field | VectorField | None:
    """What a column of the class is, where its declared type, a bare BLOB, does not say it."""
    if name == VECTOR:
        return replace(followed.vector, nullable=False)
    return Field(METADATA, FieldType.JSON, nullable) if name == METADATA else None


def _trigger_name(table: str) -> str:
    return f"{table}_embed_text"
