"""A door to commands that are done in another process: a daemon's socket on this machine, or its URL.

What comes back is made into the classes of the table again, so that whoever stands at this door sees no difference.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from vectormigrate.daemon.control_socket import COMMAND, ask_owner
from vectormigrate.model.access import Principal
from vectormigrate.model.documents import Operation
from vectormigrate.model.errors import GateRefused, UsageError

from .command import ID, rehearsal
from .dispatch import Note, row
from .remote import Remote
from .schemas import result_type


class Elsewhere:
    """`tools.Door` and what the inherited tools need, over a function that asks and one that begins."""

    def __init__(
        self,
        ask: Callable[[str, Mapping[str, Any]], Awaitable[Any]],
        begin: Callable[[str, Mapping[str, Any]], Awaitable[Any]],
    ) -> None:
        self._ask = ask
        self._begin = begin

    async def ask(self, who: Principal, name: str, given: Mapping[str, Any]) -> Any:
        """What the command answers, as its class. Raises what was raised there."""
        kind = result_type(row(name).answers(dry_run=rehearsal(given)))
        return msgspec.convert(await self._ask(name, given), kind)

    async def begin(self, who: Principal, name: str, given: Mapping[str, Any]) -> Operation:
        """Begin a command that lasts."""
        return msgspec.convert(await self._begin(name, given), Operation)

    async def look(self, who: Principal, begun: Operation) -> tuple[Operation, int, int | None]:
        """How far it is."""
        now = await self.ask(who, "operation", {"operation": begun.id})
        try:
            found = await self.ask(who, "status", {ID: begun.migration_id})
        except UsageError:
            return now, 0, None
        return now, found.copied, found.total

    async def noted(self, note: Note, work: Callable[[], Awaitable[Any]], *, changes: bool) -> Any:
        """What concerns no daemon is done here, and there is nobody to write it down."""
        return await work()


def by_socket(state: Path) -> Elsewhere:
    """The daemon of a state file. Asking raises GateRefused when none runs."""

    async def send(name: str, given: Mapping[str, Any], *, lasting: bool = False) -> Any:
        words = {"name": name, "given": dict(given), "lasting": lasting}
        told = await ask_owner(state, COMMAND, str(given.get(ID) or ""), words, within=None)
        if told is None:
            raise GateRefused(
                "no daemon runs on this state file", hint="start one with `vectormigrate serve`"
            )
        return told

    async def begin(name: str, given: Mapping[str, Any]) -> Any:
        return await send(name, given, lasting=True)

    return Elsewhere(send, begin)


def by_url(remote: Remote) -> Elsewhere:
    """A daemon at a URL."""

    async def ask(name: str, given: Mapping[str, Any]) -> Any:
        return await asyncio.to_thread(remote.ask, row(name), given)

    async def begin(name: str, given: Mapping[str, Any]) -> Any:
        return await asyncio.to_thread(remote.begin, row(name), given)

    return Elsewhere(ask, begin)
