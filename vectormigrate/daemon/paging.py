"""Pages of what a state file holds, as `limit`, `offset` and `cursor` ask for them, whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vectormigrate.model.cursor import Key, behind, next_cursor
from vectormigrate.model.documents import DeadLetters, Findings, Migrations

from .viewing import Viewer

Value = Callable[[str], Any]
"""The value of a setting, by its name."""


def migrations(viewer: Viewer, value: Value) -> Migrations:
    """Newest first. Raises UsageError for a cursor that is none, as all of these."""
    limit, offset = value("limit"), value("offset")
    found = viewer.list(value("status"), limit, offset, behind(value("cursor"), str, str))
    onward = next_cursor(found, limit, lambda one: (one.created_at.isoformat(), one.migration_id))
    return Migrations(found, limit, offset, onward)


def findings(viewer: Viewer, migration_id: str, value: Value) -> Findings:
    """In the order of their kinds and ids. Raises UnknownMigration."""
    limit, offset = value("limit"), value("offset")
    found = viewer.findings(migration_id, limit, offset, behind(value("cursor"), str, str, str, str))
    onward = next_cursor(found, limit, _of(migration_id, "kind", "id", "detail"))
    return Findings(migration_id, found, limit, offset, next_cursor=onward)


def dead_letters(viewer: Viewer, migration_id: str, value: Value) -> DeadLetters:
    """In the order of their ids. Raises UnknownMigration."""
    limit, offset = value("limit"), value("offset")
    found = viewer.dead_letters(migration_id, limit, offset, behind(value("cursor"), str, str))
    onward = next_cursor(found, limit, _of(migration_id, "id"))
    return DeadLetters(migration_id, found, limit, offset, next_cursor=onward)


def _of(migration_id: str, *names: str) -> Callable[[dict[str, Any]], Key]:
    """Rows say of which part they are, where that is not the migration itself."""
    return lambda row: (str(row.get("part", migration_id)), *(str(row[name]) for name in names))
