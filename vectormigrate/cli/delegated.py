"""Offline commands that a daemon does: the one that owns the state file, by its socket, or the one at `--url`.

This command looks on until it is done and answers as if it had done it. Ctrl-C ends the looking alone: the daemon goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec

from vectormigrate.api.command import outside
from vectormigrate.api.remote import outcome
from vectormigrate.daemon.control_socket import COMMAND, ask_owner
from vectormigrate.daemon.saying import said
from vectormigrate.daemon.signals import stopping
from vectormigrate.daemon.specify import SIDES, Request
from vectormigrate.model.documents import Operation
from vectormigrate.model.errors import GateRefused, StateLocked, UnknownMigration
from vectormigrate.model.events import Progress

from .asked import answer_of
from .call import Answer, Call
from .doors import view
from .progress import Follower

_EVERY = 0.25
"""Seconds between two looks."""
_COPYING = ("migrate", "resume")

Look = Callable[[], Awaitable[tuple[Operation, int, int | None]]]
"""How far it is: the operation, records copied, and how many there are."""


async def by_daemon(call: Call, request: Request) -> Answer | None:
    """What the daemon of this state file made of the command; None when there is none. Raises what it raised."""
    words = {"name": call.command.name, "given": _given(call, request), "lasting": True}
    try:
        told = await ask_owner(call.state, COMMAND, call.migration_id, words, within=None)
    except StateLocked:
        return None  # it is another command that owns the file: whoever tries to own it is told which
    if told is None:
        return None
    call.recruits.dismiss()
    begun = msgspec.convert(told, Operation)

    return await followed(call, begun, lambda: look(call, begun))


async def look(call: Call, begun: Operation) -> tuple[Operation, int, int | None]:
    """How far it is, as the state file says it. Raises GateRefused when its daemon has ended first."""
    with view(call) as viewer:
        now = viewer.operation(begun.id)
        if now.state == "running" and not viewer.owned:
            raise GateRefused(
                f"the daemon that did it has ended before {begun.command} of {begun.migration_id!r} had",
                hint=f"go on with: vectormigrate {begun.command} {begun.migration_id}",
            )
        if begun.command not in _COPYING:
            return now, 0, None
        try:
            status = viewer.status(begun.migration_id)
        except UnknownMigration:  # it is looked at first, and made then
            return now, 0, None
    return now, status.copied, status.total


async def followed(call: Call, begun: Operation, looking: Look) -> Answer:
    """Look until it has ended, or until somebody has seen enough."""
    enough, shown = asyncio.Event(), 0
    with Follower.of(call) as tell, stopping(lambda _: enough.set()) as stop:
        while True:
            now, copied, total = await looking()
            if total and copied > shown:
                tell(Progress(begun.migration_id, "backfill", copied, total))
                shown = copied
            if now.state != "running" or enough.is_set():
                break
            with suppress(TimeoutError):
                async with asyncio.timeout(_EVERY):
                    await enough.wait()
    if now.state == "running":
        name = begun.migration_id
        call.remark(
            f"the daemon goes on with it; look with: vectormigrate status {name}, stop it with: vectormigrate pause {name}"
        )
        return Answer(now, stop.exit_code or 0)
    return answer_of(call, outcome(now))


def _given(call: Call, request: Request) -> dict[str, Any]:
    """What this command was told, wherever it stands, as a request says it: for a process in another directory."""
    words: dict[str, Any] = {outside(name): word for name, word in call.words.items() if word is not None}
    for setting in call.command.arguments:
        found = call.merged[setting.name]
        if (
            found.layer != "default" and setting.name not in SIDES
        ):  # a store by name is told by what it stands for
            words[setting.key] = said(setting, found.value)
    for side in SIDES:
        if f"{side}_url" in words and not request.literals:
            words[f"{side}_url"] = getattr(request.specification, side).url
    return words
