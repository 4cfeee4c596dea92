"""Everything a client can ask of a store, as values, and the answers to writes.

An operation says whether it reads or writes and which ids it touches, which is all that the journal needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from .batch import Batch
from .errors import VectormigrateError
from .filter import Filter
from .query import Query
from .record import RecordId


@dataclass(frozen=True, slots=True)
class Upsert:
    """Replace these records whole, or add them."""

    collection: str
    batch: Batch


@dataclass(frozen=True, slots=True)
class Patch:
    """Set these payload keys of these records and keep the rest; a record that is not there stays away."""

    collection: str
    ids: tuple[RecordId, ...]
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove these records; one that is not there is no error."""

    collection: str
    ids: tuple[RecordId, ...]


@dataclass(frozen=True, slots=True)
class DeleteWhere:
    """Remove every record that matches."""

    collection: str
    filter: Filter


@dataclass(frozen=True, slots=True)
class Fetch:
    """The records of these ids."""

    collection: str
    ids: tuple[RecordId, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """How many records there are."""

    collection: str


@dataclass(frozen=True, slots=True)
class Search:
    """The nearest records."""

    collection: str
    query: Query


Write: TypeAlias = Upsert | Patch | Delete | DeleteWhere
Read: TypeAlias = Fetch | Count | Search
Operation: TypeAlias = Write | Read


def touched(operation: Write) -> list[RecordId] | None:
    """The ids that a write touches; None when they are not in the request (a predicate)."""
    match operation:
        case Upsert(_, batch):
            return list(batch.ids)
        case Patch(_, ids, _) | Delete(_, ids):
            return list(ids)
        case DeleteWhere():
            return None


@dataclass(frozen=True, slots=True)
class Refusal:
    """One item of a write that the store did not apply, and why. `row` is its position in the request."""

    row: int
    id: RecordId
    error: VectormigrateError


@dataclass(frozen=True, slots=True)
class WriteResult:
    """The answer to a write: how many items were acknowledged, and each one that was not."""

    acknowledged: int
    refused: tuple[Refusal, ...] = ()
