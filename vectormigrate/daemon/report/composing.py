"""A report of what the state file says: read, signed, as the document that leaves the house."""

from __future__ import annotations

import platform
from collections.abc import Container
from datetime import datetime
from pathlib import Path
from typing import Any

from vectormigrate import __version__
from vectormigrate.daemon.notary import Notary
from vectormigrate.daemon.viewing import Viewer

from .document import Report, as_json


def composed(
    viewer: Viewer, migration_id: str, state: Path, now: datetime, looks: Container[str]
) -> dict[str, Any]:
    """A signed `LastReport`, as plain values: signed is what they say, so nothing makes another document of them.

    `state` is the file whose key signs, which is made with the first report. `looks` are the commands that a history can do
    without. Raises UnknownMigration, StateError.
    """
    last = viewer.report(migration_id)
    report = Report(
        viewer.status(migration_id),
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
