"""The attempts of a live migration: one that was ended by what may pass is made again by itself, and people are told so until it has come further."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from vectormigrate.model.errors import VectormigrateError
from vectormigrate.model.phase import Phase

AGAIN = 10.0
"""Seconds before another attempt."""


class Attempts:
    """Of one migration."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._why = ""
        """What ended the last one, as long as it has not come further; empty when nothing did that may pass."""
        self._due = 0.0
        self._hurried = asyncio.Event()

    @property
    def another(self) -> bool:
        """Whether one is to be made by itself."""
        return bool(self._why)

    def ended(self, error: VectormigrateError) -> None:
        """One was, by this."""
        self._why = error.message if error.retryable else ""
        self._due = self._monotonic() + AGAIN
        self._hurried.clear()

    def came_further(self) -> None:
        """What ended the last one has passed."""
        self._why = ""

    def hurry(self) -> None:
        """Somebody has mended what it was: the next one need not wait."""
        self._hurried.set()

    async def pause(self) -> None:
        """Wait until the next one is due."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._due - self._monotonic()):
                await self._hurried.wait()

    def told(self, phase: Phase) -> str:
        """What is to be said of it while the migration is in a phase; empty when nothing is."""
        if not self._why:
            return ""
        if phase is Phase.FAILED:
            return f"it is tried again by itself in {max(0.0, self._due - self._monotonic()):.0f} s"
        return f"trying again; the attempt before ended with: {self._why}"
