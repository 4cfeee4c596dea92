"""Text of what a daemon tells of itself: keys, the audit, events, operations. As `text.py`, for the rest of the documents."""

from __future__ import annotations

from typing import Any

from vectormigrate.daemon.report.html import visible
from vectormigrate.model.documents import (
    Approvals,
    AuditLog,
    Event,
    Events,
    Keys,
    MigrateResult,
    Operation,
    Operations,
)

from .text import more, render, table

__all__ = ["render"]


@render.register
def _keys(found: Keys) -> list[str]:
    if found.would:
        return [f"dry run, nothing was changed; {found.would}", *(_key_table(found) if found.keys else [])]
    if found.secret:
        return [
            *_key_table(found),
            "",
            "The key, told this once and kept nowhere:",
            f"  {found.secret}",
        ]
    return _key_table(found) if found.keys else ["no keys; make one with: vectormigrate keys create"]


def _key_table(found: Keys) -> list[str]:
    rows = (
        [key.id, key.scope, key.label, _day(key.created_at), _day(key.expires_at), _standing(key)]
        for key in found.keys
    )
    return table(("id", "scope", "label", "created", "expires", "state"), rows)


def _standing(key: Any) -> str:
    if key.good:
        return "good"
    return f"revoked {_day(key.revoked_at)}" if key.revoked_at else "expired"


@render.register
def _approvals(found: Approvals) -> list[str]:
    rows = ([one.migration_id, one.step, one.state, _day(one.at), one.by] for one in found.approvals)
    heads = ("migration", "step", "state", "since", "by")
    return table(heads, rows) if found.approvals else ["nothing waits for an approval"]


@render.register
def _audit(log: AuditLog) -> list[str]:
    if log.chained is None:
        rows = (
            [
                row["number"],
                _day(row["at"]),
                row["actor"] or "-",
                row["verb"],
                row["migration_id"],
                _outcome(row),
            ]
            for row in log.rows
        )
        heads = ("number", "at", "actor", "what", "migration", "outcome")
        return [*table(heads, rows), *more(log.next_cursor)]
    older = f"; {log.unchained:,} older rows are not part of it" if log.unchained else ""
    if log.ok:
        return [f"the chain of {log.chained:,} rows is whole{older}", f"  head  {log.head or 'none'}"]
    return [f"THE CHAIN IS BROKEN{older}", *(f"  {visible(line)}" for line in log.broken)]


def _outcome(row: dict[str, Any]) -> str:
    moved = f"{row['before']} to {row['after']}" if row["after"] else ""
    return "; ".join(word for word in (row["outcome"], moved, row["detail"]) if word)


@render.register
def _events(page: Events) -> list[str]:
    if not page.events:
        return ["no events from there on"]
    rows = ([one.number, _day(one.at), one.migration_id, one.kind, _words(one)] for one in page.events)
    return table(("number", "at", "migration", "event", "what"), rows)


def _words(event: Event) -> str:
    if event.text:
        return event.text
    told = {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in event.data.items()}
    return ", ".join(f"{name} {value}" for name, value in told.items() if value not in ("", None))


@render.register
def _operations(page: Operations) -> list[str]:
    if not page.operations:
        return ["no operations"]
    rows = (
        [one.id, one.command, one.migration_id, one.state, _day(one.started_at)] for one in page.operations
    )
    return [*table(("id", "command", "migration", "state", "started"), rows), *more(page.next_cursor)]


@render.register
def _operation(one: Operation) -> list[str]:
    lines = [f"{one.id}: {one.command} of {one.migration_id or 'nothing in particular'}: {one.state}"]
    lines.append(f"  started  {_day(one.started_at)} by {visible(one.actor)}")
    if one.ended_at:
        lines.append(f"  ended    {_day(one.ended_at)}")
    if one.error:
        lines.append(f"  error    {visible(one.error.get('message', ''))}")
    return lines


@render.register
def _moved(done: MigrateResult) -> list[str]:
    what = (
        "would be copied"
        if done.dry_run
        else f"of {done.vectors_read:,} copied in {done.duration_seconds:g} s"
    )
    count = done.vectors_read if done.dry_run else done.vectors_written
    return [f"{done.source_type} to {done.dest_type}: {count:,} vectors {what}, {done.batches:,} batches"]


def _day(at: str | None) -> str:
    """To the second."""
    return at[:19].replace("T", " ") if at else ""
