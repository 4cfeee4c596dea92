"""Whether a payload value is of the type that a declared field has: by Python type, never by what it could become."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from .collection import Field, FieldType

_INT64 = range(-(2**63), 2**63)
_TYPES: dict[FieldType, tuple[type, ...]] = {
    FieldType.BOOL: (bool,),
    FieldType.INT: (int,),
    FieldType.FLOAT: (float, int),
    FieldType.TEXT: (str,),
    FieldType.BYTES: (bytes,),
    FieldType.DECIMAL: (Decimal,),
    FieldType.DATETIME: (datetime,),
    FieldType.DATETIME_NAIVE: (datetime,),
    FieldType.DATE: (date,),
    FieldType.TIME: (time,),
    FieldType.UUID: (UUID,),
    FieldType.ARRAY: (list,),
}


def misfit(field: Field, value: Any) -> str:
    """Why a declared field cannot hold this value; empty when it can. A JSON or ANY field holds everything."""
    if value is None:
        return "" if field.nullable else "may not be null"
    wanted = _TYPES.get(field.type, (object,))
    if not isinstance(value, wanted) or (isinstance(value, bool) and int in wanted):
        return f"{type(value).__name__} is not {field.type}"
    if isinstance(value, datetime) and not _is_kind_of_datetime(field, value):
        return f"{value.isoformat()} is not {field.type}"
    if field.type is FieldType.INT and value not in _INT64:
        return f"{value} does not fit 64 bits"
    if field.max_length is not None and isinstance(value, str | list) and _length(value) > field.max_length:
        return f"longer than {field.max_length}"
    return ""


def _is_kind_of_datetime(field: Field, value: datetime) -> bool:
    match field.type:
        case FieldType.DATETIME:
            return value.tzinfo is not None
        case FieldType.DATETIME_NAIVE:
            return value.tzinfo is None
        case _:
            return field.type is not FieldType.DATE  # a datetime is a date to Python, not to us


def _length(value: str | list[Any]) -> int:
    return len(value.encode(errors="surrogatepass")) if isinstance(value, str) else len(value)


_PLAIN: dict[FieldType, frozenset[type]] = {
    FieldType.BOOL: frozenset({bool}),
    FieldType.INT: frozenset({int}),
    FieldType.FLOAT: frozenset({float}),
    FieldType.TEXT: frozenset({str}),
    FieldType.BYTES: frozenset({bytes}),
    FieldType.DECIMAL: frozenset({Decimal}),
    FieldType.DATETIME: frozenset({datetime}),
    FieldType.DATETIME_NAIVE: frozenset({datetime}),
    FieldType.DATE: frozenset({date}),
    FieldType.TIME: frozenset({time}),
    FieldType.UUID: frozenset({UUID}),
}


def all_fit(field: Field, values: Sequence[Any]) -> bool:  # noqa: PLR0911 one return a reason
    """Whether a field plainly holds all these values: a few calls a column instead of one a value.

    False only says that each has to be looked at by `misfit`. None counts as a value.
    """
    plain = _PLAIN.get(field.type)
    if plain is None:
        return False
    types = set(map(type, values))
    if type(None) in types:
        if not field.nullable:
            return False
        types.discard(type(None))
        values = [value for value in values if value is not None]
    if not types <= plain:
        return False
    match field.type:
        case FieldType.INT:
            return not values or (min(values) in _INT64 and max(values) in _INT64)
        case FieldType.TEXT:
            return field.max_length is None or max(map(len, values), default=0) * 4 <= field.max_length
        case FieldType.DATETIME | FieldType.DATETIME_NAIVE:
            return all(_is_kind_of_datetime(field, value) for value in values)
        case _:
            return True
