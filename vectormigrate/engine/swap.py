"""One attempt to swap the roles of a migration: its phases around the switch, and the transaction with the bit.

The conductor's own act, for the bit and the phase change together. What is owed is paid down first, while writes go on; only
then are they held. Whatever ends an attempt before the bit leaves the phase that it began in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

from vectormigrate.model.clock import Clock
from vectormigrate.model.errors import GateRefused, StateError
from vectormigrate.model.phase import Phase
from vectormigrate.model.points import reached
from vectormigrate.state import journal, migrations, roles, scopes
from vectormigrate.state.database import Database, Transaction

from .cutover.switch import Switch
from .live import Live


class Swap:
    """From the phase `before` to the one `after`."""

    def __init__(
        self,
        database: Database,
        migration_id: str,
        live: Live,
        clock: Clock,
        move: Callable[[Phase, Phase, str], Awaitable[None]],
        before: Phase,
        after: Phase,
    ) -> None:
        """`move` writes a phase and what follows from it."""
        self._database = database
        self._id = migration_id
        self._live = live
        self._clock = clock
        self._move = move
        self._before = before
        self._after = after

    async def run(self) -> float:
        """Swap; the seconds for which writes were held. Raises GateRefused when it could not be done in time, or what the
        sides answer; nothing has changed then.
        """
        live, lane = self._live, self._live.lane
        await self._move(self._before, Phase.CUTTING_OVER, "")
        reached("swap.begun")
        if not await live.low(within=live.terms.hold_seconds):
            await self._move(Phase.CUTTING_OVER, self._before, "what was owed could not be paid in time")
            raise GateRefused(
                "what is owed does not become little enough to hold writes for: nothing was changed"
            )
        switch = Switch(
            lane.fence,
            lane.primary,
            lane.secondary,
            lane.ends.collection,
            lambda seconds: live.settled(within=seconds),
            live.recent,
            self._clock,
            hold=live.terms.hold_seconds,
            drain=live.guards.drain,
        )
        try:
            return await switch.run(self._commit_bit)
        except BaseException:
            if self._phase() is Phase.CUTTING_OVER:
                await self._move(Phase.CUTTING_OVER, self._before, "the swap was given up")
            raise

    def _phase(self) -> Phase:
        return self._database.read(lambda tx: migrations.get(tx, self._id)).phase

    async def _commit_bit(self) -> None:
        live, role, at = self._live, self._live.lane.role, self._clock.now().isoformat()

        def swap(tx: Transaction) -> None:
            # What was settled a moment ago may be owed again: a refusal, a request of unknown extent, a full disk.
            owed = live.gap_stands or journal.debt(tx, self._id) or scopes.standing(tx, self._id)
            if owed and live.guards.drain:
                raise GateRefused("something is owed by now that no drain pays: nothing was changed")
            roles.swap(tx, self._id, role)
            migrations.move(tx, self._id, Phase.CUTTING_OVER, self._after, at=at)

        try:
            await self._database.write(swap)
        finally:
            # Whatever became of this wait, the file says who is the primary, and writes are let go only to that one. What
            # is asked of the writer now is answered behind the swap.
            with suppress(StateError):
                await self._database.write(lambda tx: None)
            live.lane.role = self._database.read(lambda tx: roles.get(tx, self._id))
        reached("swap.turned")
        live.turned()
        live.follow(self._phase())
