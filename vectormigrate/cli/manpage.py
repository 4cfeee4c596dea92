"""The manual page, `man vectormigrate`: the table of commands once more, in roff. `make reference` writes it, the wheel installs it.

No version and no date stand in it, so that it changes with the table alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vectormigrate.api.command import Command
from vectormigrate.api.commands import COMMANDS
from vectormigrate.daemon.api_settings import REMOTE
from vectormigrate.daemon.setting import Setting
from vectormigrate.daemon.settings import GLOBAL

from .help import EVERYWHERE, EXIT_CODES, command_line, default_of, document_of, flag_words, usage_of

_ABOUT = (
    "vectormigrate moves a live collection of a vector database into another one, exactly, without downtime, and proves it. A"
    " daemon stands in front of the old database and speaks its API; it notes every write, copies what was there before, keeps"
    " both sides equal through every kill, switches, and can switch back. A collection that stands still needs no daemon."
)
_ENVIRONMENT = (
    ("VECTORMIGRATE_STATE", "The state file, as --state."),
    ("VECTORMIGRATE_CONFIG", "The configuration file, as --config."),
    ("VECTORMIGRATE_API_KEY", "The key that is shown to a daemon elsewhere, and the one that serve lets in."),
    ("NO_COLOR", "Any value: no colours."),
)
_FILES = (
    (
        "vectormigrate.toml",
        "Configuration, of the directory that a command is given in unless --config says otherwise.",
    ),
    (
        "$XDG_STATE_HOME/vectormigrate/state.db",
        "The state file; ~/.local/state where that variable is not set.",
    ),
)


def page() -> str:
    """docs/vectormigrate.1."""
    lines = [
        '.TH VECTORMIGRATE 1 "" "vectormigrate" "User Commands"',
        ".nh",  # names are not broken
        ".ad l",
        ".SH NAME",
        _text("vectormigrate - moves a live vector database to another one, and proves it"),
        ".SH SYNOPSIS",
        ".B vectormigrate",
        _text("COMMAND [ARGUMENTS] [FLAGS]"),
        ".SH DESCRIPTION",
        _text(_ABOUT),
        ".PP",
        _text(" ".join(EVERYWHERE)),
        ".SH COMMANDS",
        *(line for command in COMMANDS for line in _command(command)),
        ".SH FLAGS OF EVERY COMMAND",
        *_settings(GLOBAL),
        ".SH A DAEMON ELSEWHERE",
        _text("Every command that names a scope is done by the daemon at --url when that is given."),
        *_settings(REMOTE),
        ".SH EXIT STATUS",
        *_terms((str(code), meaning) for code, meaning in EXIT_CODES),
        ".PP",
        "Any other code is a failure.",
        ".SH ENVIRONMENT",
        *_terms(_ENVIRONMENT),
        ".SH FILES",
        *_terms(_FILES),
    ]
    return "\n".join(lines) + "\n"


def _command(command: Command) -> Iterator[str]:
    yield f".SS {_text(usage_of(command))}"
    yield _text(f"{command.summary} {command.details}".strip())
    for example in command.examples:
        yield ".PP"
        yield _text(f"{example.purpose[0].upper()}{example.purpose[1:]}:")
        _, *pasted = command_line(example.words, example.purpose)
        yield from (".RS 2", ".EX", *map(_text, pasted), ".EE", ".RE")
    yield from _terms((item.name.upper(), item.help) for item in command.positionals)
    yield from _settings(command.settings)
    scope = f" Scope: {command.scope}." if command.scope else ""
    yield from (".PP", _text(f"JSON document: {document_of(command)}.{scope}"))


def _settings(settings: Iterable[Setting]) -> Iterator[str]:
    yield from _terms((flag_words(one), f"{one.help} {default_of(one)}".strip()) for one in settings)


def _terms(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for term, text in pairs:
        yield from (".TP", f".B {_text(term)}", _text(text))


def _text(text: str) -> str:
    """One line as it is: a hyphen stays one that can be pasted, and nothing at its beginning is a request."""
    plain = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq").replace("'", "\\(aq")
    return f"\\&{plain}" if plain.startswith(".") else plain
