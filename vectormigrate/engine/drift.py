"""Whether two counts that should agree keep disagreeing: the cheapest sign of writes that came past us."""

from __future__ import annotations

from vectormigrate.model.clock import Clock

_EVERY = 300.0
"""Seconds between two looks."""
_SOON = 5.0
"""Seconds before a difference is looked at again."""


class Drift:
    """When to look, and when a difference is believed: when it is the same at two looks in a row."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at = clock.monotonic() + _SOON
        self._seen: tuple[int, int] | None = None

    def due(self) -> bool:
        """Whether it is time to look; asked and answered yes, the next time is later."""
        if self._clock.monotonic() < self._at:
            return False
        self._at = self._clock.monotonic() + (_SOON if self._seen else _EVERY)
        return True

    def differ(self, here: int, there: int) -> bool:
        """Whether these counts, taken while nothing was written or owed, say that something is wrong."""
        if here == there:
            self._seen = None
            return False
        believed = self._seen == (here, there)
        self._seen = None if believed else (here, there)
        if not believed:
            self._at = self._clock.monotonic() + _SOON
        return believed
