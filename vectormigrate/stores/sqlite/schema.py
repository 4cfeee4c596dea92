"""What lies in the file, as tables: introspection, and CREATE TABLE for shapes.

Columns are known by their declared types (`declared.py`); a vector may also be named in the endpoint's `vectors`
option (`vectors=embedding,title:384`). Failing both, a BLOB column without a more telling type is looked at: it is a
vector when its first values all have one length that is a multiple of 4, at least 8 floats of believable size
(0, or 1e-9 to 1e4 in magnitude), and its name says so (`embedding`, `vec`, ...) or it has 16 such values to show.
Anything less certain stays bytes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import apsw
import numpy as np

from vectormigrate.model.collection import (
    CollectionShape,
    Element,
    Field,
    FieldType,
    IdField,
    IdKind,
    KeyOrder,
    VectorField,
    VectorKind,
)
from vectormigrate.model.errors import ConfigInvalid, StoreBroken

from . import declared, followed, likeness, virtual
from .errors import STORE, missing
from .table import FieldColumn, Flavour, KeyColumn, Table, VectorColumn, quoted
from .values import is_canonical_uuid

_SAMPLE = 64
_KEY_SAMPLE = 1000
_ENOUGH = 16
_ALIKE = 0.75
"""So many BLOBs of a column with a telling name must look like vectors, and all of any other: in the one, a NaN or a
short one is that record's fault.
"""
_HINT = re.compile(r"embed|vec|(^|_)emb($|_)", re.IGNORECASE)
_ZONED = re.compile(r"(?:Z|[+-]\d\d(?::?\d\d)?)$")
_CAPTURED = re.compile(r"vectormigrate_[0-9a-f]{12}_(?:changes|state|digests)")
"""What a capture keeps beside the table that it looks at."""
_KEY_NAME = re.compile(r'CONSTRAINT\s+"((?:[^"]|"")+)"\s+PRIMARY\s+KEY', re.IGNORECASE)
_ORDERS = {IdKind.INT: KeyOrder.NUMERIC, IdKind.TEXT: KeyOrder.BYTES, IdKind.UUID: KeyOrder.UUID}


class _Column(NamedTuple):
    name: str
    type: str
    required: bool
    key: int
    """Place in the primary key, from 1; 0 outside it."""
    generated: bool


def collections(connection: apsw.Connection) -> list[str]:
    """Names of the tables and vec0 tables, without SQLite's own and without what vec0 and captures keep for themselves."""
    names: list[str] = []
    hidden: set[str] = set()
    found: list[Any] = connection.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table'"
    ).fetchall()
    for name, sql in found:
        is_virtual = sql is not None and sql.lstrip().upper().startswith("CREATE VIRTUAL")
        if is_virtual:
            hidden |= virtual.shadows(connection, name)
        ours = name.startswith("sqlite_") or _CAPTURED.fullmatch(name)
        if not ours and (not is_virtual or virtual.is_vec0(sql)):
            names.append(name)
    hidden |= {followed.index_name(name) for name in names if followed.beside(connection, name)}
    if "vec_index" in names and virtual.is_qortex(connection):
        hidden.add("vec_meta")
    return sorted(set(names) - hidden)


def load(connection: apsw.Connection, path: str, name: str, options: Mapping[str, str]) -> Table:
    """The table of that name. Raises CollectionMissing, and StoreBroken when it has no usable key."""
    found: list[Any] = connection.execute(
        "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE BINARY", (name,)
    ).fetchall()
    if not found:
        raise missing(path, name)
    sql = found[0][0] or ""
    if virtual.is_vec0(sql):
        return virtual.load(connection, name, sql)
    return _Loader(connection, name, sql, options).load()


def create_statements(shape: CollectionShape) -> list[str]:
    """SQL that makes a plain table for a shape, and what LangChain's class wants beside it where that is asked for."""
    if followed.is_wanted(shape):
        return followed.create_statements(shape)
    columns, keys = [], list(shape.id.parts) or [shape.id]
    compound = bool(shape.id.parts)
    for key in keys:
        primary = "NOT NULL" if compound else f"PRIMARY KEY{likeness.counted(shape)} NOT NULL"
        columns.append((key.name, f"{quoted(key.name)} {declared.declare_key(key.kind)} {primary}"))
    columns += [
        (item.name, _line(item.name, declared.declare_vector(item), item.nullable)) for item in shape.vectors
    ]
    columns += [
        (
            item.name,
            _line(item.name, declared.declare_field(item), item.nullable)
            + likeness.additions(shape, item.name),
        )
        for item in shape.fields
    ]
    if shape.dynamic:
        free = _free_name("_payload", shape)
        columns.append((free, _line(free, declared.DYNAMIC, nullable=True)))
    lines = likeness.in_order(shape, columns)
    if compound:
        names = ", ".join(quoted(key.name) for key in keys)
        lines.append(f"CONSTRAINT {quoted(shape.id.name)} PRIMARY KEY ({names})")
    body = ",\n  ".join(lines)
    return [f"CREATE TABLE {quoted(shape.name)} (\n  {body}\n){likeness.ending(shape)}"]


def _line(name: str, type_: str, nullable: bool) -> str:
    return " ".join(part for part in (quoted(name), type_, "" if nullable else "NOT NULL") if part)


def _free_name(wanted: str, shape: CollectionShape) -> str:
    taken = {part.name.lower() for part in (shape.id, *shape.id.parts)}
    taken |= {vector.name.lower() for vector in shape.vectors} | {
        field.name.lower() for field in shape.fields
    }
    while wanted in taken:
        wanted = "_" + wanted
    return wanted


def _named_vectors(option: str) -> dict[str, int | None]:
    """`embedding,title:384` as names and dimensions."""
    pairs = (item.strip().partition(":") for item in option.split(",") if item.strip())
    return {name.strip(): int(dim) if dim.strip().isdigit() else None for name, _, dim in pairs}


class _Loader:
    """Reads one plain table's columns and decides what each is."""

    def __init__(self, connection: apsw.Connection, name: str, sql: str, options: Mapping[str, str]) -> None:
        self._connection = connection
        self._name = name
        self._sql = sql
        self._named = _named_vectors(options.get("vectors", ""))
        self._columns = [
            _Column(row[1], row[2], bool(row[3]), row[5], row[6] in (2, 3))
            for row in connection.execute(f"PRAGMA table_xinfo({quoted(name)})")
            if row[6] != 1
        ]
        self._sampled = False
        self._followed = followed.beside(connection, name)
        if self._followed is not None:
            self._columns = self._keyed_beside(self._columns)

    def load(self) -> Table:
        keys = [
            self._key(column) for column in sorted(self._columns, key=lambda column: column.key) if column.key
        ]
        if not keys:
            raise self._broken("has no primary key", "give it a PRIMARY KEY, so that each record has an id")
        self._check_named()
        vectors, fields, dynamic = [], [], None
        indexed = self._indexed()
        for column in self._columns:
            if column.key:
                continue
            own = self._own(column)
            vector = own if isinstance(own, VectorField) else None if own else self._vector(column)
            if vector is not None:
                vectors.append(VectorColumn(vector, quoted(column.name)))
            elif dynamic is None and declared.is_dynamic(column.type):
                dynamic = quoted(column.name)
            else:
                field = own if isinstance(own, Field) else self._field(column, column.name in indexed)
                fields.append(FieldColumn(field, quoted(column.name), column.generated))
        shape = CollectionShape(
            self._name,
            self._id(keys),
            tuple(column.field for column in vectors),
            tuple(column.field for column in fields),
            dynamic is not None,
            native={
                STORE: {followed.COUNTER: followed.NUMBER}
                if self._followed
                else likeness.read(self._connection, self._name, self._sql)
            },
        )
        return Table(
            shape,
            Flavour.PLAIN,
            quoted(self._name),
            quoted(self._name),
            tuple(keys),
            tuple(vectors),
            tuple(fields),
            dynamic,
            beside=self._followed.name if self._followed else "",
            sampled=self._sampled,
        )

    def _keyed_beside(self, columns: Sequence[_Column]) -> list[_Column]:
        """The columns of a table of LangChain's class, where a unique one is the key and the number only counts."""
        unique: set[str] = set()
        indexes: list[Any] = self._connection.execute(f"PRAGMA index_list({quoted(self._name)})").fetchall()
        for row in indexes:
            held: list[Any] = self._connection.execute(f"PRAGMA index_info({quoted(row[1])})").fetchall()
            if row[3] == "u" and len(held) == 1:
                unique.add(held[0][2])
        key = next((one.name for one in columns if one.name in unique and one.required), "")
        if not key:
            return list(columns)
        return [one._replace(key=int(one.name == key)) for one in columns if one.name != followed.NUMBER]

    def _own(self, column: _Column) -> Field | VectorField | None:
        """What a column is by LangChain's class."""
        if self._followed is None:
            return None
        return followed.own_field(self._followed, column.name, nullable=not column.required)

    def _id(self, keys: Sequence[KeyColumn]) -> IdField:
        parts = [
            IdField(key.name, key.kind, _ORDERS[key.kind] if key.exact else KeyOrder.OTHER) for key in keys
        ]
        if len(parts) == 1:
            return parts[0]
        named = _KEY_NAME.search(self._sql)
        name = named[1].replace('""', '"') if named else ",".join(part.name for part in parts)
        return IdField(name, IdKind.COMPOUND, KeyOrder.OTHER, parts=tuple(parts))

    def _key(self, column: _Column) -> KeyColumn:
        sql = quoted(column.name)
        kind, blob = declared.key_kind(column.type), False
        if kind is None or kind is IdKind.UUID:
            kind, blob = self._sampled_kind(column, kind)
        collation = self._connection.column_metadata(None, self._name, column.name)[1]
        exact = kind is IdKind.INT or collation.upper() == "BINARY"
        return KeyColumn(column.name, kind, sql, exact, blob)

    def _sampled_kind(self, column: _Column, declared_kind: IdKind | None) -> tuple[IdKind, bool]:
        values = self._first(column.name, _KEY_SAMPLE)
        types = set(map(type, values))
        if not values:
            self._sampled = declared_kind is None
            return declared_kind or IdKind.TEXT, False
        if types == {bytes} and set(map(len, values)) == {16}:
            return IdKind.UUID, True
        if types == {str}:
            plain = declared_kind is None or not all(map(is_canonical_uuid, values))
            return (IdKind.TEXT if plain else IdKind.UUID), False
        if types == {int}:
            return IdKind.INT, False
        raise self._broken(
            f"has a key column {column.name!r} that holds neither integers nor text nor UUIDs alone",
            "only such a key can be carried to another store",
        )

    def _check_named(self) -> None:
        unknown = self._named.keys() - {column.name for column in self._columns if not column.key}
        if unknown:
            raise ConfigInvalid(
                f"table {self._name!r} has no column {min(unknown)!r} that could be a vector",
                hint="check the `vectors` option",
                store=STORE,
                collection=self._name,
            )

    def _vector(self, column: _Column) -> VectorField | None:
        nullable = not column.required
        said = declared.vector_type(column.type)
        if said is not None:
            dim = said.dim
            if dim is None and said.kind is not VectorKind.SPARSE:
                dim = self._measured(column, said.element)
            return VectorField(column.name, said.kind, said.element, dim, said.metric, nullable)
        if column.name in self._named:
            dim = self._named[column.name] or self._measured(column, Element.FLOAT32)
            return VectorField(column.name, dim=dim, nullable=nullable)
        if not declared.may_hold_any_blob(column.type):
            return None
        dim = self._guessed(column.name)
        return None if dim is None else VectorField(column.name, dim=dim, nullable=nullable)

    def _measured(self, column: _Column, element: Element) -> int | None:
        self._sampled = True
        first = next((value for value in self._first(column.name, 1) if isinstance(value, bytes)), None)
        if first is None:
            return None
        return len(first) * 8 if element is Element.BINARY else len(first) // np.dtype(element.dtype).itemsize

    def _guessed(self, name: str) -> int | None:
        self._sampled = True
        values = self._first(name, _SAMPLE)
        if not values or set(map(type, values)) != {bytes}:
            return None
        needed = _ALIKE if _HINT.search(name) else 1
        length, alike = Counter(map(len, values)).most_common(1)[0]
        if alike < needed * len(values) or length % 4 or length < 32:
            return None
        if len(values) < _ENOUGH and needed == 1:
            return None
        sizes = np.abs(np.frombuffer(b"".join(value for value in values if len(value) == length), "<f4"))
        with np.errstate(invalid="ignore"):
            believable = (sizes == 0) | ((sizes >= 1e-9) & (sizes <= 1e4))
        rows = believable.reshape(alike, -1).all(axis=1)
        return length // 4 if rows.mean() >= needed and bool(sizes.any()) else None

    def _field(self, column: _Column, indexed: bool) -> Field:
        type_, element = declared.field_type(column.type)
        if type_ is FieldType.DATETIME_NAIVE and column.type.upper() != "TIMESTAMP":
            type_ = self._datetime(column.name)
        own = declared.own_type(column.type, type_)
        return Field(column.name, type_, not column.required, element, None, indexed, own)

    def _datetime(self, name: str) -> FieldType:
        """DATETIME says nothing about zones; the values do."""
        self._sampled = True
        values = [value for value in self._first(name, _SAMPLE) if isinstance(value, str)]
        zoned = bool(values) and all(_ZONED.search(value[10:]) for value in values)
        return FieldType.DATETIME if zoned else FieldType.DATETIME_NAIVE

    def _indexed(self) -> set[str]:
        names: set[str] = set()
        indexes: list[Any] = self._connection.execute(f"PRAGMA index_list({quoted(self._name)})").fetchall()
        for row in indexes:
            columns: list[Any] = self._connection.execute(f"PRAGMA index_info({quoted(row[1])})").fetchall()
            if row[3] != "pk" and columns and columns[0][2] is not None:
                names.add(columns[0][2])
        return names

    def _first(self, column: str, limit: int) -> list[Any]:
        name = quoted(column)
        sql = f"SELECT {name} FROM {quoted(self._name)} WHERE {name} IS NOT NULL LIMIT ?"  # noqa: S608 quoted names
        return [value for (value,) in self._connection.execute(sql, (limit,))]

    def _broken(self, what: str, hint: str) -> StoreBroken:
        return StoreBroken(f"table {self._name!r} {what}", hint=hint, store=STORE, collection=self._name)
