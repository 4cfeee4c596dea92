"""Daemons over one state file and two memory databases, without listeners."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager

from vectormigrate.daemon.hosting import Host
from vectormigrate.daemon.live_terms import LiveSettings
from vectormigrate.daemon.passages import Passage
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.daemon.supervisor import Supervisor
from vectormigrate.daemon.tasks import SystemClock
from vectormigrate.daemon.telemetry.telemetry import Telemetry, each
from vectormigrate.engine.dualwrite.router import Router
from vectormigrate.engine.dualwrite.terms import Terms
from vectormigrate.model.specification import Mode
from vectormigrate.model.touch import Ids
from vectormigrate.state import journal, migrations, sessions
from vectormigrate.state.database import Database

from .world import SOURCE, World, records

TERMS = Terms(coalesce=0.001, provisional_after=0.01, delete_confirmation=0.01)


class Site:
    """A state file, two memory databases, and the daemons that come and go."""

    def __init__(self, directory):
        self.world = World(directory / "unused.db", mode=Mode.PROXIED, quarantine=0.0)
        self.state = directory / "state.db"
        self.events = []
        self._moved = asyncio.Event()
        self.settings = LiveSettings(terms=TERMS)
        self.telemetry = Telemetry(SystemClock())
        self.messenger = None

    def _told(self, event):
        self.events.append(event)
        self._moved.set()

    @asynccontextmanager
    async def daemon(self, *, start=True):
        """A daemon with one listener of our own API."""
        database = Database.open(self.state)
        session = await database.write(lambda tx: sessions.begin(tx, at=""))
        self.router = Router(None, random.Random(1))
        passages = {"app": Passage("app", "neutral", None, self.router)}
        self.database = database
        try:
            async with Supervisor() as supervisor:
                host = Host(
                    database,
                    session,
                    Secrets(),
                    passages,
                    supervisor,
                    SystemClock(),
                    each(self._told, self.telemetry.on_event),
                    self.settings,
                    self.telemetry,
                    self.messenger,
                )
                try:
                    await host.open()
                    if start:
                        host.start()
                    yield host
                finally:
                    await host.close()
        finally:
            database.close()

    async def until(self, phase):
        """Wait until the migration is in a phase."""
        async with asyncio.timeout(20):
            while self.phase != phase:
                self._moved.clear()
                if self.phase != phase:
                    await self._moved.wait()

    async def waits(self, host, begins):
        """The live status, once what it waits for begins so; nothing, for ""."""
        async with asyncio.timeout(20):
            while True:
                told = await host.answer("status", "move", {})
                if told["waiting"].startswith(begins) and bool(told["waiting"]) == bool(begins):
                    return told
                await asyncio.sleep(0.001)

    @property
    def phase(self):
        return self.database.read(lambda tx: migrations.get(tx, self.world.spec.id)).phase.value

    async def verified(self, host):
        await self.world.fill(range(5))
        await host.create(self.world.spec)
        await host.answer("attest", "move", {"by": "me"})
        await self.until("verified")

    async def put(self, *ids, version=1):
        async with self.router.writing({SOURCE: [Ids(tuple(ids))]}) as write:
            await write.access.store.upsert(SOURCE, records(ids, version))

    async def paid(self):
        """Wait until nothing is owed."""
        async with asyncio.timeout(20):
            while self.marked:
                await asyncio.sleep(0.005)

    @property
    def marked(self):
        return self.database.read(lambda tx: journal.debt(tx, "move"))
