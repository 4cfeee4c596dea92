"""One look at everything that is counted, under the names of the catalogue."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from vectormigrate import __version__
from vectormigrate.engine.cutover.gate import Gate
from vectormigrate.engine.live import Live
from vectormigrate.model.clock import Clock
from vectormigrate.model.measure import Histogram
from vectormigrate.model.phase import Phase
from vectormigrate.model.status import MigrationStatus
from vectormigrate.model.whole import place_of
from vectormigrate.state import numbers, views
from vectormigrate.state.database import Database, Transaction

from .families import Families, Write
from .telemetry import Telemetry
from .traffic import Traffic

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS = "application/openmetrics-text"
_END = b"# EOF\n"
_SIDES = ("source", "target")


@dataclass(frozen=True, slots=True)
class Hosted:
    """A migration of this process, as far as its memory knows more than the state file."""

    migration_id: str
    live: Live | None
    gates: Sequence[Gate]
    overlap: float | None
    """Mean overlap of shadow reads."""
    pages: Histogram
    """Seconds of a page of the copy."""
    rechecks: Histogram
    """Seconds of a second look at what differs."""
    closed: Mapping[str, datetime]
    """Since when gates are closed, by name, while a swap is the next step."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """A migration as the state file has it."""

    status: MigrationStatus
    place: tuple[str, str]
    """Its collection and partition."""
    findings: Sequence[numbers.FindingNumbers]
    validations: Sequence[numbers.LastValidation]
    spared: int


def _stored(tx: Transaction, at: str) -> tuple[list[_Stored], int, dict[str, datetime]]:
    """Every migration, what their marks take, and when the first key ends of each scope."""
    each = [
        _Stored(
            one,
            place_of(views.specification(tx, one.migration_id)),
            numbers.findings(tx, one.migration_id),
            numbers.last_validations(tx, one.migration_id),
            numbers.spared(tx, one.migration_id),
        )
        for one in views.each_status(tx)
    ]
    return each, numbers.journal_bytes(tx), numbers.first_ends(tx, at)


async def exposition(
    telemetry: Telemetry,
    database: Database,
    epoch: int,
    hosted: Sequence[Hosted],
    clock: Clock,
    *,
    open_metrics: bool = False,
) -> bytes:
    """What a scrape is answered with, in Prometheus' text format, or in the one that has room for traces. Raises StateError."""
    # Marks are counted, of which there may be millions: not where requests wait.
    at = clock.now().isoformat()
    stored, journal_bytes, ends = await database.aside(lambda tx: _stored(tx, at))
    out = Families({found.status.migration_id: found.place for found in stored})
    for traffic in telemetry.traffic.values():
        _client(out, traffic)
    for (listener, reason), count in sorted(telemetry.strangers.seen.items()):
        out.add("connections_refused", count, listener, reason)
    out.histogram("journal_commit_seconds", database.commits)
    out.histogram("journal_batch_size", database.groups)
    out.add("journal_bytes", journal_bytes)
    for found in stored:
        _migration(out, found.status)
        out.add("backfill_dropped", found.spared, found.status.migration_id, "foreign")
        _verification(out, found, clock)
    for one in hosted:
        _hosted(out, one)
    _events(out, telemetry)
    for scope, end in ends.items():
        out.add("api_key_expires_timestamp_seconds", end.timestamp(), scope)
    _process(out, telemetry, database.path, epoch)
    if open_metrics:
        return out.text(openmetrics.generate_latest).removesuffix(_END) + _interpreter(
            openmetrics.generate_latest
        )
    return out.text() + _interpreter(generate_latest)


def _client(out: Families, traffic: Traffic) -> None:
    name = traffic.listener
    for (operation, outcome), seconds in sorted(traffic.requests.items()):
        out.add("requests", seconds.count, name, operation, outcome)
        out.histogram("request_seconds", seconds, name, operation, outcome)
    for operation, seconds in sorted(traffic.added.items()):
        out.histogram("added_seconds", seconds, name, operation)
    out.histogram("source_seconds", traffic.source, name)
    out.histogram("mark_seconds", traffic.mark, name)
    out.add("inflight_requests", traffic.in_flight, name)


def _migration(out: Families, status: MigrationStatus) -> None:
    name = status.migration_id
    out.one_of("phase", status.phase, Phase, name)
    out.one_of("primary", status.primary, _SIDES, name)
    out.add("journal_ids", status.debt, name)
    out.add("dead_letters", status.dead_letters, name)
    out.add("source_records", status.total, name)
    out.add("backfill_records", status.copied, name)
    out.add("backfill_bytes", status.bytes, name)
    out.add("backfill_batches", status.batches, name)
    out.add("backfill_eta_seconds", status.eta_seconds, name)
    out.add("ranges", status.ranges_done, name, "done")
    out.add("ranges", status.ranges - status.ranges_done, name, "open")


def _verification(out: Families, found: _Stored, clock: Clock) -> None:
    name, kinds, validations = found.status.migration_id, found.findings, found.validations
    for one in kinds:
        out.add("findings", one.count, name, one.kind, "confirmed" if one.confirmed else "seen")
    out.add("recheck_generation", max((one.generation for one in kinds), default=0), name)
    oldest = min((one.oldest for one in kinds), default=None)
    out.add(
        "finding_longest_seconds", (clock.now() - oldest).total_seconds() if oldest is not None else 0.0, name
    )
    for last in validations:
        out.add("validation_ok", last.ok, name, last.method)
        out.add("validation_compared", last.compared, name, last.method)
        out.add("validation_timestamp_seconds", last.started_at.timestamp(), name, last.method)
    if validations:
        out.add("mismatch_rate_upper95", validations[-1].mismatch_rate_upper95, name)


def _hosted(out: Families, hosted: Hosted) -> None:
    name = hosted.migration_id
    for gate in hosted.gates:
        out.add("gate_open", gate.open, name, gate.name)
    for gate_name, since in sorted(hosted.closed.items()):
        out.add("gate_closed_timestamp_seconds", since.timestamp(), name, gate_name)
    out.add("shadow_overlap", hosted.overlap, name)
    out.histogram("page_seconds", hosted.pages, name)
    out.histogram("recheck_seconds", hosted.rechecks, name)
    if hosted.live is not None:
        _live(out, name, hosted.live)


def _live(out: Families, name: str, live: Live) -> None:
    lane, scheduler = live.lane, live.scheduler
    tally = scheduler.tally
    out.add("journal_oldest_seconds", live.lag(), name)
    for reason, count in sorted(lane.marker.made.items()):
        out.add("marks", count, name, reason)
    out.add("marks_skipped", lane.marker.skipped, name)
    out.add("clears", tally.cleared, name)
    out.add("clear_conflicts", tally.conflicts, name)
    out.add("gap", live.gap_stands, name)
    for kind, count in live.scopes.owed_by_kind.items():
        out.add("scope_intents", count, name, kind)
    for outcome in ("upserted", "deleted", "refused", "unanswered"):
        out.add("replays", getattr(tally, outcome), name, outcome)
    out.histogram("replay_seconds", scheduler.seconds, name)
    out.histogram("replay_lag_seconds", scheduler.lags, name)
    out.add("provisional_replays", tally.provisional, name)
    out.add("hint_replays", tally.hinted, name)
    out.add("delete_confirmations", tally.confirmations, name)
    out.add("ambiguous", lane.ledger.ambiguous, name, "primary")
    out.add("ambiguous", tally.unanswered, name, "secondary")
    out.add("quarantined_ids", lane.ledger.quarantined, name)
    out.add("boot_quarantine_seconds", live.boot_quarantine, name)
    out.add("unresolved", lane.ledger.unresolved, name)
    out.add("delete_guard_tripped", scheduler.guard.tripped, name)
    out.add("read_share", lane.read_share, name)
    out.add("store_up", not scheduler.breaker.open, name, lane.role.primary.other.value)


def _events(out: Families, telemetry: Telemetry) -> None:
    for (name, side), traffic in sorted(telemetry.sides.items()):
        for outcome, count in sorted(traffic.outcomes.items()):
            out.add("store_requests", count, name, side, outcome)
        out.histogram("store_seconds", traffic.seconds, name, side)
    for (name, outcome), count in sorted(telemetry.swaps.items()):
        out.add("swaps", count, name, outcome)
    for name, held in sorted(telemetry.holds.items()):
        out.histogram("write_hold_seconds", held, name)
    for name, count in sorted(telemetry.rescans.items()):
        out.add("rescans", count, name)
    for (name, method), count in sorted(telemetry.compared.items()):
        out.add("compared", count, name, method)
    for (name, reason), (stands, seconds) in sorted(telemetry.throttled().items()):
        out.add("throttled", stands, name, reason)
        out.add("throttled_seconds", seconds, name, reason)
    for name, count in sorted(telemetry.workers_lost.items()):
        out.add("workers_lost", count, name)
    for (event, outcome), count in sorted(telemetry.hooks.items()):
        out.add("hooks", count, event, outcome)
    out.add("migration_vectors", telemetry.vectors)
    out.histogram("migration_duration_seconds", telemetry.moves)


def _process(out: Families, telemetry: Telemetry, state: Path, epoch: int) -> None:
    out.add("build_info", 1, __version__)
    out.add("boot_epoch", epoch)
    for file, path in (("database", state), ("log", Path(f"{state}-wal"))):
        out.add("state_file_bytes", path.stat().st_size if path.exists() else 0, file)
    disk = os.statvfs(state.parent)
    out.add("state_disk_free_bytes", disk.f_bavail * disk.f_frsize)
    out.add("state_disk_bytes", disk.f_blocks * disk.f_frsize)
    out.add("loop_lag_seconds", telemetry.loop_lag)


def _interpreter(write: Write) -> bytes:
    """What the library knows of any Python process: memory, processor time, descriptors."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return write(registry)
