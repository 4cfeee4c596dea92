"""Results that are no snapshot of `model.status`: lists, checks, keys, the audit. Each is one JSON document."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .collection import CollectionShape
from .mapping import MappingPlan
from .plan import Loss
from .recommendation import FieldMapping
from .status import Check, MigrationStatus, RollbackReport, ValidationReport


@dataclass(frozen=True, slots=True)
class Migrations:
    """A page of migrations, newest first."""

    migrations: list[MigrationStatus]
    limit: int
    offset: int
    next_cursor: str = ""
    """What the next page goes on from (`cursor`); empty when there is none."""


@dataclass(frozen=True, slots=True)
class Findings:
    """A page of what differs."""

    migration_id: str
    findings: list[dict[str, Any]]
    limit: int
    offset: int
    next_steps: tuple[str, ...] = ()
    """Commands that make sense behind it."""
    next_cursor: str = ""
    """What the next page goes on from (`cursor`); empty when there is none."""


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """A page of what the target refused for good."""

    migration_id: str
    dead_letters: list[dict[str, Any]]
    limit: int
    offset: int
    next_steps: tuple[str, ...] = ()
    """Commands that make sense behind it."""
    next_cursor: str = ""
    """What the next page goes on from (`cursor`); empty when there is none."""
    would: str = ""
    """What a dry run says would happen; empty when this is no answer to one."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What doctor found."""

    checks: list[Check]
    ok: bool


@dataclass(frozen=True, slots=True)
class SchemaDocument:
    """What a source holds, and how a new collection of another kind of store would hold it. Nothing is written."""

    source: str
    """"kind:collection", or the kind alone when no collection was looked at."""
    target: str
    """The kind, and the collection where one was named."""
    field_mappings: tuple[FieldMapping, ...]
    overall_confidence: float
    """The mean of the fields', two digits."""
    warnings: tuple[str, ...]
    shape: CollectionShape | None
    """Of the source; None when no collection was looked at."""
    proposed: CollectionShape
    """Of the target."""
    vectors: tuple[dict[str, object], ...]
    fields: tuple[dict[str, object], ...]
    named_losses: tuple[Loss, ...]
    """What would be lost for good, by the names that `--accept` takes."""
    inferred: tuple[dict[str, object], ...] = ()
    """What the sampled payloads hold, by key: name, type, types, present, nulls, max_length."""
    layout: dict[str, object] = field(default_factory=dict)
    """Whose layout each side has: source, target, detected, certain, moves."""


@dataclass(frozen=True, slots=True)
class LastReport:
    """The last validation of a migration with all that an auditor asks for, signed (`report verify` checks it)."""

    format_version: int
    verdict: str
    """What the validation proves, in one sentence."""
    ok: bool
    status: MigrationStatus
    generated_at: datetime
    validation: ValidationReport | None
    mapping: MappingPlan | None
    rollback: RollbackReport | None
    versions: dict[str, str]
    """What ran: "vectormigrate", "source", "target", "python" and the like, to their versions."""
    history: list[dict[str, Any]]
    """Phases and verbs, with when and by whom, oldest first."""
    specification: dict[str, Any] | None
    """What was asked for, secrets as references."""
    signature: dict[str, str]
    """Covers everything else: `algorithm` (ed25519), `public_key` and `value` in base64."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A command that outlasts the request that asked for it. Times are ISO 8601 in UTC."""

    id: str
    command: str
    migration_id: str
    actor: str
    state: str
    """"running", "succeeded", "failed", or "interrupted" when its daemon ended first."""
    started_at: str
    ended_at: str | None = None
    result: Any = None
    """What the command answers, once it has succeeded."""
    error: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Operations:
    """A page of operations, newest first."""

    operations: list[Operation]
    limit: int
    offset: int
    next_cursor: str = ""
    """What the next page goes on from (`cursor`); empty when there is none."""


@dataclass(frozen=True, slots=True)
class MigrateResult:
    """What a copy of vectors did, as users of qortex know it."""

    source_type: str
    dest_type: str
    batches: int
    vectors_read: int
    vectors_written: int
    """Acknowledged by the destination."""
    duration_seconds: float
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the API, without what opens anything. Times are ISO 8601 in UTC."""

    id: str
    scope: str
    label: str
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    good: bool
    """Neither revoked nor expired."""


@dataclass(frozen=True, slots=True)
class Keys:
    """All keys, or what was done to one."""

    keys: list[Key]
    secret: str = field(default="", repr=False)
    """The key that was made just now, in full. It is told once and kept nowhere."""
    would: str = ""
    """What a dry run says would happen; empty when this is no answer to one."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    number: int | None
    """What a follower resumes from; None for progress, which is told and not kept."""
    at: str
    migration_id: str
    kind: str
    data: dict[str, Any]
    text: str = ""
    """The same in words; empty for a kind that this version does not know."""


@dataclass(frozen=True, slots=True)
class Events:
    """A page of events, oldest first."""

    events: list[Event]
    after: int
    """The number to go on from."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A step that waits for somebody to approve of it."""

    migration_id: str
    step: str
    state: str
    """"created", "pending" once somebody has asked for the step, or "approved", for one go."""
    at: str
    """Since when."""
    by: str
    """Who approved."""


@dataclass(frozen=True, slots=True)
class Approvals:
    """Steps that wait, or those that were approved of just now; of a dry run, those that would be."""

    approvals: list[Approval]
    would: str = ""
    """What a dry run says would happen; empty when this is no answer to one."""


@dataclass(frozen=True, slots=True)
class AuditLog:
    """A page of the audit, newest first; or, verified, whether its chain is whole."""

    rows: list[dict[str, Any]]
    chained: int | None = None
    """Rows of the chain; None when it was not looked at."""
    unchained: int = 0
    """Rows from before there was a chain."""
    head: str = ""
    """Digest of the last row."""
    broken: tuple[str, ...] = ()
    """What does not fit."""
    ok: bool = True
    next_cursor: str = ""
    """What the next page goes on from (`cursor`); empty when there is none."""
