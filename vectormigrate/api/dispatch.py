"""One command for whoever asked, by whichever door: may it, can it be meant, write it down, do it, write what became of it.

What changes something is written down before it is done, so that nothing is done that is not known of; looking is
written down behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vectormigrate.daemon import config as configuration
from vectormigrate.daemon.config import Config
from vectormigrate.daemon.desk import Asked, Desk
from vectormigrate.daemon.operations import Operations
from vectormigrate.daemon.trail import Trail
from vectormigrate.model.access import Principal
from vectormigrate.model.documents import Operation
from vectormigrate.model.errors import Forbidden, UsageError, VectormigrateError

from .arguments import ID, STARS, Taken, refuse_the_host, take
from .command import Command
from .commands import BY_NAME

LOCAL_DOOR = "socket"
"""Whoever comes by it has a shell on this machine, as the user of the state file."""
_BEGUN = "begun"


class Dispatcher:
    """Does commands of the table at one desk."""

    def __init__(self, desk: Desk, trail: Trail, operations: Operations, config: Config) -> None:
        self._desk = desk
        self._trail = trail
        self.operations = operations
        self._config = config

    async def ask(self, who: Principal, name: str, given: Mapping[str, Any]) -> Any:
        """What the command answers. Raises Forbidden, UsageError, and what the command raises."""
        command, taken, asked = await self._check(who, name, given)
        return await self._do(command, taken, asked)

    async def begin(self, who: Principal, name: str, given: Mapping[str, Any]) -> Operation:
        """Begin a command that lasts. Raises as `ask` does for what is wrong with the request."""
        command, taken, asked = await self._check(who, name, given)
        return await self.operations.start(
            name, taken.migration_id, who, lambda: self._do(command, taken, asked)
        )

    async def _check(
        self, who: Principal, name: str, given: Mapping[str, Any]
    ) -> tuple[Command, Taken, Asked]:
        try:
            command = row(name)
            taken = take(command, given)
            if not who.scope.allows(taken.needs):
                raise Forbidden(
                    f"{name} with these arguments is for the scope {taken.needs}, and this key has {who.scope}",
                    hint="use another key, or have one made: vectormigrate keys create",
                )
            if who.way != LOCAL_DOOR:
                refuse_the_host(taken)
            merged = configuration.merge(
                command.all_settings, taken.flags, {}, self._config, taken.migration_id or None
            )
        except VectormigrateError as error:
            about = given.get(ID)
            await self._trail.note(
                who,
                name[:80],
                error.code,
                migration_id=about if isinstance(about, str) else "",
                arguments={str(key)[:80]: STARS for key in given},
                detail=error.message,
            )
            raise
        return command, taken, Asked(who, taken.migration_id, taken.words, merged)

    async def _do(self, command: Command, taken: Taken, asked: Asked) -> Any:
        if not command.reads_only:
            await self._note(command, taken, asked, _BEGUN)
        try:
            result = await getattr(self._desk, command.name.replace("-", "_"))(asked)
        except VectormigrateError as error:
            await self._note(command, taken, asked, error.code, error.message)
            raise
        except Exception as error:
            await self._note(command, taken, asked, "unforeseen", type(error).__name__)
            raise
        await self._note(command, taken, asked, "ok")
        return result

    async def _note(
        self, command: Command, taken: Taken, asked: Asked, outcome: str, detail: str = ""
    ) -> None:
        await self._trail.note(
            asked.who,
            command.name,
            outcome,
            migration_id=taken.migration_id,
            arguments=taken.shown(command),
            detail=detail,
        )


def row(name: str) -> Command:
    """A command that a daemon does. Raises UsageError."""
    command = BY_NAME.get(name)
    if command is None or command.scope is None:
        raise UsageError(f"there is no command {name[:80]!r} that a daemon does")
    return command
