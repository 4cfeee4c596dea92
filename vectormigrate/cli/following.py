"""Following a live migration that the daemon runs: looking at the state file until it is verified, or rests."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

import msgspec

from vectormigrate.daemon.control_socket import ask_owner
from vectormigrate.daemon.signals import stopping
from vectormigrate.model.errors import GateRefused, PhaseError, UsageError
from vectormigrate.model.events import PhaseChanged, Progress
from vectormigrate.model.phase import Phase
from vectormigrate.model.specification import Mode
from vectormigrate.model.status import LiveStatus, MigrationStatus

from .call import Answer, Call
from .doors import view
from .progress import Follower

FAILED = 1
FINDINGS = 3
_SOON = 5.0
"""Seconds that a daemon may take to say more than the file does."""
_EVERY = 0.25
"""Seconds between two looks."""
BEGINS = "the copy begins by itself, once nothing that was sent past the daemon before can still arrive (--quarantine)"
_UNDER_WAY = (Phase.CREATED, Phase.PREFLIGHT, Phase.PASSTHROUGH, Phase.BACKFILL, Phase.CATCH_UP)


async def handed_over(call: Call, status: MigrationStatus) -> Answer:
    """The answer to a word that the daemon took: where it is, or with `--follow` where it came to."""
    if not call.value("follow"):
        then = [f"the daemon runs it; watch it with: vectormigrate status {status.migration_id} --follow"]
        waits = [line for line in [_waiting(status)] if line and not status.attested_by]
        return Answer(status, then=(*then, *waits) if status.phase in _UNDER_WAY else ())
    looked = asyncio.Event()
    with stopping(lambda _: looked.set()) as stop:
        status = await _follow(call, looked)
    if status.phase in _UNDER_WAY and stop.exit_code is not None:
        call.remark(f"the daemon goes on with it; look with: vectormigrate status {status.migration_id}")
        return Answer(status, stop.exit_code)
    if status.phase is Phase.FAILED:  # it may be tried again by itself
        return Answer(await with_live(call, status), FAILED)
    return Answer(status, FINDINGS if status.findings or status.dead_letters else 0)


async def with_live(call: Call, status: MigrationStatus) -> MigrationStatus:
    """The same with what only the daemon knows of a live migration, when one runs."""
    if status.mode is Mode.OFFLINE:
        return status
    try:
        told = await ask_owner(call.state, "status", call.migration_id, within=_SOON)
    except (PhaseError, UsageError):
        # It is over, the owner is no daemon, or it is busy: the file has told the rest.
        return status
    return status if told is None else replace(status, live=msgspec.convert(told, LiveStatus))


async def _follow(call: Call, ended: asyncio.Event) -> MigrationStatus:
    before: Phase | None = None
    told = ""
    with Follower.of(call) as tell:
        while True:
            status = _look(call)
            if before is not None and before is not status.phase:
                tell(PhaseChanged(status.migration_id, before, status.phase))
            if status.phase is Phase.PASSTHROUGH and (line := _waiting(status)) != told:
                call.remark(line)
                told = line
            if status.phase is Phase.BACKFILL or (before is Phase.BACKFILL and status.total):
                tell(Progress(status.migration_id, "backfill", status.copied, status.total))
            before = status.phase
            if ended.is_set() or status.phase not in _UNDER_WAY:
                return status
            with suppress(TimeoutError):
                async with asyncio.timeout(_EVERY):
                    await ended.wait()


def _look(call: Call) -> MigrationStatus:
    with view(call) as viewer:
        if not viewer.owned:
            raise GateRefused(
                f"the daemon that ran {call.migration_id!r} has ended",
                hint="start it again with `vectormigrate serve`: it goes on where it was",
            )
        return viewer.status(call.migration_id)


def _waiting(status: MigrationStatus) -> str:
    """What a proxied migration waits for before it copies; "" for others."""
    if status.mode is not Mode.PROXIED:
        return ""
    if not status.attested_by:
        word = f"vectormigrate attest {status.migration_id}"
        return f"nothing is copied until every writer comes through the daemon; then: {word}"
    return BEGINS
