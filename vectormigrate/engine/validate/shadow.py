"""Shadow reads: a share of the application's searches is asked of the secondary as well, and the two answers compared.

Never in the application's way: what does not fit into a few searches at a time is left out and counted. What is kept is
how much the answers overlap, whether they have the common results in the same order, and how long each side took.
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from vectormigrate.model.clock import Clock
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import RecordId
from vectormigrate.stores.base import Store

_AT_ONCE = 4
_KEPT = 1000

Asked = Callable[[], tuple[Query, Sequence[Match]] | None]


@dataclass(frozen=True, slots=True)
class Compared:
    """One search on both sides. `order` is the share of pairs of common results that stand in the same order."""

    overlap: float
    order: float
    primary_seconds: float
    secondary_seconds: float


@dataclass(frozen=True, slots=True)
class ShadowStatus:
    """The last searches together; None where there was none."""

    compared: int
    left_out: int
    failed: int
    overlap: float | None
    order: float | None
    primary_ms: float | None
    """Median."""
    secondary_ms: float | None


class Shadow:
    """Shadow reads of one migration."""

    def __init__(
        self,
        secondary: Callable[[], Store],
        clock: Clock,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        """`spawn` runs a search beside everything else."""
        self._secondary = secondary
        self._clock = clock
        self._spawn = spawn
        self._last: deque[Compared] = deque(maxlen=_KEPT)
        self._running = 0
        self._compared = 0
        self._left_out = 0
        self._failed = 0

    def observe(self, collection: str, seconds: float, found: Asked) -> None:
        """The primary answered a search in so many seconds; compare it, if there is room."""
        if self._running >= _AT_ONCE:
            self._left_out += 1
            return
        self._running += 1
        self._spawn(self._compare(collection, seconds, found))

    async def _compare(self, collection: str, seconds: float, found: Asked) -> None:
        try:
            asked = found()
            if asked is None:
                self._left_out += 1
                return
            query, primary = asked
            began = self._clock.monotonic()
            secondary = await self._secondary().query(collection, query)
            took = self._clock.monotonic() - began
            here, there = [match.id for match in primary], [match.id for match in secondary]
            self._last.append(Compared(overlap(here, there), same_order(here, there), seconds, took))
            self._compared += 1
        except Exception:  # noqa: BLE001 whatever it is, nobody waits for this, and the daemon goes on
            self._failed += 1
        finally:
            self._running -= 1

    def overlap(self) -> float | None:
        """Mean overlap of the last searches; None when there was none."""
        return statistics.fmean(one.overlap for one in self._last) if self._last else None

    def forget(self) -> None:
        """The roles are swapped: it begins anew."""
        self._last.clear()
        self._compared = self._left_out = self._failed = 0

    def status(self) -> ShadowStatus:
        """Everything that is known."""
        if not self._last:
            return ShadowStatus(self._compared, self._left_out, self._failed, None, None, None, None)
        return ShadowStatus(
            self._compared,
            self._left_out,
            self._failed,
            self.overlap(),
            statistics.fmean(one.order for one in self._last),
            statistics.median(one.primary_seconds for one in self._last) * 1000,
            statistics.median(one.secondary_seconds for one in self._last) * 1000,
        )


def overlap(here: Sequence[RecordId], there: Sequence[RecordId]) -> float:
    """Share of the longer answer that both have; 1 for two empty ones."""
    longest = max(len(here), len(there))
    return len(set(here) & set(there)) / longest if longest else 1.0


def same_order(here: Sequence[RecordId], there: Sequence[RecordId]) -> float:
    """Share of the pairs of common results that stand in the same order; 1 when there is no pair."""
    place = {one: rank for rank, one in enumerate(there)}
    common = [place[one] for one in here if one in place]
    pairs = len(common) * (len(common) - 1) // 2
    if not pairs:
        return 1.0
    kept = sum(
        common[first] < common[second]
        for first in range(len(common))
        for second in range(first + 1, len(common))
    )
    return kept / pairs
