"""`support-bundle`: one archive with what somebody needs who is to help, and nothing secret and no record in it.

Configuration with stars, versions, checks, and of every migration its status, history, events, last report without ids of records.
Texts go through the same redaction as log lines. What cannot be had is written down as such: a bundle is made when things are broken.
"""

from __future__ import annotations

import io
import platform
import sys
import zipfile
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import msgspec

from vectormigrate import __version__
from vectormigrate.daemon.logs import redacted
from vectormigrate.daemon.viewing import Viewer
from vectormigrate.model.errors import UsageError, VectormigrateError

from . import output
from .call import Answer, Call
from .configuration import shown
from .documents import Bundled
from .doors import examine, view

DEFAULT = "vectormigrate-support.zip"
_EVENTS = 1000
_OF_RECORDS = ("worst", "findings", "ranges", "parts")
"""What of a report names records; its parts have documents of their own."""


async def support_bundle(call: Call) -> Answer:
    """Write the archive."""
    name = str(call.value("output") or DEFAULT)
    parts: dict[str, Any] = {"versions.json": _versions(), "configuration.json": shown(call)}
    parts["checks.json"] = [msgspec.to_builtins(one) for one in await examine(call, None)]
    try:
        with view(call) as viewer:
            for status in viewer.list(None, 1000, 0):
                for one in (status, *viewer.status(status.migration_id).parts):
                    parts |= _migration(viewer, one.migration_id)
    except VectormigrateError as error:
        parts["state.json"] = error.as_dict()
    _write(name, parts)
    return Answer(Bundled(name, sorted(parts)))


def _write(name: str, parts: dict[str, Any]) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for part, document in parts.items():
            file.writestr(part, output.as_json(_clean(document)) + "\n")
    try:
        Path(name).expanduser().write_bytes(archive.getvalue())
    except OSError as error:
        raise UsageError(f"{name} cannot be written: {error.strerror}", hint="choose another file") from None


def _clean(document: Any) -> Any:
    """The same document, its texts redacted."""
    match document:
        case str():
            return redacted(document)
        case dict():
            return {name: _clean(value) for name, value in document.items()}
        case list() | tuple():
            return [_clean(one) for one in document]
        case _:
            return document


def _versions() -> dict[str, Any]:
    packages = {one.name: one.version for one in distributions()}
    return {
        "vectormigrate": __version__,
        "python": sys.version,
        "platform": platform.platform(),
        "packages": dict(sorted(packages.items())),
    }


def _migration(viewer: Viewer, name: str) -> dict[str, Any]:
    looks: dict[str, Callable[[], Any]] = {
        "status": lambda: viewer.status(name),
        "specification": lambda: viewer.specification(name),
        "mapping": lambda: viewer.mapping(name),
        "history": lambda: viewer.history(name),
        "events": lambda: viewer.events(name, _EVENTS),
        "report": lambda: _without_records(viewer.report(name)),
        "dead_letters": lambda: [
            {**one, "id": "", "message": one["code"]} for one in viewer.dead_letters(name, 100, 0)
        ],
    }
    return {f"migrations/{name}/{what}.json": _tried(look) for what, look in looks.items()}


def _tried(look: Callable[[], Any]) -> Any:
    try:
        return msgspec.to_builtins(look(), enc_hook=str)
    except VectormigrateError as error:
        return error.as_dict()


def _without_records(report: object) -> Any:
    document = msgspec.to_builtins(report, enc_hook=str)
    return document and {name: value for name, value in document.items() if name not in _OF_RECORDS}
