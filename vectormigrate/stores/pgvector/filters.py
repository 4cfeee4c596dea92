"""`model.filter` as SQL over a table's columns and JSON keys: it selects what `model.filter.matches` accepts.

Every condition here is true or false, never NULL, so that NOT means not. A value is compared only with values of its
own type: what a column cannot equal is decided while translating, and inside JSON `jsonb_typeof` decides. What JSON
holds only in disguise (a date, a decimal) can be looked for by equality where its disguise is unique, and not be
ordered: that is Unsupported.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from vectormigrate.model.collection import FieldType
from vectormigrate.model.errors import Unsupported
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
    Path,
    foreign_words,
)

from .errors import STORE
from .names import quote
from .reading import key_in
from .shape import Column, Table
from .values import json_text

_OPERATORS = {
    Comparison.EQ: "=",
    Comparison.NE: "<>",
    Comparison.GT: ">",
    Comparison.GTE: ">=",
    Comparison.LT: "<",
    Comparison.LTE: "<=",
}
_NEVER, _ALWAYS = "false", "true"
_INT64 = range(-(2**63), 2**63)
_TYPES: dict[FieldType, tuple[type, str]] = {
    FieldType.BYTES: (bytes, "bytea"),
    FieldType.DATE: (date, "date"),
    FieldType.TIME: (time, "time"),
    FieldType.UUID: (UUID, "uuid"),
}
_READ_AS_TEXT = {
    FieldType.DATETIME: "not isfinite({})",
    FieldType.DATETIME_NAIVE: "not isfinite({})",
    FieldType.DATE: "not isfinite({})",
    FieldType.TIME: "{} = time '24:00'",
}
"""Values that Python has no object for are read as their text, and so compared as text."""


@dataclass(slots=True)
class Translation:
    """A condition in the making: `parameters` grows as it is translated, numbered from `$1`."""

    table: Table
    parameters: list[Any] = field(default_factory=list)

    def parameter(self, value: Any, sql_type: str) -> str:
        """A placeholder for a value, with its type."""
        self.parameters.append(value)
        return f"${len(self.parameters)}::{sql_type}"

    def condition(self, item: Filter) -> str:  # noqa: PLR0911 one arm a case
        """The SQL of a filter."""
        match item:
            case Compare(path, comparison, value):
                return self._compare(path, comparison, value)
            case In(path, values):
                return _any([self._compare(path, Comparison.EQ, value) for value in values])
            case Exists(path):
                return self._exists(path)
            case IsNull(path):
                return self._is_null(path)
            case HasId(ids):
                return f"({key_in(self.table, [one for one in ids if self.table.holds(one)])})"
            case Not(inner):
                return f"(not {self.condition(inner)})"
            case And(items):
                return "(" + " and ".join([_ALWAYS, *map(self.condition, items)]) + ")"
            case Or(items):
                return _any(list(map(self.condition, items)))
            case Native():
                raise foreign_words(item)

    def _compare(self, path: Path, comparison: Comparison, value: Any) -> str:
        if comparison is Comparison.NE:
            return f"(not {self._compare(path, Comparison.EQ, value)})"
        if value is None:
            return _NEVER
        column = self._column(path)
        if column is not None and column.codec.type is not FieldType.JSON:
            if len(path) > 1:
                return _NEVER
            return f"coalesce({self._column_compares(column, comparison, value)}, false)"
        parent = self._json(path)
        if parent is None:
            return _NEVER
        return f"coalesce({self._json_compares(parent, comparison, value)}, false)"

    def _exists(self, path: Path) -> str:
        column = self._column(path)
        if column is not None and len(path) == 1:
            return _ALWAYS
        parent = self._json(path[:-1]) if len(path) > 1 else self._root()
        if parent is None:
            return _NEVER
        key = self.parameter(path[-1], "text")
        # The operator ? would also find the key as an element of a list, or as the text itself.
        return f"coalesce(jsonb_typeof({parent}) = 'object' and jsonb_exists({parent}, {key}), false)"

    def _is_null(self, path: Path) -> str:
        column = self._column(path)
        if column is not None and len(path) == 1:
            if column.codec.type is FieldType.JSON:
                return f"({column.sql} is null or jsonb_typeof({column.sql}::jsonb) = 'null')"
            return f"({column.sql} is null)"
        value = self._json(path)
        return _NEVER if value is None else f"coalesce(jsonb_typeof({value}) = 'null', false)"

    # Where a path leads.

    def _column(self, path: Path) -> Column | None:
        return next((column for column in self.table.fields if column.name == path[0]), None)

    def _root(self) -> str | None:
        return None if self.table.dynamic is None else quote(self.table.dynamic.name)

    def _json(self, path: Path) -> str | None:
        column = self._column(path)
        if column is None:
            base, rest = self._root(), path
        elif column.codec.type is FieldType.JSON:
            base, rest = f"{column.sql}::jsonb", path[1:]
        else:
            return None
        if base is None:
            return None
        # With a text on its right, -> looks into objects only: the key "0" is not the first of a list.
        return "(" + "".join([base, *(f" -> {self.parameter(key, 'text')}" for key in rest)]) + ")"

    # Comparisons in the column's own type.

    def _column_compares(self, column: Column, comparison: Comparison, value: Any) -> str:
        if column.codec.type is not FieldType.ARRAY:
            return self._scalar(column.selected, column.codec.type, comparison, value)
        if isinstance(value, list):
            raise _unsupported("a list as a whole", column.name)
        element = column.codec.element or FieldType.TEXT
        inner = self._scalar("e.v", element, comparison, value)
        return f"exists (select from unnest({column.selected}) as e(v) where {inner})"

    def _scalar(self, sql: str, held: FieldType, comparison: Comparison, value: Any) -> str:
        odd = _READ_AS_TEXT.get(held)
        if odd is None:
            return self._typed(sql, held, comparison, value)
        odd = odd.format(sql)
        if isinstance(value, str):
            return f"({odd} and {self._text(f'{sql}::text', comparison, value)})"
        return f"(not ({odd}) and {self._typed(sql, held, comparison, value)})"

    def _typed(self, sql: str, held: FieldType, comparison: Comparison, value: Any) -> str:
        compare: Callable[[str, Comparison, Any], str] | None = {
            FieldType.BOOL: self._bool,
            FieldType.INT: self._int,
            FieldType.FLOAT: self._float,
            FieldType.TEXT: self._text,
            FieldType.DECIMAL: self._decimal,
            FieldType.DATETIME: self._aware,
            FieldType.DATETIME_NAIVE: self._naive,
        }.get(held)
        if compare is not None:
            return compare(sql, comparison, value)
        wanted, sql_type = _TYPES[held]
        if type(value) is not wanted:
            return _NEVER
        given = value if isinstance(value, bytes) else str(value)
        return f"{sql} {_OPERATORS[comparison]} {self.parameter(given, sql_type)}"

    def _bool(self, sql: str, comparison: Comparison, value: Any) -> str:
        if not isinstance(value, bool):
            return _NEVER
        return f"{sql} {_OPERATORS[comparison]} {self.parameter(value, 'boolean')}"

    def _int(self, sql: str, comparison: Comparison, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return _NEVER
        if not math.isfinite(value) or math.floor(value) not in _INT64:
            above = value > 0
            less = comparison in (Comparison.LT, Comparison.LTE)
            more = comparison in (Comparison.GT, Comparison.GTE)
            holds = (above and less) or (value < 0 and more)
            return f"({sql} is not null)" if holds else _NEVER
        if value != math.floor(value):
            # Between two integers: above it is above its floor, below it is at most its floor.
            if comparison is Comparison.EQ:
                return _NEVER
            comparison = Comparison.GT if comparison in (Comparison.GT, Comparison.GTE) else Comparison.LTE
        return f"{sql} {_OPERATORS[comparison]} {self.parameter(math.floor(value), 'bigint')}"

    def _float(self, sql: str, comparison: Comparison, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            return _NEVER
        try:
            near = float(value)
        except OverflowError:
            near = math.inf if value > 0 else -math.inf
        if near != value:
            # No double equals the integer; `near` is the next one on its side.
            if comparison is Comparison.EQ:
                return _NEVER
            more = comparison in (Comparison.GT, Comparison.GTE)
            if near > value:
                comparison = Comparison.GTE if more else Comparison.LT
            else:
                comparison = Comparison.GT if more else Comparison.LTE
        given = self.parameter(repr(near), "double precision")
        return (
            f"({sql}::double precision {_OPERATORS[comparison]} {given} and {sql}::double precision <> 'NaN')"
        )

    def _text(self, sql: str, comparison: Comparison, value: Any) -> str:
        if not isinstance(value, str):
            return _NEVER
        # Code point order, whatever the column's collation; no text that is held has a NUL in it.
        head, nul, _ = value.partition("\0")
        if nul:
            if comparison is Comparison.EQ:
                return _NEVER
            comparison = Comparison.GT if comparison in (Comparison.GT, Comparison.GTE) else Comparison.LTE
        given = self.parameter(_encodable(head), "text")
        if comparison is Comparison.EQ:
            return f"{sql} = {given}"
        return f'{sql} collate "C" {_OPERATORS[comparison]} {given}'

    def _decimal(self, sql: str, comparison: Comparison, value: Any) -> str:
        if not isinstance(value, Decimal) or value.is_nan():
            return _NEVER
        given = self.parameter(str(value), "numeric")
        return f"({sql} {_OPERATORS[comparison]} {given} and {sql} <> 'NaN')"

    def _aware(self, sql: str, comparison: Comparison, value: Any) -> str:
        if not isinstance(value, datetime) or value.utcoffset() is None:
            return _NEVER
        return f"{sql} {_OPERATORS[comparison]} {self.parameter(value.isoformat(), 'timestamptz')}"

    def _naive(self, sql: str, comparison: Comparison, value: Any) -> str:
        if not isinstance(value, datetime) or value.utcoffset() is not None:
            return _NEVER
        return f"{sql} {_OPERATORS[comparison]} {self.parameter(value.isoformat(), 'timestamp')}"

    # Comparisons inside JSON.

    def _json_compares(self, sql: str, comparison: Comparison, value: Any) -> str:
        if isinstance(value, list | dict):
            if comparison is not Comparison.EQ:
                raise _unsupported("an order of lists or objects", sql)
            same = self._same_json(sql, value)
            if isinstance(value, list):
                return same
            return f"({same} or {self._any_element(sql, lambda v: self._same_json(v, value))})"
        return self._any_element(sql, lambda v: self._json_scalar(v, comparison, value))

    def _any_element(self, sql: str, inner: Callable[[str], str]) -> str:
        elements = f"case jsonb_typeof({sql}) when 'array' then {sql} else jsonb_build_array({sql}) end"
        return f"exists (select from jsonb_array_elements({elements}) as e(v) where {inner('e.v')})"

    def _same_json(self, sql: str, value: Any) -> str:
        try:
            text = json_text(value).decode()
        except ValueError:
            return _NEVER
        return f"{sql} = {self.parameter(text, 'jsonb')}"

    def _json_scalar(self, sql: str, comparison: Comparison, value: Any) -> str:
        match value:
            case bool():
                name, inner = "boolean", self._bool(f"({sql} #>> '{{}}')::boolean", comparison, value)
            case int() | float():
                name, inner = "number", self._json_number(sql, comparison, value)
            case str():
                name, inner = "string", self._text(f"({sql} #>> '{{}}')", comparison, value)
            case bytes() | UUID() | date() | time() if comparison is Comparison.EQ and not isinstance(
                value, datetime
            ):
                return self._same_json(sql, value)
            case _:
                raise _unsupported(f"a {type(value).__name__} inside JSON", sql)
        return f"case when jsonb_typeof({sql}) = '{name}' then {inner} else false end"

    def _json_number(self, sql: str, comparison: Comparison, value: float) -> str:
        if value != value:
            return _NEVER
        if math.isinf(value):
            less = comparison in (Comparison.LT, Comparison.LTE)
            more = comparison in (Comparison.GT, Comparison.GTE)
            return _ALWAYS if (less and value > 0) or (more and value < 0) else _NEVER
        return (
            f"({sql} #>> '{{}}')::numeric {_OPERATORS[comparison]} {self.parameter(repr(value), 'numeric')}"
        )


def _any(conditions: list[str]) -> str:
    return "(" + " or ".join([_NEVER, *conditions]) + ")"


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _unsupported("half a surrogate pair in a text", "") from None
    return text


def _unsupported(what: str, where: str) -> Unsupported:
    return Unsupported(f"PostgreSQL cannot filter by {what}", hint=where and f"at {where}", store=STORE)
