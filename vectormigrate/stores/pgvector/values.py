"""Payload values as PostgreSQL's binary wire format and back: one `Codec` a type, pure.

Values of a type without a codec here (inet, enum, interval, ...) travel as text, cast by the server. What Python
cannot represent, such as `infinity` in a date or the year 10000, is read as text, never a crash. An encoder raises
ValueError when the type cannot hold the value *exactly*.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from vectormigrate.model import jsonvalue
from vectormigrate.model.collection import FieldType
from vectormigrate.model.payload_columns import JsonColumn, Values, json_column

from .copycodec import Fields


@dataclass(frozen=True, slots=True)
class Codec:
    """How values of one type are read and written. None never gets here: NULL has no bytes."""

    type: FieldType
    decode: Callable[[bytes], Any]
    encode: Callable[[Any], bytes]
    element: FieldType | None = None
    wire: str = ""
    """numpy's name of the type, where the bytes are those of a number."""
    json_head: bytes = b""
    """What stands before the text of JSON."""

    def column(self, fields: Fields) -> Values:
        """A column of values, None where there is none. JSON stays text as long as nobody asks for a value."""
        if self.type is FieldType.JSON:
            texts = fields.behind(len(self.json_head)).raws()
            held = json_column([None if text is None else text.decode() for text in texts])
            if held is not None:
                return held
        if self.wire:
            numbers = fields.numbers(self.wire)
            if numbers is not None:
                values: list[Any] = numbers[:, 0].tolist()
                return values
        decode = self.decode
        return [None if raw is None else decode(raw) for raw in fields.raws()]

    def encoding(self, values: Values) -> tuple[Values, Callable[[Any], bytes]]:
        """What to encode for a column of values, and how: JSON that is still text needs no parsing."""
        if isinstance(values, JsonColumn) and self.type is FieldType.JSON:
            return values.texts, lambda text: self.json_head + kept_json(text.encode())
        return values, self.encode


_INT32 = struct.Struct(">i")
_INT64 = struct.Struct(">q")
_FLOAT32 = struct.Struct(">f")
_FLOAT64 = struct.Struct(">d")
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 PostgreSQL's zero, in whatever zone the column means
_EPOCH_UTC = _EPOCH.replace(tzinfo=UTC)
_EPOCH_DATE = _EPOCH.date()
_INFINITE = {"infinity": 1, "-infinity": -1}


def _wrong(value: Any, wanted: str) -> ValueError:
    return ValueError(f"a value of type {type(value).__name__} in a column of type {wanted}")


def _encode_bool(value: Any) -> bytes:
    if not isinstance(value, bool):
        raise _wrong(value, "boolean")
    return b"\1" if value else b"\0"


def _int_codec(code: str, name: str) -> Codec:
    layout = struct.Struct(code)

    def encode(value: Any) -> bytes:
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong(value, name)
        try:
            return layout.pack(value)
        except struct.error:
            raise ValueError(f"{value} is out of range of {name}") from None

    return Codec(FieldType.INT, lambda raw: layout.unpack(raw)[0], encode, wire=f">i{layout.size}")


def _float_codec(layout: struct.Struct, name: str) -> Codec:
    def encode(value: Any) -> bytes:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong(value, name)
        try:
            raw = layout.pack(value)
        except (OverflowError, struct.error):
            raise ValueError(f"{value} is out of range of {name}") from None
        if layout.unpack(raw)[0] != value and value == value:
            raise ValueError(f"{value} cannot be held exactly by {name}")
        return raw

    return Codec(FieldType.FLOAT, lambda raw: layout.unpack(raw)[0], encode, wire=f">f{layout.size}")


def encode_text(value: Any) -> bytes:
    """UTF-8. Raises ValueError for what PostgreSQL's text cannot hold: NUL and lone surrogates."""
    if not isinstance(value, str):
        raise _wrong(value, "text")
    if "\0" in value:
        raise ValueError("the text holds a NUL byte, which PostgreSQL cannot store")
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise ValueError("the text holds a lone surrogate, which is no character") from None


def _encode_bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise _wrong(value, "bytea")
    return value


# Decimal: base 10,000 digits, the weight of the first, and how many decimals to show.

_NUMERIC = struct.Struct(">hhHH")
_NUMERIC_WORDS = {0xC000: "NaN", 0xD000: "Infinity", 0xF000: "-Infinity"}
_MAX_SCALE, _MAX_WHOLE = 16383, 131072


def _decode_numeric(raw: bytes) -> Decimal:
    count, weight, sign, scale = _NUMERIC.unpack_from(raw)
    word = _NUMERIC_WORDS.get(sign)
    if word is not None:
        return Decimal(word)
    groups = [f"{digit:04d}" for digit in struct.unpack_from(f">{count}H", raw, 8)]
    before = weight + 1
    groups = ["0000"] * -before + groups if before < 0 else groups + ["0000"] * (before - count)
    before = max(before, 0)
    whole, fraction = "".join(groups[:before]), "".join(groups[before:])[:scale].ljust(scale, "0")
    return Decimal(f"{'-' if sign else ''}{whole or '0'}{'.' + fraction if scale else ''}")


def _encode_numeric(value: Any) -> bytes:
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        raise _wrong(value, "numeric")
    number = Decimal(value)
    if not number.is_finite():
        sign = next((code for code, word in _NUMERIC_WORDS.items() if word == str(number)), 0xC000)
        return _NUMERIC.pack(0, 0, sign, 0)
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    if exponent < -_MAX_SCALE or len(digits) + exponent > _MAX_WHOLE:
        raise ValueError(f"{number:.6E} is out of range of numeric")
    text = "".join(map(str, digits)) + "0" * max(exponent, 0)
    scale = max(-exponent, 0)
    text = text.rjust(scale, "0")
    whole, fraction = text[: len(text) - scale], text[len(text) - scale :]
    whole = whole.rjust(-(-len(whole) // 4) * 4, "0")
    padded = whole + fraction.ljust(-(-scale // 4) * 4, "0")
    groups = [int(padded[place : place + 4]) for place in range(0, len(padded), 4)]
    weight = len(whole) // 4 - 1
    while groups and groups[0] == 0:
        del groups[0]
        weight -= 1
    while groups and groups[-1] == 0:
        del groups[-1]
    head = _NUMERIC.pack(len(groups), weight if groups else 0, 0x4000 if sign and groups else 0, scale)
    return head + struct.pack(f">{len(groups)}H", *groups)


# Dates and times: microseconds or days since 2000; the extremes mean infinity.


def _decode_stamp(raw: bytes, epoch: datetime) -> datetime | str:
    (ticks,) = _INT64.unpack(raw)
    if ticks in (2**63 - 1, -(2**63)):
        return "infinity" if ticks > 0 else "-infinity"
    try:
        return epoch + timedelta(microseconds=ticks)
    except OverflowError:
        return f"{ticks} microseconds from {epoch.isoformat()}"


def _encode_stamp(value: Any, *, aware: bool) -> bytes:
    if isinstance(value, str) and value in _INFINITE:
        return _INT64.pack(2**63 - 1 if _INFINITE[value] > 0 else -(2**63))
    name = "timestamptz" if aware else "timestamp"
    if not isinstance(value, datetime):
        raise _wrong(value, name)
    if (value.utcoffset() is not None) != aware:
        raise ValueError(f"a time {'without' if aware else 'with'} a zone in a column of type {name}")
    return _INT64.pack((value - (_EPOCH_UTC if aware else _EPOCH)) // _MICROSECOND)


def _decode_date(raw: bytes) -> date | str:
    (days,) = _INT32.unpack(raw)
    if days in (2**31 - 1, -(2**31)):
        return "infinity" if days > 0 else "-infinity"
    try:
        return _EPOCH_DATE + timedelta(days=days)
    except OverflowError:
        return f"{days} days from {_EPOCH_DATE.isoformat()}"


def _encode_date(value: Any) -> bytes:
    if isinstance(value, str) and value in _INFINITE:
        return _INT32.pack(2**31 - 1 if _INFINITE[value] > 0 else -(2**31))
    if not isinstance(value, date) or isinstance(value, datetime):
        raise _wrong(value, "date")
    return _INT32.pack((value - _EPOCH_DATE).days)


def _decode_time(raw: bytes) -> time | str:
    (ticks,) = _INT64.unpack(raw)
    return "24:00:00" if ticks == 86_400_000_000 else (_EPOCH + timedelta(microseconds=ticks)).time()


def _encode_time(value: Any) -> bytes:
    if value == "24:00:00":
        return _INT64.pack(86_400_000_000)
    if not isinstance(value, time) or value.tzinfo is not None:
        raise _wrong(value, "time")
    return _INT64.pack((datetime.combine(_EPOCH_DATE, value) - _EPOCH) // _MICROSECOND)


def _encode_uuid(value: Any) -> bytes:
    if not isinstance(value, UUID):
        raise _wrong(value, "uuid")
    return value.bytes


# JSON.

_NUL_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_EXPONENT = re.compile(rb"[0-9][eE][+-]?[0-9]")
_STRING_OR_EXPONENT = re.compile(rb'"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]+')


def json_text(value: Any) -> bytes:
    """JSON that jsonb gives back with the same types. Raises ValueError for what jsonb cannot hold.

    jsonb keeps numbers as decimals and forgets exponents, so that 1e22 would come back as an integer: numbers
    with an exponent are written out, with a decimal point.
    """
    return kept_json(jsonvalue.dumps(value))


def kept_json(text: bytes) -> bytes:
    """JSON text that says the same as this one behind jsonb. Raises ValueError for what jsonb cannot hold."""
    if b"\\u0000" in text and _NUL_ESCAPE.search(text):
        raise ValueError("a text inside JSON holds a NUL character, which PostgreSQL cannot store")
    return _STRING_OR_EXPONENT.sub(_written_out, text) if _EXPONENT.search(text) else text


def _written_out(found: re.Match[bytes]) -> bytes:
    token = found.group()
    if token.startswith(b'"'):
        return token
    digits = format(Decimal(token.decode()), "f")
    return (digits if "." in digits else digits + ".0").encode()


# Arrays.

_ARRAY = struct.Struct(">iiI")


def array_codec(element: Codec, element_oid: int) -> Codec:
    """The codec of an array of a type. Arrays of several dimensions are lists in lists."""

    def decode(raw: bytes) -> list[Any]:
        dimensions, _, _ = _ARRAY.unpack_from(raw)
        if dimensions == 0:
            return []
        lengths = [_INT32.unpack_from(raw, 12 + 8 * number)[0] for number in range(dimensions)]
        position = 12 + 8 * dimensions
        flat: list[Any] = []
        while position < len(raw):
            (size,) = _INT32.unpack_from(raw, position)
            position += 4
            flat.append(None if size < 0 else element.decode(raw[position : position + size]))
            position += max(size, 0)
        for length in reversed(lengths[1:]):
            flat = [flat[start : start + length] for start in range(0, len(flat), length)]
        return flat

    def encode(value: Any) -> bytes:
        if not isinstance(value, list | tuple):
            raise _wrong(value, "array")
        lengths, flat = _flatten(list(value))
        parts = [_ARRAY.pack(len(lengths), 1 if None in flat else 0, element_oid)]
        parts += [struct.pack(">ii", length, 1) for length in lengths]
        for item in flat:
            raw = None if item is None else element.encode(item)
            parts.append(b"\xff\xff\xff\xff" if raw is None else _INT32.pack(len(raw)) + raw)
        return b"".join(parts)

    return Codec(FieldType.ARRAY, decode, encode, element.type)


def _flatten(items: list[Any]) -> tuple[list[int], list[Any]]:
    """The length of each dimension, and all elements in one list."""
    lists = [item for item in items if isinstance(item, list)]
    if not lists:
        return ([len(items)] if items else []), items
    if len(lists) != len(items) or len({len(item) for item in lists}) > 1 or not lists[0]:
        raise ValueError("lists that are empty or of different lengths cannot be one array")
    below, values = _flatten([entry for item in lists for entry in item])
    below[0] //= len(items)
    return [len(items), *below], values


TEXT = Codec(FieldType.TEXT, bytes.decode, encode_text)

CODECS: dict[str, Codec] = {
    "bool": Codec(FieldType.BOOL, lambda raw: raw == b"\1", _encode_bool, wire="?"),
    "int2": _int_codec(">h", "smallint"),
    "int4": _int_codec(">i", "integer"),
    "int8": _int_codec(">q", "bigint"),
    "float4": _float_codec(_FLOAT32, "real"),
    "float8": _float_codec(_FLOAT64, "double precision"),
    "numeric": Codec(FieldType.DECIMAL, _decode_numeric, _encode_numeric),
    "text": TEXT,
    "varchar": TEXT,
    "bpchar": TEXT,
    "bytea": Codec(FieldType.BYTES, bytes, _encode_bytes),
    "timestamptz": Codec(
        FieldType.DATETIME,
        lambda raw: _decode_stamp(raw, _EPOCH_UTC),
        lambda value: _encode_stamp(value, aware=True),
    ),
    "timestamp": Codec(
        FieldType.DATETIME_NAIVE,
        lambda raw: _decode_stamp(raw, _EPOCH),
        lambda value: _encode_stamp(value, aware=False),
    ),
    "date": Codec(FieldType.DATE, _decode_date, _encode_date),
    "time": Codec(FieldType.TIME, _decode_time, _encode_time),
    "uuid": Codec(FieldType.UUID, lambda raw: UUID(bytes=raw), _encode_uuid),
    "json": Codec(FieldType.JSON, jsonvalue.loads, json_text),
    "jsonb": Codec(
        FieldType.JSON,
        lambda raw: jsonvalue.loads(raw[1:]),
        lambda value: b"\1" + json_text(value),
        json_head=b"\1",
    ),
}
"""By the name in pg_type."""
