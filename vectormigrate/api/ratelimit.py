"""How often somebody may ask: a bucket of tokens each, of at most so many somebodies, forgotten when they are gone.

Whoever was longest away is forgotten first, so that no number of addresses takes more memory than the table has room for;
one who is forgotten starts with a full bucket, which is also what an idle one has.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MOST = 10_000
IDLE = 180.0
"""Seconds after which somebody is forgotten."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float
    refused: int = 0
    """Since the last that was let through."""


class Limiter:
    """So many requests a minute each, and so many at once."""

    def __init__(
        self, per_minute: float, burst: int, monotonic: Callable[[], float], most: int = MOST
    ) -> None:
        self._rate = per_minute / 60
        self._burst = float(burst)
        self._monotonic = monotonic
        self._most = most
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    @property
    def at_once(self) -> int:
        """What one may ask at most at a time, however long nothing was asked before."""
        return int(self._burst)

    def wait(self, name: str, count: int = 1) -> float:
        """Seconds until this one may ask for so many at once; 0 now. Takes nothing."""
        bucket = self._buckets.get(name)
        if bucket is None:
            return 0.0
        tokens = self._filled(bucket, self._monotonic())
        return 0.0 if tokens >= count else (count - tokens) / self._rate

    def take(self, name: str, count: int = 1) -> float:
        """Ask for so many at once: 0 when this one may, otherwise the seconds until then, and nothing is taken."""
        now = self._monotonic()
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(self._burst, now)
        self._buckets.move_to_end(name)
        self._forget(now)
        bucket.tokens, bucket.at = self._filled(bucket, now), now
        if bucket.tokens < count:
            bucket.refused += 1
            return (count - bucket.tokens) / self._rate
        bucket.tokens -= count
        bucket.refused = 0
        return 0.0

    def refused(self, name: str) -> int:
        """How often in a row this one was turned away."""
        bucket = self._buckets.get(name)
        return bucket.refused if bucket else 0

    def _filled(self, bucket: _Bucket, now: float) -> float:
        return min(self._burst, bucket.tokens + (now - bucket.at) * self._rate)

    def _forget(self, now: float) -> None:
        while len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        while self._buckets:
            name, oldest = next(iter(self._buckets.items()))
            if now - oldest.at < IDLE:
                return
            del self._buckets[name]
