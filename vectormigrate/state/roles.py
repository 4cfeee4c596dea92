"""Who answers the application, for migrations with live writes: the bit of a cutover, and who vouched for what.

The row is the only authority. It changes in one transaction, by compare-and-set on its revision.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vectormigrate.model.errors import GateRefused
from vectormigrate.model.specification import Mode

from . import audit
from .database import Transaction


class Side(StrEnum):
    """One of the two databases. The names never swap; the roles do."""

    SOURCE = "source"
    TARGET = "target"

    @property
    def other(self) -> Side:
        return Side.TARGET if self is Side.SOURCE else Side.SOURCE


@dataclass(frozen=True, slots=True)
class Role:
    """The row of one migration."""

    primary: Side = Side.SOURCE
    revision: int = 0
    reads: float = 0.0
    """Share of the reads that the secondary answers, 0 to 1."""
    attested_at: str | None = None
    attested_by: str = ""


def get(tx: Transaction, migration_id: str) -> Role:
    """The row, or what holds without one."""
    row = tx.execute(
        "SELECT side, revision, reads, attested_at, attested_by FROM primary_side WHERE migration_id = ?",
        (migration_id,),
    ).fetchone()
    return Role(Side(row[0]), *row[1:]) if row is not None else Role()


def target_answers(tx: Transaction) -> bool:
    """Whether requests of an application are answered by the target of any migration."""
    return bool(
        tx.execute(
            "SELECT EXISTS (SELECT 1 FROM primary_side JOIN migration ON migration.id = migration_id"
            " WHERE side = 'target' AND json_extract(specification, '$.mode') = ?)",
            (Mode.PROXIED.value,),
        ).get
    )


def swap(tx: Transaction, migration_id: str, expected: Role) -> Role:
    """Make the other side the primary; reads go back to it whole. Raises GateRefused unless the row is as expected."""
    held = get(tx, migration_id)
    if (held.primary, held.revision) != (expected.primary, expected.revision):
        raise GateRefused(
            f"the primary of {migration_id!r} is {held.primary} at revision {held.revision} by now: nothing was changed"
        )
    tx.execute(
        "INSERT INTO primary_side (migration_id, side, revision) VALUES (?1, ?2, ?3)"
        " ON CONFLICT (migration_id) DO UPDATE SET side = ?2, revision = ?3, reads = 0",
        (migration_id, held.primary.other.value, held.revision + 1),
    )
    return get(tx, migration_id)


def attest(tx: Transaction, migration_id: str, *, at: str, by: str) -> None:
    """Somebody vouches that every writer goes through us."""
    tx.execute(
        "INSERT INTO primary_side (migration_id, attested_at, attested_by) VALUES (?1, ?2, ?3)"
        " ON CONFLICT (migration_id) DO UPDATE SET attested_at = ?2, attested_by = ?3",
        (migration_id, at, by),
    )
    audit.record(tx, migration_id, "attest", at=at, detail=by)


def set_reads(tx: Transaction, migration_id: str, share: float) -> None:
    """Let the secondary answer this share of the reads."""
    tx.execute(
        "INSERT INTO primary_side (migration_id, reads) VALUES (?1, ?2)"
        " ON CONFLICT (migration_id) DO UPDATE SET reads = ?2",
        (migration_id, share),
    )
