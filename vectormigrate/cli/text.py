"""Results as text for people: plain lines that can be read in a terminal, a mail and a log alike, and grepped.

Ids and details are somebody's data: whatever would not show, or would steer the terminal, is spelled out.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import singledispatch
from typing import Any

from vectormigrate.daemon.report.document import duration, moment, number, searched, size
from vectormigrate.daemon.report.html import visible
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.documents import DeadLetters, Examined, Findings, Migrations, SchemaDocument
from vectormigrate.model.identity import IdRule
from vectormigrate.model.phase import FINAL, Phase
from vectormigrate.model.specification import Lever, Mode
from vectormigrate.model.status import (
    CaptureReport,
    Check,
    GateStatus,
    LiveStatus,
    MigrationStatus,
    PlanDocument,
    RollbackReport,
    SwapReport,
    ValidationReport,
)
from vectormigrate.model.whole import BOTH

from .documents import Bundled, ServeEnded, Verified, Written

LONGEST = 120
"""Characters of one cell."""
_FIELDS = 12
"""Keys of a sample that are named."""
_IDS: Mapping[str, str] = {
    IdRule.SAME: "as they are",
    IdRule.UUID_TEXT: "UUIDs, as their text",
    IdRule.INT_TEXT: "integers, as their decimal text",
    IdRule.COMPOUND_TEXT: "keys of several parts, as one text",
    IdRule.MIXED_TEXT: "integers and UUIDs, as their text",
    IdRule.TEXT_MIXED: "text that spells an integer or a UUID, as that",
    IdRule.INT_MIXED: "as they are; integers below zero as UUIDs that stand for them",
    IdRule.INT_UUID: "integers, as UUIDs that stand for them",
    IdRule.MIXED_UUID: "UUIDs as they are, integers as UUIDs that stand for them",
    IdRule.SURROGATE: "as they are where the key can hold them; else one made of it, the original beside it",
}


@singledispatch
def render(document: object) -> list[str]:
    """The lines of a document."""
    raise TypeError(f"no text for {type(document).__name__}")


@render.register
def _status(status: MigrationStatus) -> list[str]:
    was = f" (was {status.resume_phase})" if status.resume_phase else ""
    facts = [*_would(status.would), ("source", status.source), ("target", status.target)]
    if status.ranges:
        facts += [
            ("copied", _copied(status)),
            ("ranges", f"{status.ranges_done:,} of {status.ranges:,} done"),
        ]
    if status.mode is not Mode.OFFLINE:
        facts += _standing(status)
    elif status.debt:
        facts.append(("owed", f"{status.debt:,} ids that the target still owes"))
    if status.dead_letters:
        facts.append(("refused", f"{status.dead_letters:,} records, see dead-letters"))
    if status.findings:
        facts.append(("findings", f"{status.findings:,} differences, see findings"))
    facts.append(("created", moment(status.created_at)))
    if status.started_at and status.ended_at:
        seconds = (status.ended_at - status.started_at).total_seconds()
        facts.append(("ended", f"{moment(status.ended_at)}, after {duration(seconds)}"))
    if status.rate:
        left = f", {duration(status.eta_seconds)} left" if status.eta_seconds is not None else ""
        facts.append(("rate", f"{status.rate:,.0f} records a second{left}"))
    if status.levers:
        facts.append(
            (
                "set",
                ", ".join(f"{name.replace('_', '-')}={_set(value)}" for name, value in status.levers.items()),
            )
        )
    pending = [step for step, state in status.approvals.items() if state == "pending"]
    facts += [("waits", f"{step}: `vectormigrate approve {status.migration_id} {step}`") for step in pending]
    facts += [("throttled", f"{reason}: {why}") for reason, why in status.throttled.items()]
    if status.error:
        facts.append(("error", status.error))
    facts += [("next", step) for step in status.next_steps]
    lines = [f"{status.migration_id}: {status.phase}{was}", *_facts(facts)]
    return [*lines, "", *_migrations_table(status.parts)] if status.parts else lines


def _would(told: str) -> list[tuple[str, str]]:
    return [("dry run", f"nothing was changed; {told}")] if told else []


def _set(value: Lever) -> str:
    return (
        str(value).lower() if isinstance(value, bool) else value if isinstance(value, str) else f"{value:g}"
    )


def _standing(status: MigrationStatus) -> list[tuple[str, str]]:
    """Who answers, and what the other side lacks by now."""
    told = [("mode", f"{status.mode}; {_answering(status.primary)}")]
    if status.attested_by:
        told.append(("attested", f"by {status.attested_by}"))
    if status.live is not None:
        told += _lagging(status.live)
        closed = [gate for gate in status.live.gates if not gate.open]
        if closed and status.phase in (Phase.VERIFIED, Phase.REVERSED):
            told.append(("gates", "; ".join(f"{gate.name}: {gate.reason}" for gate in closed)))
        return told
    if status.debt and status.phase not in FINAL:
        told.append(("debt", f"{_records(status.debt)} owed to the {_other(status.primary)}"))
    return told


def _to_copy(status: MigrationStatus) -> int | None:
    """The number of records at the start. Of a collection in use it says nothing once the copy is done: what was written
    since is paid apart.
    """
    return status.total if status.mode is Mode.OFFLINE or status.ranges_done < status.ranges else None


def _copied(status: MigrationStatus) -> str:
    total = _to_copy(status)
    copied = f"{status.copied:,}" + (f" of {total:,}" if total is not None else "")
    return f"{copied} records in {_many(status.batches, 'batch', 'es')}, {size(status.bytes)}"


def _records(count: int) -> str:
    return f"{_many(count, 'record')} {'is' if count == 1 else 'are'}"


def _other(side: str) -> str:
    """Who does not answer the application; of several parts some of which are cut over, each its own."""
    return {"source": "target", "target": "source"}.get(side, "secondaries")


def _answering(side: str) -> str:
    return (
        f"the {side} answers the application" if side != BOTH else "both answer the application, part by part"
    )


def _lagging(live: LiveStatus) -> list[tuple[str, str]]:
    secondary = _other(live.primary)
    told = [
        ("lag", f"{live.lag_seconds:.1f} s"),
        ("debt", f"{_records(live.debt)} owed to the {secondary}; {live.in_flight:,} writes under way"),
    ]
    if live.waiting:
        told.append(("waits", live.waiting))
    if live.secondary_down:
        told.append((secondary, f"does not answer: {live.secondary_down}"))
    if live.reads:
        told.append(("reads", f"{live.reads:.0%} are answered by the {secondary}"))
    if live.shadow.get("overlap") is not None:
        told.append(
            (
                "shadow",
                f"{live.shadow['overlap']:.1%} of results agree, in {live.shadow['compared']:,} searches",
            )
        )
    return told


@render.register
def _plan(plan: PlanDocument) -> list[str]:
    lines = [f"{plan.migration_id}: {plan.source} -> {plan.target}"]
    held = "is not there yet and will be made"
    if plan.target_exists:
        held = f"holds {plan.target_count:,} records, {plan.foreign:,} of them not ours"
    ids = _IDS.get(plan.id_rule, plan.id_rule)
    facts = [("source", f"{plan.source_count:,} records"), ("target", held), ("ids", ids)]
    work = f"{_many(plan.batches, 'batch', 'es')} in {_many(plan.ranges, 'range')}, {_many(plan.workers, 'worker')}"
    work += f", about {size(plan.bytes)}"
    work += f" in {_many(plan.requests, 'request')}" if plan.requests else ""
    facts.append(("work", work + (f", about {duration(plan.seconds)}" if plan.seconds is not None else "")))
    if plan.layout.get("moves"):
        found = plan.layout
        facts.append(("layout", f"{found['source']}, laid out anew as {found['target']} looks for it"))
    if plan.inferred:
        facts.append(("payload", _inferred(plan.inferred)))
    if plan.target_bytes:
        facts.append(("size", f"about {size(plan.target_bytes)} on the target, without its indexes"))
    lines += _facts(facts)
    if plan.parts:
        parts = ([one.migration_id, one.source, one.target, f"{one.source_count:,}"] for one in plan.parts)
        lines += ["", *table(("part", "source", "target", "records"), parts)]
    rows = [("vector", item) for item in plan.vectors] + [("field", item) for item in plan.fields]
    if rows:
        lines += [
            "",
            *table(("what", "source", "target", "fate", "why"), (_mapped(what, item) for what, item in rows)),
        ]
    if plan.refused:
        lines += ["", "refused, so nothing would start:", *(f"  {visible(line)}" for line in plan.refused)]
        named = [loss.name for loss in plan.named_losses if not loss.accepted]
        lines += [f"  accept with --accept {shlex.quote(visible(name))}" for name in named]
    if plan.unanswered:
        lines += ["", "refused after a cutover, because only the source can answer it:"]
        lines += [f"  {visible(line)}" for line in plan.unanswered]
    lines += [f"no way back: {visible(line)}" for line in plan.no_way_back]
    lines += [f"would come back otherwise: {visible(line)}" for line in plan.unrestored]
    lines += [f"note: {visible(note)}" for note in plan.notes]
    return [*lines, "", *_checks(plan.checks)] if plan.checks else lines


@render.register
def _schema(found: SchemaDocument) -> list[str]:
    lines = [f"{found.source} -> {found.target}"]
    if found.shape is not None:
        lines += ["", *table(("what", "source", "type"), _shape(found.shape))]
    if found.inferred:
        lines += _facts([("payload", _inferred(found.inferred))])
    rows = (
        [
            one.source_field,
            one.target_field,
            f"{one.confidence:g}",
            "yes" if one.conversion_needed else "no",
            one.notes,
        ]
        for one in found.field_mappings
    )
    lines += ["", *table(("source", "target", "confidence", "converted", "why"), rows)]
    lines += ["", f"confidence {found.overall_confidence:g}"]
    named = [loss.name for loss in found.named_losses if not loss.accepted]
    lines += [f"lost, unless accepted: --accept {shlex.quote(visible(name))}" for name in named]
    return [*lines, *(f"note: {visible(line)}" for line in found.warnings)]


def _shape(shape: CollectionShape) -> Iterable[list[object]]:
    yield ["id", shape.id.name, shape.id.kind]
    for vector in shape.vectors:
        words = [
            vector.kind,
            vector.element,
            f"{vector.dim} dimensions" if vector.dim else "",
            vector.metric or "",
        ]
        yield ["vector", vector.name or "(unnamed)", ", ".join(filter(None, words))]
    for one in shape.fields:
        of = f" of {one.element}" if one.element else ""
        yield ["field", one.name, f"{one.type}{of}{'' if one.nullable else ', never null'}"]
    if shape.dynamic:
        yield ["field", "*", "any key"]
    if shape.partitions:
        yield ["partitions", f"{len(shape.partitions):,}", ", ".join(shape.partitions[:_FIELDS])]


def _inferred(fields: Sequence[Mapping[str, Any]]) -> str:
    """Keys of a source that declares none, as a sample has them."""
    seen = [f"{field['name']} ({'/'.join(field['types'])})" for field in fields[:_FIELDS]]
    more = f" and {len(fields) - _FIELDS:,} more" if len(fields) > _FIELDS else ""
    return f"keys seen: {', '.join(seen)}{more}"


def _mapped(what: str, item: Mapping[str, Any]) -> list[object]:
    source = item.get("source") or ("(unnamed)" if what == "vector" else "")
    return [what, source, *(item.get(key, "") for key in ("target", "fate", "reason"))]


@render.register
def _validation(seen: ValidationReport) -> list[str]:
    facts = [
        ("method", seen.method + (f", seed {seen.seed}" if seen.seed is not None else "")),
        ("counts", f"source {seen.source_count:,}, target {seen.target_count:,}"),
        ("compared", f"{seen.compared:,} records in {duration(seen.seconds)}"),
        ("missing", f"{seen.missing:,}"),
        ("extra", f"{seen.extra:,}"),
        ("differing", f"{seen.mismatched:,}"),
    ]
    if seen.min_cosine is not None:
        mean = f", mean {number(seen.mean_cosine)}" if seen.mean_cosine is not None else ""
        facts.append(
            ("cosine", f"least {number(seen.min_cosine)}{mean}; passes from {number(seen.threshold)}")
        )
        facts.append(("bit-equal", f"{seen.bit_equal:,} vectors"))
    if seen.mismatch_rate_upper95 is not None:
        facts.append(("bound", f"at most {seen.mismatch_rate_upper95:.3%} of the records differ, at 95 %"))
    facts += [(f"search {one.vector}".rstrip(), searched(one)) for one in seen.searches]
    lines = [f"{seen.migration_id}: {seen.statement}", *_facts(facts)]
    if seen.findings:
        names = (*(("part",) if seen.parts else ()), "kind", "id", "detail")
        rows = ([item.get(name, "") for name in names] for item in seen.findings[:10])
        lines += ["", *table(names, rows)]
        if seen.missing + seen.extra + seen.mismatched > 10:
            lines.append(f"  ... all of them: vectormigrate findings {seen.migration_id}")
    return lines


@render.register
def _rollback(done: RollbackReport) -> list[str]:
    would = "would be " if done.dry_run else ""
    facts = [
        ("deleted", f"{done.deleted:,} records {would}taken out"),
        ("restored", f"{done.restored:,} overwritten records {would}put back"),
        ("foreign", f"{done.foreign_kept:,} kept, {done.foreign_changed:,} changed"),
    ]
    if not done.dry_run:
        facts.append(("left", f"{done.left:,} records of ours"))
    if done.collection_dropped:
        facts.append(("collection", f"{would}removed: the migration had made it"))
    head = "dry run, nothing was changed" if done.dry_run else f"rolled back in {duration(done.seconds)}"
    return [f"{done.migration_id}: {head}", *_facts(facts)]


@render.register
def _capture(seen: CaptureReport) -> list[str]:
    if seen.would:
        return [
            f"{seen.migration_id}: dry run, nothing was changed at {seen.source}",
            f"  {visible(seen.would)}",
        ]
    verb = {"install": "made", "remove": "removed"}.get(seen.action, "")
    lines = [f"{verb} {visible(line)}" for line in seen.done]
    if seen.action != "remove":
        lines += [f"problem: {visible(line)}" for line in seen.problems] or ["sound"]
    if seen.lag_seconds is not None:
        lines.append(f"oldest change that waits: {duration(seen.lag_seconds)}")
    return [
        f"{seen.migration_id}: capture of {seen.source}",
        *(f"  {line}" for line in lines or ["nothing to do"]),
    ]


@render.register
def _migrations(page: Migrations) -> list[str]:
    if not page.migrations:
        return ["no migrations"]
    return [*_migrations_table(page.migrations), *more(page.next_cursor)]


def more(cursor: str) -> list[str]:
    """How a list goes on, behind a page of it."""
    return ["", f"there may be more: --cursor {cursor}"] if cursor else []


def _migrations_table(items: Iterable[MigrationStatus]) -> list[str]:
    rows = (
        [item.migration_id, str(item.phase), item.source, item.target, _share(item), moment(item.created_at)]
        for item in items
    )
    return table(("id", "phase", "source", "target", "copied", "created"), rows)


def _share(item: MigrationStatus) -> str:
    total = _to_copy(item)
    return f"{item.copied:,}" + (f"/{total:,}" if total is not None else "")


@render.register
def _findings(page: Findings) -> list[str]:
    if not page.findings:
        return [f"{page.migration_id}: no findings{' from there on' if page.offset else ''}"]
    rows = _dicts(page.findings, ("part", "kind", "id", "detail", "cosine", "norm_ratio"))
    return [*rows, *more(page.next_cursor)]


@render.register
def _dead_letters(page: DeadLetters) -> list[str]:
    would = [f"{page.migration_id}: dry run, nothing was changed; {page.would}", ""] if page.would else []
    if not page.dead_letters:
        return [*would, f"{page.migration_id}: no dead letters{' from there on' if page.offset else ''}"]
    return [*would, *_dicts(page.dead_letters, ("part", "id")), *more(page.next_cursor)]


@render.register
def _examined(examined: Examined) -> list[str]:
    return _checks(examined.checks)


@render.register
def _written(written: Written) -> list[str]:
    files = [name for name in (written.html, written.output) if name]
    signed = [f"  the JSON is signed by {written.signed_by}"] if written.output and written.signed_by else []
    return [
        f"{written.migration_id}: {written.verdict}",
        *(f"  written to {name}" for name in files),
        *signed,
    ]


@render.register
def _bundled(bundled: Bundled) -> list[str]:
    return [
        f"{bundled.file}: {len(bundled.parts)} documents, without secrets and without records; look before you send it"
    ]


@render.register
def _verified(verified: Verified) -> list[str]:
    told = [f"{verified.file} is as it was signed, by {verified.signed_by}"]
    return [*told, f"  it says: {verified.verdict}"] if verified.verdict else told


@render.register
def _ended(ended: ServeEnded) -> list[str]:
    return [
        "ended; " + ("everything" if ended.drained else "not everything") + " that was under way was answered"
    ]


def _checks(checks: Iterable[Check]) -> list[str]:
    lines = []
    for check in checks:
        lines.append(f"{'ok  ' if check.ok else 'BAD '} {check.name}: {visible(check.detail)}")
        if check.hint and not check.ok:
            lines.append(f"     hint: {check.hint}")
    return lines


def _facts(facts: Sequence[tuple[str, str]]) -> list[str]:
    width = max(len(name) for name, _ in facts)
    return [f"  {name:<{width}}  {visible(value)}" for name, value in facts]


def _dicts(items: Sequence[Mapping[str, Any]], first: Sequence[str]) -> list[str]:
    """A table of whatever the items hold, the named columns first, empty columns left out."""
    names = dict.fromkeys([*first, *(key for item in items for key in item)])
    shown = [name for name in names if any(item.get(name) not in (None, "") for item in items)]
    return table(shown, ([_told(name, item.get(name)) for name in shown] for item in items))


def _told(name: str, value: object) -> object:
    if name in {"at", "first_seen", "last_seen"} and isinstance(value, str):
        return moment(datetime.fromisoformat(value))
    return value


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Columns as wide as they must be; whatever would not show is spelled out."""
    cells = [list(head), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def _many(count: int, noun: str, plural: str = "s") -> str:
    return f"{count:,} {noun}{'' if count == 1 else plural}"


def _cell(value: object) -> str:
    text = visible(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


@render.register
def _swap(report: SwapReport) -> list[str]:
    name, closed = report.migration_id, not report.ok
    if report.dry_run:
        there = f"the {_other(report.primary)} {'could not' if closed else 'could'} take over now"
        return [f"{name}: dry run, nothing was changed; {there}", *_gates(report.gates)]
    held = f"writes were held for {report.hold_ms or 0:.0f} ms"
    rows = [(one.migration_id, one.primary, f"{one.hold_ms or 0:.0f} ms") for one in report.parts]
    told = ["", *table(("part", "primary", "writes held"), rows)] if rows else []
    return [f"{name}: {_answering(report.primary)}; {held}", *told]


@render.register
def _live(status: LiveStatus) -> list[str]:
    primary = ("primary", _answering(status.primary))
    facts = [*_would(status.would), primary, *_lagging(status)]
    lines = [f"{status.migration_id}: {_verdict(status.gates)}", *_facts(facts), *_gates(status.gates)]
    if not status.parts:
        return lines
    rows = ((one.migration_id, one.primary, f"{one.debt:,}", _verdict(one.gates)) for one in status.parts)
    return [*lines, "", *table(("part", "primary", "debt", "gates"), rows)]


def _verdict(gates: Sequence[GateStatus]) -> str:
    if not gates:
        return "there is no further swap"
    closed = sum(not gate.open for gate in gates)
    return f"{closed} of {len(gates)} gates are closed" if closed else f"all {len(gates)} gates are open"


def _gates(gates: Sequence[GateStatus]) -> list[str]:
    return [
        f"  {'open  ' if gate.open else 'CLOSED'}  {gate.name}{': ' + gate.reason if gate.reason else ''}"
        for gate in gates
    ]
