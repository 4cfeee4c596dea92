"""Everything worth telling while it happens: one frozen class each. Telemetry turns them into lines and bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from .phase import Phase


@dataclass(frozen=True, slots=True)
class PhaseChanged:
    """A migration moved."""

    migration_id: str
    before: Phase
    after: Phase
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """Work of a named kind went on: `backfill`, `validate`, `reconcile`, `rollback`. Sent at most a few times a second."""

    migration_id: str
    work: str
    done: int
    total: int | None
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Resumed:
    """A run goes on where an earlier one stopped."""

    migration_id: str
    already: int
    """Records copied before."""
    clean: bool
    """Whether the earlier run ended by itself."""


@dataclass(frozen=True, slots=True)
class Retried:
    """A batch was tried again."""

    migration_id: str
    attempt: int
    wait: float
    error: str
    throttled: bool = False
    """The store asked for less."""


@dataclass(frozen=True, slots=True)
class RangeDone:
    """A range of the source is copied."""

    migration_id: str
    done: int
    """Ranges that are."""
    total: int


@dataclass(frozen=True, slots=True)
class Validated:
    """Both sides were compared, by sample or whole."""

    migration_id: str
    method: str
    ok: bool
    compared: int
    statement: str


@dataclass(frozen=True, slots=True)
class FindingConfirmed:
    """Records differ, and did when they were looked at again."""

    migration_id: str
    count: int
    """How many."""


@dataclass(frozen=True, slots=True)
class DeadLettered:
    """A record was refused for good."""

    migration_id: str
    id: str
    error: str


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """A worker process ended without being told to."""

    migration_id: str
    exit_code: int


@dataclass(frozen=True, slots=True)
class Warned:
    """Something a person should know that stops nothing."""

    migration_id: str
    message: str


@dataclass(frozen=True, slots=True)
class Throttled:
    """Copies and comparisons wait from here on, or go slower than they could."""

    migration_id: str
    reason: str
    """Which input says so: a word that stays."""
    why: str
    """In words."""


@dataclass(frozen=True, slots=True)
class Unthrottled:
    """That input says no more that they should."""

    migration_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class SecondaryDown:
    """The secondary does not answer, or cannot work; marks go on, replays wait."""

    migration_id: str
    error: str


@dataclass(frozen=True, slots=True)
class SecondaryUp:
    """The secondary answers again; what it owes is paid, oldest first."""

    migration_id: str


@dataclass(frozen=True, slots=True)
class DeletesStopped:
    """Too many records were found absent that nobody deleted: nothing is deleted until somebody has looked."""

    migration_id: str


@dataclass(frozen=True, slots=True)
class GapOpened:
    """A write left without a mark: both sides must be compared."""

    migration_id: str
    why: str


@dataclass(frozen=True, slots=True)
class GateOpened:
    """A condition of a swap is met that was not."""

    migration_id: str
    gate: str


@dataclass(frozen=True, slots=True)
class GateClosed:
    """A condition of a swap is not met any more."""

    migration_id: str
    gate: str
    reason: str


@dataclass(frozen=True, slots=True)
class PrimaryChanged:
    """The other side answers the application from here on."""

    migration_id: str
    primary: str
    held_ms: float
    """How long writes were held."""


LiveEvent: TypeAlias = SecondaryDown | SecondaryUp | DeletesStopped | GapOpened | PrimaryChanged
Notice: TypeAlias = Validated | FindingConfirmed | Throttled | Unthrottled | GateOpened | GateClosed
"""How things stand by now."""
Event: TypeAlias = (
    PhaseChanged
    | Progress
    | Resumed
    | Retried
    | RangeDone
    | DeadLettered
    | WorkerLost
    | Warned
    | Notice
    | LiveEvent
)
