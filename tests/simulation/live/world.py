"""One simulated installation: two databases, a daemon that can be killed and started, clients, faults, and the watch kept
over all of it. Driven step by step, by a seeded story or by Hypothesis.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass, field, replace

from tests.simulation.live.history import History
from tests.simulation.live.loop import VirtualLoop, VirtualTime
from tests.simulation.live.network import Faults, Link, SimStore, batch, shape
from tests.simulation.live.statefile import SimDatabase
from vectormigrate.engine.backfill.copier import Copier, CopySettings
from vectormigrate.engine.cutover.gate import Limits
from vectormigrate.engine.dualwrite.router import Router
from vectormigrate.engine.dualwrite.terms import Guards, Terms
from vectormigrate.engine.live import Live
from vectormigrate.engine.online import OnlineConductor
from vectormigrate.engine.validate.compare import Comparer
from vectormigrate.engine.validate.sides import Sides
from vectormigrate.engine.validate.task import CompareTask
from vectormigrate.engine.worker import Worker
from vectormigrate.model.errors import StoreDown, Unresolved, VectormigrateError
from vectormigrate.model.filter import Compare, Comparison
from vectormigrate.model.mapping import Translator
from vectormigrate.model.phase import Phase
from vectormigrate.model.record import id_text
from vectormigrate.model.specification import Existing, Mode, Specification, StoreRef
from vectormigrate.model.touch import Ids, Matching, Scope, Whole
from vectormigrate.state import journal, migrations, roles, scopes, sessions
from vectormigrate.state.roles import Side
from vectormigrate.stores.front import Outcome
from vectormigrate.stores.retry import RetryPolicy, RetryStore

QUARANTINE = 4.0
TERMS = Terms(
    quarantine=QUARANTINE,
    coalesce=0.02,
    provisional_after=0.05,
    replay_batch=5,
    replay_concurrency=3,
    delete_confirmation=0.5,
    hold_seconds=1.0,
    mark_limit=0.5,
    retry_longest=2.0,
    enumerate_seconds=0.5,
)


class Violation(AssertionError):
    """An invariant does not hold."""


@dataclass
class Busy:
    """Watches I6: at most one replay write in progress an id."""

    world: object
    under_way: dict = field(default_factory=dict)

    def begin(self, link, ids):
        if link is self.world.secondary:
            for one in ids:
                self.under_way[one] = self.under_way.get(one, 0) + 1

    def end(self, link, ids):
        if link is self.world.secondary:
            for one in ids:
                self.under_way[one] = self.under_way.get(one, 1) - 1


class Gap:
    """The gap flag, which survives kills."""

    def __init__(self):
        self.named = set()

    def read(self):
        return sorted(self.named)

    def raise_for(self, one):
        self.named.add(one)

    def clear(self, one):
        self.named.discard(one)


class World:
    """Everything, from one seed."""

    def __init__(self, path, seed, *, guards=Guards(), records=8, stale=False):  # noqa: B008 frozen
        self.path = path
        self.rng = random.Random(seed)  # noqa: S311 a story must replay
        self.clock = VirtualTime()
        self.loop = VirtualLoop(self.clock)
        self.guards = guards
        staleness = 0.3 if stale else 0.0
        barrier = not stale or self.rng.random() < 0.5
        self.terms = replace(TERMS, visibility=0.0 if not stale else staleness)
        self.source = Link("source", self.clock, self.rng, quarantine=QUARANTINE, stale=staleness, barrier=barrier)
        self.target = Link("target", self.clock, self.rng, quarantine=QUARANTINE)
        self.initial = {one: -one - 1 for one in range(records)}
        self.source.rows = dict(self.initial)
        self.source.shape = shape("docs")
        self.history = History()
        self.values = iter(range(1, 10**9))
        self.gap = Gap()
        self.process = None
        self.router = None
        self.handlers = set()
        self.events = []
        self.kills = 0
        self.swaps = []
        self.spec = Specification(
            "m",
            StoreRef("memory", "source", "docs"),
            StoreRef("memory", "target", "copy"),
            batch_size=3,
            validate_every=2,
            quarantine=QUARANTINE,
            mode=Mode.PROXIED,
        )
        self.busy = Busy(self)
        self.conductor = None
        self.database = None
        self.failed = None

    # The daemon.

    def boot(self):
        """Start the daemon."""
        ready = self.loop.create_future()
        self.process = self.loop.create_task(self._process(ready))
        self.loop.run_until_complete(ready)

    async def _process(self, ready):
        database = SimDatabase(self.path, self.clock, self.rng)
        self.database = database
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(database.run())
                session = await database.write(lambda tx: sessions.begin(tx, at=self.clock.now().isoformat()))
                at = self.clock.now().isoformat()
                await database.write(lambda tx: migrations.create(tx, self.spec, at=at))
                router = Router(None, self.rng)
                running = []

                def on_live(live):
                    if live is None:
                        router.remove("docs")
                    else:
                        router.add("docs", live.lane)
                        running.append(group.create_task(live.run()))

                source, target = self._stores()
                conductor = OnlineConductor(
                    database,
                    session,
                    "m",
                    RetryStore(source, RetryPolicy(attempts=3), chance=self.rng),
                    RetryStore(target, RetryPolicy(attempts=3), chance=self.rng),
                    self._crew,
                    self.clock,
                    self.events.append,
                    workers=2,
                    make_live=lambda migration: self._live(database, session, migration),
                    on_live=on_live,
                    visibility=self.terms.visibility,
                    limits=Limits(oldest=2.0),
                )
                self.conductor = conductor
                await conductor.open()
                self.router = router
                self.source_store = source
                if not ready.done():
                    ready.set_result(None)
                await self._conduct(conductor)
        except BaseExceptionGroup as errors:
            if not ready.done():
                ready.set_exception(errors)
            raise

    async def _conduct(self, conductor):
        while True:
            try:
                await conductor.run()
            except VectormigrateError:
                await asyncio.sleep(0.5)
                continue
            await asyncio.sleep(0.05)

    def _stores(self):
        return SimStore(self.source, "source", "docs"), SimStore(self.target, "target", "copy")

    def _live(self, database, session, migration):
        source = SimStore(self.source, "source", "docs", replays=self.busy)
        target = SimStore(self.target, "target", "copy", replays=self.busy)
        rows = conductor_ranges(database)
        return Live(
            database,
            session,
            migration.specification,
            source,
            target,
            migration.source_shape,
            migration.mapping,
            self.clock,
            self.events.append,
            self.gap,
            terms=self.terms,
            guards=self.guards,
            backfilling=lambda: rows(),
        )

    def _crew(self, migration, ranges, writing):
        world = self

        class Crew:
            async def run(self, coordinator):
                source, target = world._stores()
                translator = Translator(migration.mapping, target.capabilities)
                policy = RetryPolicy(attempts=3)
                comparer = Comparer(migration.mapping, migration.source_shape, threshold=0.99)
                sides = Sides(source, "docs", target, "copy", translator, comparer, None)
                settings = CopySettings("docs", "copy", 3, 2, Existing.FAIL, False, 0.0, 100)
                copier = Copier(
                    coordinator,
                    source,
                    target,
                    lambda told: RetryStore(target, policy, on_retry=told, chance=world.rng),
                    translator,
                    settings,
                    world.clock,
                    lambda written, back: (),
                )
                tasks = {"copy": copier.copy, "compare": CompareTask(coordinator, sides).compare}
                await Worker(coordinator, tasks, concurrency=2).run()

        return Crew()

    def kill(self):
        """SIGKILL: what was not durable is gone; what was sent is on its way."""
        if self.process is None:
            return
        self.kills += 1
        doomed = [self.process, *self.handlers]
        for task in doomed:
            task.cancel()
        self.database.die()
        self.loop.run_until_complete(asyncio.gather(*doomed, return_exceptions=True))
        self.database.close()
        self.process = self.router = None
        self.handlers.clear()

    # Clients.

    def write(self, kind, ids, *, hinted=False):
        """A client sends a write; it is answered some time later, or never."""
        task = self.loop.create_task(self._client(kind, ids, hinted))
        self.handlers.add(task)
        task.add_done_callback(self.handlers.discard)
        return task

    async def _client(self, kind, ids, hinted):
        value = next(self.values)
        wide = kind in ("predicate", "clear")
        vague = wide or kind == "patch"
        operations = [
            self.history.begin(one, None if wide or kind == "delete" else value, self.clock.monotonic())
            for one in (range(20) if wide else ids)
        ]
        outcome = "info"
        try:
            if self.router is None:
                outcome = "fail"
                return
            outcome = await self._through(kind, ids, value, hinted)
        except VectormigrateError as error:
            outcome = "info" if isinstance(error, Unresolved | StoreDown) else "fail"
        finally:
            for operation in operations:
                self.history.end(operation, outcome, self.clock.monotonic())
                if vague and outcome == "ok":
                    operation.outcome = "perhaps"  # not every record matched, or was there

    async def _through(self, kind, ids, value, hinted):
        touches = {
            "set": Ids(tuple(ids)),
            "patch": Ids(tuple(ids)),
            "delete": Ids(tuple(ids), removes=True),
            "predicate": Matching(Compare(("n",), Comparison.GT, 0), removes=True),
            "clear": Whole(Scope.CLEAR),
        }
        async with self.router.writing({"docs": [touches[kind]]}, size=10) as write:
            lane = self.router.lane("docs")
            if lane is not None:
                self._check_marked(ids, kind)
            store = write.access.store or self.source_store
            result = await self._send(store, kind, ids, value)
            if kind == "set" and hinted and result == "ok":
                write.hint("docs", lambda: batch(dict.fromkeys(ids, value)), 100)
            if kind == "delete" and hinted and result == "ok":
                write.hint("docs", lambda: batch({}), 100)
            if lane is not None and self.rng.random() < 0.05:
                write.answered(Outcome.LATE)
            return result

    async def _send(self, store, kind, ids, value):
        if kind == "set":
            await store.upsert("docs", batch(dict.fromkeys(ids, value)))
        elif kind == "delete":
            await store.delete("docs", ids)
        elif kind == "patch":
            held = await store.fetch("docs", ids)
            values = {one: payload["n"] for one, payload in zip(held.ids, held.payload, strict=True)}
            if values:
                await store.upsert("docs", batch({one: value for one in values}))
        else:
            gone = [one async for page in store.select("docs", Compare(("n",), Comparison.GT, 0)) for one in page.batch.ids]
            await store.delete("docs", gone)
        return "ok"

    def _check_marked(self, ids, kind):
        """I1: durable before it leaves."""
        if not self.guards.mark_first or self.gap.named:
            return
        lane = self.router.lane("docs")
        if not lane.marking:
            return
        if kind in ("predicate", "clear"):
            if not self.database.read(lambda tx: scopes.standing(tx, "m")):
                raise Violation("I1: a predicate left without an intent")
            return
        marked = self.database.read(lambda tx: journal.among(tx, "m", [id_text(one) for one in ids]))
        if len(marked) < len(set(ids)):
            raise Violation(f"I1: {ids} left, marked are {marked}")

    # Time and commands.

    def run(self, seconds):
        """Let time pass."""
        self.loop.run_until_complete(asyncio.sleep(seconds))
        self.check()

    def command(self, name, **arguments):
        """An operator's command; refusals are fine."""

        async def ask():
            with contextlib.suppress(VectormigrateError):
                await getattr(self.conductor, name)(**arguments)

        if self.router is None:
            return
        task = self.loop.create_task(ask())
        self.handlers.add(task)
        task.add_done_callback(self.handlers.discard)

    def check(self):
        """What holds at every moment."""
        for task in list(self.handlers):
            if task.done() and not task.cancelled() and task.exception():
                raise task.exception()
        doubled = [one for one, count in self.busy.under_way.items() if count > 1]
        if doubled and self.guards.slot and self.kills == 0:
            raise Violation(f"I6: replays of {doubled} are under way twice")
        if self.process is not None and self.process.done():
            raise self.process.exception() or self.failed or Violation("the daemon ended")

    @property
    def secondary(self):
        """The link that replays write to."""
        lane = self.router.lane("docs") if self.router else None
        return self.target if lane is None or lane.role.primary is Side.SOURCE else self.source

    @property
    def phase(self):
        return self.database.read(lambda tx: migrations.get(tx, "m")).phase

    @property
    def primary(self):
        return self.database.read(lambda tx: roles.get(tx, "m")).primary

    def leave(self):
        """Roll back, with kills on the way, while writes go on; nothing of ours may be left then."""
        for _ in range(10):
            self.heal()
            self.command("rollback", dry_run=False, remove_unknown=False)
            self.run(self.rng.choice((0.05, 0.5, 20.0)))
            if self.phase is Phase.ROLLED_BACK:
                break
            if self.rng.random() < 0.5:
                self.kill()
                self.boot()
        else:
            self.command("rollback", dry_run=False, remove_unknown=False)
            self.run(60.0)
        self.run(10.0)
        if self.phase is not Phase.ROLLED_BACK:
            raise Violation(f"the rollback does not come to its end: {self.phase}")
        self.judge()

    def heal(self):
        """End all faults."""
        self.source.faults = Faults()
        self.target.faults = Faults()
        self.database.full = False

    def settle(self, *, most=300.0):
        """Heal, let the clients end, and wait until nothing is owed: then both sides must be equal."""
        if self.process is None:
            self.boot()
        self.heal()
        began = self.clock.monotonic()
        while self.clock.monotonic() - began < most:
            self.run(1.0)
            if self.phase is Phase.PASSTHROUGH:
                self.command("attest", by="somebody")
            if not self.handlers and self.quiet():
                return self.judge()
        raise Violation(f"I27: not settled after {most} s in phase {self.phase}: {self.owed()}")

    def quiet(self):
        live = self.conductor.live
        uncompared = bool(self.gap.named) or any(
            one.state == "owed" for one in self.database.read(lambda tx: scopes.standing(tx, "m"))
        )
        if self.phase in (Phase.ROLLED_BACK, Phase.ABORTED):
            return True
        if self.phase not in (Phase.VERIFIED, Phase.REVERSED) or live is None or live.busy() or live.scheduler.running:
            return False
        return not uncompared and self.source.under_way == self.target.under_way == 0

    def owed(self):
        live = self.conductor.live
        return (
            live and live.busy(),
            live and live.scheduler.running,
            self.database.read(lambda tx: journal.marks(tx, "m", "", 5)),
            self.database.read(lambda tx: scopes.standing(tx, "m")),
            self.gap.named,
            self.events[-3:],
        )

    def judge(self):
        """I2, I3, I17: equal, and no acknowledged write is lost."""
        if self.phase in (Phase.ROLLED_BACK, Phase.ABORTED):
            if self.target.rows:
                raise Violation(f"I19: left in the target: {self.target.rows}")
            return
        if self.source.rows != self.target.rows:
            raise Violation(f"I2: source {self.source.rows} target {self.target.rows}")
        wrong = self.history.wrong(self.source.rows, self.initial)
        if wrong:
            told = {one: [vars(op) for op in self.history.by_id.get(one, [])] for one in wrong}
            raise Violation(f"I17: {wrong} hold {[self.source.rows.get(one) for one in wrong]}: {told}")

    def close(self):
        """Stop everything."""
        self.kill()
        pending = asyncio.all_tasks(self.loop)
        for task in pending:
            task.cancel()
        if pending:
            self.loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        self.loop.close()


def conductor_ranges(database):
    """Whether a range is still to be copied."""
    from vectormigrate.state import checkpoints

    return lambda: not all(row.done for row in database.read(lambda tx: checkpoints.ranges(tx, "m")))

