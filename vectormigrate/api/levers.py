"""Rows of the table that steer a migration: how fast it goes, whether somebody has to approve of a step, and that it is not to be."""

from __future__ import annotations

from vectormigrate.daemon.levers import ALIASES, LEVERS, THROTTLING
from vectormigrate.daemon.live_settings import REASON
from vectormigrate.daemon.settings import DRY_RUN, FORCE, YES
from vectormigrate.model.access import Scope
from vectormigrate.model.phase import STEPS

from .command import Command, Effect, Example, Positional, Route

_ID = Positional("id", "Id of the migration.")
STEERING: tuple[Command, ...] = (
    Command(
        name="abort",
        summary="End a migration that has put nothing into its target; neither store has to be there.",
        details="For one that never came to its copy: wrong credentials, a store that is gone, a change of mind. Exits 4 where"
        " anything may be in the target: that is for `rollback`. An empty collection that it made stays. It is final.",
        positionals=(_ID,),
        settings=(DRY_RUN, FORCE, YES),
        result="MigrationStatus",
        scope=Scope.OPERATE,
        routes=(Route("POST", "/migrations/{id}/abort"),),
        effect=Effect.DESTROYS,
        examples=(
            Example("abort docs --dry-run", "whether it can be ended so; changes nothing"),
            Example("abort docs", "asks first"),
        ),
        handler="verbs:abort",
    ),
    Command(
        name="throttle",
        summary="Let a migration copy and compare more slowly, or wait, from now on, whatever process runs it.",
        details="Without a flag it waits until `unthrottle`. Obeyed within a second and by every later run. Writes of the"
        " application go on and are marked, and so do their replays, which draw from --max-rate first. Why it waits is shown"
        " by `status`. Kept in the audit log.",
        positionals=(_ID,),
        settings=(*THROTTLING, DRY_RUN),
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
        settings=(DRY_RUN,),
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
        details=f"These: {', '.join(LEVERS)}; {', '.join(f'{other} is {name}' for other, name in ALIASES.items())}. A copy under way goes on by it behind"
        " its present batches. Kept in the audit log; NAME=none goes back to what the migration was asked for, NAME=? shows"
        " the present value, and nothing at all every one.",
        positionals=(_ID, Positional("change", "NAME=VALUE.", required=False)),
        settings=(DRY_RUN,),
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
    Command(
        name="waive",
        summary="Go without a record that the target refused for good.",
        details="It is owed no more, bars no cutover, and a comparison says nothing of it; its next write is tried as any is. Kept in"
        " the audit log with the reason and the name of who said it.",
        positionals=(_ID, Positional("record", "Id of the record, as `dead-letters` shows it.")),
        settings=(REASON, DRY_RUN),
        result="MigrationStatus",
        scope=Scope.OPERATE,
        routes=(Route("POST", "/migrations/{id}/waive"),),
        effect=Effect.CHANGES,
        examples=(Example("waive docs i:17 --reason broken", "the cutover may happen without it"),),
        handler="asked:asked",
    ),
    Command(
        name="approvals",
        summary="Steps that wait for an approval, of one migration or of all.",
        details="Made with --approval STEP: created, pending once somebody has asked for the step and was refused, approved for"
        " one go.",
        positionals=(Positional("id", "Id of a migration.", required=False),),
        result="Approvals",
        scope=Scope.READ,
        routes=(Route("GET", "/approvals"), Route("GET", "/migrations/{id}/approvals")),
        examples=(Example("approvals", "of every migration"), Example("approvals docs", "of one")),
        handler="asked:asked",
    ),
    Command(
        name="approve",
        summary="Approve of a step that waits; of every pending one when none is named.",
        details="For one go: when the step was taken, the next waits anew. Kept in the audit log with the name of who said it.",
        positionals=(
            Positional("id", "Id of a migration; all when it is left out.", required=False),
            Positional("step", "The step.", required=False, choices=STEPS),
        ),
        settings=(DRY_RUN,),
        result="Approvals",
        scope=Scope.OPERATE,
        routes=(Route("POST", "/approve"), Route("POST", "/migrations/{id}/approve")),
        effect=Effect.CHANGES,
        examples=(
            Example("approve docs cutover", "this one, asked for already or not"),
            Example("approve docs", "whatever is pending of it"),
            Example("approve", "whatever is pending"),
        ),
        handler="asked:asked",
    ),
)
