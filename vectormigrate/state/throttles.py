"""Why the copies and comparisons of a migration wait, for whoever looks: the process that runs them knows, and writes it here.

What a process that was killed left stands until another one owns the file (`forget`).
"""

from __future__ import annotations

from collections.abc import Mapping

from .database import Transaction


def put(tx: Transaction, migration_id: str, reasons: Mapping[str, str], *, at: str) -> dict[str, str]:
    """These stand from now on, and no others; each keeps the moment at which it began. Returns those that stood before."""
    before = get(tx, migration_id)
    gone = [(migration_id, reason) for reason in before if reason not in reasons]
    tx.executemany("DELETE FROM throttle WHERE migration_id = ? AND reason = ?", gone)
    tx.executemany(
        "INSERT INTO throttle (migration_id, reason, why, since) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (migration_id, reason) DO UPDATE SET why = excluded.why",
        [(migration_id, reason, why, at) for reason, why in reasons.items()],
    )
    return before


def get(tx: Transaction, migration_id: str) -> dict[str, str]:
    """In words, by reason."""
    rows = tx.execute(
        "SELECT reason, why FROM throttle WHERE migration_id = ? ORDER BY reason", (migration_id,)
    )
    return {str(reason): str(why) for reason, why in rows}


def forget(tx: Transaction) -> None:
    """Nothing runs yet in the process that owns the file now."""
    tx.execute("DELETE FROM throttle")
