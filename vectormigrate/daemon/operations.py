"""Commands that outlast the request that asked for them: begun here, looked up later, their ends kept."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from vectormigrate.model import documents
from vectormigrate.model.access import Principal
from vectormigrate.model.clock import Clock
from vectormigrate.model.cursor import behind, next_cursor
from vectormigrate.model.errors import StateFull, UsageError, VectormigrateError
from vectormigrate.state import operations
from vectormigrate.state.database import Database, Transaction
from vectormigrate.state.operations import StoredOperation

from .supervisor import Supervisor

logger = logging.getLogger(__name__)
_UNFORESEEN = VectormigrateError("something that was not foreseen", hint="the daemon's log tells more")


class Operations:
    """Those of one daemon, and those that an earlier one left."""

    def __init__(self, database: Database, supervisor: Supervisor, clock: Clock) -> None:
        self._database = database
        self._supervisor = supervisor
        self._clock = clock
        self._ended: dict[str, asyncio.Event] = {}

    async def open(self) -> None:
        """What a process that is gone had under way is over."""
        at = self._clock.now().isoformat()
        try:
            await self._database.write(lambda tx: operations.interrupt(tx, at=at))
        except StateFull:  # requests are to pass all the same
            self._database.owe(lambda tx: operations.interrupt(tx, at=at))

    async def start(
        self, command: str, migration_id: str, who: Principal, work: Callable[[], Awaitable[Any]]
    ) -> documents.Operation:
        """Begin a command; its result is kept as its document."""
        at = self._clock.now().isoformat()
        begun = StoredOperation(uuid.uuid4().hex, command, migration_id, who.name, "running", at)
        await self._database.write(lambda tx: operations.begin(tx, begun))
        self._ended[begun.id] = asyncio.Event()
        self._supervisor.spawn_lasting(self._run(begun, work), name=f"{command} {migration_id}")
        return _shown(begun)

    async def _run(self, begun: StoredOperation, work: Callable[[], Awaitable[Any]]) -> None:
        state, result, error = "succeeded", None, None
        try:
            result = msgspec.json.encode(await work(), enc_hook=str).decode()
        except VectormigrateError as failure:
            state, error = "failed", failure.as_dict()
        except Exception:  # told to whoever looks the operation up
            logger.exception("%s of %s", begun.command, begun.migration_id)
            state, error = "failed", _UNFORESEEN.as_dict()
        at = self._clock.now().isoformat()
        told = None if error is None else msgspec.json.encode(error).decode()
        try:
            await self._database.write(
                lambda tx: operations.end(tx, begun.id, state, at=at, result=result, error=told)
            )
        finally:
            self._ended.pop(begun.id).set()

    def get(self, operation_id: str) -> documents.Operation:
        """One of any time. Raises UsageError."""
        return self._database.read(lambda tx: one(tx, operation_id))

    def page(
        self, migration_id: str | None, limit: int, offset: int, cursor: str | None = None
    ) -> documents.Operations:
        """Newest first, of one migration or of all. Raises UsageError for a cursor that is none."""
        at = behind(cursor, str, str)
        found = self._database.read(lambda tx: operations.page(tx, migration_id, limit, offset, at))
        onward = next_cursor(found, limit, lambda one: (one.started_at, one.id))
        return documents.Operations([_shown(each) for each in found], limit, offset, onward)

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        for ended in tuple(self._ended.values()):
            await ended.wait()

    async def finished(self, operation_id: str) -> documents.Operation:
        """One when it has ended."""
        running = self._ended.get(operation_id)
        if running is not None:
            await running.wait()
        return self.get(operation_id)


def one(tx: Transaction, operation_id: str) -> documents.Operation:
    """An operation of any time. Raises UsageError."""
    found = operations.get(tx, operation_id)
    if found is None:
        raise UsageError(f"there is no operation {operation_id[:80]!r}")
    return _shown(found)


def _shown(stored: StoredOperation) -> documents.Operation:
    return documents.Operation(
        stored.id,
        stored.command,
        stored.migration_id,
        stored.actor,
        stored.state,
        stored.started_at,
        stored.ended_at,
        None if stored.result is None else msgspec.json.decode(stored.result),
        None if stored.error is None else msgspec.json.decode(stored.error),
    )
