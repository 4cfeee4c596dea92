"""The instruments of one daemon: made before anything is served, handed to whatever is to be measured, read when asked."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable
from contextlib import nullcontext

from vectormigrate.engine.throttle import Felt
from vectormigrate.model.clock import Clock
from vectormigrate.model.documents import MigrateResult
from vectormigrate.model.events import (
    Event,
    PhaseChanged,
    PrimaryChanged,
    Throttled,
    Unthrottled,
    Validated,
    WorkerLost,
)
from vectormigrate.model.measure import Histogram
from vectormigrate.model.phase import Phase
from vectormigrate.stores.base import Store
from vectormigrate.stores.facade import Facade
from vectormigrate.stores.front import Front
from vectormigrate.stores.raw import Upstream

from .sides import MeasuredStore, SideTraffic
from .strangers import Strangers
from .tracing import TracedFacade, TracedStore, TracedUpstream, Traces
from .traffic import MeasuredFacade, MeasuredFront, MeasuredUpstream, Traffic

_BEAT = 0.5
"""Seconds between two looks at how late the loop is."""
_BEATS = 120
"""Looks that are kept: a minute of them."""


class Telemetry:
    """Counts events, and stands in front of what is measured."""

    def __init__(self, clock: Clock, traces: Traces | None = None) -> None:
        """`traces` is there when a collector of spans is."""
        self._now = clock.monotonic
        self._traces = traces
        self.traffic: dict[str, Traffic] = {}
        """By the name of the listener."""
        self.sides: dict[tuple[str, str], SideTraffic] = {}
        """By migration, and "source" or "target"."""
        self.swaps: Counter[tuple[str, str]] = Counter()
        """By migration, and "done" or "given_up"."""
        self.holds: dict[str, Histogram] = {}
        """Seconds for which a swap held writes, by migration."""
        self.workers_lost: Counter[str] = Counter()
        self.rescans: Counter[str] = Counter()
        self.compared: Counter[tuple[str, str]] = Counter()
        """Records by migration and method."""
        self._throttled: dict[tuple[str, str], float] = {}
        """By migration and reason, since when."""
        self._throttled_before: defaultdict[tuple[str, str], float] = defaultdict(float)
        """Seconds that are over."""
        self.hooks: Counter[tuple[str, str]] = Counter()
        """By event, and "ok" or "failed"."""
        self.strangers = Strangers(clock)
        self.vectors = 0
        """Written by `vec`."""
        self.moves = Histogram()
        """Seconds of each `vec`."""
        self._late: deque[float] = deque(maxlen=_BEATS)

    # What is measured.

    def facade(self, listener: str, inner: Facade) -> Facade:
        """A facade that is timed."""
        measured = MeasuredFacade(inner, self._traffic(listener), self._now)
        return measured if self._traces is None else TracedFacade(measured, self._traces)

    def front(self, listener: str, inner: Front) -> Front:
        """What stands behind that facade."""
        return MeasuredFront(inner, self._traffic(listener), self._now)

    def upstream(self, listener: str, inner: Upstream) -> Upstream:
        """The vendor's own server behind that listener."""
        measured = MeasuredUpstream(inner, self._traffic(listener), self._now)
        return measured if self._traces is None else TracedUpstream(measured, self._traces)

    def store(self, migration_id: str, side: str, inner: Store) -> Store:
        """One side of a migration."""
        traffic = self.sides.setdefault((migration_id, side), SideTraffic())
        measured = MeasuredStore(inner, traffic, self._now)
        return measured if self._traces is None else TracedStore(measured, self._traces, side)

    async def moving(self, work: Awaitable[MigrateResult]) -> MigrateResult:
        """A copy of vectors, under the names that qortex has for it."""
        with nullcontext() if self._traces is None else self._traces.doing("vec.migrate"):
            result = await work
        self.vectors += result.vectors_written
        self.moves.observe(result.duration_seconds)
        return result

    def feel(self, felt: Felt, migration_id: str, listener: str) -> None:
        """Have a migration feel what is measured here: the target's answers, and the source's to whoever asks `listener`, if
        its requests come by one.
        """
        target = self.sides[migration_id, "target"]
        felt.target = (target.seconds,)
        felt.refused_elsewhere = lambda: target.outcomes["throttled"]
        if listener:
            felt.source = (self._traffic(listener).source,)

    def _traffic(self, listener: str) -> Traffic:
        found = self.traffic.setdefault(listener, Traffic(listener))
        if self._traces is not None:
            found.trace = self._traces.current
        return found

    @property
    def traced(self) -> bool:
        """Whether there are traces that a number can be an example of."""
        return self._traces is not None

    # What happens.

    def on_event(self, event: Event) -> None:
        """Count it."""
        match event:
            case PrimaryChanged(migration_id, _, held_ms):
                self.swaps[migration_id, "done"] += 1
                self.holds.setdefault(migration_id, Histogram()).observe(held_ms / 1000)
            case PhaseChanged(migration_id, Phase.CUTTING_OVER, _, reason) if reason:
                self.swaps[migration_id, "given_up"] += 1
            case PhaseChanged(migration_id, Phase.CATCH_UP, Phase.BACKFILL):
                self.rescans[migration_id] += 1
            case WorkerLost(migration_id):
                self.workers_lost[migration_id] += 1
            case Validated(migration_id, method, _, compared):
                self.compared[migration_id, method] += compared
            case Throttled(migration_id, reason):
                self._throttled[migration_id, reason] = self._now()
                self._throttled_before[migration_id, reason] += 0
            case Unthrottled(migration_id, reason):
                began = self._throttled.pop((migration_id, reason), self._now())
                self._throttled_before[migration_id, reason] += self._now() - began
            case _:
                return

    def throttled(self) -> dict[tuple[str, str], tuple[bool, float]]:
        """By migration and reason: whether it stands now, and the seconds for which it did."""
        now = self._now()
        return {
            key: (key in self._throttled, seconds + now - self._throttled.get(key, now))
            for key, seconds in self._throttled_before.items()
        }

    async def watch_loop(self) -> None:
        """Notice how late the loop comes to things, for ever."""
        while True:
            began = self._now()
            await asyncio.sleep(_BEAT)
            self._late.append(max(0.0, self._now() - began - _BEAT))

    @property
    def loop_lag(self) -> float:
        """The longest that the loop was held up in the last minute, in seconds."""
        return max(self._late, default=0.0)


def each(*tellers: Callable[[Event], None]) -> Callable[[Event], None]:
    """Tell all of them, in this order."""

    def tell(event: Event) -> None:
        for teller in tellers:
            teller(event)

    return tell
