"""What of a live migration only the process that hosts it knows, as a document for people."""

from __future__ import annotations

import msgspec

from vectormigrate.engine.cutover.gate import statuses
from vectormigrate.engine.live import Live
from vectormigrate.engine.online import OnlineConductor
from vectormigrate.engine.validate.shadow import Shadow
from vectormigrate.model.errors import GateRefused
from vectormigrate.model.phase import FINAL
from vectormigrate.model.status import GateStatus, LiveStatus


async def live_status(
    conductor: OnlineConductor, live: Live | None, shadow: Shadow, tried: str = ""
) -> LiveStatus:
    """`tried`: what is to be said of attempts that failed. Raises GateRefused when it is over."""
    migration = conductor.migration
    if live is None:
        return _unplanned(conductor, tried)
    scheduler, ledger = live.scheduler, live.lane.ledger
    found = await conductor.gates() if migration.phase not in FINAL else ()  # there is no next swap
    debt, _ = await live.counted()
    return LiveStatus(
        migration.id,
        live.lane.role.primary.value,
        live.lane.read_share,
        debt,
        live.lag(),
        ledger.in_flight,
        ledger.unresolved,
        live.gap,
        live.scopes.owed,
        scheduler.breaker.error.message if scheduler.breaker.open and scheduler.breaker.error else "",
        msgspec.to_builtins(scheduler.tally),
        msgspec.to_builtins(shadow.status()),
        statuses(found),
        tried or conductor.waiting,
    )


def _unplanned(conductor: OnlineConductor, waiting: str) -> LiveStatus:
    """Nothing is marked yet, so nothing is owed; what it takes for there to be a plan is the one condition."""
    migration = conductor.migration
    if migration.phase in FINAL:
        raise GateRefused(f"the migration is {migration.phase}: nothing is marked")
    why = f"there is none yet: {migration.error or f'the phase is {migration.phase}'}"
    return LiveStatus(
        migration.id,
        "source",
        reads=0.0,
        debt=0,
        lag_seconds=0.0,
        in_flight=0,
        unresolved=False,
        gap=False,
        scopes=0,
        secondary_down="",
        replays={},
        shadow={},
        gates=(GateStatus("plan", open=False, reason=why),),
        waiting=waiting,
    )
