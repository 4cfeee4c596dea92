"""Records that the target refused for good and somebody goes without, each by name and with a reason.

A waived record is owed no more, and a comparison says nothing of it. Its next write is tried as any is; refused again, it wants
another waiver.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vectormigrate.model.errors import GateRefused

from . import audit, dead_letters, journal
from .database import Transaction


def waive(tx: Transaction, migration_id: str, ids: Sequence[str], reason: str, *, at: str, by: str) -> None:
    """Go without these. Raises GateRefused as `check` does."""
    check(tx, migration_id, ids)
    journal.forget(tx, migration_id, ids)
    dead_letters.remove(tx, migration_id, ids)
    for one in ids:
        tx.execute(
            "INSERT OR REPLACE INTO waiver (migration_id, id, reason, by, at) VALUES (?, ?, ?, ?, ?)",
            (migration_id, one, reason, by, at),
        )
        audit.record(tx, migration_id, "waive", at=at, detail=f"{one}: {reason}", actor=by)


def check(tx: Transaction, migration_id: str, ids: Sequence[str]) -> None:
    """Raise GateRefused for one that was not refused, or that is being tried again."""
    refused = dead_letters.among(tx, migration_id, ids)
    owed = journal.among(tx, migration_id, ids) - journal.rejected(tx, migration_id, ids)
    for one in ids:
        if one not in refused:
            raise GateRefused(
                f"the target has not refused a record {one!r} of {migration_id!r}; nothing was changed",
                hint=f"`vectormigrate dead-letters {migration_id}` shows those that it did, with their ids",
            )
        if one in owed:
            raise GateRefused(
                f"record {one!r} of {migration_id!r} was written since, or is tried again; nothing was changed",
                hint="look again when that is done",
            )


def among(tx: Transaction, migration_id: str, ids: Iterable[str]) -> set[str]:
    """Those of the source ids that somebody goes without."""
    statement = "SELECT 1 FROM waiver WHERE migration_id = ? AND id = ?"
    return {one for one in ids if tx.execute(statement, (migration_id, one)).fetchone() is not None}


def count(tx: Transaction, migration_id: str) -> int:
    """How many."""
    return int(tx.execute("SELECT count(*) FROM waiver WHERE migration_id = ?", (migration_id,)).get)
