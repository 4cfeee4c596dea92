"""Marks from a source that notes its own changes: the place of the proxy where there is none.

Changes are told after their commit and until they are acknowledged, and acknowledged only when they are marked: a kill in
between tells them again. What the source cannot name (a truncation, a gap in its log) is owed: both sides are compared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from vectormigrate.model.errors import StateError, StoreError
from vectormigrate.model.events import Event, Warned
from vectormigrate.stores.capture import Capture

from .lane import Lane

_LIMIT = 5_000
"""Changes of one poll."""
_IDLE = 0.1
"""Seconds between two polls when there is nothing."""
_TROUBLED = 2.0


class Intake:
    """The captured changes of one migration."""

    def __init__(
        self, migration_id: str, capture: Capture, lane: Lane, on_event: Callable[[Event], None]
    ) -> None:
        self._id = migration_id
        self._capture = capture
        self._lane = lane
        self._on_event = on_event
        self._stopped = asyncio.Event()
        self.behind = True
        """Changes may wait that are not marked."""
        self.trouble = ""
        """Why changes are not read now; empty when they are."""

    def stop(self) -> None:
        """End `run` behind the changes under way."""
        self._stopped.set()

    async def problems(self) -> list[str]:
        """Why changes may pass unseen; empty when none can."""
        return await self._capture.check()

    async def lag(self) -> float | None:
        """Age in seconds of the oldest change that is not marked; None when that is not known."""
        return await self._capture.lag()

    async def run(self) -> None:
        """Mark changes until stopped; trouble is waited out. Gives the capture back, so that it can be removed then."""
        while not self._stopped.is_set():
            try:
                some = await self._take()
                self.trouble = ""
            except (StoreError, StateError) as error:
                some, self.behind = False, True
                if not self.trouble:
                    self._on_event(Warned(self._id, f"changes of the source are not read: {error.message}"))
                self.trouble = error.message
            if not some:
                await self._rest(_TROUBLED if self.trouble else _IDLE)
        await self._capture.close()

    async def _take(self) -> bool:
        changes = await self._capture.poll(_LIMIT)
        if changes is None:
            self.behind = False
            return False
        self.behind = True
        await self._lane.note(changes.ids, everything=changes.everything)
        await self._capture.acknowledge(changes.position)
        return not changes.everything  # which it says again for as long as it is troubled

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            return
