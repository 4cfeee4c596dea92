"""Pages of the documentation that are made from tables of the code: settings, requests and tools, errors.

Commands are `help.py`'s, metrics the catalogue's. `make reference` writes them all, and a test holds them against the code.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence

from vectormigrate.api.command import Command, Effect
from vectormigrate.api.commands import COMMANDS
from vectormigrate.daemon.notice_settings import WEBHOOK
from vectormigrate.daemon.setting import Kind, Setting
from vectormigrate.daemon.settings import SETTINGS
from vectormigrate.model.errors import RequestRefused, VectormigrateError
from vectormigrate.model.http_status import status_of

from .help import default_of

_MADE = "Made from the code by `make reference`; not written by hand."
_DOES = {Effect.LOOKS: "looks", Effect.CHANGES: "changes", Effect.DESTROYS: "destroys"}
_TYPES = {
    Kind.TEXT: "text",
    Kind.INT: "whole number",
    Kind.FLOAT: "number",
    Kind.FLAG: "true or false",
    Kind.NAMES: "list of texts",
    Kind.PAIRS: "table of texts",
}


def settings() -> str:
    """docs/settings.md: every value that can be given, by the table of the file that holds it."""
    lines = [
        "# Settings",
        "",
        _MADE,
        "",
        (
            "A setting is a key of its table in `vectormigrate.toml`, a flag (`batch_size` is `--batch-size`), and a variable"
            " (`VECTORMIGRATE_BATCH_SIZE`); [how they are merged](configuration.md), and which flags a"
            " [command](commands.md) takes."
        ),
    ]
    tables: dict[str, list[Setting]] = {}
    for setting in SETTINGS:
        tables.setdefault(setting.section, []).append(setting)
    for table, held in tables.items():
        lines += ["", f"## `[{table}]`" if table else "## At the top of the file", "", *_settings(held)]
    lines += [
        "",
        "## `[webhooks.NAME]`",
        "",
        "Of these there are no flags and variables.",
        "",
        *_settings(WEBHOOK),
    ]
    return "\n".join(lines) + "\n"


def _settings(held: Iterable[Setting]) -> list[str]:
    rows = [
        (f"`{one.key}`", _TYPES[one.kind], f"{one.help} {default_of(one)}".strip().replace("|", "\\|"))
        for one in held
    ]
    return _table(("key", "type", "what it is"), rows)


def requests() -> str:
    """docs/requests.md: what a daemon can be asked over REST and MCP."""
    asked = [command for command in COMMANDS if command.scope is not None]
    lines = [
        "# Requests and tools",
        "",
        _MADE,
        "",
        (
            "What a daemon can be asked: over REST, and as a tool of MCP of the same name with underscores."
            " [How](api.md) to ask; bodies, answers and tools have their schemas in `GET /v1/openapi.json` and in the list of"
            " tools, and what each command does is on its [page](commands.md). A command that lasts is answered with an"
            " operation; one that destroys wants a dry run's `plan_token` when it is called as a tool."
        ),
        "",
        *_table(("request", "command", "scope", "effect"), [row for one in asked for row in _routes(one)]),
    ]
    return "\n".join(lines) + "\n"


def _routes(command: Command) -> Iterator[tuple[str, ...]]:
    lasting = ", lasts" if command.lasting else ""
    for route in command.routes:
        name = f"[`{command.name}`](commands.md#{command.name})"
        spared = command.effect is Effect.DESTROYS and not command.destroys(route.given)
        effect = Effect.LOOKS if route.method == "GET" or spared else command.effect
        yield f"`{route.method} {route.url}`", name, str(command.scope), _DOES[effect] + lasting


def errors() -> str:
    """docs/errors.md: every error by its code."""
    lines = [
        "# Errors",
        "",
        _MADE,
        "",
        (
            "An error has a `code` that stays, a `message` in one sentence, `retryable`, and where they help `hint`, `store`,"
            " `collection`, `ids`, `retry_after` (seconds): with `--json` as the document, over REST as problem details, over"
            " JSON-RPC and MCP as data. A terminal shows the same in lines. *Exit* is the process' exit code, *HTTP* the status."
        ),
        "",
        *_table(("code", "what happened", "exit", "HTTP", "a retry may help"), sorted(map(_error, _tree()))),
    ]
    return "\n".join(lines) + "\n"


def _tree(root: type[VectormigrateError] = VectormigrateError) -> Iterator[type[VectormigrateError]]:
    """Every kind of error that has a code of its own."""
    for kind in root.__subclasses__():
        if "code" in vars(kind) and kind.__module__ == VectormigrateError.__module__:
            yield kind
        yield from _tree(kind)


def _error(kind: type[VectormigrateError]) -> tuple[str, ...]:
    told = " ".join((inspect.getdoc(kind) or "").split("\n\n", maxsplit=1)[0].split())
    status = "4xx" if kind is RequestRefused else str(status_of(kind("")))
    return f"`{kind.code}`", told, str(kind.exit_code), status, "yes" if kind.retryable else "no"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]
