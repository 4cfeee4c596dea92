"""One replay's writes to the secondary, and what became of each of its ids."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias

from vectormigrate.model.batch import Batch
from vectormigrate.model.errors import RecordRefused, StoreError, VectormigrateError
from vectormigrate.model.operation import WriteResult
from vectormigrate.stores.base import Store

from .ledger import Entry


class Applied(Protocol):
    """One id, and what became of it."""

    entry: Entry
    failed: VectormigrateError | None
    acknowledged: bool
    deleted: bool


_Write: TypeAlias = Callable[[slice], Awaitable[WriteResult]]


async def apply_upserts(secondary: Store, collection: str, jobs: Sequence[Applied], batch: Batch) -> None:
    """Write records, one a job."""
    await _apply(jobs, 0, lambda part: secondary.upsert(collection, batch.slice(part.start, part.stop)))


async def apply_deletes(secondary: Store, collection: str, jobs: Sequence[Applied]) -> None:
    """Remove the records of these jobs."""
    ids = [job.entry.id for job in jobs]
    await _apply(jobs, 0, lambda part: secondary.delete(collection, ids[part]))
    for job in jobs:
        job.deleted = job.acknowledged


async def _apply(jobs: Sequence[Applied], start: int, write: _Write) -> None:
    """Write the part of a batch that begins at `start`, one item a job; what is refused whole is halved down to the item
    that spoils it.
    """
    try:
        result = await write(slice(start, start + len(jobs)))
    except StoreError as error:
        whole = isinstance(error, RecordRefused) or type(error) is StoreError
        if not whole or len(jobs) == 1:
            # What is kept of an error must hold no frames: they hold the batch, encoded, and the jobs, in a circle.
            error.__traceback__ = error.__context__ = error.__cause__ = None
            for job in jobs:
                job.failed = RecordRefused(error.message, hint=error.hint) if whole else error
            return
        half = len(jobs) // 2
        await _apply(jobs[:half], start, write)
        await _apply(jobs[half:], start + half, write)
        return
    refused = {refusal.row: refusal.error for refusal in result.refused}
    for row, job in enumerate(jobs):
        job.failed = refused.get(row)
        job.acknowledged = job.failed is None
