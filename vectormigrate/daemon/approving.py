"""Steps that somebody has to approve of: the verbs ask here before they are done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from vectormigrate.model.clock import Clock
from vectormigrate.model.division import whole_of
from vectormigrate.model.errors import GateRefused
from vectormigrate.state import approvals
from vectormigrate.state.database import Database

_TAKEN: ContextVar[frozenset[tuple[str, str]]] = ContextVar("steps that are being taken", default=frozenset())
"""With the id of the whole: its parts take a step together, on one approval."""


async def check_approved(database: Database, migration_id: str, step: str, clock: Clock) -> None:
    """Raise GateRefused while a step waits for approval; it is pending from then on."""
    at = clock.now().isoformat()
    if not await database.write(lambda tx: approvals.ask(tx, migration_id, step, at=at)):
        name = whole_of(migration_id) or migration_id
        again = "resume" if step == "migrate" else step
        raise GateRefused(
            f"{step} of {name!r} waits for approval; nothing was changed",
            hint=f"`vectormigrate approve {name} {step}`, then `vectormigrate {again} {migration_id}`",
        )


@asynccontextmanager
async def approved(database: Database, migration_id: str, step: str, clock: Clock) -> AsyncIterator[None]:
    """Take the step in this block; the next time it waits anew. Raises GateRefused while it waits."""
    taking = whole_of(migration_id) or migration_id, step
    if taking in _TAKEN.get():
        yield
        return
    await check_approved(database, migration_id, step, clock)
    token = _TAKEN.set(_TAKEN.get() | {taking})
    try:
        yield
    finally:
        _TAKEN.reset(token)
    at = clock.now().isoformat()
    await database.write(lambda tx: approvals.used(tx, migration_id, step, at=at))
