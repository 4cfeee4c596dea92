"""Migrations and their phase: the only writer of a phase, by compare-and-set, with an audit row for every move."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.division import whole_of
from vectormigrate.model.errors import GateRefused, MigrationExists
from vectormigrate.model.mapping import MappingPlan
from vectormigrate.model.phase import FINAL, Phase, check_transition
from vectormigrate.model.specification import Mode, Specification

from . import approvals, audit, journal, levers
from .database import Transaction
from .views import unknown


@dataclass(frozen=True, slots=True)
class Migration:
    """One row, decoded."""

    specification: Specification
    """As it was asked for, with what was set since."""
    phase: Phase
    resume_phase: Phase | None
    source_shape: CollectionShape | None
    mapping: MappingPlan | None
    target_created: bool
    needs_reconcile: bool
    completed: bool
    total: int | None
    record_bytes: int
    """Of one record, as preflight found; 0 before."""
    error: str

    @property
    def id(self) -> str:
        return self.specification.id


def create(tx: Transaction, specification: Specification, *, at: str) -> None:
    """Add a migration in phase `created`; the same again is a no-op. Raises MigrationExists for other settings."""
    text = msgspec.json.encode(specification).decode()
    row = tx.execute("SELECT specification FROM migration WHERE id = ?", (specification.id,)).fetchone()
    if row is not None:
        known = msgspec.json.decode(row[0], type=Specification)
        differing = [
            name
            for name in Specification.__dataclass_fields__
            if getattr(known, name) != getattr(specification, name)
        ]
        if differing:
            raise MigrationExists(
                f"migration {specification.id!r} exists with other settings: {', '.join(differing)}",
                hint=f"go on with `vectormigrate resume {specification.id}`, or choose another id",
            )
        return
    tx.execute(
        "INSERT INTO migration (id, specification, phase, created_at) VALUES (?, ?, ?, ?)",
        (specification.id, text, Phase.CREATED.value, at),
    )
    approvals.create(tx, specification.id, specification.approval, at=at)
    audit.record(tx, specification.id, "create", at=at, after=Phase.CREATED)


def add(tx: Transaction, specifications: Iterable[Specification], *, at: str) -> None:
    """Add them in phase `created`, as `create` does; what was set of a whole goes for a part that comes later."""
    for specification in specifications:
        create(tx, specification, at=at)
        if given := levers.get(tx, whole_of(specification.id)).given:
            levers.put(tx, specification.id, given, at=at, asked=False)


def get(tx: Transaction, migration_id: str) -> Migration:
    """The migration of that id. Raises UnknownMigration."""
    row = tx.execute(
        "SELECT specification, phase, resume_phase, source_shape, mapping, target_created, needs_reconcile, completed,"
        " total, record_bytes, error FROM migration WHERE id = ?",
        (migration_id,),
    ).fetchone()
    if row is None:
        raise unknown(migration_id)
    specification, phase, resume, shape, mapping, created, reconcile, completed, total, size, error = row
    return Migration(
        levers.get(tx, migration_id).over(msgspec.json.decode(specification, type=Specification)),
        Phase(phase),
        Phase(resume) if resume else None,
        msgspec.json.decode(shape, type=CollectionShape) if shape else None,
        msgspec.json.decode(mapping, type=MappingPlan) if mapping else None,
        bool(created),
        bool(reconcile),
        bool(completed),
        total,
        size,
        error,
    )


def move(
    tx: Transaction, migration_id: str, expected: Phase, wanted: Phase, *, at: str, reason: str = ""
) -> None:
    """Move from `expected` to `wanted`. Raises IllegalTransition, or GateRefused when it is not where it was thought."""
    migration = get(tx, migration_id)
    current = migration.phase
    if current is not expected:
        raise GateRefused(f"migration {migration_id!r} is in phase {current}, not {expected}")
    check_transition(current, wanted)
    resting = wanted in (Phase.PAUSED, Phase.FAILED)
    ends = wanted in FINAL
    if migration.specification.mode is Mode.OFFLINE:
        # A live one goes on: behind `verified` begins what it is for, and a failed one marks on and is tried again.
        ends = ends or wanted in (Phase.VERIFIED, Phase.FAILED)
    tx.execute(
        "UPDATE migration SET phase = ?, resume_phase = CASE WHEN ? THEN ? END, error = CASE WHEN ? THEN ? ELSE '' END,"
        " started_at = coalesce(started_at, ?), ended_at = CASE WHEN ? THEN ? END,"
        " completed = completed OR ? WHERE id = ?",
        (
            wanted.value,
            resting,
            current.value,
            wanted is Phase.FAILED,
            reason,
            at,
            ends,
            at,
            wanted is Phase.VERIFIED,
            migration_id,
        ),
    )
    if wanted is Phase.COMMITTED:
        journal.forgive(tx, migration_id)
    audit.record(tx, migration_id, "move", at=at, before=current, after=wanted, detail=reason)


def set_plan(
    tx: Transaction,
    migration_id: str,
    shape: CollectionShape,
    mapping: MappingPlan,
    total: int,
    record_bytes: int,
) -> None:
    """Keep what preflight found, for every later step."""
    tx.execute(
        "UPDATE migration SET source_shape = ?, mapping = ?, total = ?, record_bytes = ? WHERE id = ?",
        (
            msgspec.json.encode(shape).decode(),
            msgspec.json.encode(mapping).decode(),
            total,
            record_bytes,
            migration_id,
        ),
    )


def set_target_created(tx: Transaction, migration_id: str) -> None:
    """Note, before it happens, that the target collection is made by us."""
    tx.execute("UPDATE migration SET target_created = 1 WHERE id = ?", (migration_id,))


def set_needs_reconcile(tx: Transaction, migration_id: str, needed: bool) -> None:
    """Note that both sides must be compared before the migration counts as verified, or that they were."""
    tx.execute("UPDATE migration SET needs_reconcile = ? WHERE id = ?", (needed, migration_id))
