"""The state file in virtual time: the same tables and statements, committed in order by one writer, lost at a kill."""

from __future__ import annotations

import asyncio

import apsw

from vectormigrate.model.errors import StateFull
from vectormigrate.state import upgrade


class SimDatabase:
    """What the engine uses of `state.database.Database`; a write is durable when its transaction has committed."""

    def __init__(self, path, clock, rng, committed):
        """`committed` is told of the connection behind every commit."""
        self.path = path
        self._rng = rng
        self._committed = committed
        self._connection = apsw.Connection(str(path))
        self._connection.execute("PRAGMA journal_mode=MEMORY")
        self._connection.execute("PRAGMA synchronous=OFF")
        upgrade.upgrade(self._connection)
        self._queue = asyncio.Queue()
        self.full = False
        self.stall = 0.0
        """Seconds that a commit takes longer."""
        self._began = None
        self.dead = False

    async def run(self):
        """The writer."""
        while True:
            work, done = await self._queue.get()
            self._began = asyncio.get_running_loop().time()
            await asyncio.sleep(self._rng.choice((0.0, 0.0005, 0.002)) * self._rng.random() + self.stall)
            self._commit(work, done)
            self._began = None

    @property
    def stuck_for(self):
        """Seconds that the commit under way has taken."""
        return 0.0 if self._began is None else asyncio.get_running_loop().time() - self._began

    def die(self):
        """The process is gone: nothing is read or written any more, whatever its remains try."""
        self.dead = True

    def _commit(self, work, done):
        if self.full:
            _fail(done, StateFull("the disk is full"))
            return
        self._connection.execute("BEGIN")
        try:
            result = work(self._connection)
        except Exception as error:  # noqa: BLE001 told to who waits for it
            self._connection.execute("ROLLBACK")
            _fail(done, error)
            return
        self._connection.execute("COMMIT")
        self._committed(self._connection)
        if not done.done():
            asyncio.get_running_loop().call_later(
                0.001 * self._rng.random(), lambda: done.done() or done.set_result(result)
            )

    async def write(self, work):
        self._check()
        done = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((work, done))
        return await done

    def _check(self):
        if self.dead:
            raise asyncio.CancelledError

    def read(self, work):
        self._check()
        return work(self._connection)

    async def aside(self, work):
        return self.read(work)

    def close(self):
        self._connection.close()


def _fail(done, error):
    if not done.done():
        done.set_exception(error)
