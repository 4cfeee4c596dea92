"""Hands out ranges of a backfill, opens and closes page intents, and checkpoints: the only side that touches state.

Every answer to a `Report` is given after one transaction that holds the cursor, the counts, the dead letters, the
marks and the fate of the intent. What a worker had leased when it was lost is handed out again from the cursor; the
intents it left stand until they lapse, because its last request may still land (P8). A range that is given back in
good order leaves no intent: everything sent under them was answered.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

from vectormigrate.engine.throttle import Throttle
from vectormigrate.engine.work import (
    Assignment,
    Compared,
    Finish,
    ForeignAmong,
    KeepPreImages,
    Lease,
    OpenPage,
    Release,
    Report,
    Request,
    Told,
)
from vectormigrate.model.events import DeadLettered, Event, Progress, RangeDone, Retried, Warned
from vectormigrate.model.points import reached
from vectormigrate.state import checkpoints, dead_letters, journal, ownership
from vectormigrate.state.database import Database, Transaction
from vectormigrate.state.sessions import Session

from .covers import Covers

_TELLABLE: dict[str, type[Event]] = {"Retried": Retried, "Warned": Warned}


class CopyCoordinator:
    """One backfill run. `stop` lets every worker end behind its present batch."""

    def __init__(
        self,
        database: Database,
        migration_id: str,
        *,
        session: Session,
        now: Callable[[], datetime],
        on_event: Callable[[Event], None],
        total: int,
        covers: Covers | None = None,
        visibility: float = 0.0,
    ) -> None:
        """`covers` is told of every intent, for replays to ask; `visibility` is T_vis of the path that workers read by."""
        self._covers = covers
        self._visibility = visibility
        self._database = database
        self._id = migration_id
        self._session = session
        self._now = now
        self._on_event = on_event
        self._total = total
        rows = database.read(lambda tx: checkpoints.ranges(tx, migration_id))
        self._open = deque(row for row in rows if not row.done)
        self._ranges, self._finished = len(rows), len(rows) - len(self._open)
        self._copied = sum(row.copied for row in rows)
        self._bytes = 0
        self._granted: dict[int, set[int]] = {}
        """By range, the intents of the worker that holds it. Touched in transactions only, so in their order."""
        self._unanswered: set[int] = set()
        """Intents under which an attempt was never answered: no report closes them (P9)."""
        self.throttle: Throttle | None = None
        """What all workers together keep to: an answer to a report waits for it, and the next batch for the answer."""
        self.stopped = False
        self.unresolved = False
        """A request of this run was never answered; the wait for it is over when its quarantine is."""

    def stop(self) -> None:
        """Ask every worker to end behind its present batch."""
        self.stopped = True

    @property
    def remaining(self) -> int:
        """Ranges that are not leased and not done."""
        return len(self._open)

    async def ask(self, request: Request) -> Any:
        """Answer one request of a worker."""
        match request:
            case Lease():
                return await self._lease()
            case OpenPage():
                return await self._open_page(request)
            case Report():
                return await self._report(request)
            case Finish():
                await self._database.write(lambda tx: self._finish(tx, request))
                reached("backfill.finished")
                self._uncover(request.intent)
                self._finished += 1
                self._on_event(RangeDone(self._id, self._finished, self._ranges))
            case Release(number, lost):
                self.unresolved = self.unresolved or lost
                await self._release(number, lost=lost)
            case ForeignAmong(ids, _):
                return tuple(self._database.read(lambda tx: ownership.foreign_among(tx, self._id, ids)))
            case KeepPreImages(records):
                await self._database.write(lambda tx: ownership.keep_pre_images(tx, self._id, records))
            case Told(event, fields):
                self._told(_TELLABLE[event](migration_id=self._id, **fields))
            case Compared():
                raise AssertionError("a backfill compares nothing")
        return None

    async def _open_page(self, request: OpenPage) -> int:
        """Grant a page (P1); the answer, and so the first read, waits until the reads see what was written before (P2)."""
        covers = self._covers
        if covers is not None:
            covers.open(request.nonce, request.lower, request.upper)
        reached("backfill.granting")
        try:
            number = await self._database.write(lambda tx: self._grant(tx, request))
        except BaseException:
            if covers is not None:
                covers.close(request.nonce)
            raise
        if covers is not None:
            covers.rename(request.nonce, number)
            if request.narrow is not None and request.lower is not None:
                covers.narrow(request.narrow, request.lower)
            await asyncio.sleep(self._visibility)
        reached("backfill.granted")
        return number

    def _told(self, event: Event) -> None:
        if self.throttle is not None and isinstance(event, Retried):
            self.throttle.felt.refusals += event.throttled
        self._on_event(event)

    async def _lease(self) -> Assignment | None:
        if self._open:
            await self._take(0)
        if self.stopped or not self._open:
            return None
        row = self._open.popleft()
        return Assignment("copy", row.number, row.start, row.upper, fresh=row.cursor is None)

    async def _release(self, number: int, *, lost: bool) -> None:
        self._uncover(*await self._database.write(lambda tx: self._give_back(tx, number, lost=lost)))
        row = self._database.read(lambda tx: checkpoints.ranges(tx, self._id))[number]
        if not row.done and all(row.number != waiting.number for waiting in self._open):
            self._open.append(row)

    def _give_back(self, tx: Transaction, number: int, *, lost: bool) -> set[int]:
        granted = self._granted.pop(number, set())
        closed = set() if lost else granted - self._unanswered
        for intent in closed:
            journal.close_intent(tx, self._id, intent)
        return closed

    def _uncover(self, *intents: int) -> None:
        if self._covers is not None:
            for intent in intents:
                self._covers.close(intent)

    def _grant(self, tx: Transaction, request: OpenPage) -> int:
        number = journal.open_intent(
            tx,
            self._id,
            request.number,
            request.lower,
            request.upper,
            nonce=request.nonce,
            epoch=self._session.epoch,
        )
        if request.narrow is not None and request.lower is not None:
            journal.narrow_intent(tx, request.narrow, request.lower)
        self._granted.setdefault(request.number, set()).add(
            number
        )  # here, for who asked may be gone meanwhile
        return number

    async def _report(self, report: Report) -> bool:
        if report.unresolved:
            self.unresolved = True
            self._unanswered.add(report.intent)
        reached("backfill.reported")
        await self._database.write(lambda tx: self._checkpoint(tx, report))
        reached("backfill.checkpointed")
        if self._covers is not None and report.intent not in self._unanswered:
            if report.closes:
                self._covers.close(report.intent)
            else:
                self._covers.shrink(report.intent, report.cursor)
        self._copied += report.copied
        self._bytes += report.bytes
        for letter in report.letters:
            self._on_event(DeadLettered(self._id, letter.id, letter.message))
        self._on_event(Progress(self._id, "backfill", self._copied, self._total, self._bytes))
        if self.throttle is not None:
            self.throttle.felt.batch(report.read, report.wrote)
        await self._take(report.copied, report.bytes, report.read + report.wrote)
        return not self.stopped

    async def _take(self, records: int, size: int = 0, took: float = 0.0) -> None:
        if self.throttle is not None:
            await self.throttle.take(records, lambda: self.stopped, size=size, took=took)

    def _checkpoint(self, tx: Transaction, report: Report) -> None:
        checkpoints.advance(
            tx,
            self._id,
            report.number,
            report.cursor,
            copied=report.copied,
            skipped=len(report.spared),
            size=report.bytes,
        )
        at = self._now().isoformat()
        if report.letters:
            letters = [
                dead_letters.DeadLetter(one.id, one.code, one.message, one.hint) for one in report.letters
            ]
            dead_letters.add(tx, self._id, letters, at=at)
        marked = [one.id for one in report.letters] + list(report.suspects)
        if (
            self._covers is not None
        ):  # a live migration may be cut over: what would be missing then is told, and bars that
            marked += report.spared
        if marked:
            journal.mark(
                tx,
                self._id,
                marked,
                epoch=self._session.epoch,
                sequence=self._session.next_sequence(),
                reason="backfill",
                at=at,
            )
        if report.intent in self._unanswered:
            return
        if report.closes:
            journal.close_intent(tx, self._id, report.intent)
            self._granted.get(report.number, set()).discard(report.intent)
        else:
            journal.shrink_intent(tx, report.intent, report.cursor)

    def _finish(self, tx: Transaction, request: Finish) -> None:
        journal.close_intent(tx, self._id, request.intent)
        journal.forget_lapsed(tx, self._id, request.number)
        checkpoints.finish(tx, self._id, request.number)
        self._granted.pop(request.number, None)
