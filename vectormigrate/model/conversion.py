"""Conversions of payload values into types that a target has: each with its inverse, and the table that picks one."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from . import jsonvalue
from .collection import Field, FieldType


@dataclass(frozen=True, slots=True)
class Conversion:
    """One way to hold a value in another type: `decode(encode(value)) == value`, None aside."""

    target: FieldType
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]
    reason: str


def _json_text(value: Any) -> str:
    return jsonvalue.dumps(value).decode()


CONVERSIONS: dict[str, Conversion] = {
    "": Conversion(FieldType.ANY, lambda value: value, lambda value: value, ""),
    "decimal_text": Conversion(FieldType.TEXT, str, Decimal, "decimal as text, all digits kept"),
    "datetime_text": Conversion(
        FieldType.TEXT, datetime.isoformat, datetime.fromisoformat, "date and time as ISO 8601 text"
    ),
    "date_text": Conversion(FieldType.TEXT, date.isoformat, date.fromisoformat, "date as ISO 8601 text"),
    "time_text": Conversion(FieldType.TEXT, time.isoformat, time.fromisoformat, "time as ISO 8601 text"),
    "uuid_text": Conversion(FieldType.TEXT, str, UUID, "UUID as text"),
    "bytes_text": Conversion(
        FieldType.TEXT,
        lambda value: base64.b64encode(value).decode("ascii"),
        base64.b64decode,
        "bytes as base64 text",
    ),
    "json_text": Conversion(FieldType.TEXT, _json_text, jsonvalue.loads, "JSON as text"),
    "extended_json": Conversion(
        FieldType.JSON,
        lambda value: value,
        lambda value: value,
        "held in JSON, as extended JSON where it must be",
    ),
}

_EXTENDED = "extended_json"
_FALLBACKS: dict[FieldType, tuple[tuple[FieldType, str], ...]] = {
    FieldType.BOOL: ((FieldType.ANY, ""), (FieldType.JSON, "")),
    FieldType.INT: ((FieldType.ANY, ""), (FieldType.JSON, "")),
    FieldType.FLOAT: ((FieldType.ANY, ""), (FieldType.JSON, "")),
    FieldType.TEXT: ((FieldType.ANY, ""), (FieldType.JSON, "")),
    FieldType.DECIMAL: ((FieldType.TEXT, "decimal_text"), (FieldType.JSON, _EXTENDED)),
    FieldType.DATETIME: ((FieldType.TEXT, "datetime_text"), (FieldType.JSON, _EXTENDED)),
    FieldType.DATETIME_NAIVE: ((FieldType.TEXT, "datetime_text"), (FieldType.JSON, _EXTENDED)),
    FieldType.DATE: ((FieldType.TEXT, "date_text"), (FieldType.JSON, _EXTENDED)),
    FieldType.TIME: ((FieldType.TEXT, "time_text"), (FieldType.JSON, _EXTENDED)),
    FieldType.UUID: ((FieldType.TEXT, "uuid_text"), (FieldType.JSON, _EXTENDED)),
    FieldType.BYTES: ((FieldType.TEXT, "bytes_text"), (FieldType.JSON, _EXTENDED)),
    FieldType.JSON: ((FieldType.TEXT, "json_text"),),
    FieldType.ARRAY: ((FieldType.JSON, _EXTENDED), (FieldType.TEXT, "json_text")),
    FieldType.ANY: ((FieldType.JSON, _EXTENDED), (FieldType.TEXT, "json_text")),
}
"""For each type, where else it can be held, best first."""


@dataclass(frozen=True, slots=True)
class Into:
    """The type that a field gets on the target, and by which conversion ("" for as it is)."""

    type: FieldType
    conversion: str
    reason: str


def fallback(
    field: Field, available: frozenset[FieldType], elements: frozenset[FieldType] | None = None
) -> Into | None:
    """The best type for a field among those available; None when there is none.

    An array stays one only where its elements are held as well: `elements` (default: what is available) says which.
    """
    held = field.type in available
    if field.type is FieldType.ARRAY:
        held = held and field.element in (available if elements is None else elements)
    if held:
        return Into(field.type, "", "")
    for candidate, conversion in _FALLBACKS[field.type]:
        if candidate in available:
            return Into(candidate, conversion, CONVERSIONS[conversion].reason)
    return None
