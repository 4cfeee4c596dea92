"""Help, made from the table of commands: examples first, then the flags with their defaults and units."""

from __future__ import annotations

from textwrap import wrap

from vectormigrate.api.command import Command
from vectormigrate.api.commands import COMMANDS
from vectormigrate.daemon.api_settings import REMOTE
from vectormigrate.daemon.setting import Kind, Setting
from vectormigrate.daemon.settings import GLOBAL

WIDTH = 100
_INDENT = 30

EXIT_CODES = (
    (0, "done"),
    (1, "failed"),
    (2, "usage or configuration; do not retry"),
    (3, "finished with findings: source and target differ"),
    (4, "a condition is not met, or the question was answered with no"),
    (5, "a store is unreachable or throttles; a retry may help"),
    (6, "authentication or rights"),
    (7, "another process owns the state file"),
    (130, "stopped by Ctrl-C, checkpoint written"),
    (143, "stopped by SIGTERM, checkpoint written"),
)
"""Any other code is a failure."""
EVERYWHERE = (
    "Every flag is also a variable (--batch-size is VECTORMIGRATE_BATCH_SIZE) and a key of vectormigrate.toml",
    "(batch_size). Flags beat variables, variables beat the file; `vectormigrate config show` tells which won.",
)


def overview() -> str:
    """`vectormigrate --help`."""
    lines = ["Examples:"]
    for name in ("demo", "migrate", "validate", "rollback"):
        example = next(command for command in COMMANDS if command.name == name).examples[0]
        lines += command_line(example.words, example.purpose)
    lines += ["", "Usage: vectormigrate COMMAND [ARGUMENTS]", "", "Commands:"]
    for command in COMMANDS:
        lines += _entry(command.name, command.summary)
    lines += ["", "For every command:", *_settings(GLOBAL)]
    lines += _entry("--help", "This, or with a command its own.") + _entry("--version", "Print the version.")
    lines += ["", "Exit codes:"]
    for code, meaning in EXIT_CODES:
        lines += _entry(str(code), meaning)
    lines += ["", *EVERYWHERE]
    return "\n".join(lines) + "\n"


def of_command(command: Command) -> str:
    """`vectormigrate COMMAND --help`."""
    lines = ["Examples:"]
    for example in command.examples:
        lines += command_line(example.words, example.purpose)
    lines += ["", f"Usage: vectormigrate {usage_of(command)} [FLAGS]", "", command.summary]
    if command.details:
        lines += wrap(command.details, WIDTH)
    if command.positionals:
        lines += ["", "Arguments:"]
        for item in command.positionals:
            lines += _entry(_positional(item.name, item.required, item.choices), item.help)
    if command.settings:
        lines += ["", "Flags:", *_settings(command.settings)]
    if command.scope is not None:
        lines += ["", "At a daemon elsewhere:", *_settings(REMOTE)]
    lines += [
        "",
        "For every command:",
        *_settings(GLOBAL),
        "",
        f"JSON document: {document_of(command)}",
        *EVERYWHERE,
    ]
    return "\n".join(lines) + "\n"


def reference() -> str:
    """docs/commands.md: the whole table."""
    lines = [
        "# Commands",
        "",
        "Made from the table of commands by `make reference`; not written by hand.",
        "",
        *EVERYWHERE,
        "",
        "For every command:",
        "",
        *(_row(setting) for setting in GLOBAL),
        "",
        "For every command that names a scope, to have a daemon elsewhere do it (a scope is what a key must hold):",
        "",
        *(_row(setting) for setting in REMOTE),
    ]
    for command in COMMANDS:
        lines += [
            "",
            f"## `{command.name}`",
            "",
            f"{command.summary} {command.details}".strip(),
            "",
            "```",
        ]
        for example in command.examples:
            lines += [line.removeprefix("  ") for line in command_line(example.words, example.purpose)]
        lines += ["```", "", f"`vectormigrate {usage_of(command)}`"]
        if command.settings:
            lines += ["", *(_row(setting) for setting in command.settings)]
        scope = f" Scope: {command.scope}." if command.scope else ""
        lines += ["", f"JSON document: {document_of(command)}.{scope}"]
    return "\n".join(lines) + "\n"


def usage_of(command: Command) -> str:
    """`validate ID`, as help shows it."""
    words = (_positional(item.name, item.required, item.choices) for item in command.positionals)
    return " ".join([command.name, *words])


def document_of(command: Command) -> str:
    """What its JSON document is."""
    return f"{command.result}; with --dry-run {command.rehearsed}" if command.rehearsed else command.result


def _row(setting: Setting) -> str:
    return f"- `{flag_words(setting)}`: {setting.help} {default_of(setting)}".rstrip()


def flag_words(setting: Setting) -> str:
    """`--batch-size N`, as help and usage show it."""
    short = f"-{setting.letter}, " if setting.letter else ""
    if setting.kind is Kind.FLAG:
        return f"{short}--{setting.name}"
    metavar = setting.metavar or {Kind.INT: "N", Kind.FLOAT: "X"}.get(setting.kind, setting.key.upper())
    if setting.choices and len(setting.choices) <= 4:
        metavar = "|".join(setting.choices)
    return f"{short}--{setting.name} {metavar}"


def _settings(settings: tuple[Setting, ...]) -> list[str]:
    lines: list[str] = []
    for setting in settings:
        lines += _entry(flag_words(setting), f"{setting.help} {default_of(setting)}".strip())
    return lines


def default_of(setting: Setting) -> str:
    """Whether a value must be given, what it is otherwise, and its limits: sentences, or nothing."""
    if setting.kind is Kind.FLAG:
        return ""
    words = ["Required."] if setting.unset == "required" else []
    if setting.choices and len(setting.choices) > 4:
        words.append(f"One of {', '.join(setting.choices)}.")
    if setting.unset and setting.unset != "required":
        words.append(f"Default: {setting.unset}.")
    elif setting.default not in ("", (), {}, None):
        shown = f"{setting.default:g}" if isinstance(setting.default, float) else str(setting.default)
        words.append(f"Default: {shown}{' ' + setting.unit if setting.unit else ''}.")
    if setting.least is not None and setting.most is not None and setting.most <= 10_000:
        words.append(f"From {setting.least:,} to {setting.most:,}.")
    return " ".join(words)


def _positional(name: str, required: bool, choices: tuple[str, ...]) -> str:
    word = "|".join(choices) or name.upper()
    return word if required else f"[{word}]"


def command_line(words: str, purpose: str) -> list[str]:
    """An example behind what it is for, broken before its flags when it is long, so that it can still be pasted."""
    pieces = f"vectormigrate {words}".replace(" --", "\0--").split("\0")
    lines, current = [f"  # {purpose}"], "  "
    for number, piece in enumerate(pieces):
        if number and len(current) + len(piece) + 3 > WIDTH:
            lines.append(current + " \\")
            current = "      " + piece
        else:
            current += (" " if number else "") + piece
    return [*lines, current]


def _entry(term: str, text: str) -> list[str]:
    body = wrap(text, WIDTH - _INDENT)
    if len(term) + 4 > _INDENT:
        return [f"  {term}", *(" " * _INDENT + line for line in body)]
    return [f"  {term:<{_INDENT - 2}}{body[0]}", *(" " * _INDENT + line for line in body[1:])]
