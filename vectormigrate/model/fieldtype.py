"""Whether a payload value is of the type that a declared field has: by Python type, never by what it could become."""

from __future__ import annotations

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
