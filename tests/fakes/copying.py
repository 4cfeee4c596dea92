"""A copier between two memory stores against a real coordinator, and an exact record of who asked what when."""

from __future__ import annotations

import numpy as np

from tests.fakes.world import SOURCE, TARGET, shape
from vectormigrate.daemon.tasks import SystemClock
from vectormigrate.engine.backfill.coordinator import CopyCoordinator
from vectormigrate.engine.backfill.copier import Copier, CopySettings
from vectormigrate.engine.worker import Worker
from vectormigrate.model.mapping import Translator
from vectormigrate.model.planning import make_plan
from vectormigrate.model.record import id_text
from vectormigrate.model.specification import Existing
from vectormigrate.state import checkpoints, journal, migrations, sessions
from vectormigrate.stores.retry import RetryPolicy, RetryStore
from vectormigrate.stores.wrapper import Wrapper


class Log(list):
    """What happened, in order: tuples that begin with who."""

    def of(self, *kinds):
        return [entry for entry in self if entry[0] in kinds]


class Overheard:
    """A coordinator around a coordinator that writes down each request when it is sent and when it is answered."""

    def __init__(self, inner, log):
        self._inner, self._log = inner, log

    async def ask(self, request):
        name = type(request).__name__
        self._log.append((f"{name} sent", request))
        answer = await self._inner.ask(request)
        self._log.append((name, request, answer))
        return answer


class Watched(Wrapper):
    """A store around a store that writes down its scans' pages and its writes, and what stands when they begin."""

    def __init__(self, inner, log, standing):
        super().__init__(inner)
        self._log, self._standing = log, standing

    async def scan(self, collection, span, **options):
        pages = self._inner.scan(collection, span, **options)
        try:
            while True:
                self._log.append(("read", self._standing()))
                page = await anext(pages, None)
                if page is None:
                    return
                self._log.append(("page", list(page.batch.ids)))
                yield page
        finally:
            await pages.aclose()

    async def upsert(self, collection, batch, *, fresh=False):
        self._log.append(("write", list(batch.ids), self._standing(), fresh))
        result = await self._inner.upsert(collection, batch, fresh=fresh)
        self._log.append(("written", list(batch.ids)))
        return result


class Bench:
    """One backfill: its state, its two sides, and a copier as a worker would have it."""

    def __init__(self, world, database, *, page=10, **settings):
        self.world, self.database, self.log = world, database, Log()
        self.events = []
        self.settings = {
            "source_collection": SOURCE,
            "target_collection": TARGET,
            "batch_size": 4,
            "validate_every": 0,
            "existing": Existing.FAIL,
            "foreign": False,
            "record_bytes": 100,
            **settings,
        }
        self.page = page
        self.attempts = 3
        self.waits = []

    async def prepare(self, bounds=((None, None),)):
        spec = self.world.spec
        await self.database.write(lambda tx: migrations.create(tx, spec, at=""))
        await self.database.write(lambda tx: checkpoints.plan(tx, spec.id, bounds))
        self.session = await self.database.write(lambda tx: sessions.begin(tx, at=""))
        if TARGET not in self.world.target.tables:
            await self.world.store("target").create(shape(TARGET))
        return self.again()

    def again(self):
        """A new run: another coordinator on the same state."""
        self.coordinator = CopyCoordinator(
            self.database,
            self.world.spec.id,
            session=self.session,
            now=SystemClock().now,
            on_event=self.events.append,
            total=0,
        )
        return self.coordinator

    def standing(self):
        rows = self.database.read(lambda tx: journal.intents(tx, self.world.spec.id))
        return [(row.number, row.range_number, row.lower, row.upper) for row in rows if row.standing]

    def ranges(self):
        return self.database.read(lambda tx: checkpoints.ranges(tx, self.world.spec.id))

    def marks(self):
        return [
            one.id for one in self.database.read(lambda tx: journal.marks(tx, self.world.spec.id, "", 1000))
        ]

    async def _sleep(self, seconds):
        self.waits.append(seconds)

    def copier(self):
        source = Watched(self.world.store("source"), self.log, self.standing)
        target = Watched(self.world.store("target"), self.log, self.standing)
        plan = make_plan(shape(SOURCE), target.capabilities, TARGET, shape(TARGET), self.world.spec.mapping)
        policy = RetryPolicy(attempts=self.attempts)

        def attempting(on_retry):
            return RetryStore(target, policy, on_retry=on_retry, sleep=self._sleep)

        copier = Copier(
            Overheard(self.coordinator, self.log),
            source,
            target,
            attempting,
            Translator(plan, target.capabilities),
            CopySettings(**self.settings),
            SystemClock(),
            differing,
        )
        copier._page_records = lambda: self.page
        return copier

    async def run(self, lanes=1):
        copier = self.copier()
        await Worker(Overheard(self.coordinator, self.log), {"copy": copier.copy}, concurrency=lanes).run()


def differing(written, read_back):
    """Ids whose vector reads back otherwise."""
    there = {record.id: record for record in read_back.records()}
    return tuple(
        id_text(record.id)
        for record in written.records()
        if record.id not in there or not np.array_equal(record.dense["v"], there[record.id].dense["v"])
    )
