"""Which crew a piece of work gets: this process, others beside it, or only others."""

from __future__ import annotations

import os
from collections.abc import Callable

from vectormigrate.engine.backfill.copier import CopySettings
from vectormigrate.engine.work import Crew
from vectormigrate.model.events import Event
from vectormigrate.model.specification import Specification
from vectormigrate.state import ownership
from vectormigrate.state.database import Database
from vectormigrate.state.migrations import Migration

from .crew import LocalCrew, ProcessCrew, Together
from .pipe import Job, Prepare, frame
from .recruits import Recruits
from .tasks import Stores

_LOCAL_RECORDS = 5_000
"""Below this, starting processes costs more than they give."""
_CONCURRENCY = 2
"""Ranges that one worker has under way: while one waits for its write, the other reads."""


def worker_count(spec: Specification) -> int:
    """Worker processes that a migration asks for."""
    return spec.workers or os.cpu_count() or 1


def prepare(recruits: Recruits, spec: Specification) -> None:
    """Tell those that wait for a job of this migration what it will be about."""
    recruits.tell(frame(Prepare((spec.source.kind, spec.target.kind))))


def crew_for(
    database: Database,
    migration: Migration,
    ranges: int,
    stores: Stores,
    on_event: Callable[[Event], None],
    *,
    threshold: float,
    writing: bool,
    recruits: Recruits | None = None,
    serving: bool = False,
) -> Crew:
    """Workers for so many ranges of a planned migration. `recruits` are taken first, and let go when none is needed.
    `serving`: this process answers an application, so whatever can be done elsewhere is.
    """
    spec = migration.specification
    foreign = database.read(lambda tx: ownership.foreign_count(tx, spec.id))
    alone = not (stores.source.capabilities.multi_process and stores.target.capabilities.multi_process)
    small = spec.workers == 0 and (migration.total or 0) < _LOCAL_RECORDS
    processes = min(worker_count(spec), max(1, ranges))
    if writing and stores.target.capabilities.max_writers is not None:
        processes = min(processes, stores.target.capabilities.max_writers)
    assert migration.mapping is not None
    assert migration.source_shape is not None
    job = Job(
        stores.source.endpoint,
        stores.target.endpoint,
        migration.source_shape,
        migration.mapping,
        CopySettings(
            spec.source.collection,
            migration.mapping.target.name,
            spec.batch_size,
            spec.validate_every,
            spec.existing,
            foreign > 0,
            max(1, migration.record_bytes),
        ),
        spec.max_retries,
        threshold,
        _CONCURRENCY,
        spec.back,
    )
    here = LocalCrew(job, stores)
    if serving and not (alone or small):
        return ProcessCrew(job, processes, spec.id, on_event, recruits)
    if alone or small or processes == 1:
        if recruits is not None:
            recruits.dismiss()
        return here
    return Together(here, ProcessCrew(job, processes - 1, spec.id, on_event, recruits))
