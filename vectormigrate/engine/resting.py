"""A pause of a migration that nothing runs: a row of the state file, without its stores. What runs is stopped first."""

from __future__ import annotations

from collections.abc import Callable

from vectormigrate.model.clock import Clock
from vectormigrate.model.events import Event, PhaseChanged
from vectormigrate.model.phase import RESTING, Phase
from vectormigrate.state import migrations
from vectormigrate.state.database import Database


async def rest(
    database: Database, migration_id: str, clock: Clock, on_event: Callable[[Event], None]
) -> None:
    """Pause it, unless it rests. Raises IllegalTransition when there is nothing left to rest from."""
    phase = database.read(lambda tx: migrations.get(tx, migration_id)).phase
    if phase in RESTING:
        return
    at = clock.now().isoformat()
    await database.write(lambda tx: migrations.move(tx, migration_id, phase, Phase.PAUSED, at=at))
    on_event(PhaseChanged(migration_id, phase, Phase.PAUSED))
