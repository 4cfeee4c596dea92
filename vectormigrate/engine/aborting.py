"""The end of a migration that put nothing into its target. Neither store is touched, so it works where one of them is gone, or
its credentials are wrong; an empty collection that preflight made stays where it is.
"""

from __future__ import annotations

from collections.abc import Callable

from vectormigrate.model.clock import Clock
from vectormigrate.model.errors import GateRefused
from vectormigrate.model.events import Event, PhaseChanged
from vectormigrate.model.phase import TRANSITIONS, Phase
from vectormigrate.state import migrations, views, written
from vectormigrate.state.database import Database, Transaction

REASON = "nothing was put into the target"
_OVER = (Phase.ROLLED_BACK, Phase.ABORTED)


def check(tx: Transaction, migration_id: str) -> dict[str, Phase]:
    """What would be ended, and where each is: the migration, or its parts; nothing of one that is over. Raises GateRefused where
    anything may be in the target, UnknownMigration.
    """
    ids = [part.id for part in views.parts(tx, migration_id)] or [migration_id]
    held = [migrations.get(tx, one) for one in ids]
    going = [one for one in held if one.phase not in _OVER]
    for one in going:
        if written.anything(tx, one.id, one.phase, one.resume_phase):
            if one.phase is Phase.COMMITTED:
                raise GateRefused(f"migration {one.id!r} is committed: that is its end")
            raise GateRefused(
                f"migration {one.id!r} may have put something into its target: it cannot be aborted",
                hint=f"`vectormigrate rollback {migration_id}` takes it out; of one that was cut over, behind a `revert`",
            )
        if Phase.ABORTED not in TRANSITIONS[one.phase]:
            raise GateRefused(
                f"migration {one.id!r} is in phase {one.phase}: it cannot be aborted",
                hint=f"`vectormigrate pause {migration_id}` first",
            )
    return {one.id: one.phase for one in going}


async def abort(
    database: Database,
    migration_id: str,
    clock: Clock,
    on_event: Callable[[Event], None],
    *,
    dry_run: bool,
) -> None:
    """End a migration that nothing runs, with all its parts or not at all. Raises as `check` does."""
    if dry_run:
        database.read(lambda tx: check(tx, migration_id))
        return
    at = clock.now().isoformat()

    def end(tx: Transaction) -> dict[str, Phase]:
        going = check(tx, migration_id)
        for one, phase in going.items():
            migrations.move(tx, one, phase, Phase.ABORTED, at=at, reason=REASON)
        return going

    for one, phase in (await database.write(end)).items():
        on_event(PhaseChanged(one, phase, Phase.ABORTED, REASON))
