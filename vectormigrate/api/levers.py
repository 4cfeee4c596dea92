"""Rows of the table that change how a migration goes while it runs."""

from __future__ import annotations

from vectormigrate.daemon.levers import LEVERS
from vectormigrate.model.access import Scope

from .command import Command, Effect, Example, Positional, Route

_ID = Positional("id", "Id of the migration.")
STEERING: tuple[Command, ...] = (
    Command(
        name="throttle",
        summary="Let a migration copy and compare so many records a second from now on, whatever process runs it.",
        details="Obeyed at once and by every later run; writes of the application and their replays are not held back."
        " Kept in the audit log.",
        positionals=(_ID,),
        settings=(LEVERS["max-rate"],),
        result="MigrationStatus",
        scope=Scope.OPERATE,
        routes=(Route("POST", "/migrations/{id}/throttle"),),
        effect=Effect.CHANGES,
        examples=(
            Example("throttle docs --max-rate 500", "500 records a second"),
            Example("throttle docs --max-rate 0", "no limit any more"),
        ),
        handler="levers:throttle",
    ),
    Command(
        name="set",
        summary="Change a setting of a migration while it runs.",
        details=f"These: {', '.join(LEVERS)}. A copy under way goes on by it behind its present batches. Kept in the audit"
        " log; NAME=none goes back to what the migration was asked for.",
        positionals=(_ID, Positional("change", "NAME=VALUE.")),
        result="MigrationStatus",
        scope=Scope.OPERATE,
        routes=(Route("POST", "/migrations/{id}/set"),),
        effect=Effect.CHANGES,
        examples=(
            Example("set docs workers=1", "one worker process"),
            Example("set docs batch-size=none", "as it was asked for again"),
        ),
        handler="levers:change",
    ),
)
