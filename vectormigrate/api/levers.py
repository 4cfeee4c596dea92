"""Rows of the table that change how a migration goes while it runs."""

from __future__ import annotations

from vectormigrate.daemon.levers import LEVERS, THROTTLING
from vectormigrate.model.access import Scope

from .command import Command, Effect, Example, Positional, Route

_ID = Positional("id", "Id of the migration.")
STEERING: tuple[Command, ...] = (
    Command(
        name="throttle",
        summary="Let a migration copy and compare more slowly, or wait, from now on, whatever process runs it.",
        details="Without a flag it waits until `unthrottle`. Obeyed within a second and by every later run. Writes of the"
        " application go on and are marked, and so do their replays, which draw from --max-rate first. Why it waits is shown"
        " by `status`. Kept in the audit log.",
        positionals=(_ID,),
        settings=THROTTLING,
        result="MigrationStatus",
        scope=Scope.OPERATE,
        routes=(Route("POST", "/migrations/{id}/throttle"),),
        effect=Effect.CHANGES,
        examples=(
            Example("throttle docs", "wait"),
            Example("throttle docs --max-rate 500", "500 records a second"),
            Example("throttle docs --throttle-target-latency 0.5", "wait while the target is slow"),
        ),
        handler="levers:throttle",
    ),
    Command(
        name="unthrottle",
        summary="Take back whatever `throttle` and `set` slowed down.",
        details="What the migration was asked for goes again; nobody holds it. Kept in the audit log.",
        positionals=(_ID,),
        result="MigrationStatus",
        scope=Scope.OPERATE,
        routes=(Route("POST", "/migrations/{id}/unthrottle"),),
        effect=Effect.CHANGES,
        examples=(Example("unthrottle docs", "at full speed again"),),
        handler="levers:unthrottle",
    ),
    Command(
        name="set",
        summary="Change a setting of a migration while it runs, or show what is set.",
        details=f"These: {', '.join(LEVERS)}; rate is max-rate, concurrency is workers. A copy under way goes on by it behind"
        " its present batches. Kept in the audit log; NAME=none goes back to what the migration was asked for, NAME=? shows"
        " the present value, and nothing at all every one.",
        positionals=(_ID, Positional("change", "NAME=VALUE.", required=False)),
        result="MigrationStatus",
        scope=Scope.OPERATE,
        routes=(Route("POST", "/migrations/{id}/set"),),
        effect=Effect.CHANGES,
        examples=(
            Example("set docs workers=1", "one worker process"),
            Example("set docs batch-size=none", "as it was asked for again"),
            Example("set docs throttle-window='22:00-06:00'", "at night only"),
            Example("set docs rate=?", "the present rate"),
        ),
        handler="levers:change",
    ),
)
