"""Backfill progress, a range at a time: planned before the first record, moved in the transaction that closes a page.

A cursor never goes back but by `reopen`, and a range is done when its scan ended behind everything it covers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .database import Transaction


@dataclass(frozen=True, slots=True)
class RangeRow:
    """One planned range and how far it is."""

    number: int
    lower: str | None
    upper: str | None
    cursor: str | None
    done: bool
    copied: int
    batches: int
    removed_to: str | None
    removed: bool

    @property
    def start(self) -> str | None:
        """Where the copy goes on."""
        return self.cursor if self.cursor is not None else self.lower


def plan(tx: Transaction, migration_id: str, bounds: Sequence[tuple[str | None, str | None]]) -> None:
    """Persist the ranges, numbered in key order."""
    tx.executemany(
        "INSERT INTO range (migration_id, number, lower, upper) VALUES (?, ?, ?, ?)",
        [(migration_id, number, lower, upper) for number, (lower, upper) in enumerate(bounds)],
    )


def ranges(tx: Transaction, migration_id: str) -> list[RangeRow]:
    """All ranges in key order."""
    rows = tx.execute(
        "SELECT number, lower, upper, cursor, done, copied, batches, removed_to, removed FROM range"
        " WHERE migration_id = ? ORDER BY number",
        (migration_id,),
    )
    return [
        RangeRow(number, lower, upper, cursor, bool(done), copied, batches, removed_to, bool(removed))
        for number, lower, upper, cursor, done, copied, batches, removed_to, removed in rows
    ]


def advance(
    tx: Transaction, migration_id: str, number: int, cursor: str, *, copied: int, skipped: int, size: int
) -> None:
    """Move a cursor over one acknowledged batch."""
    tx.execute(
        "UPDATE range SET cursor = ?, copied = copied + ?, skipped = skipped + ?, batches = batches + 1,"
        " bytes = bytes + ? WHERE migration_id = ? AND number = ?",
        (cursor, copied, skipped, size, migration_id, number),
    )


def finish(tx: Transaction, migration_id: str, number: int) -> None:
    """The scan of this range ended behind its last record."""
    tx.execute("UPDATE range SET done = 1 WHERE migration_id = ? AND number = ?", (migration_id, number))


def reopen(tx: Transaction, migration_id: str, number: int) -> None:
    """Go on behind the cursor of a range that was done: records were added there."""
    tx.execute("UPDATE range SET done = 0 WHERE migration_id = ? AND number = ?", (migration_id, number))


def advance_removal(tx: Transaction, migration_id: str, number: int, removed_to: str) -> None:
    """Rollback: everything up to this key is out of the target."""
    tx.execute(
        "UPDATE range SET removed_to = ? WHERE migration_id = ? AND number = ?",
        (removed_to, migration_id, number),
    )


def finish_removal(tx: Transaction, migration_id: str, number: int) -> None:
    """Rollback: nothing of this range is left in the target."""
    tx.execute("UPDATE range SET removed = 1 WHERE migration_id = ? AND number = ?", (migration_id, number))
