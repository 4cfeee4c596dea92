"""Milvus' hybrid timestamps, as its timestamp oracle gives them: never the same twice, never back.

The upper bits are milliseconds since 1970, the lower eighteen count within one. Clients send the stamp of their last write
with their next read; and ids that the server makes are such stamps too.
"""

from __future__ import annotations

from vectormigrate.model.clock import Clock

_LOGICAL_BITS = 18


class Stamps:
    """One oracle."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def take(self, count: int = 1) -> int:
        """The first of so many stamps in a row, all above every one before."""
        now = int(self._clock.now().timestamp() * 1000) << _LOGICAL_BITS
        first = max(now, self._last + 1)
        self._last = first + count - 1
        return first
