"""When to ask the secondary, and for how much at once: stops while it fails, probes, and comes back by steps."""

from __future__ import annotations

from vectormigrate.model.errors import VectormigrateError

_OPENS_AFTER = 3
"""Failures in a row."""
_FIRST = 0.5
"""Seconds before the first probe."""


class Breaker:
    """Additive increase, multiplicative decrease of how many requests may be under way; none while it is open."""

    def __init__(self, most: int, longest: float) -> None:
        """`longest` is the longest wait between two probes, in seconds."""
        self._most = most
        self._longest = longest
        self._limit = float(most)
        self.failures = 0
        """In a row."""
        self._closed_at = 0.0
        self.error: VectormigrateError | None = None
        """Why the last request was not answered; None when it was."""

    @property
    def open(self) -> bool:
        """Whether the secondary counts as down."""
        return self.failures >= _OPENS_AFTER

    def room(self, running: int, now: float) -> int:
        """How many requests may be started now, with so many under way."""
        if now < self._closed_at:
            return 0
        return max(0, (1 if self.open else int(self._limit)) - running)

    def wait(self, now: float) -> float:
        """Seconds until there may be room again."""
        return max(0.0, self._closed_at - now)

    def worked(self) -> bool:
        """A request was answered as it should be. Returns whether the secondary was down until now."""
        was = self.open
        self.failures = 0
        self.error = None
        self._limit = min(self._most, self._limit + 1 / max(1.0, self._limit))
        return was

    def failed(self, error: VectormigrateError, now: float) -> bool:
        """A request was not answered, or the secondary cannot work or asks for less. Returns whether it counts as down
        from now on and did not before.
        """
        was = self.open
        self.error = error
        self.failures += 1
        self._limit = max(1.0, self._limit / 2)
        pause = min(self._longest, _FIRST * 2 ** min(self.failures - 1, 16))
        self._closed_at = max(
            self._closed_at, now + max(pause if self.open else 0.0, error.retry_after or 0.0)
        )
        return self.open and not was
