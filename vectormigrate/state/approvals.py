"""Steps that wait for somebody's approval: made with their migration, pending once somebody asks for the step, approved for one go.

A part waits for what its whole waits for.
"""

from __future__ import annotations

from collections.abc import Sequence

from vectormigrate.model.division import whole_of
from vectormigrate.model.documents import Approval

from . import audit
from .database import Transaction

_COLUMNS = "migration_id, step, state, at, by"


def create(tx: Transaction, migration_id: str, steps: Sequence[str], *, at: str) -> None:
    """These steps of a migration wait."""
    if not whole_of(migration_id):
        tx.executemany(
            "INSERT INTO approval (migration_id, step, at) VALUES (?, ?, ?)",
            [(migration_id, step, at) for step in steps],
        )


def ask(tx: Transaction, migration_id: str, step: str, *, at: str) -> bool:
    """Whether the step may be taken; where it waits, it is pending from now on."""
    name = whole_of(migration_id) or migration_id
    row = tx.execute(
        "SELECT state FROM approval WHERE migration_id = ? AND step = ?", (name, step)
    ).fetchone()
    if row is None or row[0] == "approved":
        return True
    if row[0] == "created":
        _move(tx, name, step, "pending", at=at, by="")
    return False


def approve(tx: Transaction, migration_id: str, step: str, *, at: str, by: str) -> list[Approval]:
    """Approve of one step, asked for already or not; of every pending one where none is named, and of every migration where
    that is not named either. Returns them.
    """
    wanted = open_to(tx, migration_id, step)
    for one in wanted:
        _move(tx, one.migration_id, one.step, "approved", at=at, by=by)
        audit.record(tx, one.migration_id, "approve", at=at, detail=one.step, actor=by)
    return [Approval(one.migration_id, one.step, "approved", at, by) for one in wanted]


def open_to(tx: Transaction, migration_id: str, step: str) -> list[Approval]:
    """Those that `approve` approves of."""
    return [
        one
        for one in every(tx, migration_id)
        if (one.step == step if step else one.state == "pending") and one.state != "approved"
    ]


def used(tx: Transaction, migration_id: str, step: str, *, at: str) -> None:
    """The step was taken: the next go waits anew."""
    _move(tx, whole_of(migration_id) or migration_id, step, "created", at=at, by="")


def every(tx: Transaction, migration_id: str = "") -> list[Approval]:
    """All there are, or those of one migration."""
    rows = tx.execute(
        f"SELECT {_COLUMNS} FROM approval WHERE ? IN ('', migration_id) ORDER BY migration_id, step",  # noqa: S608 constants of this module
        (migration_id,),
    )
    return [Approval(*map(str, row)) for row in rows.fetchall()]


def _move(tx: Transaction, migration_id: str, step: str, state: str, *, at: str, by: str) -> None:
    tx.execute(
        "UPDATE approval SET state = ?, at = ?, by = ? WHERE migration_id = ? AND step = ?",
        (state, at, by, migration_id, step),
    )
