"""What happened, by the names that a hook or webhook is asked for, and as the document that it is given.

Every event goes by its own name (`gap_opened`); a move between phases also by the name of what it means (`backfill_done`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from vectormigrate.daemon.chronicle import kind_of
from vectormigrate.model.events import Event, PhaseChanged, PrimaryChanged, Progress
from vectormigrate.model.phase import Phase

BEFORE = ("before_cutover", "before_revert")
"""Asked before the step, which does not happen when one of them says no."""
DERIVED = (
    "startup",
    "status",
    "backfill_started",
    "backfill_done",
    "verified",
    "paused",
    "failure",
    "success",
    "after_cutover",
    "after_revert",
    "rolled_back",
    *BEFORE,
)
_MEANS = {
    Phase.BACKFILL: "backfill_started",
    Phase.VERIFIED: "verified",
    Phase.PAUSED: "paused",
    Phase.FAILED: "failure",
    Phase.COMMITTED: "success",
    Phase.ROLLED_BACK: "rolled_back",
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing under one name."""

    name: str
    migration_id: str
    """"" for what concerns the daemon."""
    values: dict[str, Any]
    """What the event says, as JSON has it."""


def happenings(event: Event) -> list[Happening]:
    """Under which names an event is told; none for progress, which comes several times a second."""
    if isinstance(event, Progress):
        return []
    values: dict[str, Any] = msgspec.to_builtins(event)
    migration_id = values.pop("migration_id")
    return [Happening(name, migration_id, values) for name in (kind_of(event), *_meanings(event))]


def _meanings(event: Event) -> list[str]:
    match event:
        case PhaseChanged(_, Phase.CUTTING_OVER, _):
            return []  # what a swap came to is told by who answers now
        case PhaseChanged(_, Phase.BACKFILL, Phase.CATCH_UP):
            return ["backfill_done"]
        case PhaseChanged(_, _, after) if after in _MEANS:
            return [_MEANS[after]]
        case PrimaryChanged(_, primary):
            return ["after_cutover" if primary == "target" else "after_revert"]
        case _:
            return []
