"""JSON text to payload values and back, exactly.

Integers keep all digits, and numbers that a double cannot hold become Decimal and are written back digit by
digit. Values that JSON has no type for are written as MongoDB's Extended JSON does (`{"$date": ...}`,
`{"$binary": ...}`, `{"$numberDecimal": ...}`, `{"$uuid": ...}`), so that a JSON column can hold any payload and
give it back. Reading undoes exactly what writing did: an object that merely looks like one of these, but would
not be written so, stays an object.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import msgspec


def loads(text: str | bytes) -> Any:
    """Values from JSON text. Raises ValueError when it is not JSON (NaN and Infinity are not)."""
    try:
        value = _DECODER.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
    tagged = '"$' in text if isinstance(text, str) else b'"$' in text
    return _untag(value) if tagged else value


def dumps(value: Any) -> bytes:
    """JSON text of a value, compact UTF-8. Raises ValueError for NaN, infinity and types that no payload holds."""
    return _ENCODER.encode(_tag(value))


def is_json(value: Any) -> bool:
    """Whether a value is made of JSON's own types alone, so that any JSON reader would give it back."""
    match value:
        case None | bool() | str() | int():
            return True
        case float():
            return math.isfinite(value)
        case dict():
            return all(is_json(item) for item in value.values())
        case list():
            return all(is_json(item) for item in value)
        case _:
            return False


def _number(text: str) -> float | Decimal:
    number = float(text)
    if not math.isfinite(number):
        return Decimal(text)
    exact = Decimal(text)
    return number if Decimal(repr(number)) == exact else exact


_DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=_number)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def _tag(value: Any) -> Any:  # noqa: C901, PLR0911 one arm a type
    match value:
        case None | bool() | str() | int():
            return value
        case float():
            if not math.isfinite(value):
                raise ValueError(f"{value} cannot be written as JSON")
            return value
        case dict():
            return {key: _tag(item) for key, item in value.items()}
        case list() | tuple():
            return [_tag(item) for item in value]
        case Decimal():
            return _tag_decimal(value)
        case datetime():
            return {"$date": value.isoformat()}
        case date():
            return {"$day": value.isoformat()}
        case time():
            return {"$time": value.isoformat()}
        case bytes():
            return {"$binary": base64.b64encode(value).decode("ascii")}
        case UUID():
            return {"$uuid": str(value)}
        case _:
            raise ValueError(f"a value of type {type(value).__name__} cannot be written as JSON")


def _tag_decimal(value: Decimal) -> Any:
    # A number that reads back as this Decimal needs no tag; one that a double holds would read back as a float.
    text = str(value)
    if value.is_finite() and ("." in text or "E" in text) and isinstance(_number(text), Decimal):
        return value
    return {"$numberDecimal": text}


_BUILD: dict[str, Callable[[str], Any]] = {
    "$numberDecimal": Decimal,
    "$date": datetime.fromisoformat,
    "$day": date.fromisoformat,
    "$time": time.fromisoformat,
    "$binary": lambda text: base64.b64decode(text, validate=True),
    "$uuid": UUID,
}


def _untag(value: Any) -> Any:
    if isinstance(value, list):
        return [_untag(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, text),) = value.items()
        build = _BUILD.get(key)
        if build is not None and isinstance(text, str):
            return _rebuild(build, text, value)
    return {key: _untag(item) for key, item in value.items()}


def _rebuild(build: Callable[[str], Any], text: str, item: dict[str, Any]) -> Any:
    try:
        value = build(text)
    except (ValueError, InvalidOperation, binascii.Error):
        return item
    return value if _tag(value) == item else item
