"""`migrate`, `resume`, `plan` and `schema`: settings to a specification, and then the run, followed to its end."""

from __future__ import annotations

import signal
from dataclasses import replace

import msgspec

from vectormigrate.api.commands import BY_NAME
from vectormigrate.daemon.config import Merged
from vectormigrate.daemon.control import Control
from vectormigrate.daemon.control_socket import ask_owner
from vectormigrate.daemon.homeward import went
from vectormigrate.daemon.promise import hold
from vectormigrate.daemon.saying import sealed, worded
from vectormigrate.daemon.settings import MIGRATE, SIDES
from vectormigrate.daemon.signals import Stop, stopping
from vectormigrate.daemon.specify import Request, check_id, described, overlay, specify
from vectormigrate.model.errors import GateRefused, MappingRefused, TargetNotEmpty, UsageError
from vectormigrate.model.phase import Phase
from vectormigrate.model.plaintext import spelled
from vectormigrate.model.specification import Existing, Mode, Specification
from vectormigrate.model.status import MigrationStatus, PlanDocument

from .asked import asked
from .call import Answer, Call
from .delegated import by_daemon
from .doors import foresee, own, recommend, stored, view
from .elsewhere import remote
from .following import handed_over
from .keeping import keep
from .live import ask
from .progress import Follower

FAILED = 1
FINDINGS = 3


async def migrate(call: Call) -> Answer:
    """Create the migration, or go on with it if it is there, and run it until it is verified."""
    check_id(call.migration_id)
    known = stored(call)
    request = _request(call, known)
    if request.specification.mode is not Mode.OFFLINE and not call.value("dry-run"):
        return await _hand_over(call, request)
    _warn(call, request)
    if call.value("dry-run"):
        return await _plan(call, request)
    return await _run(call, request, create=known is None)


async def begin(call: Call, migration_id: str, merged: Merged) -> Answer:
    """Have `migrate` do what another command stands for, here or where `--url` says."""
    asked = replace(call, command=BY_NAME["migrate"], words={"id": migration_id}, merged=merged)
    return await (remote(asked) if call.value("url") else migrate(asked))


async def resume(call: Call) -> Answer:
    """Go on with a migration that is there."""
    with view(call) as viewer:
        known = viewer.specification(call.migration_id)
    if known.mode is not Mode.OFFLINE:
        told = await ask(call, "resume", MigrationStatus, dry_run=call.value("dry-run"))
        return Answer(told) if call.value("dry-run") else await handed_over(call, told)
    if call.value("dry-run"):
        return await asked(call)
    request = overlay(known, call.merged)
    _warn(call, request)
    return await _run(call, request, create=False)


async def plan(call: Call) -> Answer:
    """Say what a migration would do."""
    check_id(call.migration_id)
    known = stored(call)
    request = _request(call, known)
    _warn(call, request)
    return await _plan(call, request)


async def schema(call: Call) -> Answer:
    """Say what a source holds, and what it would become."""
    known = stored(call) if call.words["id"] else None
    request = described(call.merged) if known is None else overlay(known, call.merged)
    _warn(call, request)
    document = await recommend(call, request)
    keep(call, document, request.specification.mapping, request.specification.divided)
    return Answer(document)


def _request(call: Call, known: Specification | None) -> Request:
    """The migration that is there, or one to be made."""
    if known is not None:
        return overlay(known, call.merged)
    return specify(call.migration_id, call.merged, lambda other: went(call.state, other))


async def _hand_over(call: Call, request: Request) -> Answer:
    """Let the daemon that stands in front of the source run it; it goes on when this command has ended."""
    if request.literals:
        raise UsageError(
            "a secret by value cannot be given to the daemon: it is not stored, and a restart would need it again",
            hint="name it, as ${NAME} in its place or env:NAME, file:PATH, command:LINE, and start the daemon with it",
        )
    if call.value("plan-digest") and stored(call) is None:
        hold(call.value("plan-digest"), await foresee(call, request))
    document = {"specification": msgspec.to_builtins(request.specification)}
    # Every part is looked at before one begins: that takes as long as it takes.
    told = await ask_owner(call.state, "create", request.specification.id, document, within=None)
    if told is None:
        raise GateRefused(
            "a migration with live writes runs in the daemon, and none runs on this state file",
            hint="start it with `vectormigrate serve`",
        )
    return await handed_over(call, msgspec.convert(told, MigrationStatus))


async def _plan(call: Call, request: Request) -> Answer:
    document = await foresee(call, request)
    if "plan-digest" in call.merged:
        hold(call.value("plan-digest"), document)
    document = replace(document, arguments=sealed(worded((*SIDES, *MIGRATE), call.merged), request))
    keep(call, document, request.specification.mapping, request.specification.divided)
    return Answer(document, exit_code=_plan_code(call, request.specification, document))


def _plan_code(call: Call, specification: Specification, document: PlanDocument) -> int:
    """The code with which `migrate` would refuse to start, or 0."""
    if document.refused:
        return MappingRefused.exit_code
    if document.foreign and specification.existing is Existing.FAIL:
        call.remark("would not start: the target holds records; say --existing skip or --existing overwrite")
        return TargetNotEmpty.exit_code
    return 0


async def _run(call: Call, request: Request, *, create: bool) -> Answer:
    migration_id = request.specification.id
    if (answer := await by_daemon(call, request)) is not None:
        return answer
    if create:
        # Looked at before anything is stored: an id is not taken by a wish that cannot be had.
        foreseen = await foresee(call, request, strict=True)
        hold(call.value("plan-digest"), foreseen)
        for remark in (*foreseen.losses, *foreseen.notes):
            call.remark(f"note: {spelled(remark)}")
    with Follower.of(call) as follower:
        async with own(call, request.literals, follower) as control:
            if create:
                await control.create(request.specification)
            with stopping(lambda number: _ask(call, control, number)) as stop:
                status = await control.run(migration_id)
    return Answer(status, exit_code=_code(call, status, stop))


def _ask(call: Call, control: Control, number: signal.Signals) -> None:
    name = "Ctrl-C" if number is signal.SIGINT else number.name
    call.remark(f"{name}: finishing the batch and writing a checkpoint; once more leaves at once")
    control.stop()


def _code(call: Call, status: MigrationStatus, stop: Stop) -> int:
    if status.phase is Phase.FAILED:
        return FAILED
    if stop.exit_code is not None and status.phase is not Phase.VERIFIED:
        call.remark(f"checkpoint written; go on with: vectormigrate resume {status.migration_id}")
        return stop.exit_code
    if status.phase is Phase.PAUSED:
        call.remark(f"paused; go on with: vectormigrate resume {status.migration_id}")
        return 0
    return FINDINGS if status.findings or status.dead_letters else 0


def _warn(call: Call, request: Request) -> None:
    for line in request.warnings:
        call.warn(line)
