"""The phases of a migration and who may move where: states are data.

    created -> preflight -> backfill -> catch_up -> verified -> rolling_back -> rolled_back

is the path of an offline migration. A migration with live writes has `passthrough` before the backfill and
`cutting_over -> reversed -> committed` behind `verified`. `paused` and `failed` remember the phase they
interrupted and lead back to it.
"""

from __future__ import annotations

from enum import StrEnum

from .errors import GateRefused, IllegalTransition


class Phase(StrEnum):
    """Where a migration is."""

    CREATED = "created"
    PREFLIGHT = "preflight"
    PASSTHROUGH = "passthrough"
    BACKFILL = "backfill"
    CATCH_UP = "catch_up"
    VERIFIED = "verified"
    CUTTING_OVER = "cutting_over"
    REVERSED = "reversed"
    COMMITTED = "committed"
    PAUSED = "paused"
    FAILED = "failed"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    ABORTED = "aborted"


_WORKING = (Phase.PREFLIGHT, Phase.PASSTHROUGH, Phase.BACKFILL, Phase.CATCH_UP)

TRANSITIONS: dict[Phase, frozenset[Phase]] = {
    Phase.CREATED: frozenset({Phase.PREFLIGHT, Phase.FAILED, Phase.ABORTED}),
    Phase.PREFLIGHT: frozenset(
        {Phase.PASSTHROUGH, Phase.BACKFILL, Phase.PAUSED, Phase.FAILED, Phase.ABORTED}
    ),
    Phase.PASSTHROUGH: frozenset({Phase.BACKFILL, Phase.PAUSED, Phase.FAILED, Phase.ABORTED}),
    Phase.BACKFILL: frozenset({Phase.CATCH_UP, Phase.PAUSED, Phase.FAILED, Phase.ROLLING_BACK}),
    Phase.CATCH_UP: frozenset(
        {Phase.VERIFIED, Phase.BACKFILL, Phase.PAUSED, Phase.FAILED, Phase.ROLLING_BACK}
    ),
    Phase.VERIFIED: frozenset({Phase.CUTTING_OVER, Phase.CATCH_UP, Phase.ROLLING_BACK}),
    Phase.CUTTING_OVER: frozenset({Phase.VERIFIED, Phase.REVERSED}),
    Phase.REVERSED: frozenset({Phase.CUTTING_OVER, Phase.VERIFIED, Phase.COMMITTED}),
    Phase.COMMITTED: frozenset(),
    Phase.PAUSED: frozenset({*_WORKING, Phase.ROLLING_BACK, Phase.ABORTED}),
    Phase.FAILED: frozenset({*_WORKING, Phase.ROLLING_BACK, Phase.ABORTED}),
    Phase.ROLLING_BACK: frozenset({Phase.ROLLED_BACK}),
    Phase.ROLLED_BACK: frozenset(),
    Phase.ABORTED: frozenset(),
}
"""From each phase, the phases it may move to. A rollback that fails stays in `rolling_back` and is run again."""

RESTING = (Phase.PAUSED, Phase.FAILED)
"""Where a migration is that remembers where to go on."""
FINAL = frozenset(phase for phase, onward in TRANSITIONS.items() if not onward)


def check_transition(current: Phase, wanted: Phase) -> None:
    """Raise IllegalTransition, with both names in it, unless the table has the move."""
    if wanted not in TRANSITIONS[current]:
        onward = ", ".join(sorted(TRANSITIONS[current])) or "nothing: it is final"
        raise IllegalTransition(
            f"a migration in phase {current} cannot move to {wanted}",
            hint=f"from {current} it can move to: {onward}",
        )


def check_onward(migration_id: str, current: Phase) -> None:
    """Raise GateRefused when a migration cannot go on, whatever is done."""
    if current in (*FINAL, Phase.ROLLING_BACK):
        finish = f"finish it with `vectormigrate rollback {migration_id}`"
        hint = "start a new one under another id" if current in FINAL else finish
        raise GateRefused(f"migration {migration_id!r} is {current}: it cannot go on", hint=hint)


STEPS = ("migrate", "cutover", "revert", "commit", "rollback")
"""What is asked for by these words can be made to wait until somebody approves of it."""
