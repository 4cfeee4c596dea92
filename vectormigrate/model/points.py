"""Named points in the flow of the program at which a test may let it die. Here are the names, and `reached`, which costs a
look at an empty list unless somebody has armed it; what happens at a point is said by whoever arms (`daemon.killing`).
"""

from __future__ import annotations

from collections.abc import Callable

POINTS = frozenset(
    {
        # A client's write.
        *(
            "write.registered",
            "write.marked",
            "write.sent",
            "write.answered",
            "write.releasing",
            "write.released",
        ),
        # A transaction of the state file.
        *(
            "journal.begun",
            "journal.noted",
            "journal.inserted",
            "journal.committing",
            "journal.committed",
            "journal.cleared",
        ),
        # A replay.
        *(
            "replay.taken",
            "replay.read",
            "replay.sending",
            "replay.answered",
            "replay.clearing",
            "replay.done",
        ),
        # The backfill; those of `copy` in a worker.
        *("backfill.granting", "backfill.granted", "copy.read", "copy.sending", "copy.answered"),
        *("backfill.reported", "backfill.checkpointed", "backfill.finished", "backfill.tail"),
        # A write whose ids nobody knows.
        *("scope.registered", "scope.enumerating", "scope.enumerated", "scope.forwarded", "scope.answered"),
        "scope.resolved",
        # A swap of roles, there or back, and the end of it.
        *("swap.begun", "swap.fenced", "swap.drained", "swap.settled", "swap.probed", "swap.turned"),
        *("swap.unfencing", "swap.told", "commit.asked", "commit.done"),
        # The way back.
        *("rollback.begun", "rollback.quiet", "rollback.deleting", "rollback.deleted", "rollback.verified"),
        # A write into a snapshot, and the end of its load.
        *("snapshot.written", "snapshot.folded", "snapshot.finished"),
        # A process.
        *("start.owned", "start.loaded", "start.serving", "start.quiet"),
        *("stop.asked", "stop.drained", "stop.closed", "stop.clean"),
    }
)
"""Every name, in the form `what.where`."""

ARMED: list[Callable[[str], None]] = []
"""Called with the name of each point that is reached, in the thread that reached it."""


def reached(point: str) -> None:
    """The flow is here."""
    for act in ARMED:
        act(point)
