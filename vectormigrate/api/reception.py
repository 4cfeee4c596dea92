"""Words from other shells of this machine: commands of the table, and what the command line says to the host of live migrations.

Whoever can open the socket is the user of the state file and may do everything; it is written down all the same.
"""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass
from typing import Any

import msgspec

from vectormigrate.daemon.control_socket import COMMAND, Answerer
from vectormigrate.model.access import Principal, Scope
from vectormigrate.model.errors import UsageError

from .commands import BY_NAME
from .dispatch import LOCAL_DOOR, Dispatcher, Note


def shell() -> Principal:
    """Whoever has a shell here."""
    return Principal(f"user {account()}", Scope.ADMIN, LOCAL_DOOR)


def account() -> str:
    """Name of the account that this process runs as; its number where that has no name, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # the latter from Python 3.13 on
        return str(os.getuid())


@dataclass(frozen=True, slots=True)
class Reception:
    """Hears every word first."""

    dispatcher: Dispatcher
    then: Answerer
    """What answers words that are no command of the table."""

    async def hear(self, verb: str, migration_id: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The answer. Raises what the command or the word raises."""
        if verb == COMMAND:
            return await self._command(arguments)
        note = Note(shell(), verb, migration_id, _plain(arguments))
        looks = verb in BY_NAME and BY_NAME[verb].reads_only
        document: dict[str, Any] = await self.dispatcher.noted(
            note, lambda: self.then(verb, migration_id, arguments), changes=not looks
        )
        return document

    async def _command(self, arguments: dict[str, Any]) -> dict[str, Any]:
        name, given = arguments.get("name"), arguments.get("given")
        if not isinstance(name, str) or not isinstance(given, dict):
            raise UsageError("a command needs a name and arguments")
        do = self.dispatcher.begin if arguments.get("lasting") else self.dispatcher.ask
        result = await do(shell(), name, given)
        document: dict[str, Any] = msgspec.to_builtins(result, enc_hook=str)
        return document


def _plain(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if not isinstance(value, dict)}
