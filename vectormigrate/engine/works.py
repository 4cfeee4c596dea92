"""What of one migration is under way in this process: its copy, and at most one comparison, so that a stop reaches both.

Comparisons take turns, whoever asks for them: they share what the state file keeps of their findings, and one that began
while another looks would make it forget what it found, and call a pair clean that is not. What a copy or a comparison is,
its coordinator says.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from .backfill.coordinator import CopyCoordinator
from .throttle import Throttle
from .validate.run import Validation


class Works:
    """Of one conductor."""

    def __init__(self, throttle: Throttle, stopping: Callable[[], bool]) -> None:
        """All of it keeps to `throttle`; what begins while `stopping` says so, ends at once."""
        self._throttle = throttle
        self._stopping = stopping
        self._running: list[CopyCoordinator | Validation] = []
        self._turn = asyncio.Lock()

    def stop(self) -> None:
        """Have everything end behind its present batches."""
        for one in self._running:
            one.stop()

    def stop_copy(self) -> None:
        """Have the copy end behind its present batches, and a comparison go on."""
        for one in self._running:
            if isinstance(one, CopyCoordinator):
                one.stop()

    @property
    def comparing(self) -> bool:
        """Whether somebody compares now."""
        return self._turn.locked()

    @asynccontextmanager
    async def copying(self, coordinator: CopyCoordinator) -> AsyncIterator[None]:
        """A copy runs inside."""
        async with self._under_way(coordinator):
            yield

    @asynccontextmanager
    async def compare(self, validation: Validation) -> AsyncIterator[None]:
        """A comparison runs inside, and what is made of its findings; entered when the one before has ended."""
        async with self._turn, self._under_way(validation):
            yield

    @asynccontextmanager
    async def _under_way(self, work: CopyCoordinator | Validation) -> AsyncIterator[None]:
        work.throttle = self._throttle
        self._running.append(work)
        if self._stopping():
            work.stop()
        try:
            yield
        finally:
            self._running.remove(work)
            if not self._running:
                await self._throttle.release()
