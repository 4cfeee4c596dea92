"""Looking at a state file, whoever owns it: needs no ownership and writes nothing."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Self

from vectormigrate.model.cursor import Key
from vectormigrate.model.documents import Operation
from vectormigrate.model.mapping import MappingPlan
from vectormigrate.model.specification import Specification
from vectormigrate.model.status import MigrationStatus, ValidationReport
from vectormigrate.state import audit, events, findings, sessions, views
from vectormigrate.state.database import Reader
from vectormigrate.state.events import StoredEvent

from . import operations


class Viewer:
    """Reads a state file, whoever owns it. A context manager."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    @classmethod
    def open(cls, state: Path) -> Viewer:
        """Raises StateError when there is no such file, StateNewer, StateBroken."""
        return cls(Reader(state))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    def specification(self, migration_id: str) -> Specification:
        """What was asked for, secrets as references. Raises UnknownMigration."""
        return self._reader.read(lambda tx: views.specification(tx, migration_id))

    @property
    def identity(self) -> str:
        """What tells the file from any other."""
        return self._reader.read(sessions.identity)

    @property
    def owned(self) -> bool:
        """Whether some process owns the file now."""
        return self._reader.owned()

    def status(self, migration_id: str) -> MigrationStatus:
        """Where it is. Raises UnknownMigration."""
        owned = self.owned
        return self._reader.read(lambda tx: views.status(tx, migration_id, owned=owned))

    def operation(self, operation_id: str) -> Operation:
        """A command that was given to a daemon. Raises UsageError."""
        return self._reader.read(lambda tx: operations.one(tx, operation_id))

    def list(
        self, status: str | None, limit: int, offset: int, behind: Key | None = None
    ) -> list[MigrationStatus]:
        """Migrations, newest first, of one phase or all."""
        owned = self.owned
        return self._reader.read(
            lambda tx: views.all_statuses(tx, status, limit, offset, behind, owned=owned)
        )

    def findings(
        self, migration_id: str, limit: int, offset: int, behind: Key | None = None
    ) -> builtins.list[dict[str, object]]:
        """Differences that the last validation left. Raises UnknownMigration."""
        self._reader.read(lambda tx: views.specification(tx, migration_id))
        return self._reader.read(lambda tx: views.findings(tx, migration_id, limit, offset, behind))

    def dead_letters(
        self, migration_id: str, limit: int, offset: int, behind: Key | None = None
    ) -> builtins.list[dict[str, object]]:
        """Records that the target refused. Raises UnknownMigration."""
        self._reader.read(lambda tx: views.specification(tx, migration_id))
        return self._reader.read(lambda tx: views.dead_letters(tx, migration_id, limit, offset, behind))

    def report(self, migration_id: str) -> ValidationReport | None:
        """The last validation; None when there was none. Raises UnknownMigration."""
        self._reader.read(lambda tx: views.specification(tx, migration_id))
        return self._reader.read(lambda tx: findings.latest_report(tx, migration_id))

    def mapping(self, migration_id: str) -> MappingPlan | None:
        """The plan of the mapping; None before preflight. Raises UnknownMigration."""
        self._reader.read(lambda tx: views.specification(tx, migration_id))
        return self._reader.read(lambda tx: views.mapping(tx, migration_id))

    def events(self, migration_id: str, limit: int) -> builtins.list[StoredEvent]:
        """The first events of a migration that are kept, oldest first."""
        return self._reader.read(lambda tx: events.since(tx, 0, migration_id, limit))

    def history(self, migration_id: str) -> builtins.list[dict[str, object]]:
        """Phases and verbs, oldest first. Raises UnknownMigration."""
        self._reader.read(lambda tx: views.specification(tx, migration_id))
        return self._reader.read(lambda tx: audit.of_migration(tx, migration_id))
