"""What is counted and timed while it happens: plain numbers, read by whoever exports them.

No names, no labels and no exporter here: a room that does the work keeps one of these and adds to it, at a cost of a few
hundred nanoseconds; the daemon's telemetry gives it a name. Adding is for one thread; reading from another may be one
observation behind.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Bounds for how long something took, from a mark in memory to a request that timed out."""
SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)
"""Bounds for how much was done at once."""


class Histogram:
    """How often a value was at most each of some bounds, and the sum of all values."""

    __slots__ = ("_bounds", "_counts", "exemplars", "sum")

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        """`bounds` ascend; what is greater than the last is counted as well."""
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self.sum = 0.0
        self.exemplars: dict[int, tuple[str, float]] = {}
        """The last value that was traced, and its trace, by the number of its bound."""

    def observe(self, value: float, trace: str = "") -> None:
        """Count one value, of something that has this trace if it has one."""
        at = bisect_left(self._bounds, value)
        self._counts[at] += 1
        self.sum += value
        if trace:
            self.exemplars[at] = trace, value

    @property
    def count(self) -> int:
        """Values so far."""
        return sum(self._counts)

    def cumulative(self) -> list[tuple[float, int]]:
        """(bound, values that are not greater), the last bound being infinity."""
        return list(zip((*self._bounds, float("inf")), accumulate(self._counts), strict=True))

    def quantile(self, share: float) -> float | None:
        """The bound below which this share of the values lies; None when there are none. Infinity: beyond the last one."""
        total = self.count
        if not total:
            return None
        return next(bound for bound, seen in self.cumulative() if seen >= share * total)
