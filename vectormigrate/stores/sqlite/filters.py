"""The neutral filter as an SQL condition that agrees with `model.filter.matches` on every row.

What SQL says exactly becomes SQL: text, numbers, booleans, bytes and ids in columns of their own, each guarded by
`typeof` because SQLite compares across types where the model does not. Everything else (JSON with its nesting and
lists, decimals, moments) becomes a call of the function `LEAF`, which the search binds to Python: it is given the
number of the leaf and the column's value, and answers by `matches` itself. So does a long list of ids or values: of one
condition SQLite takes a thousand levels, and `OR` is one for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from vectormigrate.model.collection import FieldType
from vectormigrate.model.filter import (
    And,
    Compare,
    Comparison,
    Exists,
    Filter,
    HasId,
    In,
    IsNull,
    Native,
    Not,
    Or,
    foreign_words,
    matches,
)

from .table import FieldColumn, Table
from .values import decode_json, decoder

LEAF = "vectormigrate_leaf"
"""Name of the SQL function that answers what SQL cannot."""

_SIGNS = {
    Comparison.EQ: "=",
    Comparison.GT: ">",
    Comparison.GTE: ">=",
    Comparison.LT: "<",
    Comparison.LTE: "<=",
}
_NUMBERS = "'integer', 'real'"
_LISTED = 300
"""Most ids or values that are listed in SQL."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One condition on one column that Python decides."""

    column: FieldColumn | None
    """None for the column of undeclared keys."""
    condition: Filter

    def holds(self, value: Any) -> bool:
        """Whether the condition holds for the stored value of the column."""
        if self.column is None:
            held = decode_json(value)
            return matches(self.condition, "", held if isinstance(held, dict) else {})
        decode = decoder(self.column.field.type)
        return matches(self.condition, "", {self.column.field.name: decode(value) if decode else value})


@dataclass(frozen=True, slots=True)
class Keys:
    """Ids that Python looks for among the values of the key's columns."""

    stored: frozenset[tuple[tuple[type, Any], ...]]

    def holds(self, *values: Any) -> bool:
        """Whether the key is one of them: the integer 5 is not the text '5'."""
        return _typed(values) in self.stored


def _typed(values: Sequence[Any]) -> tuple[tuple[type, Any], ...]:
    return tuple((type(value), value) for value in values)


@dataclass(slots=True)
class Condition:
    """An SQL condition, the values it binds, and its leaves in the order of their numbers."""

    sql: str = "1"
    values: list[Any] = field(default_factory=list)
    leaves: list[Leaf | Keys] = field(default_factory=list)


def translate(condition: Filter, table: Table) -> Condition:
    """The condition for the rows of a table."""
    result = Condition()
    result.sql = _Translation(table, result).sql(condition)
    return result


class _Translation:
    def __init__(self, table: Table, into: Condition) -> None:
        self._table = table
        self._into = into
        self._columns = {column.field.name: column for column in table.fields}

    def sql(self, condition: Filter) -> str:
        match condition:
            case And(items):
                return self._all(items, " AND ", "1")
            case Or(items):
                return self._all(items, " OR ", "0")
            case Not(item):
                return f"NOT ({self.sql(item)})"
            case HasId(ids):
                return self._has_id(ids)
            case Compare() | In() | Exists() | IsNull():
                return self._on_field(condition)
            case Native():
                raise foreign_words(condition)

    def _all(self, items: Sequence[Filter], word: str, empty: str) -> str:
        return _joined([f"({self.sql(item)})" for item in items], word) or empty

    def _has_id(self, ids: Sequence[Any]) -> str:
        parts = []
        stored = [self._table.stored_id(one) for one in ids if self._table.may_hold(one)]
        if len(stored) > _LISTED:
            columns = ", ".join(key.sql for key in self._table.keys)
            return f"{LEAF}({self._numbered(Keys(frozenset(map(_typed, stored))))}, {columns})"
        for values in stored:
            for key, value in zip(self._table.keys, values, strict=True):
                self._into.values.append(value)
                # typeof, because SQLite would find the integer 5 by the text '5'.
                self._into.values.append(value)
                parts.append(f"{key.sql} = ? COLLATE BINARY AND typeof({key.sql}) = typeof(?)")
            parts[-len(values) :] = ["(" + " AND ".join(parts[-len(values) :]) + ")"]
        return " OR ".join(parts) or "0"

    def _on_field(self, condition: Compare | In | Exists | IsNull) -> str:
        column = self._columns.get(condition.path[0]) if condition.path else None
        if column is None or len(condition.path) > 1:
            return self._leaf(column, condition)
        sql: str | None = None
        match condition:
            case Exists():
                return "1"
            case IsNull():
                return f"{column.sql} IS NULL"
            case In(_, values):
                sql = self._any(column, values, "=")
            case Compare(_, Comparison.NE, value):
                equal = self._any(column, [value], "=")
                sql = None if equal is None else f"NOT ({equal})"
            case Compare(_, comparison, value):
                sql = self._any(column, [value], _SIGNS[comparison])
        return self._leaf(column, condition) if sql is None else sql

    def _any(self, column: FieldColumn, values: Sequence[Any], sign: str) -> str | None:
        """That the column compares so with one of the values; None when SQL cannot say it exactly."""
        parts = [self._compared(column, sign, value) for value in values]
        if None in parts or len(parts) > _LISTED:
            return None
        self._into.values += values
        return " OR ".join(self._sure(part) for part in parts if part) or "0"

    @staticmethod
    def _sure(sql: str) -> str:
        # NULL is not false to NOT, so no condition may be NULL.
        return f"coalesce(({sql}), 0)"

    @staticmethod
    def _compared(column: FieldColumn, sign: str, value: Any) -> str | None:
        """A guarded comparison with one placeholder, or None when SQL cannot say it exactly."""
        type_, name = column.field.type, column.sql
        if isinstance(value, str):
            if type_ in (FieldType.TEXT, FieldType.ANY, FieldType.INT, FieldType.BYTES) and _is_unicode(
                value
            ):
                return f"typeof({name}) = 'text' AND {name} {sign} ? COLLATE BINARY"
        elif isinstance(value, bytes):
            if type_ in (FieldType.BYTES, FieldType.ANY):
                return f"typeof({name}) = 'blob' AND {name} {sign} ?"
        elif isinstance(value, bool):
            if type_ is FieldType.BOOL:
                return f"typeof({name}) = 'integer' AND {name} IN (0, 1) AND {name} {sign} ?"
        elif (
            isinstance(value, int | float)
            and type_ in (FieldType.INT, FieldType.FLOAT, FieldType.ANY)
            and _is_number(value)
        ):
            return f"typeof({name}) IN ({_NUMBERS}) AND {name} {sign} ?"
        return None

    def _leaf(self, column: FieldColumn | None, condition: Filter) -> str:
        number = self._numbered(Leaf(column, condition))
        if column is not None:
            return f"{LEAF}({number}, {column.sql})"
        return f"{LEAF}({number}, {self._table.dynamic or 'NULL'})"

    def _numbered(self, leaf: Leaf | Keys) -> int:
        self._into.leaves.append(leaf)
        return len(self._into.leaves) - 1


def _joined(parts: Sequence[str], word: str) -> str:
    """The parts with a word between, in brackets that keep the tree of many of them flat."""
    if len(parts) <= 2:
        return word.join(parts)
    middle = len(parts) // 2
    return f"({_joined(parts[:middle], word)}){word}({_joined(parts[middle:], word)})"


def _is_number(value: float) -> bool:
    return value == value and (isinstance(value, float) or -(2**63) <= value < 2**63)


def _is_unicode(value: str) -> bool:
    return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)
