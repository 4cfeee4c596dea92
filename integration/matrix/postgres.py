"""PostgreSQL with pgvector, by psycopg and pgvector's own types."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

import numpy as np
import psycopg
from pgvector import Bit, HalfVector, SparseVector, Vector
from pgvector.psycopg import register_vector
from psycopg import sql
from psycopg.types.json import Jsonb

from vectormigrate.model import record as model
from vectormigrate.model.collection import Element, Field, FieldType, IdField, IdKind, VectorField, VectorKind
from vectormigrate.model.specification import StoreRef

from .kinds import Table
from .side import Held, Side, kept, none_of, vectors_of, within_json

_TYPES = {
    FieldType.BOOL: "boolean",
    FieldType.INT: "bigint",
    FieldType.FLOAT: "double precision",
    FieldType.TEXT: "text",
    FieldType.BYTES: "bytea",
    FieldType.DECIMAL: "numeric",
    FieldType.DATETIME: "timestamptz",
    FieldType.DATETIME_NAIVE: "timestamp",
    FieldType.DATE: "date",
    FieldType.TIME: "time",
    FieldType.UUID: "uuid",
    FieldType.JSON: "jsonb",
}
_KEYS = {IdKind.INT: "bigint", IdKind.TEXT: 'text collate "C"', IdKind.UUID: "uuid"}
_VECTORS = {
    Element.FLOAT32: "vector",
    Element.FLOAT16: "halfvec",
    Element.BINARY: "bit",
}
_BIT = 1560
"""The number of the type, whose values psycopg gives as text."""
_OTHER_KEYS = "payload"
"""The column of keys that nobody declared, in a table that a migration made."""


class PostgresSide(Side):
    """Tables of one database."""

    kind = "pgvector"

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection = psycopg.connect(dsn, autocommit=True)
        self._connection.execute("create extension if not exists vector")
        register_vector(self._connection)

    def ref(self, name: str, table: Table, *, target: bool = False) -> StoreRef:
        return StoreRef(self.kind, self._dsn, self.name(name))

    def own(self, table: Table) -> Table:
        if table.shape.partitions or table.shape.id.kind is IdKind.MIXED:
            return none_of(table)
        for vector in table.shape.vectors:
            if vector.kind is VectorKind.MULTI or (
                vector.kind is VectorKind.DENSE and vector.element not in _VECTORS
            ):
                return none_of(table)
        return within_json(kept(table, _small_indices))

    def make(self, name: str, table: Table) -> None:
        shape = table.shape
        keys = shape.id.parts or (shape.id,)
        lines = [
            *(sql.SQL("{} {}").format(sql.Identifier(one.name), sql.SQL(_KEYS[one.kind])) for one in keys),
            *(
                sql.SQL("{} {}").format(sql.Identifier(one.name), sql.SQL(_vector_type(one)))
                for one in shape.vectors
            ),
            *(
                sql.SQL("{} {}").format(
                    sql.Identifier(one.name), sql.SQL(table.types.get(one.name) or _field_type(one))
                )
                for one in shape.fields
            ),
            sql.SQL("primary key ({})").format(sql.SQL(", ").join(sql.Identifier(one.name) for one in keys)),
        ]
        table_name = sql.Identifier(self.name(name))
        self._connection.execute(
            sql.SQL("create table {} ({})").format(table_name, sql.SQL(", ").join(lines))
        )
        rows = [{**_key(shape.id, one), **vectors_of(one), **one.payload} for one in table.records]
        for columns, some in groupby(rows, tuple):
            self._connection.cursor().executemany(
                sql.SQL("insert into {} ({}) values ({})").format(
                    table_name,
                    sql.SQL(", ").join(map(sql.Identifier, columns)),
                    sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
                ),
                [[_given(shape, column, value) for column, value in row.items()] for row in some],
            )

    def read(self, name: str) -> list[Held]:
        cursor = self._connection.execute(sql.SQL("select * from {}").format(sql.Identifier(self.name(name))))
        columns = [one.name for one in cursor.description or ()]
        bits = [one.name for one in cursor.description or () if one.type_code == _BIT]
        keys = [
            row[0]
            for row in self._connection.execute(
                "select a.attname from pg_index i join pg_attribute a on a.attrelid = i.indrelid"
                " and a.attnum = any(i.indkey) where i.indrelid = %s::regclass and i.indisprimary"
                " order by array_position(i.indkey::int2[], a.attnum)",
                [f'"{self.name(name)}"'],
            ).fetchall()
        ]
        rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
        for row in rows:
            row |= {name: Bit(row[name]) for name in bits if row[name] is not None}
        return [_held(row, keys) for row in rows]

    def columns(self, name: str) -> list[tuple[str, str]]:
        return self._connection.execute(
            "select attname, format_type(atttypid, atttypmod) from pg_attribute"
            " where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum",
            [f'"{self.name(name)}"'],
        ).fetchall()

    def exists(self, name: str) -> bool:
        found = self._connection.execute("select to_regclass(%s)", [f'"{self.name(name)}"']).fetchone()
        return bool(found and found[0])

    def drop(self, name: str) -> None:
        self._connection.execute(sql.SQL("drop table if exists {}").format(sql.Identifier(self.name(name))))

    def close(self) -> None:
        self._connection.close()


def _small_indices(record: model.Record) -> bool:
    return all(int(one.indices.max(initial=0)) < 10**9 for one in record.sparse.values())


def _vector_type(field: VectorField) -> str:
    if field.kind is VectorKind.SPARSE:
        return "sparsevec(1000000000)"
    return f"{_VECTORS[field.element]}({field.dim})"


def _field_type(field: Field) -> str:
    if field.type is FieldType.ARRAY and field.element is not None:
        return f"{_TYPES[field.element]}[]"
    return _TYPES[field.type]


def _key(key: IdField, record: model.Record) -> dict[str, Any]:
    if isinstance(record.id, tuple):
        return {part.name: value for part, value in zip(key.parts, record.id, strict=True)}
    return {key.name: record.id}


def _given(shape: Any, column: str, value: Any) -> Any:
    """A value in the types of the client."""
    vector = next((one for one in shape.vectors if one.name == column), None)
    if vector is None:
        declared = shape.field_named(column)
        return Jsonb(value) if declared is not None and declared.type is FieldType.JSON else value
    if isinstance(value, model.SparseVector):
        held = dict(zip(value.indices.tolist(), value.values.tolist(), strict=True))
        return SparseVector(held, 10**9)
    if vector.element is Element.BINARY:
        return Bit("".join(f"{byte:08b}" for byte in value.tolist()))
    return HalfVector(value) if vector.element is Element.FLOAT16 else Vector(value)


def _held(row: dict[str, Any], keys: list[str]) -> Held:
    ids = tuple(row.pop(name) for name in keys)
    vectors = {name: _vector(value) for name, value in row.items() if _is_vector(value)}
    payload = {name: value for name, value in row.items() if not _is_vector(value)}
    others = payload.pop(_OTHER_KEYS, None)
    if isinstance(others, str):
        others = json.loads(others)
    return Held(ids[0] if len(ids) == 1 else ids, {**payload, **(others or {})}, vectors)


def _is_vector(value: Any) -> bool:
    return isinstance(value, (Vector, HalfVector, SparseVector, Bit, np.ndarray))


def _vector(value: Any) -> Any:
    match value:
        case SparseVector():
            indices, values = value.indices(), value.values()
            return model.SparseVector(np.array(indices, np.int64), np.array(values, np.float32))
        case Bit():
            return np.packbits(np.array([letter == "1" for letter in value.to_text()]))
        case HalfVector():
            return np.array(value.to_numpy(), np.float16)
        case Vector():
            return np.array(value.to_numpy(), np.float32)
        case _:
            return np.asarray(value)
