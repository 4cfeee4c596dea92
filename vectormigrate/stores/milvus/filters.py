"""`model.filter` to Milvus' expression language; and its literals, which is all that a key range needs.

Only what Milvus can say with exactly the meaning of `model.filter.matches` is translated; the rest raises
Unsupported, and the store then reads the records and applies `matches` itself. The surprises that make it so: a
range over a JSON path looks at no list elements, Milvus Lite takes true for 1, and a null column is unknown to
a comparison, so negations are pushed down to the leaves and say `is null` themselves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vectormigrate.model.collection import CollectionShape, Field, FieldType, IdKind
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
from vectormigrate.model.record import RecordId

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEYWORDS = frozenset(
    ("and", "or", "not", "in", "like", "is", "null", "exists", "true", "false", "iso", "interval", "empty")
)
_OPERATORS = {
    Comparison.EQ: "==",
    Comparison.NE: "!=",
    Comparison.GT: ">",
    Comparison.GTE: ">=",
    Comparison.LT: "<",
    Comparison.LTE: "<=",
}
_OPPOSITE = {
    Comparison.EQ: Comparison.NE,
    Comparison.NE: Comparison.EQ,
    Comparison.GT: Comparison.LTE,
    Comparison.GTE: Comparison.LT,
    Comparison.LT: Comparison.GTE,
    Comparison.LTE: Comparison.GT,
}
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def literal(value: Any) -> str:
    """A value as Milvus writes it. Raises Unsupported for what its language has no literal for."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.translate(_ESCAPES) + '"'
    if isinstance(value, int) and INT64_MIN < value <= INT64_MAX:
        return str(value)
    if isinstance(value, float) and np.isfinite(value):
        return repr(value)
    raise Unsupported(f"milvus has no literal for {value!r}")


def key_in(key: str, ids: Sequence[RecordId]) -> str:
    """The records of these ids, which must be of the key's kind."""
    listed = [record_id for record_id in ids if record_id != INT64_MIN]
    within = f"{key} in [{', '.join(literal(record_id) for record_id in listed)}]"
    if len(listed) == len(ids):
        return within
    # The smallest integer has no literal: its digits are read before its sign.
    return f"{key} < {INT64_MIN + 1} or {within}" if listed else f"{key} < {INT64_MIN + 1}"


def key_between(key: str, kind: IdKind, lower: RecordId | None, upper: RecordId | None) -> str:
    """The keys of `(lower, upper]`; never empty, because servers want an expression beside a limit."""
    parts = []
    if lower is not None:
        parts.append(f"{key} >= {INT64_MIN + 1}" if lower == INT64_MIN else f"{key} > {literal(lower)}")
    if upper is not None:
        parts.append(f"{key} < {INT64_MIN + 1}" if upper == INT64_MIN else f"{key} <= {literal(upper)}")
    return " and ".join(parts) or everything(key, kind)


def everything(key: str, kind: IdKind) -> str:
    """An expression that every record matches."""
    return f"({key} >= 0 or {key} < 0)" if kind is IdKind.INT else f'{key} >= ""'


def to_expression(
    condition: Filter, shape: CollectionShape, *, single: frozenset[str] = frozenset(), nulls: bool = True
) -> str:
    """Translate a filter over a collection. `single` names the FLOAT columns, which hold 32 bits; `nulls` says that
    the server knows nullable columns. Raises Unsupported when no expression means the same.
    """
    return _Translator(shape, single, nulls).translate(condition, negated=False)


@dataclass(frozen=True, slots=True)
class _Translator:
    shape: CollectionShape
    single: frozenset[str]
    nulls: bool

    def translate(self, condition: Filter, *, negated: bool) -> str:  # noqa: PLR0911 one arm a case
        match condition:
            case And(items):
                return self._join(items, "or" if negated else "and", negated=negated)
            case Or(items):
                return self._join(items, "and" if negated else "or", negated=negated)
            case Not(item):
                return self.translate(item, negated=not negated)
            case Compare(path, comparison, value):
                return self._compare(path, _OPPOSITE[comparison] if negated else comparison, value, negated)
            case In(path, values):
                return self._in(path, values, negated=negated)
            case HasId(ids):
                return self._has_id(ids, negated=negated)
            case IsNull(path):
                return self._is_null(path, negated=negated)
            case Exists():
                raise Unsupported("milvus takes a key that holds null for one that is not there")
            case Native():
                raise foreign_words(condition)

    def _join(self, items: Sequence[Filter], word: str, *, negated: bool) -> str:
        if not items:
            raise Unsupported("milvus has no word for always and never")
        return "(" + f" {word} ".join(self.translate(item, negated=negated) for item in items) + ")"

    def _field(self, path: Path) -> Field | None:
        """The declared column that a path is, None when the path lies inside JSON."""
        field = self.shape.field_named(path[0])
        if field is None and not self.shape.dynamic:
            raise Unsupported(f"{path[0]!r} is not a field of this collection")
        if not _usable(path[0]):
            raise Unsupported(f"{path[0]!r} cannot be written as a name")
        return None if field is None or field.type is FieldType.JSON else field

    def _compare(self, path: Path, comparison: Comparison, value: Any, negated: bool) -> str:
        field = self._field(path)
        if field is None:
            if comparison is not Comparison.EQ or negated:
                raise Unsupported("over JSON, milvus compares no list elements")
            return self._json_equals(path, value)
        if len(path) > 1:
            raise Unsupported(f"{path[0]!r} has no parts")
        # What is absent matches NE, and the negation of anything that is not NE.
        absent = comparison is not Comparison.EQ if negated else comparison is Comparison.NE
        if field.type is FieldType.ARRAY:
            return self._array(field, comparison, value, absent)
        self._check_operand(field, comparison, value)
        return self._or_null(f"{field.name} {_OPERATORS[comparison]} {literal(value)}", field, absent)

    def _array(self, field: Field, comparison: Comparison, value: Any, absent: bool) -> str:
        element = Field(field.name, field.element or FieldType.ANY)
        self._check_operand(element, comparison, value)
        if comparison is Comparison.EQ:
            return f"array_contains({field.name}, {literal(value)})"
        if comparison is Comparison.NE:
            return self._or_null(f"not array_contains({field.name}, {literal(value)})", field, absent)
        raise Unsupported("milvus compares no array elements by order")

    def _or_null(self, expression: str, field: Field, absent: bool) -> str:
        return (
            f"({expression} or {field.name} is null)"
            if absent and field.nullable and self.nulls
            else expression
        )

    def _check_operand(self, field: Field, comparison: Comparison, value: Any) -> None:
        if not _same_type(field.type, value, comparison):
            raise Unsupported(f"{field.name!r} and {value!r} are of different types")
        if field.name in self.single and float(np.float32(value)) != value:
            raise Unsupported(f"{field.name!r} holds 32 bits and {value!r} needs more")

    def _in(self, path: Path, values: Sequence[Any], *, negated: bool) -> str:
        field = self._field(path)
        if not values:
            raise Unsupported("milvus has no word for never")
        if field is None or field.type is FieldType.ARRAY:
            equal = tuple(Compare(path, Comparison.EQ, value) for value in values)
            return self.translate(Or(equal), negated=negated)
        if len(path) > 1:
            raise Unsupported(f"{path[0]!r} has no parts")
        for value in values:
            self._check_operand(field, Comparison.EQ, value)
        word = "not in" if negated else "in"
        listed = f"{field.name} {word} [{', '.join(literal(value) for value in values)}]"
        return self._or_null(listed, field, negated)

    def _json_equals(self, path: Path, value: Any) -> str:
        if isinstance(value, bool) or value in (0, 1) or not isinstance(value, str | int | float):
            raise Unsupported("milvus lite takes true for 1 inside JSON")
        if not isinstance(value, str) and value < 0:
            raise Unsupported("milvus lite reads no sign inside json_contains")
        place = path[0] + "".join(f"[{literal(key)}]" for key in path[1:])
        return f"({place} == {literal(value)} or json_contains({place}, {literal(value)}))"

    def _has_id(self, ids: Sequence[RecordId], *, negated: bool) -> str:
        kind = str if self.shape.id.kind is IdKind.TEXT else int
        fitting = [record_id for record_id in ids if type(record_id) is kind]
        if not fitting or (negated and INT64_MIN in fitting):
            raise Unsupported("no id of the collection's kind")
        inside = key_in(self.shape.id.name, fitting)
        return f"not ({inside})" if negated else f"({inside})"

    def _is_null(self, path: Path, *, negated: bool) -> str:
        field = self._field(path)
        if field is None or len(path) > 1 or not (field.nullable and self.nulls):
            raise Unsupported("milvus takes a key that is not there for one that holds null")
        return f"{field.name} is not null" if negated else f"{field.name} is null"


def _usable(name: str) -> bool:
    return bool(_IDENTIFIER.fullmatch(name)) and name.casefold() not in _KEYWORDS


def _same_type(kind: FieldType, value: Any, comparison: Comparison) -> bool:
    match kind:
        case FieldType.BOOL:
            return isinstance(value, bool) and comparison in (Comparison.EQ, Comparison.NE)
        case FieldType.INT:
            return isinstance(value, int) and not isinstance(value, bool)
        case FieldType.FLOAT:
            return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 2**53
        case FieldType.TEXT:
            return isinstance(value, str)
        case _:
            return False
