"""`status`, `list`, `findings`, `dead-letters`, `report` and `doctor`: looking, which needs no ownership of the state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from vectormigrate.api.commands import LOOKS
from vectormigrate.daemon import paging
from vectormigrate.daemon.notary import check
from vectormigrate.daemon.report import from_json, render
from vectormigrate.daemon.report.composing import composed
from vectormigrate.daemon.specify import overlay, specify
from vectormigrate.model.documents import Examined, Migrations
from vectormigrate.model.errors import SignatureWrong, StateMissing, UsageError
from vectormigrate.model.specification import Mode
from vectormigrate.model.status import MigrationStatus

from . import output
from .call import Answer, Call
from .documents import Verified, Written
from .doors import examine, stored, view
from .following import handed_over, with_live
from .live import ask

FAILED = 1
FINDINGS = 3


async def status(call: Call) -> Answer:
    """Where a migration is; of a live one also what the daemon knows, when one runs."""
    with view(call) as viewer:
        found = viewer.status(call.migration_id)
    return await handed_over(call, found) if call.value("follow") else Answer(await with_live(call, found))


def list_migrations(call: Call) -> Answer:
    """A page of migrations."""
    try:
        with view(call) as viewer:
            return Answer(paging.migrations(viewer, call.value))
    except StateMissing:
        return Answer(Migrations([], call.value("limit"), call.value("offset")))


def findings(call: Call) -> Answer:
    """A page of what differs."""
    with view(call) as viewer:
        return Answer(paging.findings(viewer, call.migration_id, call.value))


async def dead_letters(call: Call) -> Answer:
    """A page of what was refused for good; with `--retry` the daemon tries all of it once more."""
    would = await _retry(call, dry_run=call.value("dry-run")) if call.value("retry") else ""
    with view(call) as viewer:
        return Answer(replace(paging.dead_letters(viewer, call.migration_id, call.value), would=would))


async def _retry(call: Call, *, dry_run: bool) -> str:
    """What would happen, if that is all that was asked."""
    with view(call) as viewer:
        if viewer.specification(call.migration_id).mode is Mode.OFFLINE:
            raise UsageError(
                f"{call.migration_id!r} is an offline migration: the daemon has nothing to do with it",
                hint=f"it tries refused records again when it goes on: vectormigrate resume {call.migration_id}",
            )
    told = await ask(call, "retry", MigrationStatus, dry_run=dry_run)
    if not dry_run:
        call.remark("tried again; what is refused once more is told again")
    return told.would


def report(call: Call) -> Answer:
    """The last validation: printed, or written to files; or a written one, verified."""
    if call.migration_id == "verify" and call.words["file"]:
        return _verify(call, call.words["file"])
    now = datetime.now(UTC)  # noqa: TID251 the moment is printed on the page, nothing depends on it
    with view(call) as viewer:
        return present(call, composed(viewer, call.migration_id, call.state, now, LOOKS))


def _verify(call: Call, name: str) -> Answer:
    try:
        document = orjson.loads(Path(name).expanduser().read_bytes())
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}") from None
    except orjson.JSONDecodeError:
        raise SignatureWrong(f"{name} is no JSON document") from None
    signer = check(document, call.value("signed-by") or "")
    said = str(document.get("verdict", ""))
    return Answer(Verified(name, signer, said))


def present(call: Call, document: Mapping[str, Any]) -> Answer:
    """A report as it is asked for, as it was signed."""
    html, written = call.value("html"), call.value("output")
    code = 0 if document["ok"] else FINDINGS
    if html:
        output.write(html, render(from_json(document)))
    if written:
        output.write(written, output.as_json(document) + "\n")
    if not html and not written:
        return Answer(document, code, text=output.as_json(document))
    name, signer = document["status"]["migration_id"], check(document)
    files = Written(name, document["verdict"], document["ok"], html or "", written or "", signer)
    return Answer(files, code)


async def doctor(call: Call) -> Answer:
    """Check this machine, the state file's place and, when a migration or its stores are named, the stores."""
    known = stored(call) if call.words["id"] else None
    request = None
    if known is not None:
        request = overlay(known, call.merged)
    elif call.words["id"] or any(call.value(name) for name in ("source-type", "target-type")):
        request = specify(call.words["id"] or "doctor", call.merged)
    checks = await examine(call, request)
    good = all(check.ok for check in checks)
    return Answer(Examined(checks, good), 0 if good else FAILED)
