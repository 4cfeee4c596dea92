"""The snapshots of a migration of several parts: each is the sum of its parts', and holds them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar

from .division import REST, spelled, whole_of
from .next_steps import next_steps
from .phase import FINAL, Phase
from .specification import Specification, in_force
from .status import (
    GateStatus,
    LiveStatus,
    MigrationStatus,
    PlanDocument,
    RollbackReport,
    SwapReport,
    ValidationReport,
    WorstPair,
)

T = TypeVar("T")
_WORST = 20
_FINDINGS = 100
_FIRST_TOLD = (Phase.FAILED, Phase.ROLLING_BACK, Phase.PAUSED)
"""What needs a hand is told before anything else."""
_BEGUN = (Phase.CREATED, Phase.PREFLIGHT)
_NAMED = 5
"""Parts that are named in one reason."""
BOTH = "both"
"""Who answers the application while some parts are cut over, and others are not."""


def phase_of(phases: Iterable[Phase]) -> Phase:
    """Where the whole is: the least of its parts, of those that are not over; `backfill` as soon as one has begun."""
    held = set(phases)
    for phase in _FIRST_TOLD:
        if phase in held:
            return phase
    going = (held - FINAL) or held
    least = min(going, key=list(Phase).index, default=Phase.CREATED)
    return Phase.BACKFILL if least in _BEGUN and len(held) > 1 else least


def place_of(part: Specification) -> tuple[str, str]:
    """What a migration moves, as its source names it: the collection, and in it the partition, or the values of a field,
    that make the part; "" where nothing does.
    """
    collection, share = part.source.collection, part.mapping.selection.share
    if share is not None:
        return collection, REST if share.others else ",".join(share.values)
    spelling = part.id.removeprefix(f"{whole_of(part.id)}:")
    for at in (place for place, letter in enumerate(collection) if letter == "/"):
        if spelled(collection[at + 1 :]) == spelling:
            return collection[:at], collection[at + 1 :]
    return collection, ",".join(part.mapping.selection.partitions)


def status_of(
    asked: Specification,
    parts: Sequence[MigrationStatus],
    created_at: datetime,
    *,
    owned: bool,
    waiting: Mapping[str, str] = MappingProxyType({}),
) -> MigrationStatus:
    """Where the whole is. `owned`: some process owns the state file; `waiting`: its approvals."""
    phase = phase_of(part.phase for part in parts)
    ended = [part.ended_at for part in parts if part.ended_at is not None]
    totals = [part.total for part in parts]
    going = [part for part in parts if part.phase not in FINAL]
    primary = _primary(part.primary for part in parts)
    attested = all(part.attested_by for part in going)
    steps = next_steps(
        asked.id,
        asked.mode,
        phase,
        owned=owned,
        attested=attested,
        differs=any(part.findings for part in parts),
    )
    back = f"vectormigrate revert {asked.id}"
    if any(part.phase is Phase.REVERSED for part in parts) and owned:  # no rollback as long as one is
        steps = (*(step for step in steps if " rollback " not in step and step != back), back)
    return MigrationStatus(
        migration_id=asked.id,
        phase=phase,
        resume_phase=None,
        source=f"{asked.source.kind}:{asked.source.collection}",
        target=f"{asked.target.kind}:{asked.target.collection}",
        total=None if None in totals else sum(total or 0 for total in totals),
        copied=sum(part.copied for part in parts),
        batches=sum(part.batches for part in parts),
        bytes=sum(part.bytes for part in parts),
        ranges=sum(part.ranges for part in parts),
        ranges_done=sum(part.ranges_done for part in parts),
        debt=sum(part.debt for part in parts),
        dead_letters=sum(part.dead_letters for part in parts),
        findings=sum(part.findings for part in parts),
        created_at=created_at,
        started_at=min((part.started_at for part in parts if part.started_at is not None), default=None),
        ended_at=max(ended) if len(ended) == len(parts) and ended else None,
        error=next((f"{part.migration_id}: {part.error}" for part in parts if part.error), ""),
        next_steps=steps,
        mode=asked.mode,
        primary=primary,
        attested_by=_alike((part.attested_by for part in going), "several") if attested and going else "",
        levers=parts[0].levers if parts else {},
        approvals=dict(waiting),
        in_force=parts[0].in_force if parts else in_force(asked),
        throttled=dict(one for part in reversed(parts) for one in part.throttled.items()),
        parts=tuple(parts),
    )


def _primary(sides: Iterable[str]) -> str:
    return _alike(sides, BOTH) if (sides := tuple(sides)) else "source"


def live_of(migration_id: str, parts: Sequence[LiveStatus], more: Sequence[GateStatus] = ()) -> LiveStatus:
    """What the daemon knows of all parts; at least one. `more` are conditions of the whole alone."""
    replays: dict[str, int] = {}
    for name, count in (one for part in parts for one in part.replays.items()):
        replays[name] = replays.get(name, 0) + count
    return LiveStatus(
        migration_id,
        _primary(part.primary for part in parts),
        reads=max(part.reads for part in parts),
        debt=sum(part.debt for part in parts),
        lag_seconds=max(part.lag_seconds for part in parts),
        in_flight=sum(part.in_flight for part in parts),
        unresolved=any(part.unresolved for part in parts),
        gap=any(part.gap for part in parts),
        scopes=sum(part.scopes for part in parts),
        secondary_down=_of_parts((part.migration_id, part.secondary_down) for part in parts),
        replays=replays,
        shadow={},
        gates=gates_of([(part.migration_id, part.gates) for part in parts], more),
        waiting=_of_parts((part.migration_id, part.waiting) for part in parts),
        would=_of_parts((part.migration_id, part.would) for part in parts),
        parts=tuple(parts),
    )


def swap_of(
    migration_id: str, reports: Sequence[SwapReport], primary: str, more: Sequence[GateStatus] = ()
) -> SwapReport:
    """What the swaps of the parts did, or would do; `primary` answers now."""
    gates = gates_of([(report.migration_id, report.gates) for report in reports], more)
    held = [report.hold_ms for report in reports if report.hold_ms is not None]
    return SwapReport(
        migration_id,
        dry_run=all(report.dry_run for report in reports),
        primary=primary,
        ok=all(report.ok for report in reports) and all(gate.open for gate in gates),
        hold_ms=max(held, default=None),
        gates=gates,
        parts=tuple(reports),
    )


def gates_of(
    parts: Sequence[tuple[str, Sequence[GateStatus]]], more: Sequence[GateStatus]
) -> tuple[GateStatus, ...]:
    """Each condition once: open when it is for every part, else with the reason of each part that it is closed for."""
    names = dict.fromkeys(gate.name for _, gates in parts for gate in gates)
    told = {
        name: _of_parts(
            (part, gate.reason or "closed")
            for part, gates in parts
            for gate in gates
            if gate.name == name and not gate.open
        )
        for name in names
    }
    return (*(GateStatus(name, not reason, reason) for name, reason in told.items()), *more)


def _of_parts(reasons: Iterable[tuple[str, str]]) -> str:
    """What is said of some parts, in one line; empty when nothing is said of any."""
    told = [f"{part}: {reason}" for part, reason in reasons if reason]
    more = f"; and {len(told) - _NAMED:,} more parts" if len(told) > _NAMED else ""
    return "; ".join(told[:_NAMED]) + more


def would_of(parts: Iterable[MigrationStatus]) -> str:
    """What a dry run says of each part."""
    return _of_parts((part.migration_id, part.would) for part in parts)


def validation_of(
    migration_id: str, reports: Sequence[ValidationReport], lacking: Sequence[str] = ()
) -> ValidationReport:
    """What the validations of the parts saw together; at least one. `lacking` says what they do not cover, if anything.

    A sample bounds the rate of each part; there is no one bound for all of them.
    """
    first = reports[0]
    ok = all(report.ok for report in reports) and not lacking
    return replace(
        first,
        migration_id=migration_id,
        method=_alike((report.method for report in reports), "sample"),
        started_at=min(report.started_at for report in reports),
        seconds=sum(report.seconds for report in reports),
        source_count=sum(report.source_count for report in reports),
        target_count=sum(report.target_count for report in reports),
        compared=sum(report.compared for report in reports),
        missing=sum(report.missing for report in reports),
        extra=sum(report.extra for report in reports),
        mismatched=sum(report.mismatched for report in reports),
        bit_equal=sum(report.bit_equal for report in reports),
        threshold=min(report.threshold for report in reports),
        min_cosine=_of_those(min, [report.min_cosine for report in reports]),
        mean_cosine=_mean(reports),
        min_norm_ratio=_of_those(min, [report.min_norm_ratio for report in reports]),
        max_norm_ratio=_of_those(max, [report.max_norm_ratio for report in reports]),
        mismatch_rate_upper95=None,
        histogram=_histogram(reports),
        worst=_worst(reports),
        findings=_findings(reports),
        ranges=(),
        ok=ok,
        statement=_statement(reports, lacking),
        parts=tuple(reports),
    )


def _statement(reports: Sequence[ValidationReport], lacking: Sequence[str]) -> str:
    compared = sum(report.compared for report in reports)
    unsound = [report.migration_id for report in reports if not report.ok]
    told = f"{compared:,} records of {len(reports):,} parts were compared, and "
    if unsound:
        told += f"{len(unsound):,} of the parts differ: {', '.join(unsound[:5])}{' ...' if len(unsound) > 5 else ''}"
    elif all(report.method == "full" for report in reports):
        told += "no part differs"
    else:  # a sample never says equal
        told += "no difference was found; what that bounds is said part by part"
    return "; ".join((told, *lacking))


def _of_those(choose: Callable[[list[float]], float], values: Iterable[float | None]) -> float | None:
    held = [value for value in values if value is not None]
    return choose(held) if held else None


def _mean(reports: Iterable[ValidationReport]) -> float | None:
    weighed = [
        (report.mean_cosine, max(1, report.compared)) for report in reports if report.mean_cosine is not None
    ]
    weight = sum(count for _, count in weighed)
    return sum(mean * count for mean, count in weighed) / weight if weighed else None


def _histogram(reports: Iterable[ValidationReport]) -> tuple[tuple[float, float, int], ...]:
    pairs: dict[tuple[float, float], int] = {}
    for report in reports:
        for low, high, count in report.histogram:
            pairs[low, high] = pairs.get((low, high), 0) + count
    return tuple((low, high, count) for (low, high), count in sorted(pairs.items()))


def _worst(reports: Iterable[ValidationReport]) -> tuple[WorstPair, ...]:
    return tuple(sorted((pair for report in reports for pair in report.worst), key=lambda pair: pair.cosine))[
        :_WORST
    ]


def _findings(reports: Iterable[ValidationReport]) -> tuple[dict[str, object], ...]:
    found = ({"part": report.migration_id, **one} for report in reports for one in report.findings)
    return tuple(one for _, one in zip(range(_FINDINGS), found, strict=False))


def rollback_of(
    migration_id: str, reports: Sequence[RollbackReport], untouched: int = 0, *, dry_run: bool
) -> RollbackReport:
    """What the rollbacks of the parts did together; so many records are in parts that it did not come to."""
    return RollbackReport(
        migration_id,
        dry_run,
        deleted=sum(report.deleted for report in reports),
        restored=sum(report.restored for report in reports),
        left=untouched + sum(report.left for report in reports),
        foreign_kept=sum(report.foreign_kept for report in reports),
        foreign_changed=sum(report.foreign_changed for report in reports),
        collection_dropped=any(report.collection_dropped for report in reports),
        seconds=sum(report.seconds for report in reports),
        unknown_kept=sum(report.unknown_kept for report in reports),
        parts=tuple(reports),
    )


def plan_of(asked: Specification, plans: Sequence[PlanDocument]) -> PlanDocument:
    """What all parts would do; at least one."""
    times = [plan.seconds for plan in plans if plan.seconds is not None]
    return PlanDocument(
        migration_id=asked.id,
        source=f"{asked.source.kind}:{asked.source.collection}",
        target=f"{asked.target.kind}:{asked.target.collection}",
        source_count=sum(plan.source_count for plan in plans),
        target_exists=all(plan.target_exists for plan in plans),
        target_count=sum(plan.target_count for plan in plans),
        foreign=sum(plan.foreign for plan in plans),
        id_rule=_alike((plan.id_rule for plan in plans), "differs from part to part"),
        vectors=_distinct(row for plan in plans for row in plan.vectors),
        fields=_distinct(row for plan in plans for row in plan.fields),
        losses=_distinct(loss for plan in plans for loss in plan.losses),
        refused=tuple(f"{plan.migration_id}: {line}" for plan in plans for line in plan.refused),
        ranges=sum(plan.ranges for plan in plans),
        workers=max(plan.workers for plan in plans),
        batches=sum(plan.batches for plan in plans),
        bytes=sum(plan.bytes for plan in plans),
        seconds=sum(times) if times else None,
        notes=_distinct(note for plan in plans for note in plan.notes),
        requests=sum(plan.requests for plan in plans),
        target_bytes=sum(plan.target_bytes for plan in plans),
        inferred=_seen(plans),
        layout=_layout(plans),
        named_losses=_distinct(loss for plan in plans for loss in plan.named_losses),
        parts=tuple(plans),
        unanswered=_distinct(line for plan in plans for line in plan.unanswered),
    )


def _distinct(items: Iterable[T]) -> tuple[T, ...]:
    """As they come, each once. Rows are dictionaries, so that they cannot stand in a set."""
    told = {repr(item): item for item in items}
    return tuple(told.values())


def _alike(words: Iterable[str], otherwise: str) -> str:
    told = set(words)
    return told.pop() if len(told) == 1 else otherwise


def _seen(plans: Iterable[PlanDocument]) -> tuple[dict[str, object], ...]:
    """Undeclared keys, as the first part that has each of them saw it."""
    keys: dict[object, Mapping[str, object]] = {}
    for plan in plans:
        for seen in plan.inferred:
            keys.setdefault(seen["name"], seen)
    return tuple(dict(seen) for seen in keys.values())


def _layout(plans: Sequence[PlanDocument]) -> dict[str, object]:
    """That of the parts where they have one and the same; else it is told part by part only."""
    return plans[0].layout if all(plan.layout == plans[0].layout for plan in plans) else {}
