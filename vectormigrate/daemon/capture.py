"""Installing, checking and removing what tells us of changes in a source. Owns no state: the source itself remembers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

from vectormigrate.model.errors import CollectionMissing, GateRefused, StateMissing, UnknownMigration
from vectormigrate.model.phase import FINAL
from vectormigrate.model.specification import Mode, Specification
from vectormigrate.model.status import CaptureReport
from vectormigrate.stores import registry
from vectormigrate.stores.capture import TAKEN, Capture
from vectormigrate.stores.capture import taken as anothers

from .parting import parts_of
from .secrets import Secrets
from .viewing import Viewer

_NOBODY = "-"
"""Who has no state file yet: a capture that somebody reads is another's."""


class Action(StrEnum):
    """What to do to a capture."""

    INSTALL = "install"
    CHECK = "check"
    REMOVE = "remove"


async def capture(
    action: Action,
    spec: Specification,
    secrets: Secrets,
    way: str | None,
    state: Path,
    *,
    taken: bool = False,
    dry_run: bool = False,
) -> CaptureReport:
    """Do it to the capture of a migration's source, or with `dry_run` say what would be done. `way` is for stores that have
    several; None leaves it to them. `state` is the file that may know the migration. Of a migration of several parts, to that of each
    part that the source has now. `taken` removes also what another state file reads.

    Raises GateRefused for what a migration that is not over needs, CaptureTaken for what another state file reads, Unsupported for a source that cannot tell of its changes,
    and what the store raises.
    """
    if action is Action.REMOVE:
        _check_over(spec.id, state)
    reader = _reader(state)
    if spec.division and not spec.splits:
        parts = await parts_of(spec, secrets)
        reports = [
            await _one(action, part, secrets, way, reader, taken=taken, dry_run=dry_run) for part in parts
        ]
        return _sum(spec, action, reports)
    return await _one(action, spec, secrets, way, reader, taken=taken, dry_run=dry_run)


def _reader(state: Path) -> str:
    """Whose changes they are to be: those of the daemon that owns, or will own, this file."""
    try:
        with Viewer.open(state) as viewer:
            return viewer.identity or _NOBODY
    except StateMissing:
        return _NOBODY


async def _one(
    action: Action,
    spec: Specification,
    secrets: Secrets,
    way: str | None,
    reader: str,
    *,
    taken: bool,
    dry_run: bool,
) -> CaptureReport:
    endpoint = await secrets.reach(spec.source, spec.id)
    if way is not None:
        endpoint = replace(endpoint, options={**endpoint.options, "capture": way})
    async with registry.open_capture(endpoint, spec.source.collection) as opened:
        opened.reader = reader
        done: list[str] = []
        if action is Action.INSTALL or (action is Action.REMOVE and not taken):
            await _check_ours(opened, spec)
        if action is Action.INSTALL:
            done = await opened.install(dry_run=dry_run)
        if action is Action.REMOVE:
            done = await opened.remove(dry_run=dry_run)
        looked = action is Action.CHECK or (action is Action.INSTALL and not dry_run)
        problems = await opened.check() if looked else []
        lag = await opened.lag() if action is Action.CHECK else None
    source = f"{spec.source.kind}:{spec.source.collection}"
    if not dry_run or action is Action.CHECK:  # which only looks
        return CaptureReport(spec.id, source, str(action), done, problems, lag)
    return CaptureReport(spec.id, source, str(action), [], problems, lag, would=_would(action, done))


async def _check_ours(opened: Capture, spec: Specification) -> None:
    """Raise CaptureTaken for one that another state file reads: whoever lives by it would see nothing any more."""
    try:
        problems = await opened.check()
    except CollectionMissing:
        return
    if TAKEN in problems:
        raise anothers(spec.source.kind, spec.source.collection)


def _sum(spec: Specification, action: Action, parts: Sequence[CaptureReport]) -> CaptureReport:
    """What was done to those of all parts; at least one."""
    lags = [part.lag_seconds for part in parts if part.lag_seconds is not None]
    would = [f"{part.migration_id}: {part.would}" for part in parts if part.would]
    return CaptureReport(
        spec.id,
        f"{spec.source.kind}:{spec.source.collection}",
        str(action),
        [done for part in parts for done in part.done],
        [f"{part.migration_id}: {problem}" for part in parts for problem in part.problems],
        max(lags, default=None),
        would="; ".join(would),
    )


def _would(action: Action, done: Sequence[str]) -> str:
    if not done:
        return "there is nothing to do"
    return f"{', '.join(done)} would be {'made' if action is Action.INSTALL else 'removed'}"


def _check_over(migration_id: str, state: Path) -> None:
    try:
        with Viewer.open(state) as viewer:
            status = viewer.status(migration_id)
    except (StateMissing, UnknownMigration):
        return
    if status.mode is Mode.CAPTURED and status.phase not in FINAL:
        raise GateRefused(
            f"migration {migration_id!r} is in phase {status.phase} and needs its capture: changes would pass unseen",
            hint=f"when it is over: `vectormigrate cutover {migration_id} --no-way-back`, or `rollback {migration_id}`",
        )
