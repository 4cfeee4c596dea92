"""Whether a migration may have put anything into its target. Read from what is noted before, or along with, every write: no
store is asked.
"""

from __future__ import annotations

from vectormigrate.model.phase import Phase

from .database import Transaction

_BEFORE = (Phase.CREATED, Phase.PREFLIGHT, Phase.PASSTHROUGH)
"""Phases in which nothing writes to the target."""
_TRACES = """
SELECT EXISTS (SELECT 1 FROM page_intent WHERE migration_id = ?1)
    OR EXISTS (SELECT 1 FROM range WHERE migration_id = ?1 AND (batches > 0 OR done))
    OR EXISTS (SELECT 1 FROM ahead WHERE migration_id = ?1)
    OR EXISTS (SELECT 1 FROM journal WHERE migration_id = ?1)
    OR EXISTS (SELECT 1 FROM sheet WHERE migration_id = ?1)
    OR EXISTS (SELECT 1 FROM audit WHERE migration_id = ?1 AND after = ?2)
"""
"""A page that was begun; one that was acknowledged, or a range that holds nothing any more; a replay, or a mark that one may have
been about. Behind the copy replays leave no trace, so it must never have come there.
"""


def anything(tx: Transaction, migration_id: str, phase: Phase, resume_phase: Phase | None) -> bool:
    """Whether anything may be there, of a migration that is in this phase; an empty collection of our own is nothing."""
    stood = resume_phase or phase
    if stood is Phase.BACKFILL:
        return bool(tx.execute(_TRACES, (migration_id, Phase.CATCH_UP.value)).get)
    return stood not in _BEFORE
