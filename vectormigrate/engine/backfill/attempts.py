"""Attempts of one write: exponential back-off with jitter, the vendor's Retry-After honoured, and a memory of
attempts that were never answered.

Beside the retrying store wrapper and not through it: a page may only be closed when every *attempt* was answered
(P6), and only the caller that sees each attempt can know.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from vectormigrate.model.clock import Clock
from vectormigrate.model.errors import Unresolved, VectormigrateError

T = TypeVar("T")

_BACKOFF = wait_random_exponential(multiplier=0.2, max=30)


class Outcome(Protocol):
    """Where an unanswered attempt is noted."""

    unresolved: bool


class Attempts:
    """Runs calls, each at most `1 + max_retries` times."""

    def __init__(self, max_retries: int, clock: Clock) -> None:
        self._max_retries = max_retries
        self._clock = clock

    async def run(
        self,
        call: Callable[[], Awaitable[T]],
        retried: Callable[[int, float, VectormigrateError], Awaitable[None]],
        outcome: Outcome,
    ) -> T:
        """The call's result. Raises its last error when it is terminal or the attempts are used up."""

        async def attempt() -> T:
            try:
                return await call()
            except Unresolved:
                outcome.unresolved = True
                raise

        async def before_sleep(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            assert isinstance(error, VectormigrateError)
            wait = state.next_action.sleep if state.next_action else 0.0
            await retried(state.attempt_number, wait, error)

        retrying = AsyncRetrying(
            retry=retry_if_exception(_retryable),
            stop=stop_after_attempt(1 + self._max_retries),
            wait=_wait,
            before_sleep=before_sleep,
            reraise=True,
        )
        result: T = await retrying(attempt)
        return result


def _retryable(error: BaseException) -> bool:
    return isinstance(error, VectormigrateError) and error.retryable


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, VectormigrateError) and error.retry_after is not None:
        return error.retry_after
    return _BACKOFF(state)
