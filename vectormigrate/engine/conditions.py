"""What the gates of a swap go by, measured: one look at a live migration, in whichever direction it is to be swapped."""

from __future__ import annotations

from collections.abc import Sequence

from vectormigrate.model.clock import Clock
from vectormigrate.model.inverse import obstacles
from vectormigrate.model.mapping import MappingPlan
from vectormigrate.state import checkpoints, findings, journal
from vectormigrate.state.database import Database
from vectormigrate.state.roles import Side

from .cutover.gate import Conditions
from .live import Live

_UNNOTED = "nobody notes what is written to the target once the application uses it"


async def measure(
    database: Database,
    migration_id: str,
    live: Live,
    plan: MappingPlan,
    clock: Clock,
    *,
    sampled: bool,
    overlap: float | None,
    altered: Sequence[str],
    uncompared: bool,
    no_way_back: bool,
    free_bytes: int,
) -> Conditions:
    """A planned migration at this moment. What the copy and the shadow reads have shown is asked of the way there only:
    after a swap the other side holds everything. `sampled`: a comparison of some records is enough. `uncompared`: both sides are to be compared for another reason than a scope.
    """
    forwards = live.lane.role.primary is Side.SOURCE
    breaker = live.scheduler.breaker
    rows = database.read(lambda tx: checkpoints.ranges(tx, migration_id))
    intents = database.read(lambda tx: journal.intents(tx, migration_id))
    debt, refused = await live.counted()
    unnoted = [_UNNOTED] if live.intake is not None else []
    return Conditions(
        copied=all(row.done for row in rows),
        standing=sum(one.standing for one in intents),
        debt=debt - refused,
        oldest=live.lag(),
        dead_letters=refused,
        scopes=live.scopes.owed + uncompared,
        gap=live.gap_stands,
        unresolved=live.lane.ledger.unresolved,
        unread="" if live.intake is None else live.intake.trouble,
        compared_ago=_compared_ago(database, migration_id, clock, sampled=sampled) if forwards else 0.0,
        secondary_down=breaker.error.message if breaker.open and breaker.error is not None else "",
        deletes_stopped=live.scheduler.guard.tripped,
        overlap=overlap if forwards else None,
        altered=altered if forwards else (),
        obstacles=[*obstacles(plan, live.lane.ends.shape), *unnoted],
        no_way_back_accepted=no_way_back,
        free_bytes=free_bytes,
    )


def _compared_ago(database: Database, migration_id: str, clock: Clock, *, sampled: bool) -> float | None:
    """Seconds since the last comparison that counts, if it was clean and nothing was found since."""
    latest = database.read(lambda tx: findings.latest_report(tx, migration_id))
    counts = (
        latest if sampled else database.read(lambda tx: findings.latest_report(tx, migration_id, full=True))
    )
    if latest is None or counts is None or not (latest.ok and counts.ok):
        return None
    return (clock.now() - counts.started_at).total_seconds()
