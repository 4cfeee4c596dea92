"""What the primary holds for the ids of one replay: by hint, by reading, or an absence that is believed.

A record that is not found is deleted at the secondary only if somebody deleted it, or if it is still not found some time
later: a source whose shard is away answers "not found" as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from vectormigrate.model.batch import Batch
from vectormigrate.model.clock import Clock
from vectormigrate.model.errors import StoreError, VectormigrateError
from vectormigrate.state.roles import Side
from vectormigrate.stores.base import Content

from .aside import Aside, Here
from .guard import DeleteGuard
from .lane import Lane
from .ledger import Entry, Hint
from .position import SOMEWHERE


@dataclass(slots=True, eq=False)
class Job:
    """One id in one replay."""

    entry: Entry
    generation: int
    clearing: bool
    scopes: int
    """Scope intents that had been registered when it began."""
    failed: VectormigrateError | None = None
    acknowledged: bool = False
    deleted: bool = False


@dataclass(slots=True)
class Tally:
    """What replays did since the process started."""

    cleared: int = 0
    provisional: int = 0
    hinted: int = 0
    upserted: int = 0
    deleted: int = 0
    refused: int = 0
    unanswered: int = 0
    confirmations: int = 0
    conflicts: int = 0
    """Clears that a newer write forbade."""


class Sight:
    """Looks at the primary of one lane."""

    def __init__(
        self,
        lane: Lane,
        clock: Clock,
        guard: DeleteGuard,
        tally: Tally,
        alarm: Callable[[], None],
        aside: Aside,
    ) -> None:
        """`alarm` is called once, when so much is absent that nothing is deleted any more; `aside` does what takes long."""
        self._lane = lane
        self._ledger = lane.ledger
        self._terms = lane.ledger.terms
        self._guards = lane.ledger.guards
        self._clock = clock
        self._guard = guard
        self._tally = tally
        self._alarm = alarm
        self._aside = aside
        self._target = Here(lane.ends.target)
        self._alarmed = False

    def forget(self) -> None:
        """What was absent so far counts no more."""
        self._guard.reset()
        self._alarmed = False

    def believe(self) -> None:
        """Somebody looked and says that what is absent is gone: every record that is marked now may be."""
        self.forget()
        self._ledger.mean()

    async def of(self, jobs: Sequence[Job]) -> tuple[list[tuple[Job, Batch, int]], list[Job]]:
        """Each job's record as (job, batch, row), and the jobs whose record is to be deleted. Those in neither are
        acknowledged already, or looked at again later. Raises StoreError of the primary.
        """
        present: list[tuple[Job, Batch, int]] = []
        absent: list[Job] = []
        hints = {job: hint for job in jobs if job.clearing and (hint := self._ledger.take_hint(job.entry))}
        if hints:
            await self._decode(hints.values())
        unread = [job for job in jobs if not self._hinted(job, hints.get(job), present)]
        self._tally.hinted += len(jobs) - len(unread)
        if unread:
            await self._read(unread, present, absent)
        if self._lane.ends.selection and self._lane.role.primary is Side.SOURCE:
            present = self._belonging(present, absent)
        return present, absent

    async def _decode(self, hints: Iterable[Hint]) -> None:
        fresh = [hint for hint in dict.fromkeys(hints) if hint.batch is None]
        if not fresh:
            return
        batch, counts = await self._aside.decode(
            [hint.records for hint in fresh], sum(hint.size for hint in fresh)
        )
        start = 0
        for hint, count in zip(fresh, counts, strict=True):
            hint.decoded(batch, start, count)
            start += count

    def _belonging(
        self, present: list[tuple[Job, Batch, int]], absent: list[Job]
    ) -> list[tuple[Job, Batch, int]]:
        """What the target is to have; a record that was seen and is none of it has no place there."""
        ends, kept = self._lane.ends, []
        for job, batch, row in present:
            if ends.selection.rows(batch.slice(row, row + 1), ends.shape.id):
                kept.append((job, batch, row))
            else:
                absent.append(job)
        return kept

    def _hinted(self, job: Job, hint: Hint | None, present: list[tuple[Job, Batch, int]]) -> bool:
        if hint is None:
            return False
        row = hint.rows.get(job.entry.id)
        if hint.batch is not None and row is not None:
            present.append((job, hint.batch, row))
            return True
        # It was left out, which says nothing of it: it must be read after all, which the hint had spared from waiting for.
        job.clearing = self._ledger.obstacle(job.entry) is None
        return False

    async def _read(
        self, jobs: Sequence[Job], present: list[tuple[Job, Batch, int]], absent: list[Job]
    ) -> None:
        position, late = self._lane.position, self._lane.late
        primary = self._aside if self._lane.role.primary is Side.SOURCE else self._target
        batch = await primary.read(
            self._lane.ends.collection,
            [job.entry.id for job in jobs],
            position if self._guards.fresh_read else None,
        )
        if self._guards.fresh_read and self._lane.position == SOMEWHERE and self._lane.late == late:
            self._lane.position = ""  # a number is kept: it costs nothing to have waited for it already
        self._hold_back(jobs)
        rows = {one: row for row, one in enumerate(batch.ids)}
        strange: list[Job] = []
        for job in jobs:
            row = rows.get(job.entry.id)
            if row is not None:
                self._seen(job)
                present.append((job, batch, row))
            elif not self._guards.delete_absent:
                job.acknowledged = True
            elif job.entry.removed:
                self._guard.saw(strange=False)
                absent.append(job)
            else:
                strange.append(job)
        if strange:
            absent += await self._doubted(strange)

    def _hold_back(self, jobs: Sequence[Job]) -> None:
        """What the primary does not say for good clears nothing, and is read again when it does."""
        if not self._lane.primary.doubting:
            return
        unsure = self._lane.primary.unsure([job.entry.id for job in jobs])
        for job in jobs:
            if job.entry.id in unsure:
                job.clearing = False
                until = self._clock.monotonic() + unsure[job.entry.id]
                job.entry.source_until = max(job.entry.source_until, until)

    def _seen(self, job: Job) -> None:
        entry = job.entry
        entry.absent_since = None
        if job.clearing and job.generation == entry.generation:
            entry.removed = False  # else it may be a delete that was not seen yet
        self._guard.saw(strange=False)

    async def _doubted(self, jobs: Sequence[Job]) -> list[Job]:
        """Those of the jobs whose record, absent though nobody deleted it, is to be deleted all the same."""
        ids, collection = [job.entry.id for job in jobs], self._lane.ends.collection
        try:
            await self._lane.secondary.delete(collection, [])  # as a `Switch` does before a barrier
            await self._lane.secondary.barrier(collection)  # an earlier replay may have put it there
            held = await self._lane.secondary.fetch(collection, ids, content=Content.IDS)
        except StoreError as error:
            for job in jobs:
                job.failed = error
            return []
        there = set(held.ids)
        for job in jobs:
            job.acknowledged = job.entry.id not in there  # a write that was refused: nothing to delete
        return [job for job in jobs if not job.acknowledged and self._believed(job.entry)]

    def _believed(self, entry: Entry) -> bool:
        """Whether an absence that nobody asked for was seen long enough."""
        now = self._clock.monotonic()
        if entry.absent_since is None:
            entry.absent_since = now
            self._guard.saw(strange=True)
        if self._guard.tripped:
            if not self._alarmed:
                self._alarmed = True
                self._alarm()
            return False
        if now - entry.absent_since < self._terms.delete_confirmation:
            self._tally.confirmations += 1
            return False
        return True
