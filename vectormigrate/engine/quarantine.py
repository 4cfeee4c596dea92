"""How long a request that nobody answered may still land: the zombies, and the wait for them to be over.

Counted on this process' own clock, from the moment it learned of them. Until the wait is over no mark is paid and
nothing is judged; how long it is, is the migration's setting (T_z), unless the target store can say that none is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from vectormigrate.model.clock import Clock
from vectormigrate.model.events import Event, Warned
from vectormigrate.state import journal
from vectormigrate.state.database import Database
from vectormigrate.state.sessions import Session
from vectormigrate.stores.base import Store


class Quarantine:
    """The unanswered requests of one migration, as far as this process can know of them."""

    def __init__(
        self,
        database: Database,
        session: Session,
        migration_id: str,
        target: Store,
        clock: Clock,
        on_event: Callable[[Event], None],
        *,
        seconds: float,
    ) -> None:
        self._database = database
        self._session = session
        self._id = migration_id
        self._target = target
        self._clock = clock
        self._on_event = on_event
        self._seconds = seconds
        self._over_at = clock.monotonic()

    async def settle(self) -> None:
        """Look for requests of dead processes: they may land until the store says that none can.

        The session before may have been another verb's, and clean: what stands in the journal tells of those before.
        """
        known = self._database.read(lambda tx: journal.strays(tx, self._id))
        if (known or not self._session.clean_before) and await self._target.settle() > 0:
            self.begin()

    def begin(self) -> None:
        """A request was given up without an answer just now."""
        self._over_at = max(self._over_at, self._clock.monotonic() + self._seconds)

    @property
    def left(self) -> float:
        """Seconds until it is over; nothing or less when it is."""
        return self._over_at - self._clock.monotonic()

    async def wait(self, stopping: asyncio.Event) -> None:
        """Return when it is over, with the pages that stood marked as lapsed; or when asked to stop, without."""
        if (wait := self.left) > 0:
            self._on_event(Warned(self._id, waiting(wait)))
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await stopping.wait()
        if not stopping.is_set():
            await self._database.write(lambda tx: journal.lapse(tx, self._id))


def waiting(seconds: float) -> str:
    """What a person is told meanwhile."""
    return f"waiting {seconds:.0f} s until no unanswered request can still reach the target (--quarantine)"
