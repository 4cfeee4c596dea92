"""Words to a command and its flags: argparse built from the table, with errors and help of our own.

Values stay texts here; what they must be is checked by their settings, so that a flag, a variable and a key of the
file get the same words.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NoReturn

from vectormigrate.api.command import Command
from vectormigrate.api.commands import BY_NAME, COMMANDS
from vectormigrate.daemon.setting import Kind, Setting
from vectormigrate.daemon.settings import GLOBAL
from vectormigrate.model.errors import UsageError

PROGRAM = "vectormigrate"


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed, not yet looked at."""

    command: Command | None
    words: dict[str, str | None]
    flags: dict[str, object]
    help: bool = False
    version: bool = False


def parse(argv: Sequence[str]) -> Typed:
    """Take a command line apart. Raises UsageError with a suggestion where there is one."""
    space, unknown = build().parse_known_args(list(argv))
    given = vars(space)
    name = given.pop("command", None)
    command = BY_NAME.get(name) if name else None
    asked_help, asked_version = given.pop("help", False), given.pop("version", False)
    words = {item.name: given.pop(item.name, None) for item in command.positionals} if command else {}
    typed = Typed(command, words, given, asked_help, asked_version)
    if unknown:
        raise _unknown(unknown[0], command)
    if command and not asked_help:
        _check_words(command, words)
    return typed


def build(*, complete: bool = False) -> argparse.ArgumentParser:
    """The parser. `complete` adds what only a completion script needs: choices and help."""
    parser = _Parser(prog=PROGRAM, add_help=False, allow_abbrev=False)
    parser.add_argument("--version", action="store_true", default=argparse.SUPPRESS)
    _add_settings(parser, GLOBAL, complete)
    commands = parser.add_subparsers(dest="command", parser_class=_Parser, metavar="COMMAND")
    for command in COMMANDS:
        words: dict[str, Any] = {"help": command.summary} if complete else {}
        below = commands.add_parser(command.name, add_help=False, allow_abbrev=False, **words)
        for item in command.positionals:
            choices = item.choices if complete and item.choices else None
            below.add_argument(item.name, nargs="?", choices=choices, help=item.help)
        _add_settings(below, command.all_settings, complete)
    return parser


def _add_settings(parser: argparse.ArgumentParser, settings: tuple[Setting, ...], complete: bool) -> None:
    parser.add_argument("-h", "--help", action="store_true", default=argparse.SUPPRESS)
    for setting in settings:
        names = [f"-{setting.letter}"] if setting.letter else []
        names.append(f"--{setting.name}")
        words: dict[str, Any] = {"dest": setting.name, "default": argparse.SUPPRESS}
        if complete:
            words["help"] = setting.help.replace("%", "%%")
        if setting.kind is Kind.FLAG:
            parser.add_argument(*names, action="store_true", **words)
            continue
        if complete and setting.choices:
            words["choices"] = setting.choices
        repeated = setting.kind in (Kind.NAMES, Kind.PAIRS)
        parser.add_argument(*names, action="append" if repeated else "store", **words)


class _Parser(argparse.ArgumentParser):
    """An argparse parser that raises instead of printing and leaving."""

    def error(self, message: str) -> NoReturn:
        found = re.search(r"invalid choice: '(.*?)' ", message)
        if found:
            raise _unknown_command(found[1])
        lacking = re.fullmatch(r"argument (?:-\w/)?(--[\w-]+): expected one argument", message)
        if lacking:
            raise UsageError(f"{lacking[1]} needs a value")
        raise UsageError(message, hint=f"{self.prog} --help")


def _unknown_command(name: str) -> UsageError:
    near = get_close_matches(name, BY_NAME, n=1)
    hint = f"did you mean {near[0]}?" if near else f"commands: {', '.join(BY_NAME)}"
    return UsageError(f"there is no command {name!r}", hint=hint)


def _unknown(word: str, command: Command | None) -> UsageError:
    place = f"{PROGRAM} {command.name}" if command else PROGRAM
    if not word.startswith("-"):
        return UsageError(f"{place} does not take {word!r}", hint=f"see {place} --help")
    flag = word.partition("=")[0]
    known = [f"--{setting.name}" for setting in (command.all_settings if command else GLOBAL)]
    near = get_close_matches(flag, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"see {place} --help"
    return UsageError(f"{place} has no flag {flag}", hint=hint)


def _check_words(command: Command, words: dict[str, str | None]) -> None:
    for item in command.positionals:
        given = words[item.name]
        if given is None:
            if item.required:
                one_of = f": one of {', '.join(item.choices)}" if item.choices else ""
                raise UsageError(
                    f"{PROGRAM} {command.name} needs {item.name.upper()}{one_of}",
                    hint=f"for example: {PROGRAM} {min((example.words for example in command.examples), key=len)}",
                )
        elif item.choices and given not in item.choices:
            near = get_close_matches(given, item.choices, n=1)
            raise UsageError(
                f"{item.name} must be one of {', '.join(item.choices)}, not {given!r}",
                hint=f"did you mean {near[0]}?" if near else "",
            )
