"""What the matrix asks of a store: to hold a table as its users would, by the vendor's own client, and to be read by it.

An adapter says which kinds its store holds natively (`own`). It never goes through this project's stores, but for the
reference store, which has no other client.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import groupby
from typing import Any, TypeVar

from vectormigrate.model.collection import Field, FieldType
from vectormigrate.model.record import Record, SparseVector
from vectormigrate.model.specification import StoreRef

from .kinds import MARK, Table

JSON_COLUMN = "meta"
T = TypeVar("T")


class Unnamed(StrEnum):
    """A vector that has no name because there is no other of its kind."""

    DENSE = "the dense one"
    SPARSE = "the sparse one"


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """One record as the vendor's client gives it, values in the client's types."""

    id: Any
    payload: dict[str, Any]
    vectors: Mapping[str, Any] = field(default_factory=dict)
    """By name; where a store has one of a kind, without a name, by `Unnamed`. Arrays in the element type that the store declares, (tokens, dim) for a multi-vector, or `SparseVector`."""
    place: str | None = None


class Side(ABC):
    """One store under test."""

    kind: str

    @abstractmethod
    def ref(self, name: str, table: Table, *, target: bool = False) -> StoreRef:
        """How a migration is told of a collection; `table` is what it holds or, as a `target`, will hold."""

    def name(self, name: str) -> str:
        """A collection name of letters, digits and hyphens in this vendor's grammar."""
        return name.replace("-", "_")

    @abstractmethod
    def own(self, table: Table) -> Table:
        """The part of a table that this store holds natively, as it holds it; without rows when it holds none."""

    @abstractmethod
    def make(self, name: str, table: Table) -> None:
        """Make a collection and fill it; `table` is of `own`."""

    @abstractmethod
    def read(self, name: str) -> list[Held]:
        """Every record."""

    def columns(self, name: str) -> list[tuple[str, str]]:
        """Columns and their types in the store's own words; none where it has no such thing."""
        return []

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Whether there is a collection of that name."""

    @abstractmethod
    def drop(self, name: str) -> None:
        """Remove a collection, if it is there."""

    @abstractmethod
    def close(self) -> None:
        """Give connections back."""


def by_mark(held: Iterable[Held]) -> dict[str, list[Held]]:
    """Records by the mark that they carry."""
    found: dict[str, list[Held]] = {}
    for one in held:
        found.setdefault(str(one.payload.get(MARK)), []).append(one)
    return found


def kept(table: Table, holds: Callable[[Record], bool]) -> Table:
    """The kinds all of whose records are held."""
    return table.only([kind for kind, records in table.rows.items() if all(map(holds, records))])


def none_of(table: Table) -> Table:
    """A table of which a store holds nothing."""
    return table.only([])


def mapped(table: Table, change: Callable[[Record], Record]) -> Table:
    """The table with each record changed."""
    return replace(table, rows={kind: tuple(map(change, records)) for kind, records in table.rows.items()})


def undeclared(table: Table) -> Table:
    """The table in a store that declares nothing: every field a key."""
    return replace(table, shape=replace(table.shape, fields=(), dynamic=True))


def within_json(table: Table) -> Table:
    """The table in a store of columns: keys that nobody declared stand in one column of JSON."""
    if not table.shape.dynamic:
        return table

    def nested(record: Record) -> Record:
        inside = {key: value for key, value in record.payload.items() if key != MARK}
        return replace(record, payload={MARK: record.payload[MARK], JSON_COLUMN: inside})

    fields = (*table.shape.fields, Field(JSON_COLUMN, FieldType.JSON))
    return replace(mapped(table, nested), shape=replace(table.shape, fields=fields, dynamic=False))


def in_parts(given: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """A few at a time."""
    return (given[start : start + size] for start in range(0, len(given), size))


def by_place(records: Iterable[Record], size: int) -> Iterator[tuple[str | None, Sequence[Record]]]:
    """Records of one partition together, at most so many."""
    for place, some in groupby(records, lambda one: one.partition):
        for part in in_parts(list(some), size):
            yield place, part


def vectors_of(record: Record) -> dict[str, Any]:
    """All vectors of a record."""
    return {**record.dense, **record.sparse, **record.multi}


def weights(vector: SparseVector) -> dict[int, float]:
    """A sparse vector as clients take it."""
    return dict(zip(vector.indices.tolist(), vector.values.tolist(), strict=True))
