"""SQLite, by Python's sqlite3: columns are read by their declared types, as its converters do."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from vectormigrate.model.collection import Element, Field, FieldType, IdKind, VectorField, VectorKind
from vectormigrate.model.record import SparseVector
from vectormigrate.model.specification import StoreRef

from .kinds import Table
from .side import Held, Side, none_of, vectors_of, within_json

_TYPES = {
    FieldType.BOOL: "BOOLEAN",
    FieldType.INT: "INTEGER",
    FieldType.FLOAT: "REAL",
    FieldType.TEXT: "TEXT",
    FieldType.BYTES: "BYTES",
    FieldType.DECIMAL: "DECIMAL TEXT",
    FieldType.DATETIME: "TIMESTAMPTZ",
    FieldType.DATETIME_NAIVE: "TIMESTAMP",
    FieldType.DATE: "DATE",
    FieldType.TIME: "TIME",
    FieldType.UUID: "UUID",
    FieldType.JSON: "JSON TEXT",
}
_KEYS = {IdKind.INT: "INTEGER", IdKind.TEXT: "TEXT", IdKind.UUID: "UUID"}
_ELEMENTS = {
    Element.FLOAT32: "FLOAT",
    Element.FLOAT16: "FLOAT16",
    Element.INT8: "INT8",
    Element.UINT8: "UINT8",
    Element.BINARY: "BIT",
}
_READ: Mapping[str, Callable[[Any], Any]] = {
    "BOOLEAN": bool,
    "DECIMAL TEXT": Decimal,
    "TIMESTAMPTZ": datetime.fromisoformat,
    "TIMESTAMP": datetime.fromisoformat,
    "DATE": date.fromisoformat,
    "TIME": time.fromisoformat,
    "UUID": UUID,
    "JSON TEXT": json.loads,
    "JSON DYNAMIC": json.loads,
}
_OTHER_KEYS = "_payload"


class SqliteSide(Side):
    """Tables of one file."""

    kind = "sqlite"

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)

    def ref(self, name: str, table: Table, *, target: bool = False) -> StoreRef:
        return StoreRef(self.kind, self._path, self.name(name))

    def own(self, table: Table) -> Table:
        shape = table.shape
        odd = any(one.kind is not VectorKind.DENSE for one in shape.vectors)
        if shape.partitions or shape.id.kind is IdKind.MIXED or odd:
            return none_of(table)
        return within_json(table)

    def make(self, name: str, table: Table) -> None:
        shape = table.shape
        keys = shape.id.parts or (shape.id,)
        binary = {one.name for one in shape.vectors if one.element is Element.BINARY}
        lines = [
            *(f'"{one.name}" {_KEYS[one.kind]} NOT NULL' for one in keys),
            *(f'"{one.name}" {_vector_type(one)}' for one in shape.vectors),
            *(f'"{one.name}" {table.types.get(one.name) or _field_type(one)}' for one in shape.fields),
            "PRIMARY KEY ({})".format(", ".join(f'"{one.name}"' for one in keys)),
        ]
        self._connection.execute(f'CREATE TABLE "{self.name(name)}" ({", ".join(lines)})')
        self._connection.execute("BEGIN")
        for record in table.records:
            ids = record.id if isinstance(record.id, tuple) else (record.id,)
            held = {key.name: value for key, value in zip(keys, ids, strict=True)}
            given = {**held, **vectors_of(record), **record.payload}
            columns = ", ".join(f'"{column}"' for column in given)
            self._connection.execute(
                f'INSERT INTO "{self.name(name)}" ({columns}) VALUES ({", ".join("?" * len(given))})',
                [
                    _bits_turned(value) if column in binary else _given(value)
                    for column, value in given.items()
                ],
            )
        self._connection.execute("COMMIT")

    def read(self, name: str) -> list[Held]:
        found = self._connection.execute(f'PRAGMA table_info("{self.name(name)}")').fetchall()
        types = {row[1]: row[2] for row in found}
        keys = [row[1] for row in sorted(found, key=lambda row: row[5]) if row[5]]
        rows = self._connection.execute(f'SELECT * FROM "{self.name(name)}"').fetchall()
        return [_held(dict(zip(types, row, strict=True)), types, keys) for row in rows]

    def columns(self, name: str) -> list[tuple[str, str]]:
        found = self._connection.execute(f'PRAGMA table_info("{self.name(name)}")').fetchall()
        return [(row[1], row[2]) for row in found]

    def exists(self, name: str) -> bool:
        return bool(
            self._connection.execute(
                "SELECT 1 FROM sqlite_schema WHERE name = ?", [self.name(name)]
            ).fetchone()
        )

    def drop(self, name: str) -> None:
        self._connection.execute(f'DROP TABLE IF EXISTS "{self.name(name)}"')

    def close(self) -> None:
        self._connection.close()


def _vector_type(field: VectorField) -> str:
    return f"{_ELEMENTS[field.element]}[{field.dim}]"


def _field_type(field: Field) -> str:
    if field.type is FieldType.ARRAY and field.element is not None:
        return f"ARRAY {_TYPES[field.element]}"
    return _TYPES[field.type]


def _given(value: Any) -> Any:
    match value:
        case np.ndarray():
            return value.tobytes()
        case dict() | list():
            return json.dumps(value, ensure_ascii=False)
        case UUID() | Decimal():
            return str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            return value


def _held(row: dict[str, Any], types: Mapping[str, str], keys: list[str]) -> Held:
    read = {name: _read(types[name], value) for name, value in row.items()}
    ids = tuple(read.pop(name) for name in keys)
    vectors = {name: read.pop(name) for name in list(read) if "[" in types[name]}
    payload = {name: value for name, value in read.items() if name != _OTHER_KEYS}
    payload |= read.get(_OTHER_KEYS) or {}
    present = {name: one for name, one in vectors.items() if one is not None}
    return Held(ids[0] if len(ids) == 1 else ids, payload, present)


def _read(declared: str, value: Any) -> Any:
    if value is None:
        return None
    if "[" in declared:
        return _vector(declared, value)
    if declared.startswith("ARRAY"):
        return json.loads(value)
    return _READ.get(declared, lambda held: held)(value)


def _vector(declared: str, value: bytes) -> Any:
    """A BLOB, by the type of its column; sparse and multi-vectors as docs/stores.md lays them out."""
    before, _, after = declared.partition("[")
    words = before.split()
    dtype = {"FLOAT": "<f4", "FLOAT16": "<f2", "INT8": "i1", "UINT8": "u1", "BIT": "u1"}[words[-1]]
    if words[0] == "SPARSE":
        return _sparse(value)
    held = np.frombuffer(value, dtype)
    if words[-1] == "BIT":
        return np.frombuffer(_bits_turned(held), np.uint8)
    if words[0] == "MULTI":
        return held.reshape(-1, int(after.partition("]")[0]))
    return held


def _bits_turned(value: Any) -> bytes:
    """Bits from the most significant on, which is how numpy packs them, and from the least on, as sqlite-vec does."""
    return np.packbits(np.unpackbits(np.frombuffer(value, np.uint8), bitorder="little")).tobytes()


def _sparse(value: bytes) -> SparseVector:
    size = len(value) // 12
    indices = np.frombuffer(value[: 8 * size], "<i8")
    return SparseVector(indices, np.frombuffer(value[8 * size :], "<f4"))
