"""sqlite-vec's `vec0` virtual tables, and the qortex layout made of one: what they are and how rows get in.

A vec0 table has no usable order and refuses INSERT OR REPLACE, so it is paged over its shadow table `NAME_rowids`
and a row is replaced by DELETE and INSERT in one transaction.
How rows are read is `chunks.py`. Its metadata and partition columns take no NULL.
qortex keeps text ids in `vec_meta(id, row_id)` beside `vec_index`; both are one collection, named `vec_index`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import apsw

from vectormigrate.model.collection import (
    CollectionShape,
    Element,
    Field,
    FieldType,
    IdField,
    IdKind,
    KeyOrder,
    Metric,
    VectorField,
)
from vectormigrate.model.errors import StoreBroken

from . import chunks
from .errors import STORE
from .table import FieldColumn, Flavour, KeyColumn, Table, VectorColumn, quoted

QORTEX_TABLE, QORTEX_IDS = "vec_index", "vec_meta"

_VEC0 = re.compile(
    r"\s*CREATE\s+VIRTUAL\s+TABLE\b.*?\bUSING\s+vec0\s*\((.*)\)\s*;?\s*", re.IGNORECASE | re.DOTALL
)
_NAME = r"(\w+)"
_KEY = re.compile(rf"{_NAME}\s+(integer|int|text)\s+primary\s+key", re.IGNORECASE)
_PARTITION = re.compile(rf"{_NAME}\s+(integer|int|text)\s+partition\s+key", re.IGNORECASE)
_VECTOR = re.compile(rf"{_NAME}\s+(float|f32|int8|i8|bit)\s*\[\s*(\d+)\s*\](.*)", re.IGNORECASE | re.DOTALL)
_METRIC = re.compile(r"distance_metric\s*=\s*(\w+)", re.IGNORECASE)
_AUXILIARY = re.compile(rf"\+\s*{_NAME}\s+(\w+)", re.IGNORECASE)
_METADATA = re.compile(rf"{_NAME}\s+(\w+)", re.IGNORECASE)
_ELEMENTS = {
    "float": Element.FLOAT32,
    "f32": Element.FLOAT32,
    "int8": Element.INT8,
    "i8": Element.INT8,
    "bit": Element.BINARY,
}
_PLACEHOLDERS = {Element.FLOAT32: "?", Element.INT8: "vec_int8(?)", Element.BINARY: "vec_bit(?)"}
_METRICS = {"l2": Metric.EUCLID, "l1": Metric.MANHATTAN, "cosine": Metric.COSINE, "hamming": Metric.HAMMING}
_TYPES = {
    "text": FieldType.TEXT,
    "integer": FieldType.INT,
    "int": FieldType.INT,
    "float": FieldType.FLOAT,
    "double": FieldType.FLOAT,
    "real": FieldType.FLOAT,
    "boolean": FieldType.BOOL,
    "bool": FieldType.BOOL,
    "blob": FieldType.BYTES,
}


def is_vec0(sql: str) -> bool:
    """Whether a CREATE statement makes a vec0 table."""
    return _VEC0.fullmatch(sql) is not None


def shadows(connection: apsw.Connection, name: str) -> set[str]:
    """The tables in which a virtual table keeps its rows."""
    escaped = name.replace("!", "!!").replace("_", "!_").replace("%", "!%")
    rows = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE ? ESCAPE '!'", (escaped + "!_%",)
    )
    suffix = re.compile(
        r"(?:chunks|rowids|info|auxiliary|(?:vector_chunks|metadatachunks|metadatatext)\d+"
        r"|data|idx|content|docsize|config|node|parent|rowid)"
    )
    return {shadow for (shadow,) in rows if suffix.fullmatch(shadow[len(name) + 1 :])}


def is_qortex(connection: apsw.Connection) -> bool:
    """Whether `vec_meta(id, row_id)` stands beside `vec_index`."""
    columns = {row[1] for row in connection.execute(f"PRAGMA table_info({QORTEX_IDS})")}
    return {"id", "row_id"} <= columns


def load(connection: apsw.Connection, name: str, sql: str) -> Table:
    """The table that a vec0 CREATE statement describes."""
    found = _VEC0.fullmatch(sql)
    assert found is not None
    key_name, key_kind = "rowid", IdKind.INT
    held: list[VectorColumn] = []
    fields: list[FieldColumn] = []
    for column in _columns(found[1]):
        if primary := _KEY.fullmatch(column):
            key_name, key_kind = (
                primary[1],
                IdKind.TEXT if primary[2].lower() == "text" else IdKind.INT,
            )
        elif vector := _VECTOR.fullmatch(column):
            held.append(_vector(vector))
        elif other := _field(column, fields):
            fields.append(other)
    flavour, counted = Flavour.VEC0, f"{quoted(name + '_rowids')} AS r"
    key, row = KeyColumn(key_name, key_kind, "r.id" if key_kind is IdKind.TEXT else "r.rowid"), "r.rowid"
    if name == QORTEX_TABLE and is_qortex(connection):
        flavour, counted = Flavour.QORTEX, f"{quoted(QORTEX_IDS)} AS r"
        key, row = KeyColumn("id", IdKind.TEXT, "r.id"), "r.row_id"
    rows = f"{counted} CROSS JOIN {quoted(name + '_rowids')} AS c ON c.rowid = {row}"
    looked_up = "c.id" if key_kind is IdKind.TEXT else "c.rowid"
    source = f"{rows} CROSS JOIN {quoted(name)} AS v ON v.{quoted(key_name)} = {looked_up}"
    placed = rows + chunks.joins(name, fields)
    order = KeyOrder.NUMERIC if key.kind is IdKind.INT else KeyOrder.BYTES
    shape = CollectionShape(
        name,
        IdField(key.name, key.kind, order),
        tuple(column.field for column in held),
        tuple(field.field for field in fields),
    )
    return Table(
        shape, flavour, source, counted, (key,), tuple(held), tuple(fields), row_key=key_name, placed=placed
    )


def _columns(body: str) -> list[str]:
    """The arguments of vec0(...), which hold no brackets with commas in them."""
    return [part.strip() for part in body.split(",") if part.strip()]


def _vector(found: re.Match[str]) -> VectorColumn:
    element = _ELEMENTS[found[2].lower()]
    said = _METRIC.search(found[4])
    metric = Metric.HAMMING if element is Element.BINARY else Metric.EUCLID
    if said is not None:
        metric = _METRICS.get(said[1].lower(), metric)
    name = found[1]
    field = VectorField(name, element=element, dim=int(found[3]), metric=metric, nullable=False)
    return VectorColumn(field, f"v.{quoted(name)}", _PLACEHOLDERS[element])


def _field(column: str, before: Sequence[FieldColumn]) -> FieldColumn | None:
    """A payload column, knowing those before it: vec0 numbers each kind of them by itself."""
    if "=" in column:
        return None
    auxiliary, partition = _AUXILIARY.fullmatch(column), _PARTITION.fullmatch(column)
    found = auxiliary or partition or _METADATA.fullmatch(column)
    if found is None:
        raise StoreBroken(f"the vec0 column {column!r} is not understood", store=STORE)
    field = Field(found[1], _TYPES.get(found[2].lower(), FieldType.ANY), auxiliary is not None)
    sql = f"v.{quoted(found[1])}"
    if auxiliary or partition:
        prefix = "x.value" if auxiliary else "k.partition"
        number = sum(other.shadow.startswith(prefix) for other in before)
        return FieldColumn(field, sql, shadow=f"{prefix}{number:02d}")
    number = sum(other.metadata is not None for other in before)
    return FieldColumn(field, sql, shadow=chunks.long_text(number, field), metadata=number)
