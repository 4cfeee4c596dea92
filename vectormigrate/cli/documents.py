"""Results that are no snapshot of `model.status`: lists, checks, what was written. Each is one `--json` document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vectormigrate.daemon.announced import Listening
from vectormigrate.model.status import Check, MigrationStatus


@dataclass(frozen=True, slots=True)
class Migrations:
    """A page of migrations, newest first."""

    migrations: list[MigrationStatus]
    limit: int
    offset: int


@dataclass(frozen=True, slots=True)
class Findings:
    """A page of what differs."""

    migration_id: str
    findings: list[dict[str, Any]]
    limit: int
    offset: int


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """A page of what the target refused for good."""

    migration_id: str
    dead_letters: list[dict[str, Any]]
    limit: int
    offset: int


@dataclass(frozen=True, slots=True)
class Examined:
    """What doctor found."""

    checks: list[Check]
    ok: bool


@dataclass(frozen=True, slots=True)
class Written:
    """Files that a report went to."""

    migration_id: str
    verdict: str
    ok: bool
    html: str = ""
    output: str = ""


@dataclass(frozen=True, slots=True)
class ServeEnded:
    """How serving ended."""

    listeners: list[Listening]
    drained: bool
    """Whether everything that was under way was answered."""
