"""`validate`, `repair`, `rollback`, `abort` and `pause`: the verbs that need an id and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import msgspec

from vectormigrate.daemon import rehearsing
from vectormigrate.daemon.control import Control
from vectormigrate.daemon.control_socket import ask_owner
from vectormigrate.daemon.signals import Stop, stopping
from vectormigrate.daemon.specify import Request, overlay
from vectormigrate.daemon.validate_settings import comparing
from vectormigrate.model.errors import GateRefused, StateLocked
from vectormigrate.model.phase import FINAL
from vectormigrate.model.specification import Mode
from vectormigrate.model.status import MigrationStatus, RollbackReport, ValidationReport

from .asked import asked, offered
from .call import Answer, Call
from .delegated import by_daemon
from .doors import own, view
from .exits import code_of
from .live import ask
from .progress import Follower

_Result = TypeVar("_Result")

FAILED = 1
FINDINGS = 3


async def validate(call: Call) -> Answer:
    """Compare source and target."""
    with view(call) as viewer:
        request = overlay(viewer.specification(call.migration_id), call.merged)
        status = viewer.status(call.migration_id)
    if call.value("dry-run"):
        return Answer(rehearsing.compared(status, comparing(call.value)))
    if request.specification.mode is not Mode.OFFLINE:
        found = await ask(call, "validate", ValidationReport, **comparing(call.value))
        return Answer(found, exit_code=0 if found.ok else FINDINGS)
    if (answer := await by_daemon(call, request)) is not None:
        return answer
    report, stopped = await _here(
        call, request, lambda control: control.validate(call.migration_id, **comparing(call.value))
    )
    return Answer(report, exit_code=stopped or (0 if report.ok else FINDINGS))


async def repair(call: Call) -> Answer:
    """Make the target what the source is now."""
    with view(call) as viewer:
        request = overlay(viewer.specification(call.migration_id), call.merged)
        status = viewer.status(call.migration_id)
    dry_run = call.value("dry-run")
    if not dry_run:
        _confirm(
            call,
            f"This makes {status.target} what {status.source} is now: what was changed or added there since is written over, and"
            f" records of {status.migration_id!r} that the source has no more are taken out.",
        )
    if (answer := await by_daemon(call, request)) is not None:
        return answer
    result, stopped = await _here(
        call, request, lambda control: control.repair(call.migration_id, dry_run=dry_run)
    )
    return Answer(result, exit_code=stopped or code_of(result, "repair"))


async def rollback(call: Call) -> Answer:
    """Take out of the target what the migration put in."""
    with view(call) as viewer:
        request = overlay(viewer.specification(call.migration_id), call.merged)
        status = viewer.status(call.migration_id)
    dry_run = call.value("dry-run")
    if not dry_run:
        _confirm(
            call,
            f"This takes {status.copied:,} copied records of {status.migration_id!r} out of {status.target}.",
        )
    if request.specification.mode is not Mode.OFFLINE:
        told = await ask(call, "rollback", RollbackReport, dry_run=dry_run)
        return Answer(told, exit_code=0 if dry_run or not (told.left or told.foreign_changed) else FAILED)
    if (answer := await by_daemon(call, request)) is not None:
        return answer
    report, stopped = await _here(
        call, request, lambda control: control.rollback(call.migration_id, dry_run=dry_run)
    )
    if stopped and report.left:
        call.remark(f"stopped midway; go on with: vectormigrate rollback {call.migration_id}")
        return Answer(report, exit_code=stopped)
    done = dry_run or (report.left == 0 and report.foreign_changed == 0)
    return Answer(report, exit_code=0 if done else FAILED)


async def abort(call: Call) -> Answer:
    """End what has put nothing into its target: by the daemon, or here when none runs."""
    with view(call) as viewer:
        status = viewer.status(call.migration_id)
    if not call.value("dry-run"):
        _confirm(
            call,
            f"This ends {status.migration_id!r} for good; nothing is looked at or changed in {status.source} and {status.target}.",
        )
    answer = await asked(call)
    if call.value("dry-run") and status.phase not in FINAL:
        would = f"{call.migration_id} ({status.phase}) can be aborted: it has put nothing into {status.target}; nothing was changed"
        return replace(answer, text=would)
    return answer


async def pause(call: Call) -> Answer:
    """Stop at the next checkpoint: in the process that runs it, or here when none does."""
    with view(call) as viewer:
        status = viewer.status(call.migration_id)
    if call.value("dry-run"):
        return Answer(rehearsing.paused(status))
    try:
        told = await offered(call)
    except StateLocked:  # by another command, not by a daemon
        told = await ask_owner(call.state, "pause", call.migration_id)
    if told is not None:
        call.remark("asked the process that runs it")
        return Answer(msgspec.convert(told, MigrationStatus))
    async with own(call, {}, lambda event: None) as control:
        return Answer(await control.pause(call.migration_id))


async def _here(
    call: Call, request: Request, work: Callable[[Control], Awaitable[_Result]]
) -> tuple[_Result, int]:
    """Do it in this process; what came of it, and the exit code of a signal that stopped it, or 0."""
    with Follower.of(call) as follower:
        async with own(call, request.literals, follower) as control:
            with stopping(lambda _: control.stop()) as stop:
                result = await work(control)
    return result, _stopped(stop)


def _stopped(stop: Stop) -> int:
    return stop.exit_code or 0


def _confirm(call: Call, what: str) -> None:
    """A real question: the id must be typed. Raises GateRefused for anything else, or when nobody can be asked."""
    if call.value("force") or call.value("yes"):
        return
    name = call.migration_id
    if call.json or not call.asked.isatty():
        raise GateRefused(
            f"{call.command.name} of {name!r} was not confirmed, and nobody can be asked here; nothing was changed",
            hint="say that it is meant with --yes, or look first with --dry-run",
        )
    print(what, "Type the id of the migration to go on: ", sep="\n", end="", file=call.err, flush=True)
    if call.asked.readline().strip() != name:
        raise GateRefused("not confirmed; nothing was changed", hint="look first with --dry-run")
