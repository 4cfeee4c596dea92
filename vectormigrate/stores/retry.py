"""A store around a store that tries again: only what may succeed later, and only what may be done twice.

`create` and `insert` are repeated when the error says that nothing was applied, and not when nobody knows: the
second answer would be about the first attempt's effect. A scan goes on behind the last page it gave.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from vectormigrate.model.errors import Unresolved, VectormigrateError

from .base import Store
from .wrapper import Wrapper

T = TypeVar("T")

OnRetry: TypeAlias = Callable[[int, float, VectormigrateError], None]
"""Told before each wait: the number of the attempt that failed, seconds to wait, and why."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long. The wait before attempt n + 1 is drawn between half and all of `base * 2 ** (n - 1)`."""

    attempts: int = 4
    """Attempts of one request, the first included."""
    base: float = 0.5
    """Seconds."""
    longest: float = 30.0
    """Seconds that no wait exceeds, unless the store asked for more."""


class RetryStore(Wrapper):
    """Repeats requests that failed for a reason that may pass; a Retry-After is the least that it waits."""

    def __init__(
        self,
        inner: Store,
        policy: RetryPolicy | None = None,
        *,
        on_retry: OnRetry | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: random.Random | None = None,
    ) -> None:
        super().__init__(inner)
        self._policy = policy or RetryPolicy()
        self._on_retry = on_retry
        self._sleep = sleep
        self._chance = chance or random.Random()  # noqa: S311 spreads load, hides nothing

    async def _through(
        self, request: Callable[[], Awaitable[T]], *, records: int = 0, repeatable: bool = True
    ) -> T:
        def worth_it(error: BaseException) -> bool:
            return (
                isinstance(error, VectormigrateError)
                and error.retryable
                and (repeatable or not isinstance(error, Unresolved))
            )

        async def attempt() -> T:  # tenacity awaits only what is declared as a coroutine
            return await request()

        attempts = AsyncRetrying(
            sleep=self._sleep,
            stop=stop_after_attempt(self._policy.attempts),
            wait=self._wait,
            retry=retry_if_exception(worth_it),
            before_sleep=self._tell,
            reraise=True,
        )
        return await attempts(attempt)

    def _wait(self, state: RetryCallState) -> float:
        error = _error(state)
        ceiling = min(self._policy.base * 2.0 ** (state.attempt_number - 1), self._policy.longest)
        return max(self._chance.uniform(ceiling / 2, ceiling), error.retry_after or 0.0)

    def _tell(self, state: RetryCallState) -> None:
        if self._on_retry is not None:
            self._on_retry(state.attempt_number, state.upcoming_sleep, _error(state))


def _error(state: RetryCallState) -> VectormigrateError:
    error = state.outcome.exception() if state.outcome is not None else None
    if not isinstance(error, VectormigrateError):
        raise TypeError(f"retrying after {error!r}")  # worth_it lets nothing else through
    return error
