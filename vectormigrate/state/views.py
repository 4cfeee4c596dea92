"""Snapshots for looking: read-only, in any process, whoever owns the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec

from vectormigrate.model.cursor import Key
from vectormigrate.model.division import part_bounds
from vectormigrate.model.errors import UnknownMigration
from vectormigrate.model.mapping import MappingPlan
from vectormigrate.model.next_steps import next_steps
from vectormigrate.model.phase import Phase
from vectormigrate.model.specification import Specification, in_force
from vectormigrate.model.status import MigrationStatus
from vectormigrate.model.whole import status_of

from . import approvals, levers, throttles, written
from .database import Transaction

_STATUS = """
SELECT migration.id, specification, phase, resume_phase, total, created_at, started_at, ended_at, error,
    (SELECT side FROM primary_side WHERE migration_id = migration.id),
    (SELECT attested_by FROM primary_side WHERE migration_id = migration.id AND attested_at IS NOT NULL),
    (SELECT coalesce(sum(copied), 0) FROM range WHERE migration_id = migration.id),
    (SELECT coalesce(sum(batches), 0) FROM range WHERE migration_id = migration.id),
    (SELECT coalesce(sum(bytes), 0) FROM range WHERE migration_id = migration.id),
    (SELECT count(*) FROM range WHERE migration_id = migration.id),
    (SELECT coalesce(sum(done), 0) FROM range WHERE migration_id = migration.id),
    (SELECT count(*) FROM journal WHERE migration_id = migration.id)
        + (SELECT coalesce(sum(many), 0) FROM sheet WHERE migration_id = migration.id),
    (SELECT count(*) FROM dead_letter WHERE migration_id = migration.id),
    (SELECT count(*) FROM finding WHERE migration_id = migration.id),
    (SELECT given FROM lever WHERE migration_id = migration.id)
FROM migration
"""


def status(tx: Transaction, migration_id: str, *, owned: bool = False) -> MigrationStatus:
    """One migration; of one with several parts the sum of them. `owned`: some process owns the file, so that what needs it
    must wait. Raises UnknownMigration.
    """
    row = tx.execute(_STATUS + " WHERE migration.id = ?", (migration_id,)).fetchone()
    if row is None:
        raise unknown(migration_id)
    return _status(tx, row, owned=owned)


def unknown(migration_id: str) -> UnknownMigration:
    """The error for an id that no migration has."""
    return UnknownMigration(
        f"there is no migration {migration_id!r} in this state file",
        hint="`vectormigrate list` shows those there are",
    )


def all_statuses(
    tx: Transaction,
    phase: str | None,
    limit: int,
    offset: int,
    behind: Key | None = None,
    *,
    owned: bool = False,
) -> list[MigrationStatus]:
    """Migrations, newest first, optionally of one phase only, or those behind (created_at, id). Parts are counted in the whole that they are parts of, and not
    told: there may be thousands.
    """
    found = (one for one in _wholes(tx, behind, owned=owned) if phase in (None, one.phase))
    return [replace(one, parts=()) for one in islice(found, offset, offset + limit)]


def each_status(tx: Transaction) -> list[MigrationStatus]:
    """Everything that is moved by itself: migrations of one piece, and parts."""
    return [one for whole in _wholes(tx, None, owned=False) for one in whole.parts or (whole,)]


def _wholes(tx: Transaction, behind: Key | None, *, owned: bool) -> Iterator[MigrationStatus]:
    rows = tx.execute(
        _STATUS + " WHERE instr(migration.id, ':') = 0"
        " AND (?1 IS NULL OR created_at < ?1 OR created_at = ?1 AND migration.id > ?2)"
        " ORDER BY created_at DESC, migration.id",
        behind or (None, None),
    )
    return (_status(tx, row, owned=owned) for row in rows.fetchall())


def parts(tx: Transaction, whole: str) -> list[Specification]:
    """What each part of a migration was asked to do, in the order of their ids; nothing for one of one piece."""
    rows = tx.execute(
        "SELECT specification FROM migration WHERE id > ? AND id < ? ORDER BY id", part_bounds(whole)
    )
    return [msgspec.json.decode(text, type=Specification) for (text,) in rows]


def specification(tx: Transaction, migration_id: str) -> Specification:
    """What a migration was asked to do. Raises UnknownMigration."""
    row = tx.execute("SELECT specification FROM migration WHERE id = ?", (migration_id,)).fetchone()
    if row is None:
        raise unknown(migration_id)
    return msgspec.json.decode(row[0], type=Specification)


def mapping(tx: Transaction, migration_id: str) -> MappingPlan | None:
    """The plan of a migration's mapping; None before preflight."""
    row = tx.execute("SELECT mapping FROM migration WHERE id = ?", (migration_id,)).fetchone()
    return msgspec.json.decode(row[0], type=MappingPlan) if row and row[0] else None


def findings(
    tx: Transaction, migration_id: str, limit: int, offset: int, behind: Key | None = None
) -> list[dict[str, object]]:
    """Findings as documents, or those behind (migration, kind, id, detail)."""
    keys = ("kind", "id", "detail", "cosine", "norm_ratio", "generation", "first_seen", "last_seen")
    return _documents(tx, keys, "finding", migration_id, "kind, id, detail", limit, offset, behind)


def dead_letters(
    tx: Transaction, migration_id: str, limit: int, offset: int, behind: Key | None = None
) -> list[dict[str, object]]:
    """Refused records as documents, or those behind (migration, id)."""
    keys = ("id", "code", "message", "hint", "at")
    return _documents(tx, keys, "dead_letter", migration_id, "id", limit, offset, behind)


def _documents(
    tx: Transaction,
    keys: Sequence[str],
    table: str,
    migration_id: str,
    order: str,
    limit: int,
    offset: int,
    behind: Key | None,
) -> list[dict[str, object]]:
    """Rows of a migration, or of all its parts: these say of which."""
    onward = f" AND (migration_id, {order}) > ({', '.join('?' * len(behind))})" if behind else ""
    statement = (
        f"SELECT migration_id, {', '.join(keys)} FROM {table}"  # noqa: S608 constants of this module
        f" WHERE (migration_id = ? OR migration_id > ? AND migration_id < ?){onward}"
        f" ORDER BY migration_id, {order} LIMIT ? OFFSET ?"
    )
    bounds = (migration_id, *part_bounds(migration_id), *(behind or ()))
    rows = tx.execute(statement, (*bounds, limit, offset))
    return [
        ({} if part == migration_id else {"part": part}) | dict(zip(keys, values, strict=True))
        for part, *values in rows
    ]


def _status(tx: Transaction, row: Sequence[Any], *, owned: bool) -> MigrationStatus:
    name, text, phase_text, resume, total, created, started, ended, error, side, attested, *counts = row
    copied, batches, size, ranges, done, debt, dead, found, set_since = counts
    asked = msgspec.json.decode(text, type=Specification)
    waiting = {one.step: one.state for one in approvals.every(tx, name)}
    if asked.division:
        held = tx.execute(
            _STATUS + " WHERE migration.id > ? AND migration.id < ? ORDER BY migration.id", part_bounds(name)
        ).fetchall()
        below = [_status(tx, one, owned=owned) for one in held]
        return status_of(asked, below, datetime.fromisoformat(created), owned=owned, waiting=waiting)
    phase, given = Phase(phase_text), levers.read(set_since)
    resting = Phase(resume) if resume else None
    return MigrationStatus(
        migration_id=name,
        phase=phase,
        resume_phase=resting,
        source=f"{asked.source.kind}:{asked.source.collection}",
        target=f"{asked.target.kind}:{asked.target.collection}",
        total=total,
        copied=copied,
        batches=batches,
        bytes=size,
        ranges=ranges,
        ranges_done=done,
        debt=debt,
        dead_letters=dead,
        findings=found,
        created_at=datetime.fromisoformat(created),
        started_at=datetime.fromisoformat(started) if started else None,
        ended_at=datetime.fromisoformat(ended) if ended else None,
        error=error,
        next_steps=next_steps(
            name,
            asked.mode,
            phase,
            owned=owned,
            attested=attested is not None,
            differs=found > 0,
            untouched=resting is not None and not written.anything(tx, name, phase, resting),
        ),
        mode=asked.mode,
        primary=side or "source",
        attested_by=attested or "",
        levers=given.given,
        in_force=in_force(given.over(asked)),
        approvals=waiting,
        throttled=throttles.get(tx, name) if owned else {},
    )
