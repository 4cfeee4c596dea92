"""What the records of a collection without a schema hold, as a sample of them shows: types, widths, nulls, by key.

A sample says what was seen and never what will come. A key whose values are of one type gets that type; integers beside
floats are floats, and everything else that is mixed is JSON.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from .collection import Field, FieldType
from .payload_columns import PayloadColumns
from .record import Payload

SAMPLE = 10_000
"""Records to look at."""


@dataclass(frozen=True, slots=True)
class SeenField:
    """One key of the sampled payloads."""

    name: str
    type: FieldType
    element: FieldType | None
    """Of the elements of an array that are all alike."""
    types: dict[str, int] = field(hash=False)
    """Type to how many values were of it, nulls left out."""
    present: int
    """Records that have the key, nulls among them."""
    nulls: int
    max_length: int | None
    """UTF-8 bytes of the longest text, or elements of the longest array."""

    def declared(self, *, sampled: int) -> Field:
        """The field that would hold what was seen among so many records."""
        nullable = self.nulls > 0 or self.present < sampled
        return Field(self.name, self.type, nullable, self.element)

    def told(self) -> dict[str, object]:
        """As people and programs read it."""
        return {
            "name": self.name,
            "type": self.type.value,
            "types": self.types,
            "present": self.present,
            "nulls": self.nulls,
            "max_length": self.max_length,
        }


@dataclass(slots=True)
class _Key:
    types: Counter[FieldType] = field(default_factory=Counter)
    elements: Counter[FieldType] = field(default_factory=Counter)
    present: int = 0
    nulls: int = 0
    longest: int | None = None

    def see(self, value: Any) -> None:
        self.present += 1
        if value is None:
            self.nulls += 1
            return
        kind = type_of(value)
        self.types[kind] += 1
        if isinstance(value, str):
            self._longest(len(value.encode(errors="surrogatepass")))
        elif isinstance(value, list):
            self._longest(len(value))
            self.elements.update(FieldType.ANY if item is None else type_of(item) for item in value)

    def _longest(self, length: int) -> None:
        self.longest = length if self.longest is None else max(self.longest, length)


def infer(payloads: Sequence[Payload]) -> tuple[SeenField, ...]:
    """Every key of the payloads, in the order in which they were met first."""
    keys: dict[str, _Key] = {}
    for name, value in _items(payloads):
        keys.setdefault(name, _Key()).see(value)
    return tuple(_seen(name, key) for name, key in keys.items())


def _items(payloads: Sequence[Payload]) -> Iterable[tuple[str, Any]]:
    if isinstance(payloads, PayloadColumns):
        return ((name, value) for name, values in payloads.columns.items() for value in values)
    return (item for payload in payloads for item in payload.items())


def _seen(name: str, key: _Key) -> SeenField:
    kind = _one(key.types)
    element = None
    if kind is FieldType.ARRAY:
        element = _one(key.elements)
        if element in (FieldType.JSON, FieldType.ARRAY, FieldType.ANY):
            kind, element = FieldType.JSON, None
    types = {kind.value: count for kind, count in sorted(key.types.items())}
    return SeenField(name, kind, element, types, key.present, key.nulls, key.longest)


def _one(types: Counter[FieldType]) -> FieldType:
    """The type that holds all of these."""
    if len(types) == 1:
        return next(iter(types))
    if types and types.keys() <= {FieldType.INT, FieldType.FLOAT}:
        return FieldType.FLOAT
    return FieldType.JSON


def type_of(value: Any) -> FieldType:  # noqa: C901, PLR0911 one arm a type
    """The declared type that a value is of. None has none: do not ask."""
    match value:
        case bool():
            return FieldType.BOOL
        case int():
            return FieldType.INT
        case float():
            return FieldType.FLOAT
        case str():
            return FieldType.TEXT
        case bytes():
            return FieldType.BYTES
        case Decimal():
            return FieldType.DECIMAL
        case datetime():
            return FieldType.DATETIME_NAIVE if value.tzinfo is None else FieldType.DATETIME
        case date():
            return FieldType.DATE
        case time():
            return FieldType.TIME
        case UUID():
            return FieldType.UUID
        case list():
            return FieldType.ARRAY
        case _:
            return FieldType.JSON
