"""What a request gives a command: names and values to the settings of its row, checked and coerced where the meaning is plain.

The same for REST, JSON-RPC, MCP and the socket. What only a terminal means is not known here, and what describes a store
(its address, how to get in) needs a key that may do so: a daemon reaches places that whoever asks does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from vectormigrate.daemon.mapping_file import is_text
from vectormigrate.daemon.setting import Kind, Setting, Value
from vectormigrate.daemon.settings import SIDES
from vectormigrate.model.access import Scope
from vectormigrate.model.errors import Forbidden, UsageError

from .command import ID, Command, outside

STARS = "***"
_NAMED = ("source", "target", "source-index", "target-index")
_REACHING = frozenset({"throttle-file", "throttle-url"})
"""What the daemon looks for, or at, because a request says so: that could be used to look around where it runs."""
_DESCRIBING = frozenset(setting.name for setting in SIDES if setting.name not in _NAMED) | _REACHING
_CHANGING = frozenset({"retry"})
_ON_THE_HOST = ("file:", "command:")


@dataclass(frozen=True, slots=True)
class Taken:
    """The arguments of one request."""

    migration_id: str
    words: dict[str, str | None]
    flags: dict[str, object]
    needs: Scope
    """What a key must hold for this."""

    def shown(self, command: Command) -> dict[str, Any]:
        """For the audit: secrets, and whatever may hold one, as stars."""
        hidden = {one.name for one in command.arguments if one.secret or one.reference}
        flags = {name: STARS if name in hidden else value for name, value in self.flags.items()}
        return {**{name: word for name, word in self.words.items() if word is not None}, **flags}


def take(command: Command, given: Mapping[str, Any]) -> Taken:
    """Raises UsageError that names the argument."""
    words = {outside(item.name): item for item in command.positionals}
    settings = {setting.key: setting for setting in command.arguments}
    found: dict[str, str | None] = dict.fromkeys(words)
    flags: dict[str, object] = {}
    for name, value in given.items():
        if value is None:
            continue
        if name in words:
            found[name] = _word(name, value, words[name].choices)
        elif name in settings:
            flags[settings[name].name] = _value(settings[name], value)
        else:
            near = get_close_matches(name, [*words, *settings], n=1)
            raise UsageError(
                f"{command.name} takes no argument {name[:80]!r}",
                hint=f"did you mean {near[0]}?"
                if near
                else f"it takes: {', '.join([*words, *settings]) or 'none'}",
            )
    for name, item in words.items():
        if item.required and not found[name]:
            raise UsageError(f"{command.name} needs {name}")
    assert command.scope is not None
    changed = (found.get("change") or "").partition("=")[0].strip().replace("_", "-")
    telling = (name for name in (*flags, changed) if name not in command.free)
    needs = max((command.scope, *map(_needed, telling)), key=list(Scope).index)
    return Taken(found.pop(ID, None) or "", found, flags, needs)


def _needed(name: str) -> Scope:
    if name in _DESCRIBING:
        return Scope.ADMIN
    return Scope.OPERATE if name in _CHANGING else Scope.READ


def refuse_the_host(taken: Taken) -> None:
    """Over a network nobody may have a file of the daemon's machine read, or a command run there. Raises Forbidden."""
    mapping = taken.flags.get("mapping")
    if isinstance(mapping, str) and not is_text(mapping):
        raise Forbidden(
            "mapping may not name a file in a request",
            hint="give the text of the mapping file, TOML of several lines",
        )
    for name, value in taken.flags.items():
        if isinstance(value, str) and value.startswith(_ON_THE_HOST):
            raise Forbidden(
                f"{name.replace('-', '_')} may not be a file: or command: in a request",
                hint="name the store in the daemon's configuration, or give the secret as env:NAME",
            )


def _word(name: str, value: object, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise UsageError(f"{name} must be a text")
    if choices and str(value) not in choices:
        raise UsageError(f"{name} must be one of {', '.join(choices)}, not {str(value)[:80]!r}")
    return str(value)


def _value(setting: Setting, value: object) -> Value:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    if setting.kind is Kind.TEXT and plain:
        value = str(value)
    if setting.kind is Kind.INT and isinstance(value, float) and value.is_integer():
        value = int(value)
    return setting.parse(value, setting.key)
