"""One replay's writes to the secondary, and what became of each of its ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vectormigrate.model.batch import Batch
from vectormigrate.model.errors import RecordRefused, StoreError, VectormigrateError
from vectormigrate.stores.base import Store

from .ledger import Entry


class Applied(Protocol):
    """One id, and what became of it."""

    entry: Entry
    failed: VectormigrateError | None
    acknowledged: bool
    deleted: bool


async def apply_upserts(secondary: Store, collection: str, jobs: Sequence[Applied], batch: Batch) -> None:
    """Write records, one a job; a batch that is refused whole is halved down to the record that spoils it."""
    try:
        result = await secondary.upsert(collection, batch)
    except StoreError as error:
        whole = isinstance(error, RecordRefused) or type(error) is StoreError
        if not whole or len(jobs) == 1:
            _fail(jobs, RecordRefused(error.message, hint=error.hint) if whole else error)
            return
        half = len(jobs) // 2
        await apply_upserts(secondary, collection, jobs[:half], batch.slice(0, half))
        await apply_upserts(secondary, collection, jobs[half:], batch.slice(half, len(batch)))
        return
    refused = {refusal.row: refusal.error for refusal in result.refused}
    for row, job in enumerate(jobs):
        job.failed = refused.get(row)
        job.acknowledged = job.failed is None


async def apply_deletes(secondary: Store, collection: str, jobs: Sequence[Applied]) -> None:
    """Remove the records of these jobs."""
    try:
        await secondary.delete(collection, [job.entry.id for job in jobs])
    except StoreError as error:
        _fail(jobs, error)
        return
    for job in jobs:
        job.acknowledged = job.deleted = True


def _fail(jobs: Sequence[Applied], error: VectormigrateError) -> None:
    for job in jobs:
        job.failed = error
