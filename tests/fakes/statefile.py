"""A state file in memory that answers in the loop's own time: the real tables and statements, no thread, no disk."""

from __future__ import annotations

import asyncio
from pathlib import Path

import apsw

from vectormigrate.model.errors import StateFull
from vectormigrate.state import upgrade


class MemoryState:
    """What the engine uses of `state.database.Database`. A write that was handed in is committed whoever waits for it."""

    def __init__(self):
        self.path = Path("memory.db")
        self._connection = apsw.Connection(":memory:")
        upgrade.upgrade(self._connection)
        self.full = False
        """Every write fails."""
        self.before = 0.0
        """Seconds from the call to the commit."""
        self.after = 0.0
        """Seconds from the commit to the answer."""
        self.writes = 0
        self._begun = []
        """When the writes that are not committed yet were handed in."""

    @property
    def stuck_for(self):
        return asyncio.get_running_loop().time() - self._begun[0] if self._begun else 0.0

    async def write(self, work):
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self.writes += 1
        self._begun.append(loop.time())
        loop.call_later(self.before, self._commit, work, done)
        return await done

    def _commit(self, work, done):
        later = asyncio.get_running_loop().call_later
        self._begun.pop(0)
        if self.full:
            later(self.after, _settle, done, None, StateFull("the disk is full"))
            return
        self._connection.execute("BEGIN")
        try:
            result, error = work(self._connection), None
            self._connection.execute("COMMIT")
        except Exception as found:  # noqa: BLE001 handed to the caller of write
            self._connection.execute("ROLLBACK")
            result, error = None, found
        later(self.after, _settle, done, result, error)

    def read(self, work):
        return work(self._connection)

    async def aside(self, work):
        return self.read(work)

    def close(self):
        self._connection.close()


def _settle(done, result, error):
    if done.done():
        return
    if error is None:
        done.set_result(result)
    else:
        done.set_exception(error)
