"""Pays the journal: one scheduler owns every write to the secondary. It copies the primary's *current* state of each
marked id and clears the mark.

Present at the primary: upsert. Absent: delete. Whether a replay may clear is judged when it starts to read, never later;
one that may not still copies (a provisional replay), so that an id that is written all the time does not fall behind.
A mark goes when the secondary acknowledged what that read saw and nobody has touched the id since. What the secondary
refuses for good becomes a dead letter and keeps its mark. Oldest marks first; an outage stops all of it but the marks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from vectormigrate.engine.pace import Pace
from vectormigrate.model.batch import Batch
from vectormigrate.model.clock import Clock
from vectormigrate.model.errors import StateError, StoreDown, StoreError, Unresolved, VectormigrateError
from vectormigrate.model.events import DeadLettered, DeletesStopped, Event, SecondaryDown, SecondaryUp
from vectormigrate.model.join import joined
from vectormigrate.model.measure import Histogram
from vectormigrate.model.points import reached
from vectormigrate.model.record import RecordId, id_text, parse_id
from vectormigrate.state import dead_letters, journal
from vectormigrate.state.database import Database, Transaction
from vectormigrate.state.journal import Mark

from .applying import apply_deletes, apply_upserts
from .aside import Aside
from .breaker import Breaker
from .guard import DeleteGuard
from .lane import Lane
from .ledger import Entry
from .sight import Job, Sight, Tally

_IDLE = 1.0
"""Seconds after which the file is asked whether it holds a mark that nobody queued."""
_STRANGE = 60.0
"""Seconds between two looks at an absence while deletes are stopped."""


@dataclass(slots=True, eq=False)
class _Paid:
    """What one replay owes the state file."""

    clears: list[Mark] = field(default_factory=list)
    letters: list[dead_letters.DeadLetter] = field(default_factory=list)
    ahead: list[str] = field(default_factory=list)
    rejected: list[Mark] = field(default_factory=list)
    unanswered: list[Mark] = field(default_factory=list)
    leaving: set[tuple[str, int, int]] = field(default_factory=set)


class Scheduler:
    """Replays of one migration, in whichever direction its lane points."""

    def __init__(
        self,
        database: Database,
        migration_id: str,
        lane: Lane,
        clock: Clock,
        covered: Callable[[RecordId], bool],
        on_event: Callable[[Event], None],
        *,
        ahead: Callable[[], bool],
        aside: Aside,
    ) -> None:
        """`covered` says whether a standing page intent may hold an id; `ahead`, whether the backfill is under way;
        `aside` does what takes long.
        """
        self._database = database
        self._id = migration_id
        self._lane = lane
        self._ledger = lane.ledger
        self._terms = lane.ledger.terms
        self._guards = lane.ledger.guards
        self._clock = clock
        self._covered = covered
        self._on_event = on_event
        self._ahead = ahead
        self._wake = asyncio.Event()
        self._held: dict[RecordId, Entry] = {}
        """Copied, and not to be cleared before a page or scope intent is gone."""
        self._swept: Mark | None = None
        self._leaving: set[tuple[str, int, int]] = set()
        """Marks whose clear, or refusal, is decided and not durable yet: id, epoch, sequence."""
        self._idle_at = 0.0
        self.breaker = Breaker(self._terms.replay_concurrency, self._terms.retry_longest)
        self.guard = DeleteGuard(self._terms.delete_guard)
        self.tally = Tally()
        self._sight = Sight(
            lane, clock, self.guard, self.tally, lambda: on_event(DeletesStopped(self._id)), aside
        )
        self.seconds = Histogram()
        """Of one replay of many ids."""
        self.lags = Histogram()
        """Seconds from the first mark of an id, or its last copy, to the clear."""
        self.running = 0
        """Replays under way."""
        self.paused = False
        self.primary_error: StoreError | None = None
        """Why the primary could not be read last; None when it could."""
        self._unread_in_a_row = 0
        self._stopped = False
        self._asleep_until = 0.0
        self._pace = Pace(0.0, clock)
        self._hasty_until = 0.0

    @property
    def trouble(self) -> tuple[VectormigrateError | None, int]:
        """What keeps replays from being paid, and how often in a row it did."""
        if self.primary_error is not None:
            return self.primary_error, self._unread_in_a_row
        return self.breaker.error, self.breaker.failures

    def stop(self) -> None:
        """End `run` when the replays under way are answered."""
        self._stopped = True
        self._wake.set()

    def keep_to(self, pace: Pace) -> None:
        """Draw every record from this bucket from now on, before anybody else who does."""
        self._pace = pace
        pace.first = self._due

    def hasten(self, seconds: float) -> None:
        """Replay what waits for others, or for the rate, now and for so long: writes are held meanwhile, or will be."""
        self._ledger.hasten()
        self._hasty_until = self._clock.monotonic() + 2 * seconds
        self.wake()

    @property
    def sweeping(self) -> bool:
        """Whether marks of the file are still to be queued."""
        return self._swept is not None

    def wake(self) -> None:
        """Something may be due."""
        self._wake.set()

    def marked(self) -> None:
        """A write ended: what it left may be due before anything else is."""
        at = self._ledger.next_at()
        if not self.paused and (self._sweeps or (at is not None and at < self._asleep_until)):
            self._wake.set()

    def turned(self) -> None:
        """The roles are swapped: what was absent on the other side says nothing of this one."""
        self._sight.forget()

    async def believe(self) -> None:
        """What is absent and marked now is gone, says somebody who looked: delete it, whatever was thought of it. Raises
        StateError when that could not be noted: the next process would doubt it again.
        """
        self._sight.believe()
        self._wake.set()
        await self._database.write(lambda tx: journal.mean(tx, self._id))

    def unblock(self) -> None:
        """A page or scope intent is gone: what it held may be cleared."""
        held, self._held = self._held, {}
        now = self._clock.monotonic()
        for entry in held.values():
            self._ledger.queue(entry, now)
        self._wake.set()

    async def run(self) -> None:
        """Replay until stopped."""
        async with asyncio.TaskGroup() as group:
            while not self._stopped:
                self._wake.clear()
                await self._lane.scopes.expire()
                self._start(group)
                pause = self._pause()
                self._asleep_until = self._clock.monotonic() + pause
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._wake.wait()

    def _pause(self) -> float:
        now = self._clock.monotonic()
        if self.paused or not self.breaker.room(self.running, now):
            return max(0.01, self.breaker.wait(now)) if not self.paused and not self.running else _IDLE
        if (unpaid := self._unpaid(now)) > 0:
            return min(_IDLE, unpaid)
        if self._sweeps:
            return 0.0 if now >= self._ledger.quiet_after else min(_IDLE, self._ledger.quiet_after - now)
        at = self._ledger.next_at()
        return _IDLE if at is None else min(_IDLE, max(0.0, at - now))

    def _unpaid(self, now: float) -> float:
        """Seconds that the next replay waits for the rate."""
        return self._pace.wait() if now >= self._hasty_until else 0.0

    def _due(self) -> bool:
        """Whether a replay waits for nothing but the rate."""
        now = self._clock.monotonic()
        if self.paused or not self.breaker.room(self.running, now):
            return False
        at = self._ledger.next_at()
        return at is not None and at <= now

    def _start(self, group: asyncio.TaskGroup) -> None:
        """Start as many replays as there is room, rate and work for."""
        now = self._clock.monotonic()
        while not self.paused and self.breaker.room(self.running, now) and not self._unpaid(now):
            if self._ledger.next_at() is None and not self.running and now >= self._idle_at:
                self._ledger.spilled = True
                self._idle_at = now + _IDLE
            self._sweep(now)
            jobs = [
                job
                for entry in self._ledger.due(self._terms.replay_batch)
                if (job := self._judge(entry, now))
            ]
            if not jobs:
                next_at = self._ledger.next_at()
                if next_at is None or next_at > now:
                    return
                continue
            for job in jobs:
                job.entry.busy = True
            self.running += 1
            self._pace.spend(len(jobs))
            group.create_task(self._replay(jobs))

    @property
    def _sweeps(self) -> bool:
        """Whether the file is to be read now: it is not while there is enough in memory, and that is older."""
        return self._ledger.spilled and not (self._ledger.full and self._ledger.next_at() is not None)

    def _sweep(self, now: float) -> None:
        """Queue the oldest marks of the file that are not queued."""
        if not self._sweeps or now < self._ledger.quiet_after:
            return
        reached("start.quiet")
        after, size = self._swept, self._terms.replay_batch
        marks = self._database.read(lambda tx: journal.oldest(tx, self._id, after, size))
        self._swept = marks[-1] if marks else None
        if len(marks) < size:
            self._ledger.spilled = False
            self._swept = None
        for mark in marks:
            if (mark.id, mark.epoch, mark.sequence) in self._leaving:
                continue
            record_id = parse_id(mark.id)
            if self._ledger.get(record_id) is None:  # nobody knows when it was written
                self._ledger.entry(record_id).fresh_at = now + self._terms.visibility
            entry = self._ledger.entry(record_id)
            # One of this process may be of a write that the replay under way does not know.
            if mark.epoch < self._lane.epoch or not (entry.in_flight or entry.busy):
                self._ledger.find(entry, (mark.epoch, mark.sequence))
                entry.removed = entry.removed or mark.reason in journal.MEANT
            self._ledger.queue(entry, now)

    # One replay.

    def _judge(self, entry: Entry, now: float) -> Job | None:
        """Whether to copy this id now, and whether that may clear its mark; else it is queued for when it may."""
        if entry.hint is not None and entry.hint.scopes != self._lane.scopes.raised:
            self._ledger.take_hint(
                entry
            )  # a request that does not name its ids may have come behind that write
        until = self._ledger.obstacle(entry)
        blocked = self._blocked(entry)
        if until is None and not blocked:
            return Job(entry, entry.generation, True, self._lane.scopes.raised)
        # Without a mark nothing would mend what a provisional replay may have read too early.
        marked = entry.row is not None or entry.found is not None
        fresh = marked and entry.provisional != entry.generation
        hot_at = entry.since + self._terms.provisional_after
        if fresh and now >= hot_at:
            return Job(entry, entry.generation, False, self._lane.scopes.raised)
        if fresh:
            self._ledger.queue(entry, hot_at)
        elif until is None:
            self._held[entry.id] = entry
        elif until != float("inf"):
            self._ledger.queue(entry, until)
        return None

    def _blocked(self, entry: Entry) -> bool:
        return self._lane.scopes.blocking or (self._guards.intents and self._covered(entry.id))

    async def _replay(self, jobs: list[Job]) -> None:
        reached("replay.taken")
        began = self._clock.monotonic()
        try:
            await self._copy(jobs)
        except StoreError as error:
            self._unread(jobs, error)
            jobs = []
        except (
            StateError
        ) as error:  # what foreign records hold could not be kept, so they were not overwritten
            for job in jobs:
                job.failed = job.failed or error
        finally:
            paid = self._settle(jobs)
            self.seconds.observe(self._clock.monotonic() - began)
            self.running -= 1
            self._wake.set()
        await self._keep(paid)

    def _unread(self, jobs: Sequence[Job], error: StoreError) -> None:
        """The primary could not be read: nothing left for the secondary."""
        now = self._clock.monotonic()
        self.primary_error = error
        self._unread_in_a_row += 1
        for job in jobs:
            job.entry.busy = False
            job.entry.failures += 1
            self._ledger.queue(job.entry, now + self._backoff(job.entry))

    def _backoff(self, entry: Entry) -> float:
        return min(self._terms.retry_longest, self._terms.coalesce * float(2 ** min(entry.failures, 16)))

    async def _copy(self, jobs: list[Job]) -> None:
        present, absent = await self._sight.of(jobs)
        reached("replay.read")
        self.primary_error = None
        self._unread_in_a_row = 0
        reached("replay.sending")
        if present:
            await apply_upserts(self._lane.secondary, self._lane.ends.collection, *_columns(present))
        if absent:
            await apply_deletes(self._lane.secondary, self._lane.ends.collection, absent)
        reached("replay.answered")

    # What became of it.

    def _settle(self, jobs: Sequence[Job]) -> _Paid:
        now = self._clock.monotonic()
        paid = _Paid()
        ahead = self._ahead()
        trouble: VectormigrateError | None = None
        for job in jobs:
            entry = job.entry
            entry.busy = False
            if job.acknowledged:
                self._acknowledged(job, paid, ahead=ahead)
            elif isinstance(job.failed, StoreError | StateError) and not _final(job.failed):
                trouble = job.failed
                self._unanswered(job, now, paid)
            elif job.failed is not None:
                self._refused(job, job.failed, paid)
            else:
                at = _STRANGE if self.guard.tripped else self._terms.delete_confirmation
                self._ledger.queue(entry, now + at)
            if entry.again:
                entry.again = False
                self._ledger.queue(entry, now)
        if trouble is not None:
            if self.breaker.failed(trouble, now):
                self._on_event(SecondaryDown(self._id, trouble.message))
        elif any(job.acknowledged for job in jobs) and self.breaker.worked():
            self._on_event(SecondaryUp(self._id))
        return paid

    def _acknowledged(self, job: Job, paid: _Paid, *, ahead: bool) -> None:
        entry = job.entry
        entry.failures = 0
        if job.deleted:
            self.tally.deleted += 1
        else:
            self.tally.upserted += 1
            if ahead:
                paid.ahead.append(id_text(entry.id))
        clearing = job.clearing
        if not self._guards.judged_at_read:
            clearing = self._ledger.obstacle(entry) is None and not self._blocked(entry)
        same = entry.generation == job.generation or not self._guards.generation
        same = same and (job.scopes == self._lane.scopes.raised or not self._guards.scopes)
        if clearing and same:
            entry.again = False  # nobody wrote since
            self.tally.cleared += 1
            self.lags.observe(self._clock.monotonic() - entry.since)
            entry.copied = False
            paid.clears += self._leave(entry, paid)
            return
        self.tally.provisional += not clearing
        self.tally.conflicts += clearing
        entry.provisional = job.generation if not clearing else -1
        entry.copied, entry.since = True, self._clock.monotonic()
        self._ledger.queue(entry, self._clock.monotonic())

    def _unanswered(self, job: Job, now: float, paid: _Paid) -> None:
        entry = job.entry
        entry.failures += 1
        if isinstance(job.failed, Unresolved | StoreDown):
            entry.target_until = now + self._terms.quarantine
            paid.unanswered += _marks(entry)
            self.tally.unanswered += 1
        self._ledger.queue(entry, now + self._backoff(entry))

    def _refused(self, job: Job, error: VectormigrateError, paid: _Paid) -> None:
        text = id_text(job.entry.id)
        held = _marks(job.entry)
        if not held and not self._database.read(lambda tx: journal.among(tx, self._id, [text])):
            # It left without a mark: the comparison of the gap marks it, if need be.
            self._leave(job.entry, paid)
            return
        paid.rejected += held or [Mark(text, 0, 0)]  # at whatever generation it stands there
        self.tally.refused += 1
        paid.letters.append(dead_letters.DeadLetter(text, error.code, error.message, error.hint))
        if not self._database.read(lambda tx: dead_letters.among(tx, self._id, [text])):  # else it was told
            self._on_event(DeadLettered(self._id, text, error.message))
        entry = job.entry
        until = max(entry.source_until, entry.target_until)
        if until > self._clock.monotonic():  # another state of it may land: that one is looked at, too
            entry.found, entry.row = entry.row or entry.found, None
            self._ledger.queue(entry, until)
        else:
            self._leave(entry, paid)  # its next write marks anew, and is tried

    def _leave(self, entry: Entry, paid: _Paid) -> list[Mark]:
        """This process is done with the marks of an id, which it returns."""
        marks = _marks(entry)
        rows = {(mark.id, mark.epoch, mark.sequence) for mark in marks}
        paid.leaving |= rows
        self._leaving |= rows
        entry.row, entry.meant, entry.found, entry.older = None, False, None, ()
        self._ledger.forget(entry)
        return marks

    async def _keep(self, paid: _Paid) -> None:
        at = self._clock.now().isoformat()

        def keep(tx: Transaction) -> None:
            journal.keep_ahead(tx, self._id, paid.ahead)
            journal.clear(tx, self._id, paid.clears)
            dead_letters.remove(tx, self._id, [mark.id for mark in paid.clears])
            dead_letters.add(tx, self._id, paid.letters, at=at)
            journal.attempted(tx, self._id, paid.rejected, journal.REFUSED)
            journal.attempted(tx, self._id, paid.unanswered, "unanswered")

        if paid.clears or paid.letters or paid.ahead or paid.unanswered:
            reached("replay.clearing")
            try:
                await self._database.write(keep)
                reached("replay.done")
            except VectormigrateError:
                self._ledger.spilled = True  # a lost clear costs a read
            finally:
                self._leaving -= paid.leaving


def _final(error: VectormigrateError) -> bool:
    """Whether the secondary will never take this record."""
    return error.code == "record_refused"


def _marks(entry: Entry) -> list[Mark]:
    """Marks of an id that this process knows to be in the file."""
    text = id_text(entry.id)
    return [Mark(text, *row) for row in dict.fromkeys((entry.row, entry.found, *entry.older)) if row]


def _columns(present: Sequence[tuple[Job, Batch, int]]) -> tuple[list[Job], Batch]:
    """Jobs and one batch of their records, in the same order."""
    parts: list[tuple[Batch, list[int], list[Job]]] = []
    for job, batch, row in present:
        if not parts or parts[-1][0] is not batch:
            parts.append((batch, [], []))
        parts[-1][1].append(row)
        parts[-1][2].append(job)
    return [job for _, _, jobs in parts for job in jobs], joined(
        [batch.take(rows) for batch, rows, _ in parts]
    )
