"""Which of several collections of a target each record belongs to, where one collection of a source is split while it is in use.

Parts of a migration that is offline are migrations of their own (`division.py`). One that is in use has one journal, one
primary and one cutover, and a target that is several collections; this says which is whose. It goes by what a record
holds at the target, so that everybody who writes there agrees on it. What of a mapping keeps it from being told there is in
`engine/placing.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .batch import Batch
from .division import Division
from .filter import And, Compare, Comparison, Filter, In
from .selection import value_name, value_of

MOST = 64
"""Collections of one target: every write and every search asks all of them."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A target of several collections: each record is in exactly one of them."""

    division: Division
    """As it was asked for: by the values of a field, or by partition."""
    field: str
    """Where the value stands at the target: a key, or a path of keys with dots between them."""
    places: dict[str, str]
    """By `value_name`, the collection of the records that have this value."""
    absent: str = ""
    """What the value is taken for of a record that has none; empty where that is one of the rest."""

    @property
    def collections(self) -> tuple[str, ...]:
        """Each of them once, in an order that stays."""
        rest = self.division.rest
        return tuple(sorted({*self.places.values(), *([rest] if rest else [])}))

    def of(self, batch: Batch) -> list[str | None]:
        """The collection of each record of a batch; None where it belongs to none."""
        partitions = batch.partition if self.division.partitions else None
        if partitions is not None:
            return [self._place(one or self.absent) for one in partitions]
        return [self.place(payload) for payload in batch.payload]

    def place(self, payload: Mapping[str, Any]) -> str | None:
        """The collection of a record that holds this; None where it belongs to none."""
        value = value_of(payload, self.field)
        return self._place(self.absent if value is None and self.absent else _name(value))

    def _place(self, name: str | None) -> str | None:
        found = None if name is None else self.places.get(name)
        return found or self.division.rest or None

    def moves(self, payload: Mapping[str, Any]) -> bool:
        """Whether a record that is given these keys may belong elsewhere than before."""
        return self.field in payload or self.field.partition(".")[0] in payload

    def told(self, payload: Mapping[str, Any]) -> str:
        """The value that a record has, for people."""
        value = value_of(payload, self.field)
        return (
            f"no value of {self.field!r}" if value is None else f"{str(value)[:100]!r} as its {self.field!r}"
        )

    def among(self, where: Filter | None) -> tuple[str, ...]:
        """The collections that may hold a record which matches."""
        asked = self._asked(where)
        return self.collections if asked is None else tuple(one for one in self.collections if one in asked)

    def _asked(self, where: Filter | None) -> set[str] | None:
        """The same; None for all."""
        match where:
            case Compare(path, Comparison.EQ, value) if self._is(path):
                return self._having([value])
            case In(path, values) if self._is(path):
                return self._having(values)
            case And(items):
                told = [asked for item in items if (asked := self._asked(item)) is not None]
                return set.intersection(*told) if told else None
            case _:
                return None

    def _is(self, path: tuple[str, ...]) -> bool:
        return path in ((self.field,), tuple(self.field.split(".")))

    def _having(self, values: list[Any] | tuple[Any, ...]) -> set[str] | None:
        """A list matches by any of its elements, and is one of the rest."""
        if any(value is None for value in values):
            return None
        found = {self._place(_name(value)) for value in values} | {self.division.rest}
        return {one for one in found if one}


def _name(value: Any) -> str | None:
    """As `value_name`, but for stores that give whole numbers back as floats."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value_name(value)
