"""Who did what, when: append only. Phases and verbs alike."""

from __future__ import annotations

from .database import Transaction


def record(
    tx: Transaction,
    migration_id: str,
    verb: str,
    *,
    at: str,
    before: str = "",
    after: str = "",
    detail: str = "",
) -> None:
    """Add one row, in the transaction of what it tells of."""
    tx.execute(
        "INSERT INTO audit (migration_id, at, verb, before, after, detail) VALUES (?, ?, ?, ?, ?, ?)",
        (migration_id, at, verb, str(before), str(after), detail),
    )


def of_migration(tx: Transaction, migration_id: str) -> list[dict[str, object]]:
    """The history of one migration, oldest first."""
    rows = tx.execute(
        "SELECT at, verb, before, after, detail FROM audit WHERE migration_id = ? ORDER BY number",
        (migration_id,),
    )
    return [dict(zip(("at", "verb", "before", "after", "detail"), row, strict=True)) for row in rows]
