"""The live part of one migration over memory stores, whose phase a test says."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from vectormigrate.engine.live import Live
from vectormigrate.model.phase import Phase
from vectormigrate.model.planning import make_plan
from vectormigrate.model.record import id_text
from vectormigrate.model.specification import Mode
from vectormigrate.model.touch import Ids
from vectormigrate.state import journal, migrations, sessions

from .lanes import Gap
from .online import QUARANTINE, TERMS
from .statefile import MemoryState
from .virtual import LoopClock
from .world import SOURCE, TARGET, World, records


class Stage:
    """One migration's live part, whose phase a test says."""

    def __init__(self):
        self.world = World("unused.db", mode=Mode.PROXIED, quarantine=QUARANTINE)
        self.state = MemoryState()
        self.gap = Gap()
        self.events = []
        self.clock = LoopClock()
        self.id = self.world.spec.id
        self.source, self.target = self.world.store("source"), self.world.store("target")
        self.task = None
        self.capture = None

    async def begin(self, *, clean=False, recorded=True):
        """A process, behind one that ended well or did not."""
        if clean:
            await self.state.write(lambda tx: sessions.end(tx, self.session.epoch, at=""))
        self.session = await self.state.write(lambda tx: sessions.begin(tx, at=""))
        self.session = replace(self.session, recorded=recorded)
        return self.session

    async def open(self, phase=Phase.CATCH_UP, *, clean=False, recorded=True):
        """Bring the live part up, in a phase."""
        if not self.world.source.tables:
            await self.begin()
            await self.state.write(lambda tx: migrations.create(tx, self.world.spec, at=""))
            await self.world.fill(range(3))
            await self.world.fill([], side="target")
        await self.begin(clean=clean, recorded=recorded)
        described = await self.source.describe(SOURCE)
        plan = make_plan(described, self.target.capabilities, TARGET)
        self.live = Live(
            self.state,
            self.session,
            self.world.spec,
            self.source,
            self.target,
            described,
            plan,
            self.clock,
            self.events.append,
            self.gap,
            terms=TERMS,
            capture=self.capture,
        )
        self.live.open()
        self.live.follow(phase)
        self.task = asyncio.get_running_loop().create_task(self.live.run())
        return self.live

    async def put(self, *ids, version=1):
        async with self.live.lane.writing([Ids(tuple(ids))], 10) as passing:
            await passing.access.store.upsert(SOURCE, records(ids, version))

    async def mark(self, *ids):
        """By somebody who tells nobody."""
        texts = [id_text(one) for one in ids]
        await self.state.write(
            lambda tx: journal.mark(
                tx, self.id, texts, epoch=0, sequence=1, reason="reconcile", at=self.clock.now().isoformat()
            )
        )

    def held(self):
        """Ids of the target."""
        return set(self.world.held("target"))
