"""Scope intents: writes that touch records whose ids nobody knows, noted before they leave.

`registered` and `forwarded` block every clear of the migration; `owed` blocks none, but the gates, until both sides
were compared by a pass that began after it.
"""

from __future__ import annotations

from dataclasses import dataclass

from .database import Transaction


@dataclass(frozen=True, slots=True)
class ScopeIntent:
    """One row."""

    number: int
    kind: str
    state: str
    detail: str
    epoch: int


def register(tx: Transaction, migration_id: str, kind: str, *, detail: str, epoch: int, at: str) -> int:
    """Note it; from the commit on no mark of the migration may be cleared. Returns its number."""
    tx.execute(
        "INSERT INTO scope_intent (migration_id, kind, detail, epoch, at) VALUES (?, ?, ?, ?, ?)",
        (migration_id, kind, detail, epoch, at),
    )
    return tx.last_insert_rowid()


def forward(tx: Transaction, number: int) -> None:
    """It leaves now: everything that it is known to touch is marked."""
    tx.execute("UPDATE scope_intent SET state = 'forwarded' WHERE number = ?", (number,))


def owe(tx: Transaction, number: int, detail: str) -> None:
    """What it touched is not known: both sides must be compared."""
    tx.execute("UPDATE scope_intent SET state = 'owed', detail = ? WHERE number = ?", (detail, number))


def resolve(tx: Transaction, number: int) -> None:
    """It was answered, and everything that it touched is marked."""
    tx.execute("DELETE FROM scope_intent WHERE number = ? AND state <> 'owed'", (number,))


def compared(tx: Transaction, migration_id: str, up_to: int) -> None:
    """Both sides were compared by a pass that began when `up_to` was the last number."""
    tx.execute(
        "DELETE FROM scope_intent WHERE migration_id = ? AND state = 'owed' AND number <= ?",
        (migration_id, up_to),
    )


def last_number(tx: Transaction) -> int:
    """The number of the last intent ever registered."""
    return int(
        tx.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'scope_intent'").get
    )


def standing(tx: Transaction, migration_id: str) -> list[ScopeIntent]:
    """All rows, in the order of their numbers."""
    rows = tx.execute(
        "SELECT number, kind, state, detail, epoch FROM scope_intent WHERE migration_id = ? ORDER BY number",
        (migration_id,),
    )
    return [ScopeIntent(*row) for row in rows]
