"""Values of properties to and from the plain values that Weaviate's JSON has for them; protobuf carries the same.

A value either is given back exactly by its property or stands in `_vm_meta` as well, and then what the property has is
its nearest neighbour, for filters, or nothing. The surprises: every number is stored as a double, an empty blob is
refused, null is no value at all, a date keeps its offset, and coordinates are 32-bit floats.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np

from vectormigrate.model import jsonvalue

from .layout import REFERENCE, Property

EXACT = 2**53
"""Up to here doubles hold every integer."""
_LARGEST = 2**63 - 1024
"""The largest double that an int64 holds."""
BEACON = "weaviate://localhost/"
_PHONE_GIVEN = ("input", "defaultCountry")
"""What a phone number is written with; the rest Weaviate works out."""
_FRACTION = re.compile(r"\.([0-9]+)")


class NotHeld(Exception):
    """The property has nothing native for this value."""


def to_plain(held: Property, value: Any) -> tuple[Any, bool]:
    """A value, not None, as JSON has it for this property, and whether reading that gives back the value itself.

    The plain value is None where the property has nothing near it.
    """
    if held.json:
        return jsonvalue.dumps(value).decode(), True
    try:
        if held.is_list and held.element != "object":
            return _list(held, value)
        plain, exact = _WRITERS[held.type](held, value)
    except NotHeld:
        return None, False
    return plain, exact


def from_plain(held: Property, plain: Any) -> Any:
    """Invert `to_plain`. Raises ValueError for what such a property cannot hold, or Python cannot."""
    try:
        if held.json:
            return jsonvalue.loads(plain)
        if held.is_list and held.element != "object":
            read = _READERS[held.element]
            return [read(held, item) for item in plain]
        return _READERS[held.type](held, plain)
    except (TypeError, KeyError, AttributeError, binascii.Error) as error:
        raise ValueError(f"property {held.name!r} holds what is not {held.type}: {error!r}") from None


def _list(held: Property, value: Any) -> tuple[list[Any], bool]:
    if not isinstance(value, list) or None in value:
        raise NotHeld
    pairs = [_WRITERS[held.element](held, item) for item in value]
    return [plain for plain, _ in pairs], all(exact for _, exact in pairs)


# Out.


def _same(kind: type) -> Any:
    def write(_: Property, value: Any) -> tuple[Any, bool]:
        if type(value) is not kind:
            raise NotHeld
        return value, True

    return write


def _write_int(_: Property, value: Any) -> tuple[int, bool]:
    if type(value) is not int:
        raise NotHeld
    if -EXACT <= value <= EXACT:
        return value, True
    nearest = int(float(max(-(2**63), min(value, _LARGEST))))
    return nearest, nearest == value


def _write_number(held: Property, value: Any) -> tuple[float, bool]:
    if type(value) is float and math.isfinite(value):
        return value, True
    if type(value) is int and -EXACT <= value <= EXACT:
        return float(value), held.declared  # a field of doubles: it holds the same number
    raise NotHeld


def _write_date(_: Property, value: Any) -> tuple[str, bool]:
    if type(value) is not datetime or value.tzinfo is None:
        raise NotHeld
    offset = value.utcoffset()
    whole = value if offset is not None and not offset.total_seconds() % 60 else value.astimezone(UTC)
    return whole.isoformat(), True


def _write_uuid(_: Property, value: Any) -> tuple[str, bool]:
    if type(value) is not UUID:
        raise NotHeld
    return str(value), True


def _write_blob(_: Property, value: Any) -> tuple[str, bool]:
    if type(value) is not bytes or not value:
        raise NotHeld
    return base64.b64encode(value).decode("ascii"), True


def _write_geo(_: Property, value: Any) -> tuple[dict[str, float], bool]:
    try:
        pair = {key: _single(value[key]) for key in ("latitude", "longitude")}
    except (TypeError, KeyError, ValueError, OverflowError):
        raise NotHeld from None
    return pair, value == pair


def _write_phone(held: Property, value: Any) -> tuple[dict[str, Any], bool]:
    """Exact as long as Weaviate works out of the input what the value says: it is the only one who can."""
    if not isinstance(value, dict) or not isinstance(value.get("input"), str):
        raise NotHeld
    return {key: value[key] for key in _PHONE_GIVEN if value.get(key)}, len(value) > len(_PHONE_GIVEN)


def _write_object(held: Property, value: Any) -> tuple[Any, bool]:
    if held.is_list:
        if not isinstance(value, list):
            raise NotHeld
        items = [_write_members(held, item) for item in value]
        return [plain for plain, _ in items], all(exact for _, exact in items)
    return _write_members(held, value)


def _write_members(held: Property, value: Any) -> tuple[dict[str, Any], bool]:
    if not isinstance(value, dict):
        raise NotHeld
    members: dict[str, Any] = {}
    whole = True
    for key, item in value.items():
        member = held.nested.get(key)
        plain, exact = (None, False) if member is None or item is None else to_plain(member, item)
        if plain is not None:
            members[key] = plain
        whole = whole and exact
    return members, whole


def _write_reference(held: Property, value: Any) -> tuple[list[dict[str, str]], bool]:
    if not isinstance(value, list) or not all(
        isinstance(item, str) and item.startswith(BEACON) for item in value
    ):
        raise NotHeld
    return [{"beacon": item} for item in value], True


_WRITERS: dict[str, Any] = {
    "text": _same(str),
    "string": _same(str),
    "blobHash": _same(str),
    "boolean": _same(bool),
    "int": _write_int,
    "number": _write_number,
    "date": _write_date,
    "uuid": _write_uuid,
    "blob": _write_blob,
    "geoCoordinates": _write_geo,
    "phoneNumber": _write_phone,
    "object": _write_object,
    "object[]": _write_object,
    REFERENCE: _write_reference,
}


# In.


def _read_text(_: Property, plain: Any) -> str:
    if not isinstance(plain, str):
        raise TypeError("not a text")
    return plain


def _read_bool(_: Property, plain: Any) -> bool:
    if not isinstance(plain, bool):
        raise TypeError("not a boolean")
    return plain


def _read_int(_: Property, plain: Any) -> int:
    number = int(plain)
    if isinstance(plain, bool | str) or number != plain:
        raise TypeError("not an integer")
    return number


def _read_number(_: Property, plain: Any) -> float:
    if isinstance(plain, bool | str):
        raise TypeError("not a number")
    return float(plain)


def read_date(text: str) -> datetime:
    """A moment with its zone. Raises ValueError for one finer than Python's microseconds, or with no zone."""
    fraction = _FRACTION.search(text)
    if fraction and len(fraction[1].rstrip("0")) > 6:
        raise ValueError(f"{text} is finer than a microsecond")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no zone")
    return moment


def _single(value: Any) -> float:
    """The double that looks like the 32-bit float nearest to a number, as JSON shows it."""
    return float(str(np.float32(value)))


def _read_geo(_: Property, plain: Any) -> dict[str, float]:
    return {"latitude": _single(plain["latitude"]), "longitude": _single(plain["longitude"])}


def _read_object(held: Property, plain: Any) -> Any:
    return (
        [_read_members(held, item) for item in plain]
        if isinstance(plain, list)
        else _read_members(held, plain)
    )


def _read_members(held: Property, plain: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: from_plain(held.nested[key], item)
        for key, item in plain.items()
        if item is not None and key in held.nested
    }


_READERS: dict[str, Any] = {
    "text": _read_text,
    "string": _read_text,
    "blobHash": _read_text,
    "boolean": _read_bool,
    "int": _read_int,
    "number": _read_number,
    "date": lambda _, plain: read_date(plain),
    "uuid": lambda _, plain: UUID(plain),
    "blob": lambda _, plain: base64.b64decode(plain, validate=True),
    "geoCoordinates": _read_geo,
    "phoneNumber": lambda _, plain: dict(plain),
    "object": _read_object,
    "object[]": _read_object,
    REFERENCE: lambda _, plain: [item["beacon"] for item in plain],
}


_NATIVE = {
    bool: "boolean",
    int: "int",
    float: "number",
    str: "text",
    UUID: "uuid",
    datetime: "date",
}


def native_type(value: Any) -> str:
    """The type of a property that holds a value of the model, and others of its type; "" when none does."""
    if isinstance(value, list):
        kinds = {_NATIVE.get(type(item), "") for item in value}
        return f"{kinds.pop()}[]" if len(kinds) == 1 and "" not in kinds else ""
    return _NATIVE.get(type(value), "")


def infer(value: Any) -> str:  # noqa: PLR0911 one return a type
    """The type that auto-schema gives a property whose first value this is, as JSON; "" when it cannot tell."""
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return _infer_text(value)
        case dict():
            if value.keys() == {"latitude", "longitude"}:
                return "geoCoordinates"
            return "phoneNumber" if isinstance(value.get("input"), str) else "object"
        case [first, *_]:
            inner = infer(first)
            if isinstance(first, dict) and "beacon" in first:
                return REFERENCE
            return f"{inner}[]" if inner else ""
        case _:
            return ""


def _infer_text(text: str) -> str:
    try:
        UUID(text)
    except ValueError:
        pass
    else:
        return "uuid"
    try:
        read_date(text)
    except ValueError:
        return "text"
    return "date"
