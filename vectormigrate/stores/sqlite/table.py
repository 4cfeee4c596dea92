"""How one collection lies in the file: which expression gives its key, its vectors, its fields, and from where.

Three flavours share it. A plain table is read as it is. A `vec0` virtual table cannot be paged by key, so its keys
come from its shadow table `NAME_rowids` and each row is then looked up. The qortex layout is such a vec0 table with
its text ids in `vec_meta` beside it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any
from uuid import UUID

from vectormigrate.model.collection import CollectionShape, Field, IdKind, VectorField
from vectormigrate.model.errors import StoreBroken
from vectormigrate.model.identity import INT64_MAX, INT64_MIN
from vectormigrate.model.record import RecordId, ScalarId, id_text, parse_id

from .errors import STORE
from .values import is_canonical_uuid


class Flavour(Enum):
    """What kind of thing holds the rows."""

    PLAIN = "table"
    VEC0 = "vec0"
    QORTEX = "qortex"


def quoted(name: str) -> str:
    """A name as SQL takes it, whatever letters are in it."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """One column of the key. `sql` is the expression that scans order by."""

    name: str
    kind: IdKind
    sql: str
    exact: bool = True
    """Two keys are equal only if they are the same bytes: false under a collation such as NOCASE."""
    blob: bool = False
    """UUIDs are sixteen bytes, not text."""

    def stored(self, value: ScalarId) -> Any:
        """What SQLite holds for this part of an id."""
        if isinstance(value, UUID):
            return value.bytes if self.blob else str(value)
        return value

    def may_hold(self, value: ScalarId) -> bool:
        """Whether this part of an id can stand in the column as what it is: SQLite would find the number 5 by '5'."""
        if isinstance(value, UUID):
            return self.kind is IdKind.UUID
        if isinstance(value, int):
            return self.kind is IdKind.INT and INT64_MIN <= value <= INT64_MAX
        if self.kind is IdKind.INT:
            return not _is_numeric(value)
        return self.part(value) == value and _is_unicode(value)

    def part(self, value: Any) -> ScalarId | None:
        """The part of an id that SQLite's value stands for; None for what cannot be one."""
        if isinstance(value, int):
            return value
        if isinstance(value, str):
            return UUID(value) if self.kind is IdKind.UUID and is_canonical_uuid(value) else value
        if isinstance(value, bytes) and self.blob and len(value) == 16:
            return UUID(bytes=value)
        return None


@dataclass(frozen=True, slots=True)
class VectorColumn:
    """One vector of each row."""

    field: VectorField
    sql: str
    placeholder: str = "?"
    """How a value is bound: vec0 wants to be told what int8 and bit vectors are."""


@dataclass(frozen=True, slots=True)
class FieldColumn:
    """One payload column. A generated one is read and never written."""

    field: Field
    sql: str
    generated: bool = False
    shadow: str = ""
    """Where a vec0 table keeps the value outside its chunks: an expression over `Table.placed`."""
    metadata: int | None = None
    """The number of the metadata chunks that hold it, or begin a longer text."""


@dataclass(frozen=True, slots=True)
class Table:
    """One collection as it lies in the file."""

    shape: CollectionShape
    flavour: Flavour
    source: str
    """The FROM clause."""
    counted: str
    """The table whose rows are the records."""
    keys: tuple[KeyColumn, ...]
    vectors: tuple[VectorColumn, ...] = ()
    fields: tuple[FieldColumn, ...] = ()
    dynamic: str | None = None
    """The column of undeclared keys, if there is one."""
    row_key: str = ""
    """The key column of the vec0 table itself."""
    placed: str = ""
    """The FROM clause of a vec0 table's shadow tables: `rowids` as `c`, with each row's chunk and place in it."""
    beside: str = ""
    """The vec0 table in which LangChain's class looks for what is in this plain one; see `followed`."""
    sampled: bool = False
    """The shape was guessed from values, so it may look different when there are more of them."""

    @property
    def name(self) -> str:
        return self.shape.name

    def key_tuple(self) -> str:
        """The key as SQL: one expression, or a row value of several."""
        return _row([key.sql for key in self.keys])

    def key_marks(self) -> str:
        """Placeholders for one key."""
        return _row(["?"] * len(self.keys))

    def order(self) -> str:
        """The ORDER BY list of a scan."""
        return ", ".join(key.sql for key in self.keys)

    def may_hold(self, record_id: RecordId) -> bool:
        """Whether there can be a record of this id: no other id may be found in its place."""
        parts = record_id if isinstance(record_id, tuple) else (record_id,)
        alike = isinstance(record_id, tuple) == (len(self.keys) > 1) and len(parts) == len(self.keys)
        return alike and all(key.may_hold(part) for key, part in zip(self.keys, parts, strict=True))

    def stored_id(self, record_id: RecordId) -> tuple[Any, ...]:
        """What SQLite holds in the key columns for an id."""
        parts = record_id if isinstance(record_id, tuple) else (record_id,)
        return tuple(key.stored(part) for key, part in zip(self.keys, parts, strict=True))

    def stored_ids(self, ids: Sequence[RecordId]) -> list[tuple[Any, ...]]:
        """The same for many."""
        if len(self.keys) == 1 and {str, int}.issuperset(map(type, ids)):
            return list(zip(ids, strict=True))
        return [self.stored_id(record_id) for record_id in ids]

    def record_ids(self, columns: Sequence[Sequence[Any]]) -> list[RecordId]:
        """The ids that stand in the key columns. Raises StoreBroken for NULL, numbers with a fraction and the like."""
        if len(self.keys) == 1:
            types = set(map(type, columns[0]))
            if types <= {int} or (types <= {str} and self.keys[0].kind is IdKind.TEXT):
                return list(columns[0])
        return [self.record_id(values) for values in zip(*columns, strict=True)]

    def record_id(self, values: Sequence[Any]) -> RecordId:
        """The id that stands in the key columns. Raises StoreBroken for NULL, numbers with a fraction and the like."""
        parts: list[ScalarId] = []
        for key, value in zip(self.keys, values, strict=True):
            part = key.part(value)
            if part is None:
                shown = "NULL" if value is None else f"{type(value).__name__} {value!r:.60}"
                raise StoreBroken(
                    f"table {self.name!r} has a row whose key column {key.name!r} holds {shown}",
                    hint="such a row cannot be named; remove it or give it a key",
                    store=STORE,
                    collection=self.name,
                )
            parts.append(part)
        return parts[0] if len(parts) == 1 else tuple(parts)

    def cursor(self, record_id: RecordId) -> str:
        """The cursor behind a record."""
        return id_text(record_id)

    def bound(self, cursor: str) -> tuple[Any, ...]:
        """The key values of a cursor. Raises StoreBroken for a text that is none of ours."""
        try:
            return self.stored_id(parse_id(cursor))
        except (ValueError, json.JSONDecodeError):
            raise StoreBroken(
                f"{cursor[:100]!r} is no cursor of table {self.name!r}", store=STORE, collection=self.name
            ) from None


def _row(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"({', '.join(items)})"


def _is_numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return not _is_unicode(text)
    return True


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)
