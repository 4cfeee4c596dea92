"""A report of what the state file says: read, signed, as the document that leaves the house."""

from __future__ import annotations

import platform
from collections.abc import Callable, Container
from datetime import datetime
from pathlib import Path
from typing import Any

from vectormigrate import __version__
from vectormigrate.daemon.notary import Notary
from vectormigrate.daemon.viewing import Viewer
from vectormigrate.model.phase import FINAL
from vectormigrate.model.specification import Mode
from vectormigrate.model.status import MigrationStatus, ValidationReport
from vectormigrate.model.whole import validation_of

from .document import Report, as_json


def composed(
    viewer: Viewer, migration_id: str, state: Path, now: datetime, looks: Container[str]
) -> dict[str, Any]:
    """A signed `LastReport`, as plain values: signed is what they say, so nothing makes another document of them.

    `state` is the file whose key signs, which is made with the first report. `looks` are the commands that a history can do
    without. Raises UnknownMigration, StateError.
    """
    status = viewer.status(migration_id)
    last = together(status, viewer.report(migration_id), viewer.report)
    report = Report(
        status,
        now,
        last,
        viewer.mapping(migration_id),
        versions={
            "vectormigrate": __version__,
            "python": platform.python_version(),
            **(last.stores if last else {}),
        },
        history=[row for row in viewer.history(migration_id) if row["verb"] not in looks],
        specification=viewer.specification(migration_id),
    )
    return Notary.beside(state).sign(as_json(report))


def together(
    status: MigrationStatus,
    kept: ValidationReport | None,
    latest: Callable[[str], ValidationReport | None],
) -> ValidationReport | None:
    """The last comparison, of all parts together where there are several.

    Parts of a live migration are compared each by itself (behind its copy, before a cutover, day by day), and nobody is asked
    for the whole then: what was `kept` of it may be older than what is known of its parts. That something of the source is in
    no part is found only by who asks the source, so what was kept with that stands until it is compared again.
    """
    going = [part.migration_id for part in status.parts if part.phase not in FINAL]
    found = [report for report in map(latest, going) if report is not None]
    if status.mode is Mode.OFFLINE or not found:
        return kept
    if kept is not None:
        known = {(part.migration_id, part.started_at) for part in kept.parts}
        outside = not kept.ok and all(part.ok for part in kept.parts)
        if outside or {(one.migration_id, one.started_at) for one in found} <= known:
            return kept
    unseen = len(going) - len(found)
    return validation_of(
        status.migration_id, found, [f"{unseen:,} parts were not compared"] if unseen else []
    )
