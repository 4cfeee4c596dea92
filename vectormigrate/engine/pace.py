"""How fast background work may go: a token bucket of records, and batch sizes that follow the target's latency."""

from __future__ import annotations

import asyncio

from vectormigrate.model.clock import Clock


class Pace:
    """At most `rate` records a second on average, with a burst of a quarter of a second; 0 is no limit."""

    def __init__(self, rate: float, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._ready_at = clock.monotonic()

    async def take(self, records: int) -> None:
        """Wait until so many records may be sent."""
        if self._rate <= 0:
            return
        now = self._clock.monotonic()
        start = max(self._ready_at, now - 0.25)
        self._ready_at = start + records / self._rate
        if start > now:
            await asyncio.sleep(start - now)


class BatchSize:
    """Records a write: at most `most`, fewer where records are large or the target answers slowly.

    A write should hold at most `size_limit` bytes and take at most `latency` seconds. It halves at once when a write
    takes longer and grows by doubling after fast ones, so that a slow target gets small requests and not timeouts.
    """

    def __init__(self, most: int, *, size_limit: int, latency: float = 2.0) -> None:
        self._most = most
        self._size_limit = size_limit
        self._latency = latency
        self._allowed = most

    def records(self, bytes_each: float) -> int:
        """How many records of this size to send next."""
        return max(1, min(self._allowed, int(self._size_limit / max(bytes_each, 1.0))))

    def wrote(self, records: int, seconds: float) -> None:
        """Learn from one write."""
        if seconds > self._latency:
            self._allowed = max(1, records // 2)
        elif seconds < self._latency / 4 and self._allowed < self._most:
            self._allowed = min(self._most, self._allowed * 2)
