"""One simulated installation: two databases, a daemon that can be killed and started, clients, faults, and the watch kept
over all of it. Driven step by step, by a seeded story or by Hypothesis.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import replace

from tests.simulation.live.clients import Clients
from tests.simulation.live.daemon import Daemon
from tests.simulation.live.history import History
from tests.simulation.live.loop import VirtualLoop, VirtualTime
from tests.simulation.live.network import Faults, Link
from tests.simulation.live.parted import ASKED, PartedLink
from tests.simulation.live.simstore import shape
from tests.simulation.live.watch import Violation, Watch
from vectormigrate.engine.dualwrite.terms import Guards, Terms
from vectormigrate.model.errors import VectormigrateError
from vectormigrate.model.phase import Phase
from vectormigrate.model.specification import Existing, Mode, Specification, StoreRef
from vectormigrate.state import journal, scopes

QUARANTINE = 4.0
VISIBILITY = 0.3
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
OVER = (Phase.ROLLED_BACK, Phase.ABORTED, Phase.COMMITTED)


class Gap:
    """The gap flag, which survives kills."""

    def __init__(self):
        self.named = set()

    def read(self):
        return sorted(self.named)

    def raise_for(self, one):
        self.named.add(one)

    async def up(self, one):
        self.raise_for(one)

    async def down(self, one):
        self.named.discard(one)


class World:
    """Everything, from one seed."""

    def __init__(
        self,
        path,
        seed,
        *,
        guards=Guards(),  # noqa: B008 frozen
        records=8,
        stale=False,
        barrier=True,
        foreign=None,
        existing=Existing.FAIL,
        entries=TERMS.entries,
        split=False,
    ):
        """`split`: the target is two collections, and most writes move their record. `foreign`: what the target holds before, id to value. `entries`: how many ids fit in the daemon's memory."""
        self.path = path
        self.rng = random.Random(seed)
        self.clock = VirtualTime()
        self.loop = VirtualLoop(self.clock)
        self.guards = guards
        staleness = VISIBILITY if stale else 0.0
        self.terms = replace(TERMS, visibility=staleness, entries=entries)
        self.source = Link(
            "source", self.clock, self.rng, quarantine=QUARANTINE, stale=staleness / 2, barrier=barrier
        )
        self.split = split
        self.target = (PartedLink if split else Link)("target", self.clock, self.rng, quarantine=QUARANTINE)
        self.initial = {one: -one - 1 for one in range(records)}
        self.foreign = dict(foreign or {})
        self.skips = existing is Existing.SKIP
        self.source.rows = dict(self.initial)
        self.source.shape = shape("docs")
        if self.foreign:
            self.target.rows = dict(self.foreign)
            self.target.shape = shape("copy")
        self.watch = self.source.watch = self.target.watch = Watch(self)
        self.history = History()
        self.clients = Clients(self)
        self.gap = Gap()
        self.handlers = {}
        """Tasks of clients and operators, in the order of their start."""
        self.events = []
        self.kills = 0
        self.restarts = 0
        """In good order."""
        self.daemon = None
        self.process = None
        self.spec = Specification(
            "m",
            StoreRef("memory", "source", "docs"),
            StoreRef("memory", "target", "copy", placement=ASKED if split else None),
            batch_size=3,
            validate_every=2,
            quarantine=QUARANTINE,
            mode=Mode.PROXIED,
            existing=existing,
        )
        self.loop.set_exception_handler(lambda loop, context: None)  # what the dead leave behind

    # What there is.

    @property
    def router(self):
        return self.daemon.router if self.daemon is not None and self.daemon.ready.is_set() else None

    @property
    def lane(self):
        return self.router.lane("docs") if self.router is not None else None

    @property
    def database(self):
        return self.daemon.database

    @property
    def conductor(self):
        return self.daemon.conductor

    @property
    def phase(self):
        return self.watch.held.phase

    def ids(self):
        """Every id that any database knows, or knew at first."""
        return sorted(self.initial.keys() | self.source.rows.keys() | self.target.rows.keys())

    # The daemon.

    def boot(self):
        """Start the daemon, if it does not run."""
        if self.process is not None:
            return
        self.daemon = Daemon(self)
        self.process = self.loop.create_task(self.daemon.run())
        self.loop.run_until_complete(self._ready())
        self.check()

    async def _ready(self):
        while not (self.daemon.ready.is_set() or self.process.done()):
            await asyncio.sleep(0.001)

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
        self._gone()

    def stop(self):
        """An orderly end: requests under way end first, or their clients are cut off."""
        if self.process is None:
            return
        self.restarts += 1
        self.loop.run_until_complete(self._drained())
        if self.handlers:
            self.kill()
            return
        self._gone()

    async def _drained(self):
        for _ in range(1000):
            if not self.handlers:
                break
            await asyncio.sleep(0.01)
        else:
            return
        await self.daemon.stop()
        await asyncio.wait([self.process])

    def _gone(self):
        ended, self.process = self.process, None
        self.database.close()
        self.daemon = None
        self.handlers.clear()
        self.watch.killed()
        if self.watch.wrong:
            raise self.watch.wrong
        if not ended.cancelled() and ended.exception() is not None:
            raise ended.exception()

    # Clients and operators.

    def _begin(self, work):
        task = self.loop.create_task(work)
        self.handlers[task] = None
        task.add_done_callback(self._done)

    def _done(self, task):
        self.handlers.pop(task, None)
        if not task.cancelled() and task.exception() is not None and self.watch.wrong is None:
            self.watch.wrong = task.exception()

    def write(self, kind, ids, *, hinted=False, after=0.0):
        """A client sends a write some seconds from now; it is answered some time later, or never."""
        self._begin(self._after(after, lambda: self.clients.write(kind, ids, hinted=hinted)))

    def read(self, ids, *, after=0.0):
        """A client reads."""
        self._begin(self._after(after, lambda: self.clients.read(ids)))

    @staticmethod
    async def _after(seconds, work):
        if seconds:
            await asyncio.sleep(seconds)
        await work()

    def command(self, name, *, after=0.0, **arguments):
        """An operator's command; refusals are fine."""
        if self.router is not None:
            self._begin(self._after(after, lambda: self._ask(name, arguments)))

    async def _ask(self, name, arguments):
        if self.router is None:
            return
        asked = getattr(self.daemon, name, None) or getattr(self.conductor, name)
        with contextlib.suppress(VectormigrateError):
            report = await asked(**arguments)
            if name == "validate":
                self._validated(report)

    def _validated(self, report):
        kept = self.phase in (Phase.VERIFIED, Phase.REVERSED) and not self.watch.excused
        if kept and report.findings and not self.watch.held.dead and not self.foreign:
            self.watch.fail(f"I21: confirmed on a pair that is kept equal: {report.statement}")

    # Time.

    def run(self, seconds):
        """Let time pass."""
        self.loop.run_until_complete(asyncio.sleep(seconds))
        self.check()

    def until(self, phase, *, most=30.0):
        """Let time pass until that phase begins; False when it does not."""
        for _ in range(int(most / 0.01)):
            if self.phase is phase:
                return True
            self.run(0.01)
        return False

    def check(self):
        """What holds at every moment."""
        if self.watch.wrong:
            raise self.watch.wrong
        if self.process is not None and self.process.done():
            raise self.process.exception() or Violation("the daemon ended")
        lane = self.lane
        if lane is not None:
            ledger = lane.ledger
            if ledger._hints > self.terms.hint_bytes or ledger._hints < 0:
                raise Violation(f"I25: {ledger._hints} bytes of hints")
            if len(ledger) > self.terms.entries + 50:
                raise Violation(f"I25: {len(ledger)} entries")

    # The end.

    def heal(self):
        """End all faults."""
        self.source.faults = Faults()
        self.target.faults = Faults()
        if self.daemon is not None:
            self.database.full = False

    def leave(self):
        """Roll back, with kills on the way, while writes go on; nothing of ours may be left then."""
        for _ in range(10):
            self.heal()
            self.command("rollback")
            self.run(self.rng.choice((0.05, 0.5, 20.0)))
            if self.phase is Phase.ROLLED_BACK:
                break
            if self.rng.random() < 0.5:
                self.kill()
                self.boot()
        else:
            self.command("rollback")
            self.run(60.0)
        self.run(10.0)
        if self.phase is not Phase.ROLLED_BACK:
            raise Violation(f"I27: the rollback does not come to its end: {self.phase}")
        self.judge()

    def settle(self, *, most=400.0):
        """Heal, let the clients end, and wait until nothing is owed: then both sides must be equal."""
        self.boot()
        self.heal()
        began = self.clock.monotonic()
        while self.clock.monotonic() - began < most:
            self.run(1.0)
            self._nudge()
            if not self.handlers and self.quiet():
                return self.judge()
        raise Violation(f"I27: not settled after {most} s in phase {self.phase}: {self.owed()}")

    def _nudge(self):
        """What an operator does who wants it to come to its end."""
        match self.phase:
            case Phase.PASSTHROUGH:
                self.command("attest", by="somebody")
            case Phase.PAUSED | Phase.FAILED:
                self.command("resume")
            case Phase.ROLLING_BACK:
                self.command("rollback")
        if self.daemon.live is not None:
            self.daemon.live.scheduler.guard.reset()
        mended = self.watch.held.dead - self._taken()
        for one in sorted(mended & self.watch.held.journal):
            self.write("set", [one])

    def _taken(self):
        """Ids whose place in the target a foreign record has for good."""
        return self.foreign.keys() if self.skips else set()

    def quiet(self):
        live = self.daemon.live
        if self.source.under_way or self.target.under_way:
            return False
        if self.phase in OVER:
            return True
        if self.phase not in (Phase.VERIFIED, Phase.REVERSED) or live is None:
            return False
        return not (live.busy() or live.scheduler.running or self.watch.excused)

    def owed(self):
        live = self.daemon.live
        return (
            live and live.busy(),
            live and live.scheduler.running,
            self.database.read(lambda tx: journal.marks(tx, "m", "", 5)),
            self.database.read(lambda tx: scopes.standing(tx, "m")),
            self.watch.held.dead,
            self.gap.named,
            self.events[-3:],
        )

    def judge(self):
        """I2, I3, I17, I19: equal, and no acknowledged write is lost."""
        source, target = self.source.rows, self.target.rows
        if self.phase in (Phase.ROLLED_BACK, Phase.ABORTED):
            if target != self.foreign:
                raise Violation(f"I19: left in the target: {target}, before us: {self.foreign}")
            self._lost(source)
        elif self.phase is Phase.COMMITTED:
            ours = {one: value for one, value in target.items() if self.foreign.get(one) != value}
            self._lost(ours)
        else:
            unequal = [one for one in self.ids() if not self.watch.equal(one)]
            if unequal:
                raise Violation(f"I2: {unequal} differ: source {source} target {target}")
            self._lost(source)

    def _lost(self, rows):
        wrong = [
            one for one in self.history.wrong(rows, self.initial) if not (self.skips and one in self.foreign)
        ]
        if wrong:
            told = {one: [vars(op) for op in self.history.by_id.get(one, [])] for one in wrong}
            raise Violation(f"I17: {wrong} hold {[rows.get(one) for one in wrong]}: {told}")

    def close(self):
        """Stop everything."""
        with contextlib.suppress(BaseException):
            self.kill()
        pending = asyncio.all_tasks(self.loop)
        for task in pending:
            task.cancel()
        if pending:
            self.loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        self.loop.close()
