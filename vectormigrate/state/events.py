"""What happened, for those who follow: numbered, the oldest dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vectormigrate.model.division import part_bounds

from .database import Transaction

KEPT = 100_000
"""Events; who was away for longer starts with the oldest there is."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event. `document` is JSON."""

    number: int
    at: str
    migration_id: str
    kind: str
    document: str


def append(tx: Transaction, events: Sequence[tuple[str, str, str, str]]) -> list[StoredEvent]:
    """Keep events, each (at, migration_id, kind, document), and give them back with their numbers."""
    kept = []
    for event in events:
        tx.execute("INSERT INTO event (at, migration_id, kind, document) VALUES (?, ?, ?, ?)", event)
        kept.append(StoredEvent(tx.last_insert_rowid(), *event))
    if kept:
        tx.execute("DELETE FROM event WHERE number <= ?", (kept[-1].number - KEPT,))
    return kept


def since(tx: Transaction, number: int, migration_id: str | None, limit: int) -> list[StoredEvent]:
    """Events behind a number, oldest first, of one migration with its parts or of all."""
    rows = tx.execute(
        "SELECT number, at, migration_id, kind, document FROM event WHERE number > ?1"
        " AND (?2 IS NULL OR migration_id = ?2 OR migration_id > ?3 AND migration_id < ?4) ORDER BY number LIMIT ?5",
        (number, migration_id, *part_bounds(migration_id or ""), limit),
    )
    return [StoredEvent(*row) for row in rows]


def last_number(tx: Transaction) -> int:
    """Of the newest event; 0 when there was none."""
    return int(tx.execute("SELECT coalesce(max(number), 0) FROM event").get)
