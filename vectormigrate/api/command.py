"""What a row of the table of commands is. From it command line, REST, JSON-RPC, MCP and help are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from vectormigrate.daemon.api_settings import REMOTE
from vectormigrate.daemon.setting import Setting
from vectormigrate.daemon.settings import GLOBAL
from vectormigrate.model.access import Scope


class Effect(StrEnum):
    """What a command does to stores and state."""

    LOOKS = "looks"
    """Nothing."""
    CHANGES = "changes"
    DESTROYS = "destroys"
    """Takes away what no other command brings back, or swaps who answers the application."""


@dataclass(frozen=True, slots=True)
class Positional:
    """An argument without a flag."""

    name: str
    help: str
    required: bool = True
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """A command line that can be typed as it stands, and what it is for."""

    words: str
    """Without the leading `vectormigrate`."""
    purpose: str


ROOT = "/v1"
"""Where REST stands."""
ID = "migration_id"
"""What the positional argument `id` is called in a request."""


def outside(name: str) -> str:
    """What a positional argument is called in a request."""
    return ID if name == "id" else name


def rehearsal(given: Mapping[str, object]) -> bool:
    """Whether the arguments of a request ask for a dry run."""
    return given.get("dry_run") in (True, "true")


@dataclass(frozen=True, slots=True)
class Route:
    """How a command is asked for over REST."""

    method: str
    path: str
    """Below `ROOT`, with `{names}` of positional arguments."""
    given: Mapping[str, str] = field(default_factory=dict)
    """Positional arguments that this route stands for."""

    @property
    def url(self) -> str:
        """The whole path, with names as requests have them."""
        return ROOT + self.path.replace("{id}", f"{{{ID}}}")

    @property
    def names(self) -> list[str]:
        """The arguments in its path, as requests call them."""
        return [piece[1:-1] for piece in self.url.split("/") if piece.startswith("{")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One row."""

    name: str
    summary: str
    """One sentence, for the list of commands."""
    details: str = ""
    positionals: tuple[Positional, ...] = ()
    settings: tuple[Setting, ...] = ()
    """Beside those of every command (`settings.GLOBAL`)."""
    result: str
    """What the JSON document is: for what a daemon does a class of `model.status` or `model.documents`, for what only a
    terminal does its keys.
    """
    rehearsed: str = ""
    """What a dry run answers, where that is another class."""
    scope: Scope | None = None
    """What a key must hold to have a daemon do it; None for what only a terminal does."""
    effect: Effect = Effect.LOOKS
    free: tuple[str, ...] = ()
    """Settings that describe a store and reach none: whoever may ask for the command may give them."""
    harmless: tuple[str, ...] = ()
    """Of a command that destroys, those of its actions that do not."""
    idempotent: bool = True
    """Asked twice it has done what asked once does."""
    routes: tuple[Route, ...] = ()
    lasting: bool = False
    """May take longer than a request should: over the network it is answered with an operation."""
    makes: bool = False
    """The migration need not be there: this is how it comes to be."""
    examples: tuple[Example, ...]
    handler: str
    """Of the command line: "module:function" below `vectormigrate.cli`."""

    @property
    def reads_only(self) -> bool:
        """Whether it changes no store and no state."""
        return self.effect is Effect.LOOKS

    def destroys(self, given: Mapping[str, object]) -> bool:
        """Whether these arguments, by their names in a request, destroy anything."""
        if self.effect is not Effect.DESTROYS or rehearsal(given):
            return False
        return given.get("action") not in self.harmless or not self.harmless

    def answers(self, *, dry_run: bool) -> str:
        """The class of what it answers."""
        return (dry_run and self.rehearsed) or self.result

    @property
    def all_settings(self) -> tuple[Setting, ...]:
        """Its own, those that lead to a daemon, and those of every command."""
        return (*self.settings, *(REMOTE if self.scope is not None else ()), *GLOBAL)

    @property
    def arguments(self) -> tuple[Setting, ...]:
        """Its settings that make sense to a daemon."""
        return tuple(setting for setting in self.settings if not setting.local)
