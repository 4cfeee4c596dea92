"""What can sensibly be done behind an answer, as commands to be typed. Every document that has a place for them is given them on
its way out; of a migration's status they are known where it is made (`next_steps`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import singledispatch
from shlex import quote
from typing import Any, TypeVar

from .documents import DeadLetters, Findings
from .status import LiveStatus, PlanDocument, RollbackReport, SwapReport, ValidationReport

T = TypeVar("T")


def onward(document: T) -> T:
    """The same document with its next steps, where it has a place for them."""
    steps = _steps(document)
    if steps is None:
        return document
    placed: Any = document  # one of those that are registered below
    return replace(placed, next_steps=tuple(f"vectormigrate {step}" for step in steps))  # type: ignore[no-any-return] # of the same class


@singledispatch
def _steps(document: object) -> Sequence[str] | None:
    return None


@_steps.register
def _validated(report: ValidationReport) -> Sequence[str]:
    name = report.migration_id
    return (f"report {name}",) if report.ok else (f"findings {name}", f"status {name}")


@_steps.register
def _swapped(report: SwapReport) -> Sequence[str]:
    name, forwards = report.migration_id, report.primary == "source"
    if not report.ok:
        return (f"gates {name}",)
    if report.dry_run:
        return (f"cutover {name}",) if forwards else (f"revert {name}",)
    return (f"validate {name} --full",) if forwards else (f"revert {name}", f"commit {name}")


@_steps.register
def _rolled_back(report: RollbackReport) -> Sequence[str]:
    return (f"rollback {report.migration_id}",) if report.dry_run or report.left else ()


@_steps.register
def _live(status: LiveStatus) -> Sequence[str]:
    name = status.migration_id
    if not all(gate.open for gate in status.gates):
        return (f"status {name}",)
    return (f"cutover {name} --dry-run",) if status.primary == "source" else (f"revert {name} --dry-run",)


@_steps.register
def _planned(plan: PlanDocument) -> Sequence[str]:
    return () if plan.refused else (f"migrate {plan.migration_id}",)


@_steps.register
def _refused(found: DeadLetters) -> Sequence[str]:
    name = found.migration_id
    if not found.dead_letters:
        return ()
    return (f"status {name}", f"waive {name} {quote(str(found.dead_letters[0]['id']))} --reason TEXT")


@_steps.register
def _found(found: Findings) -> Sequence[str]:
    return (f"validate {found.migration_id} --full",) if found.findings else ()
