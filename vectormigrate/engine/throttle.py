"""Why copies and comparisons should wait, and the waiting.

An input is a question that answers why, in words for people, or nothing; any one is enough. All are asked at most once a
second, and only while there is work to hold back. Replays are not held: they have a breaker of their own, and go first where
a rate is set (`pace`). The inputs that need more than this process's own counts are the daemon's.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from vectormigrate.model.clock import Clock
from vectormigrate.model.events import Event, Throttled, Unthrottled
from vectormigrate.model.measure import Histogram
from vectormigrate.model.schedule import schedule
from vectormigrate.model.specification import Specification
from vectormigrate.state import throttles
from vectormigrate.state.database import Database

from .pace import Pace

Input: TypeAlias = Callable[[Specification], Awaitable[str]]
"""Why we should wait; "" for nothing. The specification says what is too much."""
Reasons: TypeAlias = Mapping[str, str]
"""Why we wait, by the name of the input."""

RATE = "rate"
_SLOWING = frozenset({RATE, "bandwidth", "nice"})
"""Reasons that hold nothing: work goes on, no faster than they say."""
_CRITICAL = "critical"
"""The reason for which waiting is not enough."""
_LOOK = 1.0
"""Seconds between two looks."""
_WINDOW = 30.0
"""Seconds over which is counted what was felt. Behind them it is forgotten, so that work which was held is tried again."""


@dataclass(slots=True)
class Felt:
    """What the two sides let a migration feel; whoever knows more of them adds to it before the work begins."""

    reads: Histogram = field(default_factory=Histogram)
    """Seconds of a page of the copy."""
    writes: Histogram = field(default_factory=Histogram)
    """Seconds of a batch of it."""
    refusals: int = 0
    """Answers by which the target asked the copy for less."""
    source: Sequence[Histogram] = ()
    """In place of `reads`: what an application feels."""
    target: Sequence[Histogram] = ()
    """Beside `writes`."""
    refused_elsewhere: Callable[[], int] = lambda: 0
    """Beside `refusals`."""
    backlog: Callable[[], Awaitable[int]] | None = None
    """Records whose replay is due; None where nobody writes."""
    lag: Callable[[], float] | None = None
    """Seconds that the record waits which waits longest; None where nobody writes."""

    def batch(self, read: float, wrote: float) -> None:
        """A batch of the copy took this long; 0 for a part that it has not."""
        for seconds, seen in ((read, self.reads), (wrote, self.writes)):
            if seconds:
                seen.observe(seconds)


class Throttle:
    """What the workers of one migration keep to."""

    def __init__(
        self,
        inputs: Mapping[str, Input],
        asked: Callable[[], Specification],
        clock: Clock,
        changed: Callable[[Reasons], Awaitable[None]],
        give_up: Callable[[str], None],
    ) -> None:
        """`inputs` are those beside what is felt; `asked` says what is to be done, as it is now; `changed` is told of the
        reasons when others stand than before, `give_up` why waiting is not enough.
        """
        now = asked()
        self.felt = Felt()
        self.pace = Pace(now.max_rate, clock)
        """The rate, for replays as well."""
        self._bandwidth = Pace(now.bandwidth, clock)
        self._nice = now.nice_ratio
        self._inputs = {**_inputs(self.felt, clock), **inputs}
        self._asked = asked
        self._clock = clock
        self._changed = changed
        self._give_up = give_up
        self._looked = -_LOOK
        self._looking = asyncio.Lock()
        self._reasons: Reasons = {}

    def adjust(self) -> None:
        """Go at what was set by now."""
        asked = self._asked()
        self.pace.change(asked.max_rate)
        self._bandwidth.change(asked.bandwidth)
        self._nice = asked.nice_ratio

    async def take(
        self, records: int, stopped: Callable[[], bool], *, size: int = 0, took: float = 0.0
    ) -> None:
        """Wait until nothing says that we should, and until this many records of so many bytes are drawn; no longer, once
        `stopped` says so. `took`: seconds that whoever asks worked for them.
        """
        since = self._clock.monotonic()
        while not stopped() and (left := await self._left(since, took)):  # noqa: ASYNC110 nobody tells when an input changes
            await asyncio.sleep(left)
        self.pace.spend(records)
        self._bandwidth.spend(size)

    async def _left(self, since: float, took: float) -> float:
        """Seconds until it is worth to ask again; 0 is now."""
        if await self._held():
            return _LOOK
        rest = since + took * self._nice - self._clock.monotonic()
        return max(self.pace.turn(), self._bandwidth.turn(), min(rest, _LOOK), 0.0)

    async def release(self) -> None:
        """There is nothing left to hold back."""
        async with self._looking:
            await self._say({})

    async def _held(self) -> bool:
        async with self._looking:
            now = self._clock.monotonic()
            if now - self._looked >= _LOOK:
                asked = self._asked()
                found = {name: await why(asked) for name, why in self._inputs.items()}
                self._looked = self._clock.monotonic()
                await self._say({name: why for name, why in {**found, **_slowing(asked)}.items() if why})
                if why := found[_CRITICAL]:
                    self._give_up(why)
            return bool(self._reasons.keys() - _SLOWING)

    async def _say(self, reasons: Reasons) -> None:
        before, self._reasons = self._reasons, reasons
        if before.keys() != reasons.keys():
            await self._changed(reasons)


def telling(
    database: Database, migration_id: str, clock: Clock, on_event: Callable[[Event], None]
) -> Callable[[Reasons], Awaitable[None]]:
    """Keeps the reasons in the state file, for whoever asks for the status, and tells of each that comes or goes."""

    async def changed(reasons: Reasons) -> None:
        at = clock.now().isoformat()
        before = await database.write(lambda tx: throttles.put(tx, migration_id, reasons, at=at))
        for reason in before.keys() - reasons.keys():
            on_event(Unthrottled(migration_id, reason))
        for reason in reasons.keys() - before.keys():
            on_event(Throttled(migration_id, reason, reasons[reason]))

    return changed


class Lately:
    """What was counted within the last half minute, of numbers that only grow."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, tuple[float, ...]]] = deque()

    def since(self, *now: float) -> tuple[float, ...]:
        """By how much each number grew; as many as ever."""
        at = self._clock.monotonic()
        self._seen.append((at, now))
        while len(self._seen) > 1 and self._seen[1][0] <= at - _WINDOW:
            self._seen.popleft()
        return tuple(after - before for after, before in zip(now, self._seen[0][1], strict=True))


def _inputs(felt: Felt, clock: Clock) -> dict[str, Input]:
    """The inputs that this process needs nobody for."""

    async def operator(asked: Specification) -> str:
        return "somebody asked for it" if asked.throttle_hold else ""

    async def window(asked: Specification) -> str:
        text = asked.throttle_window
        return f"it is not within {text} (UTC)" if text and not schedule(text).holds(clock.now()) else ""

    return _latencies(felt, clock) | _owing(felt) | {"operator": operator, "window": window}


def _latencies(felt: Felt, clock: Clock) -> dict[str, Input]:
    """What is heard of the two sides."""
    source, target, refusals = Lately(clock), Lately(clock), Lately(clock)

    async def source_latency(asked: Specification) -> str:
        return _slow("the source", source, felt.source or (felt.reads,), asked.throttle_source_latency)

    async def critical(asked: Specification) -> str:
        return _slow("the source", source, felt.source or (felt.reads,), asked.critical_source_latency)

    async def target_latency(asked: Specification) -> str:
        return _slow("the target", target, (felt.writes, *felt.target), asked.throttle_target_latency)

    async def target_429s(asked: Specification) -> str:
        (count,) = refusals.since(felt.refusals + felt.refused_elsewhere())
        most = asked.throttle_target_429s
        return (
            f"the target asked for less {count:.0f} times within {_WINDOW:.0f} s" if 0 < most < count else ""
        )

    return {
        _CRITICAL: critical,
        "source_latency": source_latency,
        "target_latency": target_latency,
        "target_429s": target_429s,
    }


def _owing(felt: Felt) -> dict[str, Input]:
    """What the secondary lacks of what an application wrote meanwhile."""

    async def backlog(asked: Specification) -> str:
        most = asked.throttle_backlog
        if not most or felt.backlog is None or (due := await felt.backlog()) <= most:
            return ""
        return f"{due:,} records wait for their replay, which goes first"

    async def lag(asked: Specification) -> str:
        most = asked.throttle_lag
        if not most or felt.lag is None or (waits := felt.lag()) <= most:
            return ""
        return f"a record has waited {waits:.0f} s for its replay, longer than {most:g}"

    return {"backlog": backlog, "lag": lag}


def _slowing(asked: Specification) -> Reasons:
    """Why work goes no faster, in words."""
    return {
        RATE: f"at most {asked.max_rate:g} records a second were asked for" if asked.max_rate else "",
        "bandwidth": f"at most {asked.bandwidth:,.0f} bytes a second were asked for"
        if asked.bandwidth
        else "",
        "nice": f"rests {asked.nice_ratio:g} times as long as it works" if asked.nice_ratio else "",
    }


def _slow(side: str, lately: Lately, of: Sequence[Histogram], most: float) -> str:
    count, seconds = lately.since(sum(one.count for one in of), sum(one.sum for one in of))
    if not most or not count or seconds / count <= most:
        return ""
    return f"{side} answers in {seconds / count:.2f} s on average, more than {most:g}"
