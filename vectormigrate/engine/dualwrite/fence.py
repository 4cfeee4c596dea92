"""Where writes wait while the roles are swapped, before anything is noted of them; and the count of those behind it.

A write is behind the fence from when it enters until it leaves: a swap waits for the last of them. How many may wait, how
large and for how long is bounded; a write that finds no room, or waited too long, is told to come again.
"""

from __future__ import annotations

import asyncio

from vectormigrate.model.errors import StoreDown

from .terms import Guards, Terms


class Fence:
    """The fence of one collection. Open when made."""

    def __init__(self, collection: str, terms: Terms, guards: Guards) -> None:
        self._collection = collection
        self._terms = terms
        self._guards = guards
        self._opened = asyncio.Event()
        self._opened.set()
        self._held = 0
        self._held_bytes = 0
        self.entered = 0
        """Writes behind it."""
        self.drained = asyncio.Event()
        """Set while there are none."""
        self.drained.set()

    @property
    def closed(self) -> bool:
        """Whether writes that come now are held."""
        return not self._opened.is_set()

    def close(self) -> None:
        """Hold writes that come from now on."""
        if self._guards.fence:
            self._opened.clear()

    def open(self) -> None:
        """Let them go."""
        self._opened.set()

    async def enter(self, size: int) -> None:
        """Wait until it is open; then a write counts as behind it until `leave`. `size` in bytes.

        Raises StoreDown, with when to come again, if there is no room to wait or it takes too long.
        """
        while self.closed:  # it may have been closed again before we woke
            await self._wait(size)
        self.entered += 1
        self.drained.clear()

    def leave(self) -> None:
        """It ended, or never left."""
        self.entered -= 1
        if not self.entered:
            self.drained.set()

    async def _wait(self, size: int) -> None:
        if self._held >= self._terms.hold_requests or self._held_bytes + size > self._terms.hold_bytes:
            raise self._sent_away()
        self._held += 1
        self._held_bytes += size
        try:
            async with asyncio.timeout(self._terms.hold_seconds):
                await self._opened.wait()
        except TimeoutError:
            raise self._sent_away() from None
        finally:
            self._held -= 1
            self._held_bytes -= size

    def _sent_away(self) -> StoreDown:
        return StoreDown(
            "a cutover holds writes", collection=self._collection, hint="send it again", retry_after=1.0
        )
