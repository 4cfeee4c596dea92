"""An online conductor over two memory databases, in virtual time: a daemon without its sockets and its disk."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager, suppress

from tests.fakes.lanes import Gap
from tests.fakes.statefile import MemoryState
from tests.fakes.virtual import LoopClock
from tests.fakes.world import SOURCE, TARGET, World, records
from vectormigrate.daemon.crewing import crew_for
from vectormigrate.daemon.tasks import Stores
from vectormigrate.engine.cutover.gate import Limits
from vectormigrate.engine.dualwrite.router import Router
from vectormigrate.engine.dualwrite.terms import Terms
from vectormigrate.engine.live import Live
from vectormigrate.engine.online import OnlineConductor
from vectormigrate.model.errors import VectormigrateError
from vectormigrate.model.specification import Mode
from vectormigrate.model.touch import Ids
from vectormigrate.state import checkpoints, journal, migrations, roles, scopes, sessions

QUARANTINE = 10.0
TERMS = Terms(
    quarantine=QUARANTINE, coalesce=0.05, provisional_after=0.1, hold_seconds=2.0, delete_confirmation=1.0
)


class Online:
    """One installation. `start` and `die` begin and end its process; its files and databases outlive them."""

    def __init__(self, capture=None, **settings):
        self.world = World("unused.db", **{"quarantine": QUARANTINE, "mode": Mode.PROXIED, **settings})
        self.state = MemoryState()
        self.gap = Gap()
        self.capture = capture
        self.events = []
        self.limits = Limits(debt=0, oldest=1.0)
        self.free = 2**40
        self.id = self.world.spec.id
        self.stores = Stores(*map(self.world.store, ("source", "target", "source")))
        for side in (self.world.source, self.world.target):
            side.faults.clock = lambda: asyncio.get_running_loop().time()
        self.clock = LoopClock()
        self._group = None
        self._tasks = []
        self.failed = []

    async def start(self):
        """A process takes everything up and serves."""
        self.session = await self.state.write(lambda tx: sessions.begin(tx, at=""))
        await self.state.write(lambda tx: migrations.create(tx, self.world.spec, at=""))
        self.router = Router(None, random.Random(1))
        self.conductor = OnlineConductor(
            self.state,
            self.session,
            self.id,
            self.stores.source,
            self.stores.target,
            self._crew,
            self.clock,
            self.events.append,
            workers=1,
            make_live=self._make_live,
            on_live=self._on_live,
            visibility=0.0,
            limits=self.limits,
            free_bytes=lambda: self.free,
        )
        await self.conductor.open()
        return self.conductor

    def _crew(self, migration, ranges, writing):
        return crew_for(
            self.state, migration, ranges, self.stores, self.events.append, threshold=0.999, writing=writing
        )

    def _make_live(self, migration):
        return Live(
            self.state,
            self.session,
            migration.specification,
            self.stores.source,
            self.stores.target,
            migration.source_shape,
            migration.mapping,
            self.clock,
            self.events.append,
            self.gap,
            capture=self.capture,
            terms=TERMS,
            backfilling=lambda: (
                not all(row.done for row in self.state.read(lambda tx: checkpoints.ranges(tx, self.id)))
            ),
        )

    def _on_live(self, live):
        if live is None:
            self.router.remove(SOURCE)
            return
        self.router.add(SOURCE, live.lane)
        self._tasks.append(asyncio.get_running_loop().create_task(live.run()))

    @property
    def live(self):
        return self.conductor.live

    @asynccontextmanager
    async def running(self):
        """The conductor goes on inside the block, and again when it failed."""
        task = asyncio.get_running_loop().create_task(self._drive())
        try:
            yield self.conductor
        finally:
            self.conductor.stop()
            await task
            self.conductor.again()

    async def _drive(self):
        while not self.conductor._stopping.is_set():
            try:
                await self.conductor.run()
            except VectormigrateError as error:
                self.failed.append(error)
                return

    async def die(self):
        """The process is gone, and with it what it had in memory."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()

    async def close(self):
        await self.die()
        self.state.close()
        self.world.close()

    # Steps that most tests take.

    async def verified(self, records=5):
        """Start, attest, copy; the way to `verified`."""
        await self.world.fill(range(records))
        await self.start()
        await self.conductor.attest("me")
        async with self.running():
            await self.until("verified")

    async def until(self, phase, within=120.0):
        async with asyncio.timeout(within):
            while self.phase != phase:
                await asyncio.sleep(0.1)

    async def wait(self, seconds):
        await asyncio.sleep(seconds)

    async def until_idle(self):
        """Until what can be paid is paid."""
        await self.live.settled(within=60)

    async def put(self, *ids, version=1):
        """A client's write, wherever it goes now."""
        async with self.router.writing({SOURCE: [Ids(tuple(ids))]}) as write:
            store = write.access.store or self.stores.source
            await store.upsert(SOURCE, records(ids, version))

    # What there is.

    @property
    def phase(self):
        return self.conductor.migration.phase.value

    @property
    def role(self):
        return self.state.read(lambda tx: roles.get(tx, self.id))

    @property
    def debt(self):
        return self.state.read(lambda tx: journal.debt(tx, self.id))

    @property
    def owed(self):
        """States of the scope intents."""
        return [one.state for one in self.state.read(lambda tx: scopes.standing(tx, self.id))]

    def versions(self, side):
        """Id to version on one side."""
        name = SOURCE if side == "source" else TARGET
        table = getattr(self.world, side).tables.get(name)
        return (
            {one.id: one.payload["version"] for one in table.after(None, None, float("inf"))} if table else {}
        )

    def closed(self, found):
        """Names of the closed gates."""
        return {gate.name for gate in found if not gate.open}
