"""What of a live migration only the process that hosts it knows, as a document for people."""

from __future__ import annotations

import msgspec

from vectormigrate.engine.cutover.gate import statuses
from vectormigrate.engine.live import Live
from vectormigrate.engine.online import OnlineConductor
from vectormigrate.engine.validate.shadow import Shadow
from vectormigrate.model.errors import GateRefused
from vectormigrate.model.phase import FINAL, Phase
from vectormigrate.model.status import LiveStatus


async def live_status(
    conductor: OnlineConductor, live: Live | None, shadow: Shadow, again: str = ""
) -> LiveStatus:
    """`again`: what ended the attempt before, when it is tried again by itself. Raises GateRefused as long as there is no plan, and when it is over."""
    if live is None:
        phase = conductor.migration.phase
        why = f"is {phase}" if phase in FINAL else "has no plan yet"
        raise GateRefused(f"the migration {why}: nothing is marked")
    scheduler, ledger = live.scheduler, live.lane.ledger
    found = await conductor.gates()
    debt, _ = await live.counted()
    return LiveStatus(
        conductor.migration.id,
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
        _tried(conductor.migration.phase, again) or conductor.waiting,
    )


def _tried(phase: Phase, again: str) -> str:
    if not again:
        return ""
    if phase is Phase.FAILED:
        return "it is tried again by itself every few seconds"
    return f"trying again; the attempt before ended with: {again}"
