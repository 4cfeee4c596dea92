"""A store around a store that holds back: so many records a second, so many requests at once.

A write pays before it goes, a read when it is known how much it brought; either may run the bucket into debt,
and whoever comes next waits until it is paid. So a page larger than a second's worth is slow, never stuck.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TypeVar

from vectormigrate.model.batch import Batch
from vectormigrate.model.record import RecordId

from .base import Content, Page, Range, Store
from .wrapper import Wrapper

T = TypeVar("T")


class Bucket:
    """Tokens that come at a rate: `take` waits until those taken are paid for, first come first served."""

    def __init__(
        self,
        rate: float,
        *,
        burst: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`rate` in tokens a second, above 0; at most `burst` (default: a tenth of a second's worth) are saved up."""
        self._rate = rate
        self._burst = rate / 10 if burst is None else burst
        self._clock = clock
        self._sleep = sleep
        self._tokens = self._burst
        self._at = clock()

    async def take(self, tokens: int) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate) - tokens
        self._at = now
        if self._tokens < 0:
            try:
                await self._sleep(-self._tokens / self._rate)
            except asyncio.CancelledError:
                self._tokens += tokens  # what is not done is not paid for
                raise


class RateLimitedStore(Wrapper):
    """Keeps to `records_per_second` and `concurrency`; 0 means no limit of that kind."""

    def __init__(
        self,
        inner: Store,
        *,
        records_per_second: float = 0.0,
        concurrency: int = 0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(inner)
        self._bucket = Bucket(records_per_second, clock=clock, sleep=sleep) if records_per_second else None
        self._seats = asyncio.Semaphore(concurrency) if concurrency else None

    async def _through(
        self, request: Callable[[], Awaitable[T]], *, records: int = 0, repeatable: bool = True
    ) -> T:
        await self._pay(records)
        if self._seats is None:
            return await request()
        async with self._seats:
            return await request()

    async def _pay(self, records: int) -> None:
        if self._bucket is not None and records:
            await self._bucket.take(records)

    async def scan(
        self, collection: str, span: Range, *, limit: int | None = None, content: Content = Content.FULL
    ) -> AsyncGenerator[Page, None]:
        pages = super().scan(collection, span, limit=limit, content=content)
        async with aclosing(pages):
            async for page in pages:
                await self._pay(len(page.batch))
                yield page

    async def fetch(
        self, collection: str, ids: Sequence[RecordId], *, content: Content = Content.FULL
    ) -> Batch:
        batch = await super().fetch(collection, ids, content=content)
        await self._pay(len(batch))
        return batch
