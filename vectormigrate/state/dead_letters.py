"""Records that the target refused for good: each with its reason, until the source's record changes or is accepted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .database import Transaction


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One refused record, by its source id."""

    id: str
    code: str
    message: str
    hint: str = ""


def add(tx: Transaction, migration_id: str, letters: Iterable[DeadLetter], *, at: str) -> None:
    """Keep refusals; a later one of the same record replaces the earlier."""
    tx.executemany(
        "INSERT OR REPLACE INTO dead_letter (migration_id, id, code, message, hint, at) VALUES (?, ?, ?, ?, ?, ?)",
        [(migration_id, letter.id, letter.code, letter.message, letter.hint, at) for letter in letters],
    )


def remove(tx: Transaction, migration_id: str, ids: Iterable[str]) -> None:
    """These records arrived after all, or are gone from the source."""
    tx.executemany(
        "DELETE FROM dead_letter WHERE migration_id = ? AND id = ?", [(migration_id, one) for one in ids]
    )


def among(tx: Transaction, migration_id: str, ids: Iterable[str]) -> set[str]:
    """Those of the source ids that were refused."""
    statement = "SELECT 1 FROM dead_letter WHERE migration_id = ? AND id = ?"
    return {one for one in ids if tx.execute(statement, (migration_id, one)).fetchone() is not None}
