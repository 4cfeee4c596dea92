"""How fast background work may go: a token bucket of records, and batch sizes that follow the target's latency."""

from __future__ import annotations

from collections.abc import Callable

from vectormigrate.model.clock import Clock

_BURST = 0.25
"""Seconds' worth that may be saved up."""
_LOOK = 0.5
"""Seconds between two looks at whether the rate is another by now."""
_YIELD = 0.05
"""Seconds between two looks at whether those who go first have taken."""


class Pace:
    """At most `rate` records a second on average, 0 being no limit, for all who draw from it: one bucket.

    Whoever draws goes when what was drawn before is paid for, and runs the bucket into debt by what it takes; so one draw
    that is larger than a second's worth is slow, never stuck. Replays draw first (`wait`, `spend`): as long as one of them
    is due, background work (`turn`) lets it. The rate may be changed while somebody waits, and is obeyed within half a second.
    """

    def __init__(self, rate: float, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._at = clock.monotonic()
        self._taken = 0.0
        self._earned = 0.0
        self.first: Callable[[], bool] = lambda: False
        """Whether somebody who goes first is waiting for it."""

    def change(self, rate: float) -> None:
        """Go at another rate from now on."""
        self._earn()
        self._rate = rate

    def wait(self) -> float:
        """Seconds until what was drawn is paid for; 0 is now."""
        owed = self._taken - self._earn()
        return owed / self._rate if owed > 0 and self._rate > 0 else 0.0

    def spend(self, records: int) -> None:
        """Draw, without waiting."""
        self._earn()
        self._taken += records

    def turn(self) -> float:
        """The same for background work: seconds until it is worth to ask again, 0 being its turn now."""
        if self._rate <= 0:
            return 0.0
        return min(self.wait() or (_YIELD if self.first() else 0.0), _LOOK)

    def _earn(self) -> float:
        """What was paid for by now."""
        now = self._clock.monotonic()
        if self._rate > 0:
            most = self._taken + self._rate * _BURST
            self._earned = min(self._earned + self._rate * (now - self._at), most)
        else:
            self._earned = self._taken
        self._at = now
        return self._earned


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
