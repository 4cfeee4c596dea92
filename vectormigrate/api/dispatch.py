"""One command for whoever asked, by whichever door: may it, can it be meant, write it down, do it, write what became of it.

What changes something is written down before it is done, so that nothing is done that is not known of; looking is
written down behind. What was done is answered, and an error told, also where a full disk takes no row about it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vectormigrate.daemon import config as configuration
from vectormigrate.daemon.config import Config
from vectormigrate.daemon.desk import Asked, Desk
from vectormigrate.daemon.operations import Operations
from vectormigrate.daemon.specify import check_id
from vectormigrate.daemon.trail import Trail
from vectormigrate.model.access import Principal, Scope
from vectormigrate.model.documents import Operation
from vectormigrate.model.errors import Forbidden, StateError, UsageError, VectormigrateError
from vectormigrate.model.onward import onward

from .arguments import STARS, Taken, refuse_the_host, take
from .command import ID, Command
from .commands import BY_NAME

logger = logging.getLogger(__name__)

LOCAL_DOOR = "socket"
"""Whoever comes by it has a shell on this machine, as the user of the state file."""
_BEGUN = "begun"


@dataclass(frozen=True, slots=True)
class Note:
    """What is written down of one request."""

    who: Principal
    command: str
    migration_id: str
    arguments: dict[str, Any]


class Dispatcher:
    """Does commands of the table at one desk."""

    def __init__(self, desk: Desk, trail: Trail, operations: Operations, config: Config) -> None:
        self.desk = desk
        self._trail = trail
        self.operations = operations
        self._config = config

    async def ask(self, who: Principal, name: str, given: Mapping[str, Any]) -> Any:
        """What the command answers. Raises Forbidden, UsageError, and what the command raises."""
        command, taken, asked = await self._check(who, name, given)
        return await self._do(command, taken, asked)

    async def begin(self, who: Principal, name: str, given: Mapping[str, Any]) -> Operation:
        """Begin a command that lasts. Raises as `ask` does for what is wrong with the request."""
        command, taken, asked = await self._check(who, name, given, begins=True)
        return await self.operations.start(
            name, taken.migration_id, who, lambda: self._do(command, taken, asked)
        )

    async def look(self, who: Principal, begun: Operation) -> tuple[Operation, int, int | None]:
        """How far an operation is: records done, and in all. Not written down: it was when it was begun."""
        now = self.operations.get(begun.id)
        try:
            found = await self.desk.status(Asked(who, begun.migration_id, {}, {}))
        except UsageError:  # it is about no migration, or about one that is not made yet
            return now, 0, None
        return now, found.copied, found.total

    async def _check(
        self, who: Principal, name: str, given: Mapping[str, Any], *, begins: bool = False
    ) -> tuple[Command, Taken, Asked]:
        try:
            command = row(name)
            taken = take(command, given)
            if not who.scope.allows(taken.needs):
                raise Forbidden(
                    f"{name} with these arguments is for the scope {taken.needs}, and this key has {who.scope}",
                    hint="use another key, or have one made: vectormigrate keys create",
                )
            if begins and taken.migration_id:  # an operation is for what can be meant at all
                check_id(taken.migration_id)
                if not command.makes:
                    self.desk.expect(taken.migration_id)
            if who.way != LOCAL_DOOR:
                refuse_the_host(taken)
            merged = configuration.merge(
                command.all_settings, taken.flags, {}, self._config, taken.migration_id or None
            )
        except VectormigrateError as error:
            about = given.get(ID)
            stars = {str(key)[:80]: STARS for key in given}
            note = Note(who, name[:80], about if isinstance(about, str) else "", stars)
            await self._write_behind(note, error.code, error.message)
            raise
        return command, taken, Asked(who, taken.migration_id, taken.words, merged)

    async def _do(self, command: Command, taken: Taken, asked: Asked) -> Any:
        note = Note(asked.who, command.name, taken.migration_id, taken.shown(command))
        work = getattr(self.desk, command.name.replace("-", "_"))
        # What a key that may only look may do changes nothing, though with other arguments the command would.
        changes = not (command.reads_only or taken.needs is Scope.READ)
        return onward(await self.noted(note, lambda: work(asked), changes=changes))

    async def noted(self, note: Note, work: Callable[[], Awaitable[Any]], *, changes: bool) -> Any:
        """Do what is no row of the table but is to be written down as if it were."""
        if changes:
            await self._write(note, _BEGUN)
        try:
            result = await work()
        except VectormigrateError as error:
            await self._write_behind(note, error.code, error.message)
            raise
        except Exception as error:
            await self._write_behind(note, "unforeseen", type(error).__name__)
            raise
        if changes:
            await self._write_behind(note, "ok")
        else:
            await self._look_behind(note)
        return result

    async def _look_behind(self, note: Note) -> None:
        try:
            await self._trail.look(
                note.who, note.command, migration_id=note.migration_id, arguments=note.arguments
            )
        except StateError as error:
            logger.error("the audit cannot be written: %s (%s: ok)", error.message, note.command)

    async def _write_behind(self, note: Note, outcome: str, detail: str = "") -> None:
        try:
            await self._write(note, outcome, detail)
        except StateError as error:
            logger.error("the audit cannot be written: %s (%s: %s)", error.message, note.command, outcome)

    async def _write(self, note: Note, outcome: str, detail: str = "") -> None:
        await self._trail.note(
            note.who,
            note.command,
            outcome,
            migration_id=note.migration_id,
            arguments=note.arguments,
            detail=detail,
        )


def row(name: str) -> Command:
    """A command that a daemon does. Raises UsageError."""
    command = BY_NAME.get(name)
    if command is None or command.scope is None:
        raise UsageError(f"there is no command {name[:80]!r} that a daemon does")
    return command
