"""Hands out ranges to compare, and keeps what comes back: findings as they are seen, a result at each range's end.

A range whose worker was lost is compared again from its beginning; findings are kept by what they say, so seeing
one twice adds nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from vectormigrate.engine.throttle import Throttle
from vectormigrate.engine.work import Assignment, Compared, ForeignAmong, Lease, Release, Request, Told
from vectormigrate.model.events import Event, Progress, Warned
from vectormigrate.model.finding import Finding
from vectormigrate.state import findings, ownership
from vectormigrate.state.database import Database, Transaction

from .fullscan import RangeResult, Span


class CompareCoordinator:
    """One comparison of all ranges. `on_findings` runs in the transaction that stores them (marks, for a reconcile)."""

    def __init__(
        self,
        database: Database,
        migration_id: str,
        spans: Sequence[Span],
        *,
        total: int,
        now: Callable[[], datetime],
        on_event: Callable[[Event], None],
        on_findings: Callable[[Transaction, list[Finding]], None] | None = None,
        telling: Callable[[Sequence[Finding]], list[Finding]] = list,
    ) -> None:
        """`telling` leaves out what nobody has to be told of; how much that was is counted."""
        self._database = database
        self._id = migration_id
        self._spans = list(spans)
        self._open = deque(range(len(self._spans)))
        self._now = now
        self._on_event = on_event
        self._on_findings = on_findings
        self._telling = telling
        self._untold = [0] * len(self._spans)
        self._total = total
        self._done = 0
        self.results: dict[int, RangeResult] = {}
        """By the span's position."""
        self.throttle: Throttle | None = None
        """What all workers together keep to, range by range."""
        self.stopped = False

    def stop(self) -> None:
        """Hand out no further range."""
        self.stopped = True

    @property
    def untold(self) -> int:
        """How many findings were left out."""
        return sum(self._untold)

    @property
    def complete(self) -> bool:
        """Every range has a result."""
        return len(self.results) == len(self._spans)

    async def ask(self, request: Request) -> Any:
        """Answer one request of a worker."""
        match request:
            case Lease():
                if self._open:
                    await self._take(0)
                if self.stopped or not self._open:
                    return None
                number = self._open.popleft()
                self._untold[number] = 0  # of a worker that was lost on the way
                return Assignment(
                    "compare", number, None, None, span=msgspec.to_builtins(self._spans[number])
                )
            case Release(number, _):
                if number not in self.results and number not in self._open:
                    self._open.append(number)
            case Compared():
                return await self._compared(request)
            case ForeignAmong(ids, untouched):
                among = ownership.untouched_among if untouched else ownership.foreign_among
                return tuple(self._database.read(lambda tx: among(tx, self._id, ids)))
            case Told(_, fields):
                self._on_event(Warned(self._id, str(fields.get("message", ""))))
            case _:
                raise AssertionError(f"a comparison copies nothing: {request!r}")
        return None

    async def _compared(self, part: Compared) -> bool:
        told = msgspec.convert(list(part.findings), list[Finding])
        found = self._telling(told)
        self._untold[part.number] += len(told) - len(found)
        if found:
            at = self._now().isoformat()

            def keep(tx: Transaction) -> None:
                findings.add(tx, self._id, found, at=at)
                if self._on_findings is not None:
                    self._on_findings(tx, found)

            await self._database.write(keep)
        if part.result is not None:
            self.results[part.number] = RangeResult.from_dict(part.result)
        self._done += part.records
        if part.records:
            self._on_event(Progress(self._id, "validate", self._done, self._total))
            await self._take(part.records)
        return not self.stopped

    async def _take(self, records: int) -> None:
        if self.throttle is not None:
            await self.throttle.take(records, lambda: self.stopped)
