"""Change capture: the ids that somebody wrote in a source, told by the database itself, with no proxy in between.

A capture says *which* ids changed and never what they became: the reader asks the source again, so order, repetition
and coalescing do not matter and only losing an id would. It is told at least once, after the commit and never before.
The surprise: the first poll after an `install` says `everything`, because nobody saw what was written before it; so
does every poll while `check` has a problem that may hide changes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self

from vectormigrate.model.errors import CaptureTaken
from vectormigrate.model.record import RecordId

TAKEN = "its changes are taken by a migration of the same name in another state file"


def taken(store: str, collection: str) -> CaptureTaken:
    """The error of whoever would take the changes of another reader."""
    return CaptureTaken(
        f"changes of {collection!r} cannot be read: {TAKEN}",
        hint="give this migration another id; or, where the other is over or its file is lost, take the capture over:"
        " `vectormigrate capture remove ID --taken`, then `vectormigrate capture install ID`",
        store=store,
        collection=collection,
    )


@dataclass(frozen=True, slots=True)
class Changes:
    """Committed changes that were not acknowledged yet."""

    ids: tuple[RecordId, ...]
    """Distinct ids that were inserted, changed or removed, in no order."""
    everything: bool
    """A TRUNCATE, a new table, a gap in what was seen: the whole collection must be compared."""
    position: str
    """Opaque; give it to `acknowledge` when ids and flag are durably marked."""


class Capture(ABC):
    """What sees the changes of one collection. One process polls at a time; install and remove may come from others.

    The objects it makes belong to one owner (`Endpoint.owner`, a migration's id) and one collection: two migrations
    out of one collection do not take each other's changes. Two owners of one name would: see `reader`.
    """

    reader: str = ""
    """Who polls. The first who does is the only one until the capture is removed, and is told `everything` by then. Empty for
    who only looks, of whom `check` does not say that another reads.
    """

    @abstractmethod
    async def install(self, *, dry_run: bool = False) -> list[str]:
        """Make what is needed and say what was made, for people; nothing when all of it is there and sound. With `dry_run` say
        what would be made, as far as a look tells, and change nothing.

        When it returns, every later commit is seen: scan only then. Raises CollectionMissing, Unsupported for what
        cannot be captured, PermissionDenied, and StoreDown when writers of long transactions kept it waiting.
        """

    @abstractmethod
    async def check(self) -> list[str]:
        """What is wrong, a sentence each; empty when the capture is sound."""

    @abstractmethod
    async def remove(self, *, dry_run: bool = False) -> list[str]:
        """Take away exactly what `install` made, and say what; repeatable, also after a half-done install. With `dry_run` only
        say what.
        """

    @abstractmethod
    async def poll(self, limit: int) -> Changes | None:
        """The oldest changes, about `limit` of them; None when there are none. The same again until acknowledged.

        Raises CaptureMissing when nothing is installed: changes are then not seen, and a later install says
        `everything`. Raises CaptureTaken when it is another reader's.
        """

    @abstractmethod
    async def acknowledge(self, position: str) -> None:
        """Forget what the poll of this position told, and nothing else; repeatable."""

    @abstractmethod
    async def lag(self) -> float | None:
        """Age in seconds of the oldest change that was not acknowledged; 0 for none, None when that is not known."""

    @abstractmethod
    async def close(self) -> None:
        """Give back connections and threads; what is installed stays. Repeatable."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
