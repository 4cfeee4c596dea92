"""What a report holds, its verdict in words, and its tables: everything about it but the page.

The words matter most here: a full scan may say "equal", a sample never does and states its bound instead.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from vectormigrate import FORMAT_VERSION
from vectormigrate.model.mapping import MappingPlan
from vectormigrate.model.plan import FieldPlan, VectorPlan, fates
from vectormigrate.model.specification import Specification
from vectormigrate.model.status import (
    MigrationStatus,
    RollbackReport,
    Searched,
    ValidationReport,
)


@dataclass(frozen=True, slots=True)
class Report:
    """The parts of a report. Without a validation it says so and proves nothing."""

    status: MigrationStatus
    generated_at: datetime
    validation: ValidationReport | None = None
    mapping: MappingPlan | None = None
    rollback: RollbackReport | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    """What ran: "vectormigrate", "source", "target", "python" and the like, to their versions."""
    history: Sequence[Mapping[str, Any]] = ()
    """Phases and verbs, with when and by whom, oldest first."""
    specification: Specification | None = None
    """What was asked for, secrets as references."""


def as_json(report: Report) -> dict[str, Any]:
    """The same data as plain values, with the verdict that the page shows."""
    document: dict[str, Any] = msgspec.to_builtins(report, enc_hook=str)
    return {"format_version": FORMAT_VERSION, "verdict": verdict(report), "ok": is_proved(report), **document}


def from_json(document: Mapping[str, Any]) -> Report:
    """The report that such a document was made of. Raises msgspec.ValidationError for what is none."""
    return msgspec.convert(document, Report)


def is_proved(report: Report) -> bool:
    """Whether there is a validation, and it found nothing."""
    return report.validation is not None and report.validation.ok


def verdict(report: Report) -> str:
    """The sentence under the title."""
    seen = report.validation
    if seen is None:
        return "Nothing was validated yet, so nothing is proved."
    if not seen.ok:
        return _differences(seen)
    if not seen.compared:
        return "Nothing was compared, and nothing differs: both sides are empty, or all that they hold is still owed."
    if seen.method == "full":
        return f"Equal: all {seen.compared:,} records were compared, and none differs."
    return f"No difference in {seen.compared:,} sampled records{_clean_bound(seen)}."


def _differences(seen: ValidationReport) -> str:
    counts = ((seen.missing, "missing"), (seen.extra, "extra"), (seen.mismatched, "differing"))
    told = [f"{count:,} {what}" for count, what in counts if count]
    if not told and seen.searches:
        low = min(one.recall for one in seen.searches)
        return f"Not proved: no record was found to differ, but searches find {low:.2%} of what they find in the source."
    if not told:
        return "Not proved: the comparison did not pass, though no record was found to differ."
    where = f"of {seen.compared:,} compared" if seen.method == "full" else f"in a sample of {seen.compared:,}"
    return f"Not equal: {', '.join(told)}, {where}."


def _clean_bound(seen: ValidationReport) -> str:
    if seen.mismatch_rate_upper95 is None:
        return ""
    return f": under {percent(seen.mismatch_rate_upper95)} differ, at 95 % confidence"


def method(seen: ValidationReport) -> str:
    """How it was compared, and what that can and cannot show."""
    if seen.method == "full":
        return (
            "Full scan. Both sides were read from one end to the other, every id was looked up on the other side, and "
            "every vector and payload field was compared. There is no sampling error to state."
        )
    seed = "" if seen.seed is None else f" with seed {seen.seed}"
    bound = seen.mismatch_rate_upper95
    stated = "" if bound is None else _sample_bound(seen, bound)
    return (
        f"Random sample of {seen.compared:,} records{seed}: each was fetched from both sides, and its vectors and payload "
        f"were compared.{stated} A sample bounds the rate of differences; it cannot show that two collections are "
        "equal: only a full scan can."
    )


def _sample_bound(seen: ValidationReport, bound: float) -> str:
    found = seen.missing + seen.mismatched
    samples = (
        f"{seen.compared:,} clean samples" if found == 0 else f"{found:,} of {seen.compared:,} differing"
    )
    return f" {samples}: under {percent(bound)} at 95 %."


def percent(share: float) -> str:
    """A share as a percentage of two significant digits, rounded up, so that a bound stays one."""
    if share <= 0:
        return "0 %"
    hundredth = share * 100
    digits = max(0, 1 - math.floor(math.log10(hundredth)))
    scale = 10**digits
    # Rounded down first at the tenth digit: 0.1 must not become 0.11 for its representation's sake.
    up = math.ceil(round(hundredth * scale, 10)) / scale
    return f"{up:.{digits}f}".rstrip("0").rstrip(".") + " %" if digits else f"{up:.0f} %"


@dataclass(frozen=True, slots=True)
class Table:
    """Column titles, and rows of the same length."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    numeric: tuple[bool, ...]
    """Whether a column holds numbers and nothing else."""


def table(items: Sequence[Mapping[str, Any]], first: Iterable[str] = ()) -> Table:
    """A table of items that need not have the same keys: `first` lead, others follow as they come."""
    present = {key for item in items for key in item}
    keys = dict.fromkeys([key for key in first if key in present])
    for item in items:
        keys |= dict.fromkeys(item)
    titles = tuple(key.replace("_", " ") for key in keys)
    rows = tuple(tuple(item.get(key) for key in keys) for item in items)
    held = ([cell for cell in column if cell is not None] for column in zip(*rows, strict=True))
    numeric = tuple(bool(cells) and all(_is_number(cell) for cell in cells) for cells in held)
    return Table(titles, rows, numeric)


def _is_number(cell: object) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def ranges(seen: ValidationReport) -> Table:
    """The ranges of a full scan: bounds, counts, and the digests of both sides, once where they are equal; and their sums, for
    sides without an order in common are read by ranges of their own.
    """
    rows = [_range(item) for item in seen.ranges]
    whole = {**_range(_sum(seen.ranges)), "behind": "all of them", "up to": ""}
    return table([*rows, whole] if len(rows) > 1 else rows)


def _sum(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of ranges: digests are added modulo 2**64, as those of ids are."""
    counts = ("source_count", "target_count", "missing", "extra", "mismatched")
    digests = ("source_digest", "target_digest")
    return {name: sum(item.get(name) or 0 for item in items) for name in counts} | {
        name: f"{sum(int(item.get(name) or '0', 16) for item in items) % 2**64:016x}" for name in digests
    }


def _range(item: Mapping[str, Any]) -> dict[str, Any]:
    source, target = item.get("source_digest"), item.get("target_digest")
    lower, upper = item.get("lower"), item.get("upper")
    return {
        "behind": "(the start)" if lower is None else lower,
        "up to": "(the end)" if upper is None else upper,
        "in the source": item.get("source_count"),
        "in the target": item.get("target_count"),
        "missing": item.get("missing"),
        "extra": item.get("extra"),
        "differing": item.get("mismatched"),
        "digest of ids": source if source == target else f"{source}, the target's {target}",
    }


def parts(report: Report) -> Table:
    """The parts of a migration of several: where each is, and what was seen of it."""
    seen = {one.migration_id: one for one in report.validation.parts} if report.validation else {}
    return table(
        [
            {
                "part": part.migration_id,
                "phase": part.phase,
                "source": part.source,
                "target": part.target,
                "copied": part.copied,
                "result": seen[part.migration_id].statement if part.migration_id in seen else "not compared",
            }
            for part in report.status.parts
        ]
    )


def counts(seen: ValidationReport) -> list[tuple[str, int, bool]]:
    """What was counted: name, number, and whether that number is a difference."""
    return [
        ("records in the source", seen.source_count, False),
        ("records in the target (of ours)", seen.target_count, seen.target_count != seen.source_count),
        ("compared", seen.compared, False),
        ("in the source, not in the target (missing)", seen.missing, seen.missing > 0),
        ("in the target, not in the source (extra)", seen.extra, seen.extra > 0),
        ("differing in a vector, a field or the partition", seen.mismatched, seen.mismatched > 0),
        ("vectors equal bit for bit", seen.bit_equal, False),
    ]


def mapping_rows(mapping: MappingPlan) -> list[dict[str, str]]:
    """One row for the id and for each vector and field: what it is, its names, its fate and the reason."""
    plain: dict[str, Any] = msgspec.to_builtins(mapping, enc_hook=str)
    rule = str(plain["id_rule"])
    same = rule == "same"
    rows = [
        {
            "what": "id",
            "source": "",
            "target": "",
            "fate": "exact" if same else "converted",
            "reason": "" if same else rule,
        }
    ]
    if isinstance(mapping, MappingPlan):
        plain |= {"vectors": fates(mapping, VectorPlan), "fields": fates(mapping, FieldPlan)}
    for what in ("vector", "field"):
        for item in plain[f"{what}s"]:
            row = {key: str(item.get(key) or "") for key in ("source", "target", "fate", "reason")}
            rows.append({"what": what, **row})
    return rows


def facts(report: Report) -> list[tuple[str, str]]:
    """How the run went: name and value, in the order of the page."""
    status, seen = report.status, report.validation
    told = [
        ("migration", status.migration_id),
        ("phase", str(status.phase)),
        ("source", status.source),
        ("target", status.target),
        ("copied", f"{status.copied:,} records in {status.batches:,} batches, {size(status.bytes)}"),
        ("ranges", f"{status.ranges_done:,} of {status.ranges:,} done"),
        ("dead letters", f"{status.dead_letters:,}"),
        ("owed to the target", f"{status.debt:,}"),
        ("created", moment(status.created_at)),
    ]
    if status.started_at and status.ended_at:
        took = (status.ended_at - status.started_at).total_seconds()
        told.append(("copy took", f"{duration(took)}{_rate(status.copied, took)}"))
    if seen is not None:
        told.append(("validated", moment(seen.started_at)))
        told.append(("validation took", f"{duration(seen.seconds)}{_rate(seen.compared, seen.seconds)}"))
        told.append(("passes from cosine", number(seen.threshold)))
    if status.error:
        told.append(("error", status.error))
    return told + [(f"version of {name}", version) for name, version in report.versions.items()]


def configuration(report: Report) -> list[tuple[str, str]]:
    """What was asked for, name and value; what was left at its default is left out."""
    if report.specification is None:
        return []
    plain = msgspec.to_builtins(report.specification, enc_hook=str)
    return [(name.replace("_", " "), value) for name, value in _given("", plain)]


def _given(name: str, held: Any) -> Iterator[tuple[str, str]]:
    if isinstance(held, dict):
        for part, value in held.items():
            yield from _given(f"{name} {part}".strip(), value)
    elif held not in ("", None, [], (), 0, False):
        several = held if isinstance(held, list | tuple) else (held,)
        yield name, "; ".join(one if isinstance(one, str) else json.dumps(one) for one in several)


def similarity(seen: ValidationReport) -> list[tuple[str, str]]:
    """The figures beside the histogram: name and value."""
    told = [
        ("lowest cosine", seen.min_cosine),
        ("mean cosine", seen.mean_cosine),
        ("lowest ratio of lengths", seen.min_norm_ratio),
        ("highest ratio of lengths", seen.max_norm_ratio),
    ]
    return [
        *((name, number(value)) for name, value in told if value is not None),
        *((f"searches by {one.vector or 'the vector'}", searched(one)) for one in seen.searches),
    ]


def searched(seen: Searched) -> str:
    """What the searches by one vector came to."""
    source, target = ("/".join(f"{one:.1f}" for one in took) for took in (seen.source_ms, seen.target_ms))
    return (
        f"{seen.searches:,} times for {seen.limit}: the target finds {seen.recall:.2%} of what the source finds ({seen.least:.0%}"
        f" at least), {seen.order:.2%} of it in the same order; p50/p95/p99 {source} ms in the source, {target} ms in the target"
    )


def number(value: float) -> str:
    """A float with so many digits that 0.9999999 does not read as 1."""
    return f"{value:.10g}"


def size(count: int) -> str:
    """Bytes in the unit that reads best."""
    amount, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:,.0f} {unit}" if unit == "bytes" else f"{amount:,.1f} {unit}"


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 120:
        return f"{seconds:,.1f} s"
    return str(timedelta(seconds=round(seconds)))


def moment(when: datetime) -> str:
    """A time in UTC, to the second."""
    return when.strftime("%Y-%m-%d %H:%M:%S UTC")


def _rate(records: int, seconds: float) -> str:
    return f", {records / seconds:,.0f} records a second" if seconds > 0 and records else ""
