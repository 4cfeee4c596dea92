"""Dry runs of the verbs that steer a migration: refused as the verb itself would be, or else what it would do, in `would`.

What is answered beside that is the migration as it is. The verbs that move records or roles have dry runs of their own, in the engine.
Most is told from a status alone, so that a command can tell it beside a process that owns the state file.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from vectormigrate.engine.live import Live
from vectormigrate.engine.online import OnlineConductor
from vectormigrate.model import phase as phases
from vectormigrate.model.comparing import SAMPLED, Comparing, check_comparable, check_meant
from vectormigrate.model.documents import Approval, Approvals
from vectormigrate.model.errors import GateRefused
from vectormigrate.model.phase import RESTING, Phase, check_transition
from vectormigrate.model.specification import Mode
from vectormigrate.model.status import LiveStatus, MigrationStatus

from .setting import Value
from .whole import check_onward, comparable, under_way

LIVE = frozenset({"attest", "pause", "resume", "reads", "retry", "allow-deletes"})
"""Those that a host rehearses."""
_MENDING = (Phase.CATCH_UP, Phase.VERIFIED, Phase.REVERSED)
"""Where a live migration mends what a comparison finds."""


async def rehearse(
    verb: str,
    conductor: OnlineConductor,
    live: Live | None,
    status: MigrationStatus,
    look: Callable[[], Awaitable[LiveStatus]],
    *,
    share: float,
) -> MigrationStatus | LiveStatus:
    """One of `LIVE`. `share` is for `reads`. Raises what the word itself would be refused with."""
    match verb:
        case "attest":
            await conductor.attest("", dry_run=True)
            return attested(status)
        case "pause":
            return paused(status)
        case "resume":
            return resumed(status)
        case "retry":
            return retried(status)
        case "reads":
            await conductor.set_reads(share, dry_run=True)
            return shared(await look(), share)
        case _:
            check_planned(live)
            return believed(await look())


def check_planned(live: Live | None) -> Live:
    """What carries the writes of a migration. Raises GateRefused when nothing does."""
    if live is None:
        raise GateRefused("the migration has no plan yet: nothing is deleted")
    return live


def attested(status: MigrationStatus) -> MigrationStatus:
    """Somebody's word, as it would be taken."""
    if status.attested_by:
        return replace(status, would=f"{status.attested_by} has attested it already: nothing would begin")
    copy = f"the copy of {_records(status)} would begin"
    if status.phase is Phase.PASSTHROUGH:
        return replace(status, would=f"{Phase.PASSTHROUGH} -> {Phase.BACKFILL}: {copy}{_owed(status)}")
    return replace(status, would=f"it would stay {status.phase} for now; {copy} without waiting for a word")


def paused(status: MigrationStatus) -> MigrationStatus:
    """A pause. Raises GateRefused for one of several parts of which none is under way, and IllegalTransition."""
    if status.parts:
        going = under_way(status.migration_id, status.parts)
        return replace(status, would=f"{len(going):,} of {len(status.parts):,} parts would be {Phase.PAUSED}")
    if status.phase in RESTING:
        return replace(status, would=f"it is {status.phase} already: nothing would change")
    check_transition(status.phase, Phase.PAUSED)
    done = f"{status.copied:,} of {_records(status)} are copied"
    return replace(status, would=f"{status.phase} -> {Phase.PAUSED}: {done}{_owed(status)}")


def resumed(status: MigrationStatus) -> MigrationStatus:
    """Going on. Raises GateRefused for what is over, or is being rolled back."""
    if status.parts:
        check_onward(status.migration_id, status.parts)
    else:
        phases.check_onward(status.migration_id, status.phase)
    if status.phase not in RESTING or status.resume_phase is None:
        return replace(status, would=f"it is {status.phase}, and would go on from there{_owed(status)}")
    left = max((status.total or 0) - status.copied, 0)
    to_do = f"{left:,} records are left to copy" if status.total is not None else "it has no plan yet"
    return replace(status, would=f"{status.phase} -> {status.resume_phase}: {to_do}{_owed(status)}")


def adjusted(status: MigrationStatus, changes: Mapping[str, Value]) -> MigrationStatus:
    """Levers, set otherwise; None goes back to what the migration was asked for."""
    told = [
        f"{name.replace('_', '-')} would be {'as it was asked for' if value is None else value}, not {status.in_force[name]}"
        for name, value in changes.items()
        if (name in status.levers if value is None else status.in_force[name] != value)
    ]
    return replace(status, would="; ".join(told) or "nothing would change")


def compared(status: MigrationStatus, how: Comparing) -> MigrationStatus:
    """A comparison. Raises what it would be refused with, but for an id that can be none of the source."""
    check_meant(how)
    among = ""
    if status.parts:
        among = f" of {len(comparable(status.migration_id, status.parts, how)):,} parts"
    else:
        check_comparable(status.migration_id, status.phase, planned=status.total is not None)
    told = [_looked_at(how, among)]
    if searches := how.get("searches"):
        told.append(f"{searches:,} searches would be made on either side")
    if status.findings and not how.get("ids"):
        told.append(f"{status.findings:,} findings of the last comparison would make room for what it finds")
    if status.mode is not Mode.OFFLINE and status.phase in _MENDING:
        told.append("what differs would be marked and copied again")
    return replace(status, would="; ".join(told))


def _looked_at(how: Comparing, among: str) -> str:
    if how.get("full"):
        return f"every record{among} would be compared, on both sides"
    if ids := how.get("ids"):
        return f"{len(ids):,} records would be looked up on both sides; what is known of others stays"
    size = how.get("sample_size") or SAMPLED
    chosen = f"{size:,} records{f' of each{among}' if among else ''}, chosen at random, would be looked up"
    return f"{chosen} on both sides; clean, that would say that under {300 / size:.2g} % differ, at 95 %"


def retried(status: MigrationStatus) -> MigrationStatus:
    """Records that were refused, tried again."""
    return replace(status, would=f"{status.dead_letters:,} refused records would be tried again")


def waived(status: MigrationStatus, record: str) -> MigrationStatus:
    """A record that was refused, gone without."""
    left = status.dead_letters - 1
    return replace(status, would=f"{record} would be owed no more; {left:,} refused records would be left")


def approved(waiting: Sequence[Approval]) -> Approvals:
    """Steps that wait, approved of."""
    steps = ", ".join(f"{one.step} of {one.migration_id}" for one in waiting)
    return Approvals(
        list(waiting), would=f"{steps} would be approved, for one go" if steps else "nothing waits"
    )


def shared(status: LiveStatus, share: float) -> LiveStatus:
    """Reads, divided otherwise."""
    other = _other(status.primary)
    return replace(status, would=f"the {other} would answer {share:.0%} of the reads, not {status.reads:.0%}")


def believed(status: LiveStatus) -> LiveStatus:
    """Absences, taken for what they look like."""
    other = _other(status.primary)
    stopped = any(gate.name == "deletes" and not gate.open for gate in status.gates)
    return replace(
        status,
        would=f"deletes are {'' if stopped else 'not '}stopped; of {status.debt:,} ids owed to the {other}, those that the"
        f" {status.primary} lacks would be deleted from the {other}",
    )


def _other(side: str) -> str:
    return "source" if side == "target" else "target"


def _records(status: MigrationStatus) -> str:
    return "its records" if status.total is None else f"{status.total:,} records"


def _owed(status: MigrationStatus) -> str:
    return "" if status.mode is Mode.OFFLINE and not status.debt else f"; {status.debt:,} ids are owed"
