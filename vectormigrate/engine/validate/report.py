"""What a validation proved: totals to a `ValidationReport`, with the one sentence that is true of it.

A full scan may say that all records were compared; it says so only if the counts of both sides agree with what was
read. A sample says how many records differ at most, at 95 %, and never that two sides are equal.

The surprise: after a recheck the counts are those of the confirmed findings, while similarities remain as first
seen: a record that healed keeps its place in the histogram.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_CEILING, Decimal

from vectormigrate.model.finding import Finding, FindingKind
from vectormigrate.model.status import Searched, ValidationReport

from .fullscan import Totals
from .recheck import Rechecked
from .sample import Named, Sampled, upper_bound_95
from .tally import SHOWN, Tally


@dataclass(frozen=True, slots=True)
class Run:
    """What the report says about the run itself."""

    migration_id: str
    started_at: datetime
    seconds: float
    threshold: float
    """The one that ruled: `compare.effective_threshold`."""


def full_report(run: Run, totals: Totals, rechecked: Rechecked | None = None) -> ValidationReport:
    """The report of a full scan; with the counts of what a recheck of *all* its findings left, if there was one."""
    report = _report(run, "full", totals.tally, rechecked)
    differing = report.missing + report.extra + report.mismatched
    unsettled = len(rechecked.unsettled) if rechecked else 0
    return replace(
        report,
        ranges=totals.ranges,
        ok=not (differing or unsettled or totals.doubts or totals.tally.uncopied),
        statement=_full_statement(report, totals, rechecked),
    )


def sample_report(run: Run, sampled: Sampled, rechecked: Rechecked | None = None) -> ValidationReport:
    """The report of a sample. Whole sides are counted, so different counts fail it whatever was drawn."""
    report = _report(run, "sample", sampled.tally, rechecked)
    differing = report.missing + report.mismatched
    bound = upper_bound_95(differing, sampled.drawn) if sampled.drawn else None
    unsettled = len(rechecked.unsettled) if rechecked else 0
    report = replace(
        report,
        source_count=sampled.source_total,
        target_count=sampled.target_total - sampled.foreign_total,
        mismatch_rate_upper95=bound,
        seed=sampled.seed,
    )
    return replace(
        report,
        ok=sampled.counts_agree and not (differing or report.extra or unsettled or sampled.tally.uncopied),
        statement=_sample_statement(report, sampled, rechecked),
    )


def ids_report(run: Run, named: Named, rechecked: Rechecked | None = None) -> ValidationReport:
    """The report of some records by their ids; it says nothing of any other."""
    report = _report(run, "ids", named.tally, rechecked)
    differing = report.missing + report.extra + report.mismatched
    unsettled = len(rechecked.unsettled) if rechecked else 0
    text = f"of {named.asked:,} records by their ids, and of no other: {_counts(report)}"
    if named.nowhere:
        text += f", {named.nowhere:,} on neither side"
    if named.tally.skipped:
        text += f", {named.tally.skipped:,} whose place in the target a foreign record has"
    return replace(
        report,
        source_count=report.compared + report.missing,
        target_count=report.compared + report.extra,
        ok=not (differing or unsettled or named.tally.uncopied),
        statement=text + _beyond(named.tally) + _afterwards(rechecked),
    )


def searched_report(report: ValidationReport, searches: Sequence[Searched], least: float) -> ValidationReport:
    """The same with what searches on both sides came to. `least`: share of the source's results that the target must find."""
    if not searches:
        return replace(report, ok=False, statement=f"{report.statement}; there was nothing to search by")
    low = min(one.recall for one in searches)
    count = sum(one.searches for one in searches)
    told = f"{report.statement}; in {count:,} searches the target finds {low:.2%} of what the source finds"
    if low < least:
        told += f", less than {least:.2%}"
    return replace(report, searches=tuple(searches), ok=report.ok and low >= least, statement=told)


def _report(run: Run, method: str, tally: Tally, rechecked: Rechecked | None) -> ValidationReport:
    findings: Sequence[Finding] = tally.findings
    missing, extra, mismatched = tally.missing, tally.extra, tally.mismatched
    if rechecked is not None:
        tally = tally.without({finding.id for finding in rechecked.healed})
        findings = rechecked.confirmed
        missing = _records(findings, FindingKind.MISSING)
        extra = _records(findings, FindingKind.EXTRA)
        mismatched = _records(findings, FindingKind.VECTOR, FindingKind.PAYLOAD, FindingKind.PARTITION)
    return ValidationReport(
        migration_id=run.migration_id,
        method=method,
        started_at=run.started_at,
        seconds=run.seconds,
        source_count=tally.source_count,
        target_count=tally.target_count,
        compared=tally.compared,
        missing=missing,
        extra=extra,
        mismatched=mismatched,
        bit_equal=tally.bit_equal,
        threshold=run.threshold,
        min_cosine=tally.min_cosine,
        mean_cosine=tally.mean_cosine,
        min_norm_ratio=tally.min_norm_ratio,
        max_norm_ratio=tally.max_norm_ratio,
        mismatch_rate_upper95=None,
        histogram=tally.bins(),
        worst=tuple(tally.worst),
        findings=tuple(_plain(finding) for finding in findings[:SHOWN]),
    )


def _records(findings: Sequence[Finding], *kinds: FindingKind) -> int:
    return len({finding.id for finding in findings if finding.kind in kinds})


def _plain(finding: Finding) -> dict[str, object]:
    plain: dict[str, object] = {"kind": finding.kind.value, "id": finding.id, "detail": finding.detail}
    if finding.cosine is not None:
        plain["cosine"] = finding.cosine
    if finding.norm_ratio is not None:
        plain["norm_ratio"] = finding.norm_ratio
    return plain


# Sentences.


def _full_statement(report: ValidationReport, totals: Totals, rechecked: Rechecked | None) -> str:
    # A copy under way explains the doubts, and nothing is proved all the same.
    if totals.doubts and not totals.tally.uncopied:
        return "this scan proves nothing, because counts do not agree: " + "; ".join(totals.doubts)
    skipped = totals.tally.skipped
    if report.source_count == report.target_count and not skipped:
        scope = f"all {report.source_count:,} records of both sides were compared"
    else:
        scope = (
            f"all {report.source_count:,} records of the source and all {report.target_count:,} of the target"
            " were compared"
        )
    if skipped:
        scope += f" but for {skipped:,} whose place in the target a foreign record has"
    return f"{scope}: {_counts(report)}{_beyond(totals.tally)}{_afterwards(rechecked)}"


def _sample_statement(report: ValidationReport, sampled: Sampled, rechecked: Rechecked | None) -> str:
    if report.mismatch_rate_upper95 is None:
        text = "there was no record to draw"
    else:
        differing, bound = report.missing + report.mismatched, _percent(report.mismatch_rate_upper95)
        if differing:
            text = (
                f"{differing:,} of {sampled.drawn:,} samples differ: at most {bound} of all records at 95 %"
            )
        else:
            text = f"{sampled.drawn:,} clean samples: under {bound} differ at 95 %"
        if not sampled.uniform:
            text += " (drawn by ranges, as exact as these are of equal size)"
    if report.extra:
        text += f"; {report.extra:,} of {sampled.target_drawn:,} records drawn from the target are not in the source"
    if not sampled.counts_agree:
        text += (
            f"; the source counts {report.source_count:,} records, the target {report.target_count:,} of ours"
        )
    return text + _beyond(sampled.tally) + _afterwards(rechecked)


def _beyond(tally: Tally) -> str:
    return f"; {tally.uncopied:,} not copied yet" if tally.uncopied else ""


def _counts(report: ValidationReport) -> str:
    return f"{report.missing:,} missing, {report.extra:,} extra, {report.mismatched:,} mismatched"


def _afterwards(rechecked: Rechecked | None) -> str:
    if rechecked is None:
        return ""
    text = ""
    if rechecked.healed:
        text += f"; differences gone when looked at again: {len(rechecked.healed):,}"
    if rechecked.unsettled:
        text += f"; differences that kept changing while looked at: {len(rechecked.unsettled):,}"
    return text


def _percent(share: float) -> str:
    """A share as percent, rounded up to two digits so that "under" stays true."""
    percent = Decimal(repr(share * 100))
    rounded = percent.quantize(Decimal(1).scaleb(percent.adjusted() - 1), ROUND_CEILING)
    return f"{rounded.normalize():f} %"
