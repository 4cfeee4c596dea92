"""What every command is given and what it gives back: a `Call` in, an `Answer` out. Light: the front door imports it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from vectormigrate.api.command import Command
from vectormigrate.daemon.config import Config, Merged
from vectormigrate.daemon.recruits import Recruits

_CREWED = ("migrate", "resume", "validate")
"""Commands that work with worker processes."""


@dataclass(frozen=True, slots=True)
class Call:
    """One command as it was typed, with every value settled."""

    command: Command
    words: Mapping[str, str | None]
    """Positional arguments by name."""
    merged: Merged
    config: Config
    environ: Mapping[str, str] = field(repr=False)
    out: TextIO
    err: TextIO
    asked: TextIO
    """Where a person's answers come from."""
    recruits: Recruits = field(default_factory=Recruits, repr=False)
    """Workers that were started with the command."""

    def value(self, name: str) -> Any:
        """The value of a setting."""
        return self.merged[name].value

    @property
    def migration_id(self) -> str:
        """The id that was given; only for commands that need one."""
        return self.words["id"] or ""

    @property
    def state(self) -> Path:
        """The state file."""
        given = self.value("state")
        return Path(given).expanduser().absolute() if given else default_state(self.environ)

    @property
    def json(self) -> bool:
        """Whether the result is to be one document."""
        return bool(self.value("json"))

    @property
    def hands(self) -> int:
        """Worker processes worth starting before anybody knows whether there is enough to do: with this one, all cores."""
        says = {name: given.value for name, given in self.merged.items()}
        if self.command.name not in _CREWED or says.get("dry-run") or not says.get("full", True):
            return 0
        if says.get("mode", "offline") != "offline":  # the daemon does the work
            return 0
        asked = says.get("workers")
        return (asked if isinstance(asked, int) and asked else os.cpu_count() or 1) - 1

    @property
    def quiet(self) -> bool:
        return bool(self.value("quiet"))

    @property
    def verbose(self) -> bool:
        return bool(self.value("verbose"))

    @property
    def colour(self) -> bool | None:
        """False when colours are not wanted; None lets the terminal decide."""
        return False if self.value("no-color") or self.environ.get("NO_COLOR") else None

    def remark(self, line: str) -> None:
        """Tell a person something beside the result; never on standard output."""
        if not self.quiet:
            print(line, file=self.err, flush=True)

    def warn(self, line: str) -> None:
        """Tell a person something that should not be missed."""
        print(f"warning: {line}", file=self.err, flush=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a command: the document is what `--json` prints, and what the text is made from."""

    document: Any
    exit_code: int = 0
    text: str | None = None
    """Printed as it is instead of the text made from the document."""
    then: tuple[str, ...] = ()
    """Remarks that a person reads behind it: what to do next."""


def default_state(environ: Mapping[str, str]) -> Path:
    """Where the state file is unless something else is said: under the user's state directory, as XDG has it."""
    given = environ.get("XDG_STATE_HOME", "")
    # The specification says to ignore a relative one.
    base = Path(given) if given.startswith("/") else Path.home() / ".local" / "state"
    return base / "vectormigrate" / "state.db"
