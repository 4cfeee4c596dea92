"""The snapshots that CLI, REST, MCP and dashboard all show: what a migration is doing, and what a check proved."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .phase import Phase
from .plan import Loss
from .specification import Lever, Mode


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """Where one migration is. Times are UTC; counts are of records."""

    migration_id: str
    phase: Phase
    resume_phase: Phase | None
    """The phase that `paused` or `failed` interrupted."""
    source: str
    """"kind:collection", for people."""
    target: str
    total: int | None
    """Records of the source when the plan was made; None before."""
    copied: int
    """Acknowledged by the target, re-copied ones included."""
    batches: int
    bytes: int
    ranges: int
    ranges_done: int
    debt: int
    """Marks: ids that the secondary still owes."""
    dead_letters: int
    findings: int
    """Confirmed differences of the last validation."""
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    rate: float | None = None
    """Records a second over the last seconds; None when nothing runs."""
    eta_seconds: float | None = None
    error: str = ""
    """Why it failed, if it did, and what can be done about it."""
    next_steps: tuple[str, ...] = ()
    """Commands that make sense now."""
    mode: Mode = Mode.OFFLINE
    primary: str = "source"
    """Who answers the application: "source" or "target"; of several parts "both", while some are cut over."""
    attested_by: str = ""
    """Who vouched that every writer comes through the daemon; empty as long as nobody did."""
    levers: dict[str, Lever] = field(default_factory=dict)
    """What was set otherwise than it was asked for, by the names of settings in a request."""
    in_force: dict[str, Lever] = field(default_factory=dict)
    """Everything that can be set while it runs, as it is now."""
    approvals: dict[str, str] = field(default_factory=dict)
    """Steps that wait for somebody's approval: "created", "pending" or "approved"."""
    throttled: dict[str, str] = field(default_factory=dict)
    """Why its copies and comparisons wait, or are slowed down, by input; empty when they are not, or nothing runs."""
    live: LiveStatus | None = None
    """What only the daemon knows; None for an offline migration, and when no daemon was asked."""
    parts: tuple[MigrationStatus, ...] = ()
    """Of a migration of several parts, each of them; the counts above are their sums."""
    would: str = ""
    """What a dry run says would happen; empty when this is no answer to one."""


@dataclass(frozen=True, slots=True)
class CaptureReport:
    """What was done to the capture of a source, and what is wrong with it."""

    migration_id: str
    source: str
    action: str
    done: list[str]
    """What was made or removed; empty when there was nothing to do."""
    problems: list[str]
    lag_seconds: float | None = None
    """Age of the oldest change that nobody took; None when that is not known."""
    would: str = ""
    """What a dry run says would happen; empty when this is no answer to one."""


@dataclass(frozen=True, slots=True)
class WorstPair:
    """A pair of vectors that differ most."""

    id: str
    vector: str
    cosine: float
    norm_ratio: float
    bit_equal: bool


@dataclass(frozen=True, slots=True)
class Searched:
    """The same searches on both sides, by vectors of records chosen at random."""

    vector: str
    searches: int
    limit: int
    """Results of each."""
    recall: float
    """Mean share of the source's results that are among the target's."""
    least: float
    """The smallest of these shares."""
    order: float
    """Mean share of the pairs of common results that stand in the same order."""
    source_ms: tuple[float, float, float]
    """How long the source took: the 50th, 95th and 99th percentile."""
    target_ms: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """What one validation saw. A full one counts every id of both sides once; a sample only bounds the rate."""

    migration_id: str
    method: str
    """"full", "sample" or "ids"."""
    started_at: datetime
    seconds: float
    source_count: int
    target_count: int
    """Of ours: foreign records are not counted."""
    compared: int
    missing: int
    extra: int
    mismatched: int
    """Records of which a vector, a payload field or the partition differs."""
    bit_equal: int
    """Vectors that are equal bit for bit."""
    threshold: float
    min_cosine: float | None
    mean_cosine: float | None
    min_norm_ratio: float | None
    max_norm_ratio: float | None
    mismatch_rate_upper95: float | None
    """Upper bound of the rate of differing records at 95 %; None for a full scan, which has no bound to state."""
    seed: int | None = None
    histogram: tuple[tuple[float, float, int], ...] = ()
    """(from, to, pairs) of cosine similarity."""
    worst: tuple[WorstPair, ...] = ()
    findings: tuple[dict[str, object], ...] = ()
    """The first hundred, as stored."""
    ranges: tuple[dict[str, object], ...] = ()
    """Per range: bounds, counts and the digest of both sides (full scan)."""
    ok: bool = False
    statement: str = ""
    """The one sentence that this run proves."""
    stores: dict[str, str] = field(default_factory=dict)
    """"source" and "target" to what answered: kind and version."""
    parts: tuple[ValidationReport, ...] = ()
    """Of a migration of several parts, each of them; ranges, bounds and searches are only there."""
    searches: tuple[Searched, ...] = ()
    """Where they were asked for: one for each vector."""
    next_steps: tuple[str, ...] = ()
    """Commands that make sense behind it."""


@dataclass(frozen=True, slots=True)
class RollbackReport:
    """What a rollback did, or (dry run) would do."""

    migration_id: str
    dry_run: bool
    deleted: int
    restored: int
    left: int
    """Records of ours still in the target: 0 when it is done."""
    foreign_kept: int
    foreign_changed: int
    collection_dropped: bool
    seconds: float
    unknown_kept: int = 0
    """Records that are neither in the source nor were there before: written by others since, or lost by the source."""
    parts: tuple[RollbackReport, ...] = ()
    """Of a migration of several parts, each of them."""
    next_steps: tuple[str, ...] = ()
    """Commands that make sense behind it."""


@dataclass(frozen=True, slots=True)
class GateStatus:
    """One condition of a cutover."""

    name: str
    open: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """What of a migration only the daemon that hosts it knows."""

    migration_id: str
    primary: str
    """"source" or "target"; of several parts "both", while some are cut over."""
    reads: float
    """Share of the reads that the secondary answers."""
    debt: int
    lag_seconds: float
    """Age of the oldest mark that can be paid."""
    in_flight: int
    """Writes of clients under way."""
    unresolved: bool
    """Something that was never answered may still land."""
    gap: bool
    scopes: int
    secondary_down: str
    """Why it counts as down; empty when it does not."""
    replays: dict[str, int]
    """Since the daemon started."""
    shadow: dict[str, float | int | None]
    gates: tuple[GateStatus, ...] = ()
    waiting: str = ""
    """What takes its time before anything goes on, and how long; empty when nothing does."""
    next_steps: tuple[str, ...] = ()
    """Commands that make sense behind it."""
    would: str = ""
    """What a dry run says would happen; empty when this is no answer to one."""
    parts: tuple[LiveStatus, ...] = ()
    """Of a migration of several parts, each that is not over; a gate above is open when it is for all of them."""


@dataclass(frozen=True, slots=True)
class SwapReport:
    """What a cutover or revert did, or (dry run) whether it could."""

    migration_id: str
    dry_run: bool
    primary: str
    """Who answers the application now: "source" or "target"; of several parts "both", while some are cut over."""
    ok: bool
    hold_ms: float | None
    """How long writes were held, of several parts those of the slowest; None for a dry run."""
    gates: tuple[GateStatus, ...] = ()
    next_steps: tuple[str, ...] = ()
    """Commands that make sense behind it."""
    parts: tuple[SwapReport, ...] = ()
    """Of a migration of several parts, each that was swapped, or (dry run) would be."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of doctor."""

    name: str
    ok: bool
    detail: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class PlanDocument:
    """What a migration would do, before it does anything."""

    migration_id: str
    source: str
    target: str
    source_count: int
    target_exists: bool
    target_count: int
    foreign: int
    id_rule: str
    vectors: tuple[dict[str, object], ...]
    fields: tuple[dict[str, object], ...]
    losses: tuple[str, ...]
    refused: tuple[str, ...]
    ranges: int
    workers: int
    batches: int
    bytes: int
    """Estimated from a sample of the source."""
    seconds: float | None
    """Forecast from the sample's read rate; None when the source is empty."""
    notes: tuple[str, ...] = ()
    checks: tuple[Check, ...] = field(default=())
    requests: int = 0
    """Of reading and writing, repetitions aside."""
    target_bytes: int = 0
    """What the target will hold, without what its indexes take."""
    inferred: tuple[dict[str, object], ...] = ()
    """What the sampled payloads hold, by key: name, type, types, present, nulls, max_length."""
    layout: dict[str, object] = field(default_factory=dict)
    """Whose layout each side has: source, target, detected, certain, moves."""
    named_losses: tuple[Loss, ...] = ()
    """What would be lost for good, by the names that `--accept` takes."""
    no_way_back: tuple[str, ...] = ()
    """Why records could not be carried back, after a cutover or by `--back-of`; empty when they could."""
    unrestored: tuple[str, ...] = ()
    """What of the sampled records would come back otherwise than it was; empty when nothing would."""
    parts: tuple[PlanDocument, ...] = ()
    """Of a migration of several parts, each of them."""
    unanswered: tuple[str, ...] = ()
    """Of a proxied migration: what an application can ask the source now and is refused after a cutover."""
    digest: str = ""
    """Of what was asked for, the shapes, the target and the mapping: `migrate --plan-digest` starts only as long as it is this."""
    arguments: dict[str, Any] = field(default_factory=dict)
    """What was asked for, as a request says it, secrets by value left out: what `apply` asks for again."""
    next_steps: tuple[str, ...] = ()
    """Commands that make sense behind it."""
