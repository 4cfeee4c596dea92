"""Payload values to SQLite's five storage classes and back, by the type of the field.

SQLite lets any value stand in any column. So decoding is by trial: text that is no date in a DATE column stays
text, and nothing is rounded to fit. Encoding trusts that the value has the field's type (admission has checked)
and refuses with ValueError what SQLite would silently change.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID

from vectormigrate.model import jsonvalue
from vectormigrate.model.collection import FieldType
from vectormigrate.model.payload_columns import JsonColumn, Values, json_column

Codec: TypeAlias = Callable[[Any], Any]

_CLOCK = r"\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?"
_ZONE = r"(?:Z|[+-]\d\d(?::?\d\d(?::\d\d)?)?)?"
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(_CLOCK + _ZONE)
_DATETIME = re.compile(rf"\d{{4}}-\d\d-\d\d[T ]{_CLOCK}{_ZONE}")
_DECIMAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|-?(?:NaN|Infinity)")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def is_canonical_uuid(text: str) -> bool:
    """Whether a text is a UUID in the form that `str(UUID)` gives back."""
    return _UUID.fullmatch(text) is not None


def decoder(type_: FieldType) -> Codec | None:
    """How to read a column of this type; None when SQLite's value is the value."""
    return _DECODERS.get(type_)


def decode_all(type_: FieldType, values: Values) -> Values:
    """A column of this type. JSON stays text as long as nobody asks for a value."""
    decode = _DECODERS.get(type_)
    if decode is None:
        return values
    held = json_column(values) if type_ is FieldType.JSON else None
    return [decode(value) for value in values] if held is None else held


def encoder(type_: FieldType) -> Codec:
    """How to write a value of this type. Raises ValueError or OverflowError for one that SQLite would change."""
    return _ENCODERS.get(type_, _same)


def stored_as_they_are(type_: FieldType, values: Values) -> Values | None:
    """A whole column as SQLite takes it where its values are SQLite's; None when each has to go through `encoder`."""
    if isinstance(values, JsonColumn):
        return values.texts if type_ is FieldType.JSON else None
    if type_ not in _ENCODERS:
        return values
    if not _PLAIN.get(type_, frozenset()).issuperset(map(type, values)):
        return None
    return None if type_ is FieldType.FLOAT and any(value != value for value in values) else values


def decode_json(value: Any) -> Any:
    """A value out of a JSON column; text that is not JSON stays text."""
    if not isinstance(value, str):
        return value
    try:
        return jsonvalue.loads(value)
    except ValueError:
        return value


def encode_json(value: Any) -> str | None:
    """JSON text of a value, NULL for None. Raises ValueError when JSON cannot hold it."""
    return None if value is None else jsonvalue.dumps(value).decode()


def _same(value: Any) -> Any:
    return value


def _bool(value: Any) -> Any:
    return bool(value) if type(value) is int and value in (0, 1) else value


def _float(value: Any) -> Any:
    return math.nan if value == "NaN" else value


def _decimal(value: Any) -> Any:
    if isinstance(value, str):
        return Decimal(value) if _DECIMAL.fullmatch(value) else value
    if isinstance(value, int):
        return Decimal(value)
    # NUMERIC affinity has made a double of what was written; its shortest text is what was meant.
    return Decimal(repr(value)) if isinstance(value, float) else value


def _text_reader(pattern: re.Pattern[str], build: Callable[[str], Any]) -> Codec:
    def read(value: Any) -> Any:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            return value
        try:
            return build(value)
        except ValueError:
            return value

    return read


def _uuid(value: Any) -> Any:
    if isinstance(value, bytes):
        return UUID(bytes=value) if len(value) == 16 else value
    return UUID(value) if isinstance(value, str) and is_canonical_uuid(value) else value


_datetime = _text_reader(_DATETIME, datetime.fromisoformat)

_DECODERS: dict[FieldType, Codec] = {
    FieldType.BOOL: _bool,
    FieldType.FLOAT: _float,
    FieldType.DECIMAL: _decimal,
    FieldType.DATETIME: _datetime,
    FieldType.DATETIME_NAIVE: _datetime,
    FieldType.DATE: _text_reader(_DATE, date.fromisoformat),
    FieldType.TIME: _text_reader(_TIME, time.fromisoformat),
    FieldType.UUID: _uuid,
    FieldType.JSON: decode_json,
    FieldType.ARRAY: decode_json,
}


def _write_bool(value: Any) -> Any:
    return None if value is None else int(value)


def _write_float(value: Any) -> Any:
    # SQLite has no NaN and would store NULL. An integer that a double cannot hold would be rounded.
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else value
    if value is None:
        return None
    number = float(value)
    if number != value:
        raise ValueError(f"{value} does not fit a double")
    return number


def _write_text(value: Any) -> Any:
    return None if value is None else str(value)


def _write_datetime(value: datetime | None) -> Any:
    return None if value is None else value.isoformat(sep=" ")


def _write_any(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str | bytes | None):
        raise ValueError(  # noqa: TRY004 it is the record that is wrong
            f"a column without a declared type cannot hold {type(value).__name__}"
        )
    if isinstance(value, float) and math.isnan(value):
        raise ValueError("a column without a declared type cannot hold NaN")
    return value


_PLAIN: dict[FieldType, frozenset[type]] = {
    FieldType.BOOL: frozenset({bool, type(None)}),
    FieldType.FLOAT: frozenset({float, type(None)}),
}
"""Types that need no encoding, NaN aside."""

_ENCODERS: dict[FieldType, Codec] = {
    FieldType.BOOL: _write_bool,
    FieldType.FLOAT: _write_float,
    FieldType.DECIMAL: _write_text,
    FieldType.DATETIME: _write_datetime,
    FieldType.DATETIME_NAIVE: _write_datetime,
    FieldType.DATE: _write_text,
    FieldType.TIME: _write_text,
    FieldType.UUID: _write_text,
    FieldType.JSON: encode_json,
    FieldType.ARRAY: encode_json,
    FieldType.ANY: _write_any,
}
