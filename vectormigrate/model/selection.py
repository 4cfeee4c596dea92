"""Which records of a source a migration moves: those of some partitions, those that a filter matches.

Plain data in the words of `exchange`, so that it can stand in a mapping file and in the state. What it leaves out does
not exist for the migration: it is not copied, not counted, not compared, and a record that no longer belongs is taken
out of the target.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from .batch import Batch
from .collection import IdField
from .exchange import read_filter
from .filter import And, Filter, In, Or, matches

UNNAMED = "_default"
"""The partition of records that nobody put into one, as Milvus calls it."""


@dataclass(frozen=True, slots=True)
class Share:
    """One of the shares that the values of a payload field make of a collection: each record is in exactly one of them."""

    field: str
    """A key of the payload; a dot in it steps into an object of a record that has no key with a dot in it."""
    values: tuple[str, ...]
    """As `value_name` has them."""
    others: bool = False
    """The records that have none of these values, instead of those that have one."""

    def __contains__(self, payload: Mapping[str, Any]) -> bool:
        return (value_name(value_of(payload, self.field)) in self.values) is not self.others

    def filter(self) -> Filter | None:
        """What a store can be asked for, and finds at least these; None when it has to read everything."""
        if self.others:
            return None
        wanted = tuple(value for name in self.values for value in _called(name))
        if "." not in self.field:
            return In((self.field,), wanted)
        return Or((In((self.field,), wanted), In(tuple(self.field.split(".")), wanted)))


def value_of(payload: Mapping[str, Any], field: str) -> Any:
    """What a record has under a key, or under a path of keys with dots between them; None for nothing."""
    if field in payload or "." not in field:
        return payload.get(field)
    held: Any = payload
    for key in field.split("."):
        held = held.get(key) if isinstance(held, Mapping) else None
    return held


def value_name(value: Any) -> str | None:
    """What a share is called that has this value: texts, whole numbers, booleans and UUIDs make shares, and those that are
    written alike make one; None for everything else.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | UUID) else None


def _called(name: str) -> list[Any]:
    """Every value of that name."""
    found: list[Any] = [name]
    if name in ("true", "false"):
        found.append(name == "true")
    if name.lstrip("-").isdecimal() and str(int(name)) == name:
        found.append(int(name))
    with suppress(ValueError):
        found += [value for value in (UUID(name),) if str(value) == name]
    return found


@dataclass(frozen=True, slots=True)
class Selection:
    """A choice of records; everything when it says nothing."""

    where: dict[str, Any] | None = None
    """A filter as `exchange.read_filter` reads it."""
    partitions: tuple[str, ...] = ()
    """Names of partitions, namespaces or tenants; all when empty. A record that is in none by name is in `UNNAMED`."""
    share: Share | None = None
    """Of what the other two say, those of one value of a field."""

    def __bool__(self) -> bool:
        return self.where is not None or bool(self.partitions) or self.share is not None

    def filter(self, key: IdField) -> Filter | None:
        """A filter that finds these records of those with this key, and of a share perhaps some more; None where only
        reading everything does. Raises UsageError for one that cannot be read.
        """
        asked = [] if self.where is None else [read_filter(self.where, key)]
        share = self.share.filter() if self.share is not None else None
        if share is not None:
            asked.append(share)
        return And(tuple(asked)) if len(asked) > 1 else next(iter(asked), None)

    def rows(self, batch: Batch, key: IdField) -> list[int]:
        """The rows of whole records that belong."""
        where = self.filter(key)
        return [
            row
            for row, record_id in enumerate(batch.ids)
            if self._of_partition(batch, row)
            and self._of_share(batch.payload[row] if batch.payload else {})
            and (where is None or matches(where, record_id, batch.payload[row] if batch.payload else {}))
        ]

    def _of_share(self, payload: Mapping[str, Any]) -> bool:
        return self.share is None or payload in self.share

    def _of_partition(self, batch: Batch, row: int) -> bool:
        if not self.partitions:
            return True
        name = None if batch.partition is None else batch.partition[row]
        return (name or UNNAMED) in self.partitions


EVERYTHING = Selection()
"""No choice at all."""
