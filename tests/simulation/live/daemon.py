"""The daemon of a simulated installation: what `daemon/hosting.py` puts together, over simulated stores and state file."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from tests.simulation.live.parted import Parted
from tests.simulation.live.simstore import SimStore
from tests.simulation.live.statefile import SimDatabase
from vectormigrate.engine.backfill.copier import Copier, CopySettings
from vectormigrate.engine.cutover.gate import Limits
from vectormigrate.engine.dualwrite.router import Router
from vectormigrate.engine.live import Live
from vectormigrate.engine.online import OnlineConductor
from vectormigrate.engine.validate.compare import Comparer
from vectormigrate.engine.validate.sides import Sides
from vectormigrate.engine.validate.task import CompareTask, ask_foreign
from vectormigrate.engine.worker import Worker
from vectormigrate.model.errors import VectormigrateError
from vectormigrate.model.mapping import Translator
from vectormigrate.model.phase import FINAL, Phase
from vectormigrate.model.specification import Existing
from vectormigrate.state import checkpoints, migrations, sessions
from vectormigrate.stores.retry import RetryPolicy, RetryStore

_POLICY = RetryPolicy(attempts=3)
_AGAIN = 0.5


class Daemon:
    """One process, from its start to its end or its kill."""

    def __init__(self, world):
        self.world = world
        self.database = SimDatabase(world.path, world.clock, world.rng, world.watch.committed)
        self.router = Router(None, world.rng)
        self.conductor = None
        self.live = None
        self.session = None
        self.source = self._store(world.source, "replay")
        self.target = self._store(world.target, "replay")
        self._go = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._turn = asyncio.Lock()
        self._group = None
        self._lives = []
        self._stop = asyncio.Event()
        self.ready = asyncio.Event()

    def _store(self, link, sender):
        if link is self.world.target and self.world.split:
            return Parted(link, link.name, sender)
        return SimStore(link, link.name, "docs" if link is self.world.source else "copy", sender)

    async def run(self):
        """Live until stopped in good order."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            writer = group.create_task(self.database.run())
            await self._open()
            driver = group.create_task(self._drive())
            self.ready.set()
            await self._stop.wait()
            await self._close()
            driver.cancel()
            writer.cancel()

    async def _open(self):
        world, database = self.world, self.database
        at = world.clock.now().isoformat()
        self.session = await database.write(lambda tx: sessions.begin(tx, at=at))
        await database.write(lambda tx: migrations.create(tx, world.spec, at=at))
        self.conductor = OnlineConductor(
            database,
            self.session,
            world.spec.id,
            RetryStore(self._store(world.source, "conductor"), _POLICY, chance=world.rng),
            RetryStore(self._store(world.target, "conductor"), _POLICY, chance=world.rng),
            self._crew,
            world.clock,
            world.events.append,
            workers=2,
            make_live=self._make_live,
            on_live=self._on_live,
            visibility=world.terms.visibility,
            limits=Limits(oldest=2.0),
        )
        phase = self.conductor.migration.phase
        if phase not in FINAL or phase is Phase.COMMITTED:
            await self.conductor.open()
            if phase not in (Phase.PAUSED, Phase.ROLLING_BACK, Phase.COMMITTED):
                self._go.set()

    async def _drive(self):
        while True:
            await self._go.wait()
            self._idle.clear()
            try:
                await self.conductor.run()
                self._go.clear()
            except VectormigrateError as error:
                if not error.retryable:
                    self._go.clear()
            finally:
                self._idle.set()
            if self._go.is_set():
                await asyncio.sleep(_AGAIN)

    def _on_live(self, live):
        if live is None:
            self.router.remove("docs")
            if self.live is not None:
                self.live.stop()
            self.live = None
            return
        self.live = live
        self.router.add("docs", live.lane)
        self._lives.append(self._group.create_task(live.run()))

    def _make_live(self, migration):
        world = self.world
        return Live(
            self.database,
            self.session,
            migration.specification,
            self.source,
            self.target,
            migration.source_shape,
            migration.mapping,
            world.clock,
            world.events.append,
            world.gap,
            terms=world.terms,
            guards=world.guards,
            backfilling=lambda: (
                not all(row.done for row in self.database.read(lambda tx: checkpoints.ranges(tx, "m")))
            ),
        )

    def _crew(self, migration, ranges, writing):
        return _Crew(self, migration, "page" if writing else "compare")

    # In good order.

    async def stop(self):
        """No new request is let in; what is under way ends; then the process does."""
        self._stop.set()

    async def _close(self):
        self._go.clear()
        self.conductor.stop()
        if self.live is not None:
            self.live.stop()
        await self._idle.wait()
        if self.live is not None:
            await self.live.idle()
        if self._lives:
            await asyncio.wait(self._lives)
        if self.live is None or self.live.quiet:
            at = self.world.clock.now().isoformat()
            await self.database.write(lambda tx: sessions.end(tx, self.session.epoch, at=at))

    # The verbs.

    @asynccontextmanager
    async def _halted(self):
        async with self._turn:
            went = self._go.is_set()
            self._go.clear()
            self.conductor.stop()
            await self._idle.wait()
            self.conductor.again()
            phase = self.conductor.migration.phase
            try:
                yield
            except BaseException:
                if went and self.conductor.migration.phase is phase:
                    self._go.set()
                raise

    async def pause(self):
        async with self._halted():
            await self.conductor.rest()

    async def resume(self):
        async with self._turn:
            self.conductor.again()
            self._go.set()

    async def rollback(self):
        async with self._halted():
            return await self.conductor.rollback(dry_run=False, remove_unknown=True)


class _Crew:
    """Workers in the same process."""

    def __init__(self, daemon, migration, sender):
        self._daemon = daemon
        self._migration = migration
        self._sender = sender

    async def run(self, coordinator):
        daemon, mapping = self._daemon, self._migration.mapping
        world = daemon.world
        source, target = (daemon._store(link, self._sender) for link in (world.source, world.target))
        translator = Translator(mapping, target.capabilities)
        comparer = Comparer(mapping, self._migration.source_shape, threshold=0.99)
        existing = self._migration.specification.existing
        foreign = bool(world.foreign)
        check = ask_foreign(coordinator, untouched=existing is Existing.OVERWRITE) if foreign else None
        sides = Sides(source, "docs", target, "copy", translator, comparer, check)
        settings = CopySettings("docs", "copy", 3, 2, existing, foreign, 100)
        copier = Copier(
            coordinator,
            source,
            target,
            lambda told: RetryStore(target, _POLICY, on_retry=told, chance=world.rng),
            translator,
            settings,
            world.clock,
            lambda written, back: (),
        )
        tasks = {"copy": copier.copy, "compare": CompareTask(coordinator, sides).compare}
        await Worker(coordinator, tasks, concurrency=2).run()
