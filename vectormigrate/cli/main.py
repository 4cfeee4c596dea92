"""The front door: words in, an exit code out. Imports nothing heavy, so that `--help` answers at once.

Handlers and the printer of results are found by their text in the table and loaded when their command is called.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import inspect
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from vectormigrate import __version__
from vectormigrate.api.command import Command
from vectormigrate.daemon import config
from vectormigrate.daemon.settings import GLOBAL
from vectormigrate.model.errors import OutputFailed, UsageError, VectormigrateError

from . import arguments, failure
from . import help as help_text
from .arguments import Typed
from .call import Answer, Call

INTERRUPTED = 130
_WHOLE = ("serve", "config")
"""Commands for which every variable of the file has to be there."""


def run() -> None:
    """The console script."""
    sys.exit(main(sys.argv[1:]))


def main(
    argv: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    out: TextIO | None = None,
    err: TextIO | None = None,
    asked: TextIO | None = None,
) -> int:
    """Run one command and return its exit code; everything from outside can be given instead."""
    environ = os.environ if environ is None else environ
    out, err, asked = out or sys.stdout, err or sys.stderr, asked or sys.stdin
    # Errors of the command line itself must know whether they are to be a document.
    as_json = "--json" in argv or environ.get("VECTORMIGRATE_JSON", "").lower() in ("1", "true", "yes", "on")
    try:
        typed = arguments.parse(argv)
        if typed.version:
            print(f"{arguments.PROGRAM} {__version__}", file=out)
            return 0
        if typed.command is None or typed.help:
            return _help(typed, out, err)
        call = _settle(typed, typed.command, environ, out, err, asked)
        as_json = call.json
        return _answer(call)
    except VectormigrateError as error:
        return failure.show(error, as_json=as_json, out=out, err=err)
    except KeyboardInterrupt:
        print("stopped", file=err)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the output has gone (`| head`)
        _silence(out)
        return 1


def _silence(out: TextIO) -> None:
    """Point an output that failed at nothing, so that closing it does not fail again."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def _help(typed: Typed, out: TextIO, err: TextIO) -> int:
    if typed.command is not None:
        print(help_text.of_command(typed.command), end="", file=out)
        return 0
    if typed.help:
        print(help_text.overview(), end="", file=out)
        return 0
    print(help_text.overview(), end="", file=err)
    return UsageError.exit_code


def _settle(
    typed: Typed, command: Command, environ: Mapping[str, str], out: TextIO, err: TextIO, asked: TextIO
) -> Call:
    """Find the file and settle the value of every setting."""
    front = config.merge(GLOBAL, _only_global(typed.flags), environ, config.Config())
    given = front["config"].value
    path = config.find(str(given) if given else None, Path.cwd())
    profile = front["profile"].value
    if path is None and profile:
        raise UsageError(
            f"there is no configuration file to have the profile {profile!r}", hint="name it: --config FILE"
        )
    loaded = config.Config()
    if path is not None:
        loaded = config.load(path, environ, str(profile or ""), whole=command.name in _WHOLE)
    merged = config.merge(command.all_settings, typed.flags, environ, loaded, typed.words.get("id"))
    return Call(command, typed.words, merged, loaded, environ, out, err, asked)


def _only_global(flags: Mapping[str, object]) -> dict[str, object]:
    names = {setting.name for setting in GLOBAL}
    return {name: value for name, value in flags.items() if name in names}


def _answer(call: Call) -> int:
    with call.recruits:
        call.recruits.enlist(call.hands)  # they load what they need while this process does
        handler = _load(f"vectormigrate.cli.{_handler(call)}")
        answer: Answer = asyncio.run(handler(call)) if inspect.iscoroutinefunction(handler) else handler(call)
    try:
        _load("vectormigrate.cli.output:show")(answer, call)
    except BrokenPipeError:
        raise
    except OSError as error:
        _silence(call.out)
        raise OutputFailed(
            f"the command is through, but its result cannot be written: {error.strerror}",
            hint="free space where the output goes, then look again, for example with: vectormigrate status",
        ) from None
    return answer.exit_code


def _handler(call: Call) -> str:
    elsewhere = call.command.scope is not None and call.value("url")
    return "elsewhere:remote" if elsewhere else call.command.handler


def _load(text: str) -> Any:
    module, _, name = text.partition(":")
    return getattr(importlib.import_module(module), name)
