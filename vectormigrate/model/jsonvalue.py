"""JSON text to payload values and back, exactly.

Integers keep all digits, and numbers that a double cannot hold become Decimal and are written back digit by
digit. Values that JSON has no type for are written as MongoDB's Extended JSON does (`{"$date": ...}`,
`{"$binary": ...}`, `{"$numberDecimal": ...}`, `{"$numberDouble": "NaN"}`, `{"$uuid": ...}`), so that a JSON column
can hold any payload and give it back. Reading undoes exactly what writing did, and writing what reading did: an
object that merely looks like one of these stays an object, and one that could be taken for one is written as
`{"$literal": {...}}`.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import msgspec


def loads(text: str | bytes) -> Any:
    """Values from JSON text. Raises ValueError when it is not JSON (NaN and Infinity are not), and for half a surrogate pair,
    which JSON can spell and Unicode text cannot hold, or when it is nested too deeply.
    """
    try:
        value = _DECODER.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(_HALF if _spells_half_a_pair(text) else str(error)) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return _untag(value) if _may_be_tagged(text) else value


def surely_same(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether each text of one list says the same as that of the other, types included, whatever the order of keys. False
    only means that the values have to be looked at.
    """
    ours, theirs = f"[{','.join(one)}]", f"[{','.join(other)}]"
    # To Python's == a truth is the number 1, and a fraction a whole number: fractions are kept as text, truths left out.
    if any(word in text for text in (ours, theirs) for word in ("true", "false")):
        return False
    same: bool = _FRACTIONS_AS_TEXT.decode(ours) == _FRACTIONS_AS_TEXT.decode(theirs)
    return same


def dumps(value: Any) -> bytes:
    """JSON text of a value, compact UTF-8. Raises ValueError for types that no payload holds."""
    return _ENCODER.encode(_tag(value))


_HALF = "a text is not Unicode: it holds half a surrogate pair"


def _spells_half_a_pair(text: str | bytes) -> bool:
    """Whether that is why a text was not read: the standard library's parser lets it pass."""
    try:
        json.dumps(json.loads(text), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    except (ValueError, RecursionError):
        pass
    return False


def _number(text: str) -> float | Decimal:
    number = float(text)
    if repr(number) == text:
        return number
    if not math.isfinite(number):
        return Decimal(text)
    exact = Decimal(text)
    return number if Decimal(repr(number)) == exact else exact


_DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=_number)
_FRACTIONS_AS_TEXT: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=tuple)
"""A tuple of letters is nothing that JSON can hold, and made without a call of Python."""
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def _tag(value: Any) -> Any:  # noqa: C901, PLR0911 one arm a type
    match value:
        case None | bool() | str() | int():
            return value
        case float():
            return value if math.isfinite(value) else {"$numberDouble": _DOUBLES[str(value)]}
        case dict():
            tagged = {key: _tag(item) for key, item in value.items()}
            return {"$literal": tagged} if _could_be_ours(tagged) else tagged
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


_DOUBLES = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}

_BUILD: dict[str, Callable[[str], Any]] = {
    "$numberDecimal": Decimal,
    "$numberDouble": float,
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
        ((key, inner),) = value.items()
        if key == "$literal" and isinstance(inner, dict) and _could_be_ours(inner):
            return {name: _untag(item) for name, item in inner.items()}
        built = _build(key, inner)
        if built is not _NOT_OURS:
            return built
    return {key: _untag(item) for key, item in value.items()}


def _could_be_ours(item: dict[str, Any]) -> bool:
    """Whether reading would take this object, as written, for a tag or for an escaped one."""
    if len(item) != 1:
        return False
    ((key, inner),) = item.items()
    if key == "$literal":
        return isinstance(inner, dict) and _could_be_ours(inner)
    return _build(key, inner) is not _NOT_OURS


_TAGS = tuple(f'"{key}"' for key in (*_BUILD, "$literal"))
_TAGS_AS_BYTES = tuple(tag.encode() for tag in _TAGS)


def _may_be_tagged(text: str | bytes) -> bool:
    """Whether a tag stands anywhere in it. A page is read as one text, and one price in it must not make all of it slow."""
    if isinstance(text, str):
        return '"$' in text and any(tag in text for tag in _TAGS)
    return b'"$' in text and any(tag in text for tag in _TAGS_AS_BYTES)


_NOT_OURS = object()


def _build(key: str, text: object) -> Any:
    """The value that a tag stands for, or _NOT_OURS when writing that value would not give this tag."""
    build = _BUILD.get(key)
    if build is None or not isinstance(text, str):
        return _NOT_OURS
    try:
        value = build(text)
    except (ValueError, InvalidOperation, binascii.Error):
        return _NOT_OURS
    return value if _tag(value) == {key: text} else _NOT_OURS
