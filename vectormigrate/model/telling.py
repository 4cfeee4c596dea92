"""An event in words: the same in a terminal, the journal, the API and the dashboard."""

from __future__ import annotations

from . import events
from .events import Event


def of_record(record_id: str, error: str) -> str:
    """A refusal with the id of its record, which most name themselves."""
    return error if record_id in error else f"record {record_id}: {error}"


def sentence(event: Event) -> str:  # noqa: PLR0911 one a kind of event
    """An event in words."""
    match event:
        case events.PhaseChanged(_, before, after, reason):
            return f"phase: {before} -> {after}" + (f" ({reason})" if reason else "")
        case events.Progress(_, work, done, total):
            return f"{work}: {done}" + (f" of {total}" if total is not None else "")
        case events.Resumed(_, already, clean):
            how = "" if clean else "; the run before did not end by itself"
            return f"going on: {already:,} records were copied before{how}"
        case events.Retried(_, attempt, wait, error):
            return f"attempt {attempt} failed, next in {wait:.1f} s: {error}"
        case events.RangeDone(_, done, total):
            return f"{done:,} of {total:,} ranges are copied"
        case events.DeadLettered(_, record_id, error):
            return f"refused for good: {of_record(record_id, error)}"
        case events.WorkerLost(_, exit_code):
            return f"a worker ended without being told to (exit code {exit_code}); another takes its place"
        case events.Warned(_, message):
            return message
        case _:
            return _standing(event)


def _standing(event: events.Notice | events.LiveEvent) -> str:  # noqa: PLR0911 one a kind of event
    match event:
        case events.Validated(_, method, _, compared, statement):
            return f"compared {compared:,} records ({method}): {statement}"
        case events.FindingConfirmed(_, count):
            return f"{count:,} record{'s differ' if count > 1 else ' differs'}, and did at a second look"
        case events.Throttled(_, reason, why):
            return f"throttled by {reason}: {why}"
        case events.Unthrottled(_, reason):
            return f"no longer throttled by {reason}"
        case events.GateOpened(_, gate):
            return f"the gate {gate} is open"
        case events.GateClosed(_, gate, reason):
            return f"the gate {gate} is closed: {reason}"
        case _:
            return _live_line(event)


def _live_line(event: events.LiveEvent) -> str:
    match event:
        case events.SecondaryDown(_, error):
            return f"the secondary does not answer; marks go on, replays wait: {error}"
        case events.SecondaryUp():
            return "the secondary answers again"
        case events.DeletesStopped():
            return "too many records are absent that nobody deleted: nothing is deleted until somebody has looked"
        case events.GapOpened(_, why):
            return f"a write left without a mark ({why}): both sides will be compared"
        case events.PrimaryChanged(_, primary, held_ms):
            return f"the {primary} answers the application now; writes were held for {held_ms:.0f} ms"
