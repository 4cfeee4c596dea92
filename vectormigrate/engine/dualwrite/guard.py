"""The delete guard: an absence that nobody asked for is a shard that is away until it is seen twice, and never at large."""

from __future__ import annotations

from collections import deque

_WINDOW = 1000
_LEAST = 50
"""Replays before a share says anything."""


class DeleteGuard:
    """Counts how many of the last replays found an absence that no acknowledged delete and no scope intent explains."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._last: deque[bool] = deque(maxlen=_WINDOW)
        self._strange = 0

    def saw(self, *, strange: bool) -> None:
        """One replay read its record, or found it strangely absent."""
        if len(self._last) == _WINDOW:
            self._strange -= self._last[0]
        self._last.append(strange)
        self._strange += strange

    @property
    def tripped(self) -> bool:
        """Whether no strange absence is believed at all."""
        return len(self._last) >= _LEAST and self._strange > self._share * len(self._last)

    def reset(self) -> None:
        """Somebody looked and says that it is true."""
        self._last.clear()
        self._strange = 0
