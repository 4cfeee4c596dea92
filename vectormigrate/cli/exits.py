"""The exit code of a result that a daemon gave, the same as the command has when it does the work itself."""

from __future__ import annotations

from functools import singledispatch

from vectormigrate.model.documents import AuditLog, Examined
from vectormigrate.model.errors import GateRefused, MappingRefused
from vectormigrate.model.phase import Phase
from vectormigrate.model.status import (
    CaptureReport,
    MigrationStatus,
    PlanDocument,
    RollbackReport,
    SwapReport,
    ValidationReport,
)

FAILED = 1
FINDINGS = 3
_RUNNING = ("migrate", "resume", "repair")
"""Commands that answer for where a migration came to; others only tell of it."""


@singledispatch
def code_of(result: object, command: str) -> int:
    """0 for what has nothing to complain of."""
    return 0


@code_of.register
def _status(result: MigrationStatus, command: str) -> int:
    if command not in _RUNNING:
        return 0
    if result.phase is Phase.FAILED:
        return FAILED
    return FINDINGS if result.findings or result.dead_letters else 0


@code_of.register
def _plan(result: PlanDocument, command: str) -> int:
    return MappingRefused.exit_code if result.refused else 0


@code_of.register
def _validation(result: ValidationReport, command: str) -> int:
    return 0 if result.ok else FINDINGS


@code_of.register
def _swap(result: SwapReport, command: str) -> int:
    return 0 if result.ok else GateRefused.exit_code


@code_of.register
def _rollback(result: RollbackReport, command: str) -> int:
    return 0 if result.dry_run or not (result.left or result.foreign_changed) else FAILED


@code_of.register
def _capture(result: CaptureReport, command: str) -> int:
    return FAILED if result.problems else 0


@code_of.register
def _checks(result: Examined, command: str) -> int:
    return 0 if result.ok else FAILED


@code_of.register
def _audit(result: AuditLog, command: str) -> int:
    return 0 if result.ok else FAILED
