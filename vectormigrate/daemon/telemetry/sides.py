"""What this process asks of a database, counted and timed. Worker processes ask on their own and are not in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from vectormigrate.model.errors import Throttled, VectormigrateError
from vectormigrate.model.measure import Histogram
from vectormigrate.stores.base import Store
from vectormigrate.stores.wrapper import Wrapper

T = TypeVar("T")


@dataclass(slots=True)
class SideTraffic:
    """Requests to one side of a migration."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """How many ended "ok", "refused", "throttled" or "failed"."""
    seconds: Histogram = field(default_factory=Histogram)


class MeasuredStore(Wrapper):
    """A store around a store."""

    def __init__(self, inner: Store, traffic: SideTraffic, now: Callable[[], float]) -> None:
        super().__init__(inner)
        self._traffic = traffic
        self._now = now

    async def _through(
        self, request: Callable[[], Awaitable[T]], *, records: int = 0, repeatable: bool = True
    ) -> T:
        began = self._now()
        outcome = "failed"
        try:
            answer = await request()
            outcome = "ok"
            return answer
        except VectormigrateError as error:
            outcome = _of(error)
            raise
        finally:
            self._traffic.outcomes[outcome] += 1
            self._traffic.seconds.observe(self._now() - began)


def _of(error: VectormigrateError) -> str:
    if isinstance(error, Throttled):
        return "throttled"
    return "failed" if error.retryable else "refused"
