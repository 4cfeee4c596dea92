"""What a user may have done to the values of single fields on their way: defaults, casts, redaction.

Edits come first: everything behind them sees the edited value as if the source held it. The surprise: only some can be
undone. A cast that keeps every digit of a declared field can; a default cannot (nobody knows any more where it stood),
and a redaction must not.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from . import jsonvalue
from .collection import CollectionShape, Field, FieldType
from .errors import RecordRefused, Unsupported
from .filter import Path
from .inference import type_of
from .record import Payload


class Redaction(StrEnum):
    """How a value is hidden."""

    NONE = ""
    CONSTANT = "constant"
    """The same value for every record."""
    HASH = "hash"
    """HMAC-SHA-256 of the value under the migration's own key, as 64 hexadecimal digits: equal values stay equal."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What is done to one field: first the default, then the cast, then the redaction."""

    field: str
    cast: FieldType | None = None
    default: Any = None
    """For records where the field is missing or null; None for none."""
    redact: Redaction = Redaction.NONE
    constant: Any = None
    """What a redaction by constant puts in every record's place that has the field."""

    @property
    def type(self) -> FieldType | None:
        """The type of what comes out; None when it is that of the source."""
        match self.redact:
            case Redaction.HASH:
                return FieldType.TEXT
            case Redaction.CONSTANT:
                return type_of(self.constant)
            case Redaction.NONE:
                return self.cast

    def said(self) -> str:
        """For people."""
        parts = [
            f"cast to {self.cast}" if self.cast else "",
            f"{self.default!r} where there is none" if self.default is not None else "",
            {Redaction.HASH: "a keyed hash of it", Redaction.CONSTANT: "hidden"}.get(self.redact, ""),
        ]
        return "; ".join(filter(None, parts))


def edited_shape(source: CollectionShape, edits: Sequence[Edit]) -> CollectionShape:
    """The source as it is behind the edits. A cast of a key that nobody declared declares it."""
    fields = {field.name: field for field in source.fields}
    for edit in edits:
        made = edit.type
        if made is None:
            continue
        known = fields.get(edit.field)
        if known is None or known.type is not made:
            nullable = known is None or known.nullable
            fields[edit.field] = Field(edit.field, made, nullable, indexed=bool(known and known.indexed))
        else:
            fields[edit.field] = replace(known, declared="")  # it need not fit the old one's width
    return replace(source, fields=tuple(fields.values()))


def obstacles(edits: Sequence[Edit], source: CollectionShape) -> list[str]:
    """Why edited records cannot be carried back as they were."""
    told = []
    for edit in edits:
        declared = source.field_named(edit.field)
        if edit.redact:
            told.append(f"{edit.field!r} is redacted")
        elif edit.default is not None:
            told.append(f"{edit.field!r} has a default: whether it stood there cannot be told")
        elif edit.cast and (declared is None or (declared.type, edit.cast) not in _REVERSIBLE):
            told.append(f"{edit.field!r} is cast to {edit.cast}")
    return told


class Editor:
    """The edits of one plan, both ways. Stateless between calls; safe in threads."""

    def __init__(self, edits: Sequence[Edit], source: CollectionShape | None, key: str = "") -> None:
        """`key` is what hashes are made with; `source` is needed for the way back only."""
        self._edits = edits
        self._key = key.encode()
        self._declared = {} if source is None else {field.name: field.type for field in source.fields}
        self._by_name = {edit.field: edit for edit in edits}

    def forward(self, payload: Payload) -> Payload:
        """The edited payload, a copy. Raises RecordRefused for a value that cannot be cast."""
        edited = dict(payload)
        for edit in self._edits:
            value = edited.get(edit.field)
            if value is None and edit.default is not None:
                edited[edit.field] = value = edit.default
            if value is not None:
                edited[edit.field] = self._value(edit, value)
        return edited

    def _value(self, edit: Edit, value: Any) -> Any:
        if edit.redact is Redaction.CONSTANT:
            return edit.constant
        if edit.cast is not None:
            value = _cast(edit.field, value, edit.cast)
        if edit.redact is Redaction.HASH:
            return hmac.new(self._key, jsonvalue.dumps(value), hashlib.sha256).hexdigest()
        return value

    def backward(self, payload: Payload) -> Payload:
        """A payload as the source holds it, as far as the edits can be undone."""
        found = dict(payload)
        for edit in self._edits:
            declared, value = self._declared.get(edit.field), found.get(edit.field)
            if edit.cast is not None and not edit.redact and declared is not None and value is not None:
                found[edit.field] = _cast(edit.field, value, declared)
        return found

    def looked_into(self, path: Path) -> None:
        """Raise Unsupported for a path into a value that is another one now."""
        edit = self._by_name.get(path[0])
        if edit is not None and len(path) > 1 and (edit.redact or edit.cast or edit.default is not None):
            raise Unsupported(f"field {path[0]!r} is edited ({edit.said()}) and cannot be looked into")

    def compared(self, field: str, value: Any, *, equality: bool) -> Any:
        """What a comparison with an edited field has to look for. Raises Unsupported where it cannot be said."""
        edit = self._by_name.get(field)
        if edit is None:
            return value
        if edit.redact is Redaction.CONSTANT or (edit.redact and not equality):
            raise Unsupported(f"field {field!r} is redacted and cannot be compared so")
        if edit.default is not None or (edit.cast and not equality):
            raise Unsupported(f"field {field!r} is edited ({edit.said()}) and cannot be compared so")
        try:
            return self._value(edit, value)
        except RecordRefused as error:
            raise Unsupported(error.message) from None


def _cast(field: str, value: Any, to: FieldType) -> Any:
    try:
        return _CASTS[to](value)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise RecordRefused(f"field {field!r} cannot be cast to {to}: {error}") from None


def _text(value: Any) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case int() | float() | Decimal() | UUID():
            return repr(value) if isinstance(value, float) else str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            return jsonvalue.dumps(value).decode()


def _bool(value: Any) -> bool:
    words = {"true": True, "false": False, "1": True, "0": False}
    found = value if isinstance(value, bool) else words.get(str(value).strip().lower())
    if found is None:
        raise ValueError(f"{value!r} is neither true nor false")
    return found


def _int(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError("true and false are no numbers")
    whole = int(value)
    if not isinstance(value, str) and whole != value:
        raise ValueError(f"{value!r} is not whole")
    return whole


def _float(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError("true and false are no numbers")
    found = float(value)
    if isinstance(value, int) and found != value:
        raise ValueError(f"{value} is no double")
    if isinstance(value, Decimal | str):
        said = Decimal(value)
        # The shortest digits of a double, or all of them, are that double; others would be rounded.
        if said.is_finite() and said not in (Decimal(repr(found)), Decimal(found)):
            raise ValueError(f"{value} is no double")
    return found


_FINER = re.compile(r"[.,]\d{6}\d*?[1-9]")
"""Digits of a second that Python's moments have no room for, and drop without a word."""


def _moment(value: Any) -> Any:
    if isinstance(value, str) and _FINER.search(value):
        raise ValueError(f"{value!r} is finer than a microsecond")
    return value


def _datetime(value: Any) -> datetime:
    found = value if isinstance(value, datetime) else datetime.fromisoformat(_moment(value))
    if found.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone")
    return found


def _naive(value: Any) -> datetime:
    found = value if isinstance(value, datetime) else datetime.fromisoformat(_moment(value))
    if found.tzinfo is not None:
        raise ValueError(f"{value!r} has a time zone")
    return found


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else base64.b64decode(value, validate=True)


def _list(value: Any) -> list[Any]:
    found = value if isinstance(value, list) else jsonvalue.loads(value)
    if not isinstance(found, list):
        raise TypeError("it is no list")
    return found


def _same(value: Any) -> Any:
    return value


_CASTS: Mapping[FieldType, Callable[[Any], Any]] = {
    FieldType.BOOL: _bool,
    FieldType.INT: _int,
    FieldType.FLOAT: _float,
    FieldType.TEXT: _text,
    FieldType.BYTES: _bytes,
    FieldType.DECIMAL: lambda value: value if isinstance(value, Decimal) else Decimal(str(value)),
    FieldType.DATETIME: _datetime,
    FieldType.DATETIME_NAIVE: _naive,
    FieldType.DATE: lambda value: value if type(value) is date else date.fromisoformat(value),
    FieldType.TIME: lambda value: value if isinstance(value, time) else time.fromisoformat(_moment(value)),
    FieldType.UUID: lambda value: value if isinstance(value, UUID) else UUID(value),
    FieldType.JSON: lambda value: jsonvalue.loads(value) if isinstance(value, str) else value,
    FieldType.ARRAY: _list,
    FieldType.ANY: _same,
}

CASTABLE = tuple(sorted(_CASTS))
"""Types that a field can be cast to."""

_SPELLED = (
    FieldType.BOOL,
    FieldType.INT,
    FieldType.FLOAT,
    FieldType.DECIMAL,
    FieldType.BYTES,
    FieldType.DATETIME,
    FieldType.DATETIME_NAIVE,
    FieldType.DATE,
    FieldType.TIME,
    FieldType.UUID,
)
_REVERSIBLE = frozenset(
    {
        *((kind, FieldType.TEXT) for kind in _SPELLED),
        (FieldType.INT, FieldType.FLOAT),
        (FieldType.INT, FieldType.DECIMAL),
    }
)
"""Casts that lose nothing, because a value that would lose something is refused."""
