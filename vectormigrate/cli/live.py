"""The verbs of a migration with live writes: words to the daemon that hosts it."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

import msgspec

from vectormigrate.api.reception import account
from vectormigrate.daemon.control_socket import ask_owner
from vectormigrate.model.errors import GateRefused
from vectormigrate.model.phase import Phase
from vectormigrate.model.status import LiveStatus, MigrationStatus, SwapReport

from .call import Answer, Call
from .doors import view
from .following import BEGINS

T = TypeVar("T")


async def attest(call: Call) -> Answer:
    """Vouch that every writer comes through the daemon."""
    by, dry_run = call.value("by") or account(), call.value("dry-run")
    status = await ask(call, "attest", MigrationStatus, by=by, dry_run=dry_run)
    watch = f"{BEGINS}; watch it with: vectormigrate status {call.migration_id} --follow"
    return Answer(status, then=(watch,) if status.phase is Phase.PASSTHROUGH and not dry_run else ())


async def gates(call: Call) -> Answer:
    """What only the daemon knows: lag, debt, gates."""
    return Answer(await ask(call, "status", LiveStatus))


async def cutover(call: Call) -> Answer:
    """Let the target answer the application."""
    dry_run = call.value("dry-run")
    _meant(call, "lets the target answer the application", dry_run=dry_run)
    report = await ask(call, "cutover", SwapReport, dry_run=dry_run, no_way_back=call.value("no-way-back"))
    return _swapped(call, report)


def _swapped(call: Call, report: SwapReport) -> Answer:
    """What came of it, and what can be done now."""
    if report.dry_run or not report.ok:
        return Answer(report, exit_code=0 if report.ok else GateRefused.exit_code)
    with view(call) as viewer:
        steps = viewer.status(call.migration_id).next_steps
    return Answer(report, then=(f"next: {', or '.join(steps)}",) if steps else ())


async def revert(call: Call) -> Answer:
    """Let the source answer the application again."""
    dry_run = call.value("dry-run")
    _meant(call, "lets the source answer the application again", dry_run=dry_run)
    report = await ask(call, "revert", SwapReport, dry_run=dry_run)
    return _swapped(call, report)


async def commit(call: Call) -> Answer:
    """Give up the way back."""
    dry_run = call.value("dry-run")
    _meant(call, "gives up the way back: the source is told nothing any more", dry_run=dry_run)
    answer = Answer(await ask(call, "commit", MigrationStatus, dry_run=dry_run))
    if dry_run:
        call.remark("it could be committed now; nothing was changed")
    return answer


async def reads(call: Call) -> Answer:
    """Let the secondary answer a share of the reads."""
    return Answer(
        await ask(call, "reads", LiveStatus, share=call.value("share"), dry_run=call.value("dry-run"))
    )


async def allow_deletes(call: Call) -> Answer:
    """Say that what is absent is gone."""
    by, dry_run = call.value("by") or account(), call.value("dry-run")
    _meant(call, "lets records be deleted that are absent on the side that answers", dry_run=dry_run)
    return Answer(await ask(call, "allow-deletes", LiveStatus, by=by, dry_run=dry_run))


def _meant(call: Call, what: str, *, dry_run: bool) -> None:
    """Nobody is asked to confirm what is to happen to a migration that there is not."""
    with view(call) as viewer:
        viewer.status(call.migration_id)
    confirm(call, what, dry_run=dry_run)


async def ask(call: Call, verb: str, answer: type[T], **arguments: Any) -> T:
    """Ask the daemon that hosts the migration. Raises GateRefused when none runs, and what it raises."""
    with view(call) as viewer:
        viewer.status(call.migration_id)
    try:
        told = await ask_owner(call.state, verb, call.migration_id, arguments, within=None)
    except asyncio.CancelledError:  # Ctrl-C, of which the daemon hears nothing
        call.remark(
            f"the daemon was asked, and goes on with it; look with: vectormigrate status {call.migration_id}"
        )
        raise
    if told is None:
        raise GateRefused(
            f"`{call.command.name}` is for the daemon of {call.migration_id!r} to answer, and none runs on this state file",
            hint=f"start it with `vectormigrate serve`; where it is: vectormigrate status {call.migration_id}",
        )
    return msgspec.convert(told, answer)


def confirm(call: Call, what: str, *, dry_run: bool) -> None:
    """A real question: the id must be typed. Raises GateRefused for anything else, or when nobody can be asked."""
    if dry_run or call.value("force") or call.value("yes"):
        return
    if call.json or not call.asked.isatty():
        raise GateRefused(
            f"{call.command.name} of {call.migration_id!r} was not confirmed, and nobody can be asked here; nothing was changed",
            hint="say that it is meant with --yes",
        )
    print(f"This {what}. Type the id of the migration to go on: ", end="", file=call.err, flush=True)
    if call.asked.readline().strip() != call.migration_id:
        raise GateRefused("not confirmed; nothing was changed")
