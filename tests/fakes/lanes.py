"""A lane between two memory databases that hold the same collection, with everything around it, in virtual time."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

from tests.fakes.statefile import MemoryState
from tests.fakes.virtual import LoopClock
from tests.fakes.world import SOURCE, records, shape
from vectormigrate.engine.dualwrite.aside import Here
from vectormigrate.engine.dualwrite.lane import Ends, Lane
from vectormigrate.engine.dualwrite.ledger import Ledger
from vectormigrate.engine.dualwrite.scheduler import Scheduler
from vectormigrate.engine.dualwrite.scopes import Scopes
from vectormigrate.engine.dualwrite.terms import Guards, Terms
from vectormigrate.model.errors import RecordRefused, StateError
from vectormigrate.model.record import id_text
from vectormigrate.model.specification import Mode, Specification, StoreRef
from vectormigrate.model.touch import Ids
from vectormigrate.state import journal, migrations, roles, scopes, sessions, views
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.memory import Database as Memory
from vectormigrate.stores.memory import MemoryStore

ID = "move"
TERMS = Terms(quarantine=60.0, coalesce=0.1, provisional_after=0.25, mark_limit=2.0, delete_confirmation=5.0)


class Gap:
    """The flag without its file; `broken` is a disk that takes nothing at all, `stuck` one that does not answer."""

    def __init__(self):
        self.named = []
        self.broken = self.stuck = False

    def read(self):
        return list(self.named)

    def raise_for(self, one):
        if self.broken:
            raise StateError("neither takes anything")
        if one not in self.named:
            self.named.append(one)

    async def up(self, one):
        if self.stuck:
            await asyncio.sleep(3600)
        self.raise_for(one)

    async def down(self, one):
        if one in self.named:
            self.named.remove(one)


class Watched(MemoryStore):
    """A memory store that writes down what it was asked."""

    def __init__(self, name):
        memory = Memory()
        super().__init__(Endpoint("memory", name), memory)
        memory.faults.clock = lambda: asyncio.get_running_loop().time()
        self.asked = []
        self.poison = set()
        """A batch with one of these is refused whole."""
        self.on_fetch = None
        """Awaited between a fetch and its answer."""
        self.on_upsert = None
        """Awaited before a batch is applied."""

    async def fetch(self, collection, ids, **words):
        self.asked.append(("fetch", tuple(ids)))
        found = await super().fetch(collection, ids, **words)
        if self.on_fetch is not None:
            await self.on_fetch(ids)
        return found

    async def upsert(self, collection, batch, **words):
        self.asked.append(("upsert", tuple(batch.ids)))
        if self.on_upsert is not None:
            await self.on_upsert(batch.ids)
        if self.poison & set(batch.ids):
            raise RecordRefused("one of them is bad")
        return await super().upsert(collection, batch, **words)

    async def delete(self, collection, ids):
        self.asked.append(("delete", tuple(ids)))
        return await super().delete(collection, ids)

    async def barrier(self, collection, *, position=""):
        self.asked.append(("barrier", position))
        await super().barrier(collection, position=position)

    def held(self):
        """Id to version."""
        table = self.database.tables[SOURCE]
        return {one.id: one.payload["version"] for one in table.after(None, None, float("inf"))}

    def writes(self):
        return [asked for asked in self.asked if asked[0] in ("upsert", "delete")]

    def fetches(self):
        return [ids for kind, ids in self.asked if kind == "fetch"]


class Bench:
    """One migration's lane in one process."""

    def __init__(self, session, state, source, target, terms, guards):
        self.state, self.source, self.target = state, source, target
        self.terms, self.guards = terms, guards
        self.clock = LoopClock()
        self.session = session
        self.events = []
        self.gap = Gap()
        self.woken = 0
        self.unblocked = 0
        self.covered = set()
        self.backfilling = False
        self.ledger = Ledger(terms, guards, self.clock.monotonic)
        self.scopes = Scopes(state, session, ID, self.clock, terms, guards, self._unblock)
        self.lane = Lane(
            state,
            session,
            ID,
            Ends(source, target, SOURCE, shape()),
            roles.Role(),
            self.ledger,
            self.scopes,
            self.clock,
            terms,
            guards,
            self.gap,
            self._wake,
            self.events.append,
        )
        self.scheduler = Scheduler(
            state,
            ID,
            self.lane,
            self.clock,
            self.covered.__contains__,
            self.events.append,
            ahead=lambda: self.backfilling,
            aside=Here(source),
        )

    def _wake(self):
        self.woken += 1
        self.scheduler.marked()

    def _unblock(self):
        self.unblocked += 1
        self.scheduler.unblock()

    # What a client does.

    async def put(self, *ids, version=1, hinted=False):
        """A client's upsert that is answered."""
        batch = records(ids, version)
        async with self.lane.writing([Ids(tuple(ids))], 10) as passing:
            await self.lane.primary.upsert(SOURCE, batch)
            if hinted:
                passing.hint(lambda: batch, 100)

    async def remove(self, *ids):
        """A client's delete that is answered."""
        async with self.lane.writing([Ids(tuple(ids), removes=True)], 10):
            await self.lane.primary.delete(SOURCE, list(ids))

    # What the file says.

    def marks(self):
        """Marked ids, by text."""
        return [one.id for one in self.state.read(lambda tx: journal.marks(tx, ID, "", 1000))]

    def rows(self):
        """Id text to (epoch, sequence)."""
        found = self.state.read(lambda tx: journal.marks(tx, ID, "", 1000))
        return {one.id: (one.epoch, one.sequence) for one in found}

    def intents(self):
        """(kind, state) of the standing scope intents."""
        return [(one.kind, one.state) for one in self.state.read(lambda tx: scopes.standing(tx, ID))]

    def told(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    def letters(self):
        """Ids of the dead letters."""
        return [row["id"] for row in self.state.read(lambda tx: views.dead_letters(tx, ID, 100, 0))]

    def ahead(self):
        """Ids that were written ahead of the cursors."""
        return self.state.read(lambda tx: journal.ahead(tx, ID, "", 100))

    async def found(self, *ids, epoch=0, sequence=1, reason="write"):
        """Marks of an earlier process."""
        texts = [id_text(one) for one in ids]
        await self.state.write(
            lambda tx: journal.mark(tx, ID, texts, epoch=epoch, sequence=sequence, reason=reason, at="")
        )

    # Replays.

    @asynccontextmanager
    async def paying(self):
        """The scheduler runs inside the block."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.scheduler.run())
            try:
                yield self.scheduler
            finally:
                self.scheduler.stop()

    async def pay(self, seconds=1.0):
        """Let the scheduler run for so long."""
        async with self.paying():
            await asyncio.sleep(seconds)
        self.scheduler._stopped = False

    async def again(self):
        """Another process on the same state file, the first one dead."""
        session = await self.state.write(lambda tx: sessions.begin(tx, at=""))
        return Bench(session, self.state, self.source, self.target, self.terms, self.guards)


async def make_bench(*, terms=None, guards=None):
    """A bench whose two sides hold an empty collection each."""
    state = MemoryState()
    session = await state.write(lambda tx: sessions.begin(tx, at=""))
    spec = Specification(
        ID, StoreRef("memory", "old", SOURCE), StoreRef("memory", "new", SOURCE), mode=Mode.PROXIED
    )
    await state.write(lambda tx: migrations.create(tx, spec, at=""))
    source, target = Watched("old"), Watched("new")
    await source.create(shape())
    await target.create(shape())
    return Bench(
        session, state, source, target, replace(TERMS, **(terms or {})), replace(Guards(), **(guards or {}))
    )
