"""What a client's write may change, as far as its request says: all that the journal needs to know of it.

A facade reads it out of a request before the request leaves; what the write does is the database's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from .filter import Filter
from .record import RecordId


@dataclass(frozen=True, slots=True)
class Ids:
    """Records by their ids: upsert, update, delete, conditional or not."""

    ids: tuple[RecordId, ...]
    removes: bool = False
    """It is a delete: a record that is found absent afterwards is meant to be."""


@dataclass(frozen=True, slots=True)
class Matching:
    """Every record that matches a filter when the database gets to it."""

    filter: Filter | None
    """None when the store of this vendor could not be asked for it either; `Native` is what a store of it can be."""
    removes: bool
    """Records go away (so what is left over in the secondary must be looked for there), or stay and change."""


class Scope(StrEnum):
    """What happens to a whole collection."""

    CLEAR = "clear"
    """Everything is removed, and the collection stays."""
    DROP = "drop"
    """The collection goes, or is made anew."""
    SHAPE = "shape"
    """Vectors, indexes or settings change."""
    ALIAS = "alias"
    """Another collection answers to the name."""
    RESTORE = "restore"
    """Records come from elsewhere: an import, a snapshot."""


@dataclass(frozen=True, slots=True)
class Whole:
    """The whole collection."""

    scope: Scope


@dataclass(frozen=True, slots=True)
class Unnamed:
    """Records whose ids the database picks; they are in its answer."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A request that is not known to be harmless."""

    what: str


Touch: TypeAlias = Ids | Matching | Whole | Unnamed | Unknown
