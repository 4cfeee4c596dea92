"""Since when conditions of a swap are not met: kept, so that no restart makes a long wait look short."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from .database import Transaction


def of(tx: Transaction, migration_id: str) -> dict[str, datetime]:
    """Since when, by the name of the gate; open ones are not in it."""
    rows = tx.execute("SELECT gate, since FROM closed_gate WHERE migration_id = ?", (migration_id,))
    return {gate: datetime.fromisoformat(since) for gate, since in rows}


def note(
    tx: Transaction, migration_id: str, *, closed: Iterable[str], opened: Iterable[str], at: datetime
) -> None:
    """What has changed. One that was closed already has been so since then."""
    tx.executemany(
        "INSERT OR IGNORE INTO closed_gate (migration_id, gate, since) VALUES (?, ?, ?)",
        [(migration_id, gate, at.isoformat()) for gate in closed],
    )
    tx.executemany(
        "DELETE FROM closed_gate WHERE migration_id = ? AND gate = ?",
        [(migration_id, gate) for gate in opened],
    )
