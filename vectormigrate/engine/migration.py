"""The conductor: one migration from created to verified, and out again. The only caller of a phase change.

    created -> preflight: look, plan, refuse; note foreign records; make the target; persist the ranges
    preflight -> backfill: workers copy the ranges
    backfill -> catch_up: records added behind the last key; indexes; marks paid
    catch_up -> verified: a sample and the counts agree

A run that goes on after an interruption cannot know what changed at the source behind its cursors. So it compares
both sides in catch_up, marks every difference and pays the marks: an interrupted offline migration ends equal to
the source as it is then, deletes included. Requests of a process that was killed may still land until the target
store says that none can (`Store.settle`); nothing is judged before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from types import MappingProxyType
from typing import Any, Unpack

from vectormigrate.engine import aborting, aliases, repair
from vectormigrate.engine import preflight as looking
from vectormigrate.engine.backfill.coordinator import CopyCoordinator
from vectormigrate.engine.backfill.planner import plan_ranges
from vectormigrate.engine.live import Live
from vectormigrate.engine.quarantine import Quarantine
from vectormigrate.engine.rollback.foreign import note_foreign
from vectormigrate.engine.rollback.pool import Removal
from vectormigrate.engine.throttle import Input, Throttle, telling
from vectormigrate.engine.uncopied import Uncopied
from vectormigrate.engine.undoing import Undoing
from vectormigrate.engine.validate.run import Validation
from vectormigrate.engine.work import Crew
from vectormigrate.engine.works import Works
from vectormigrate.model.clock import Clock
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.comparing import FINAL_SAMPLE, Comparing, check_comparable
from vectormigrate.model.errors import FinishedWithFindings, GateRefused, Overloaded, VectormigrateError
from vectormigrate.model.events import Event, PhaseChanged, Progress, Resumed, Warned
from vectormigrate.model.finding import Finding
from vectormigrate.model.mapping import MappingPlan
from vectormigrate.model.measure import Histogram
from vectormigrate.model.phase import FINAL, RESTING, TRANSITIONS, Phase, check_onward
from vectormigrate.model.status import RollbackReport, ValidationReport
from vectormigrate.state import checkpoints, journal, migrations, ownership, sessions
from vectormigrate.state.database import Database, Transaction
from vectormigrate.state.migrations import Migration
from vectormigrate.stores.base import Content, Range, Store
from vectormigrate.stores.surrogate import keyed

_NAMED = 6  # ids that an error carries: a handful, and one more that says that there are others


class Conductor:
    """One migration in one process. Its stores are open; `crew` makes workers for so many ranges of a migration as it is
    planned, that write to the target or only read.
    """

    def __init__(
        self,
        database: Database,
        session: sessions.Session,
        migration_id: str,
        source: Store,
        target: Store,
        crew: Callable[[Migration, int, bool], Crew],
        clock: Clock,
        on_event: Callable[[Event], None],
        *,
        workers: int,
        make_live: Callable[[Migration], Live],
        inputs: Mapping[str, Input] = MappingProxyType({}),
    ) -> None:
        """`make_live` puts together what pays the marks of a planned migration; `inputs` are the throttle's."""
        self._database = database
        self._session = session
        self._id = migration_id
        self._source = source
        self._bare_target = target
        self._target = target
        self._crew = crew
        self._clock = clock
        self._on_event = on_event
        self._workers = workers
        self._make_live = make_live
        self._stopping = asyncio.Event()
        self.rechecks = Histogram()  # seconds of second looks at what differs
        tell = telling(database, migration_id, clock, on_event)
        self.throttle = Throttle(inputs, lambda: self.migration.specification, clock, tell, self._give_up)
        self._works = Works(self.throttle, self._stopping.is_set)
        self._unbearable: Overloaded | None = None
        if self.migration.mapping is not None:
            self._address(self.migration.mapping, self.migration.source_shape)
        self.quarantine = Quarantine(
            database,
            session,
            migration_id,
            target,
            clock,
            on_event,
            seconds=self.migration.specification.quarantine,
        )

    def _address(self, mapping: MappingPlan, source: CollectionShape | None) -> None:
        """From the plan on, speak to the target in the ids that the plan gives it."""
        assert source is not None, "a plan is stored with the shape that it was made of"
        self._target = keyed(self._bare_target, mapping, source.id)

    def stop(self) -> None:
        """Ask a run to end behind its present batches, checkpoints written."""
        self._stopping.set()
        self._works.stop()

    def adjust(self, *, anew: bool) -> None:
        """Go by what was set by now: at another rate at once; `anew` with other workers, behind the present batches."""
        self.throttle.adjust()
        if anew:
            self._works.stop_copy()

    def _give_up(self, why: str) -> None:
        """End what can be resumed. A comparison of what is copied already only waits."""
        if Phase.FAILED in TRANSITIONS[self.migration.phase]:
            self._unbearable = Overloaded(
                f"{why}, which was called critical",
                hint=f"what was copied is kept: `vectormigrate resume {self._id}` when the source has recovered",
            )
            self.stop()

    def _check_bearable(self) -> None:
        unbearable, self._unbearable = self._unbearable, None
        if unbearable is not None:
            raise unbearable

    @property
    def migration(self) -> Migration:
        """The migration as the state file has it now."""
        return self._database.read(lambda tx: migrations.get(tx, self._id))

    # The way there.

    async def run(self) -> Phase:
        """Go on from wherever the migration is until it is verified or asked to stop. Returns the phase it is in.

        Raises what ended it; the phase is then `failed`, which remembers where to go on.
        """
        await self._wake()
        try:
            await self._greet()
            await self.quarantine.settle()
            while not self._stopping.is_set() and await self._step(self.migration.phase):
                pass
            self._check_bearable()
        except VectormigrateError as error:
            await self._fail(error)
            raise
        return self.migration.phase

    async def _step(self, phase: Phase) -> bool:
        """Do what this phase is for and move on; False when there is nothing more to do."""
        match phase:
            case Phase.PREFLIGHT:
                await self._preflight()
            case Phase.BACKFILL:
                await self._backfill()
            case Phase.CATCH_UP:
                await self._catch_up()
            case _:
                return False
        return True

    async def _greet(self) -> None:
        """Dial both sides before anything is asked of their capabilities: some depend on the server's version."""
        await self._source.info()
        await self._target.info()

    def check_onward(self) -> None:
        """Raise GateRefused when it cannot go on, whatever is done."""
        check_onward(self._id, self.migration.phase)

    async def _wake(self) -> None:
        self.check_onward()
        migration = self.migration
        if Phase.CREATED in (migration.phase, migration.resume_phase):  # nothing was done in it yet
            await self._move(migration.phase, Phase.PREFLIGHT)
        elif migration.phase in RESTING:
            assert migration.resume_phase is not None
            await self._move(migration.phase, migration.resume_phase, "resumed")
        if self.migration.phase in (Phase.BACKFILL, Phase.CATCH_UP):
            already = sum(row.copied for row in self._ranges())
            await self._interrupted()
            self._on_event(Resumed(self._id, already, self._session.clean_before))

    async def _interrupted(self) -> None:
        """Nobody knows what changed at the source meanwhile: both sides are compared before the migration is verified."""
        await self._database.write(lambda tx: migrations.set_needs_reconcile(tx, self._id, True))

    async def _preflight(self) -> None:
        migration = self.migration
        spec = migration.specification
        found = await looking.examine(spec, self._source, self._target, self._clock.monotonic)
        looking.check_startable(spec, found)
        self._address(found.mapping, found.source)
        await note_foreign(
            self._database,
            self._id,
            self._target,
            found.mapping.target.name,
            found.target_count,
            lambda seen: self._on_event(Progress(self._id, "foreign", seen, found.target_count)),
        )
        if found.existing is None:
            await self._database.write(lambda tx: migrations.set_target_created(tx, self._id))
            await self._target.create(found.mapping.target)
        spans = await plan_ranges(
            self._source, spec.source.collection, total=found.total, workers=self._workers
        )
        at = self._at()

        def plan(tx: Transaction) -> None:
            migrations.set_plan(tx, self._id, found.source, found.mapping, found.total, found.record_bytes)
            checkpoints.plan(tx, self._id, [(span.lower, span.upper) for span in spans])
            migrations.move(tx, self._id, Phase.PREFLIGHT, self._behind_preflight, at=at)

        await self._database.write(plan)
        self._on_event(PhaseChanged(self._id, Phase.PREFLIGHT, self._behind_preflight))

    _behind_preflight = Phase.BACKFILL

    def _coordinator(self, total: int, **live: Any) -> CopyCoordinator:
        return CopyCoordinator(
            self._database,
            self._id,
            session=self._session,
            now=self._clock.now,
            on_event=self._on_event,
            total=total,
            **live,
        )

    async def _backfill(self) -> None:
        again = True
        while again and not self._stopping.is_set():
            migration = self.migration
            coordinator = self._coordinator(migration.total or 0)
            if coordinator.remaining:
                async with self._works.copying(coordinator):
                    await self._crew(migration, coordinator.remaining, True).run(coordinator)
                if coordinator.unresolved:
                    self.quarantine.begin()
            again = coordinator.stopped  # to end, or only to go on with what was set meanwhile
        if self._stopping.is_set():
            return
        await self._move(Phase.BACKFILL, Phase.CATCH_UP)

    def _lively(self, migration: Migration) -> Live:
        """What pays the marks; its replays draw from the same bucket as the workers, before them."""
        live = self._make_live(migration)
        live.scheduler.keep_to(self.throttle.pace)
        return live

    # Behind the copy.

    async def _catch_up(self) -> None:
        if await self._tail_grew():
            await self._move(Phase.CATCH_UP, Phase.BACKFILL, "records were added behind the last key")
            return
        migration = self.migration
        plan = _planned(migration)
        await self._finish_load(plan)
        await self.quarantine.wait(self._stopping)
        if migration.needs_reconcile or not await self._counts_agree(plan):
            await self._reconcile(migration)
        if not self._stopping.is_set():
            await self._pay(migration)
        if not self._stopping.is_set():
            await self._judge(migration)

    async def _finish_load(self, plan: MappingPlan) -> None:
        """The target is searchable, by all its names."""
        await self._target.finish_load(plan.target)
        await aliases.make(self._target, plan.target.name, plan.aliases, self._id, self._on_event)

    async def _tail_grew(self) -> bool:
        """Whether the source holds records behind the last key that was copied; reopens the last range for them."""
        last = self._ranges()[-1]
        scan = self._source.scan(
            self.migration.specification.source.collection,
            Range(last.start, None),
            content=Content.IDS,
            limit=1,
        )
        async with aclosing(scan) as pages:
            async for _ in pages:
                await self._database.write(lambda tx: checkpoints.reopen(tx, self._id, last.number))
                return True
        return False

    async def _counts_agree(self, plan: MappingPlan) -> bool:
        source = await self._source.count(self.migration.specification.source.collection)
        await self._target.barrier(plan.target.name)
        target = await self._target.count(plan.target.name)
        foreign = self._database.read(lambda tx: ownership.foreign_count(tx, self._id))
        return foreign == 0 and source == target

    async def _reconcile(self, migration: Migration, reason: str = "reconcile") -> None:
        """Compare both sides whole and mark what differs, for this reason; what is not ours is not looked at."""
        plan = _planned(migration)
        at = self._at()

        def mark(tx: Transaction, found: list[Finding]) -> None:
            repair.mark(tx, self._session, self._id, plan, found, at=at, reason=reason)

        validation = self._validation(migration)
        with self._unless_stopped():
            async with self._works.compare(validation):
                await validation.reconcile(mark)
            await self._database.write(lambda tx: migrations.set_needs_reconcile(tx, self._id, False))

    @contextmanager
    def _unless_stopped(self) -> Iterator[None]:
        """A comparison of our own runs inside. One that a stop ends failed nothing: it begins anew when the migration goes on."""
        try:
            yield
        except GateRefused:
            if not self._stopping.is_set():
                raise

    async def _pay(self, migration: Migration) -> None:
        """Pay every mark that can be paid. Raises what keeps the target from taking anything."""
        await self._database.write(lambda tx: journal.retry(tx, self._id))
        live = self._lively(migration)
        live.open()
        live.calmed()
        live.follow(Phase.CATCH_UP)
        async with asyncio.TaskGroup() as group:
            group.create_task(live.run())
            try:
                await live.paid(self._stopping, patience=migration.specification.max_retries)
            finally:
                live.stop()

    async def _judge(self, migration: Migration) -> None:
        """Compare a last sample; verified if it is clean and nothing is owed."""
        owed = self._database.read(lambda tx: journal.debt(tx, self._id))
        if owed:
            first = self._database.read(lambda tx: journal.marks(tx, self._id, "", _NAMED))
            raise FinishedWithFindings(
                f"{owed:,} record{'s' if owed > 1 else ''} did not arrive: refused for good, or not answered for; all others are in the target",
                hint=f"`vectormigrate dead-letters {self._id}` says why; mend them, then `vectormigrate resume {self._id}`",
                store=migration.specification.target.kind,
                collection=migration.specification.target.collection,
                ids=tuple(mark.id for mark in first),
            )
        report = await self.validate(sample_size=FINAL_SAMPLE, seed=0)
        if not report.ok:
            raise FinishedWithFindings(
                f"the copy differs from its source: {report.statement}",
                hint=f"`vectormigrate findings {self._id}` names the records; `vectormigrate resume {self._id}` compares"
                " both sides whole and mends them",
            )
        await self._move(Phase.CATCH_UP, Phase.VERIFIED, report.statement)

    async def reopen(self) -> None:
        """Go back behind the copy: the next run mends what differs. Raises GateRefused for one that is not verified."""
        phase = self.migration.phase
        if phase is not Phase.VERIFIED:
            raise GateRefused(
                f"migration {self._id!r} is {phase}: what is repaired is a copy that was whole once",
                hint="" if phase in FINAL else f"go on with `vectormigrate resume {self._id}`",
            )
        await self._move(phase, Phase.CATCH_UP, "repair")

    # Looking.

    async def validate(self, **how: Unpack[Comparing]) -> ValidationReport:
        """Compare source and target, and keep the report."""
        migration = self.migration
        check_comparable(self._id, migration.phase, planned=migration.mapping is not None)
        await self._greet()
        validation = self._validation(migration)
        if self._works.comparing:
            self._on_event(Warned(self._id, "a comparison waits for the end of the one that is under way"))
        async with self._works.compare(validation):
            report = await validation.compare(how)
            await self._compared(report)
        return report

    async def _compared(self, report: ValidationReport) -> None:
        """Make something of what a comparison found, before the next one begins: here nothing."""

    def _validation(self, migration: Migration, **live: Any) -> Validation:
        return Validation(
            self._database,
            migration.specification,
            self._source,
            self._target,
            _shaped(migration),
            _planned(migration),
            lambda ranges: self._crew(migration, ranges, False),
            self._clock,
            self._on_event,
            rechecks=self.rechecks,
            telling=Uncopied(_shaped(migration).id, self._source.key_of, self._ranges()).without,
            **live,
        )

    # The way back.

    async def rollback(self, *, dry_run: bool, remove_unknown: bool) -> RollbackReport:
        """Take out of the target what this migration put in, and put back what it overwrote. Repeatable."""
        began = self._clock.monotonic()
        migration = self.migration
        await self._greet()
        if migration.mapping is None or migration.phase is Phase.ABORTED:
            return await self._roll_back_nothing(migration, dry_run=dry_run)
        done_already = migration.phase is Phase.ROLLED_BACK
        if not dry_run and not done_already:
            await self._begin_rollback(migration)
        undoing = self._undoing(migration, dry_run=dry_run)
        removal = await undoing.remove(
            migration.mapping,
            remove_unknown=remove_unknown or not migration.completed,
            only_verify=done_already,
        )
        dropped = dry_run and migration.target_created and not (done_already or removal.unknown)
        if not (dry_run or done_already or removal.left or removal.owed):
            dropped = migration.target_created and await undoing.drop_empty(migration.mapping.target.name)
            await self._move(Phase.ROLLING_BACK, Phase.ROLLED_BACK)
        return undoing.report(removal, dropped=dropped, seconds=self._clock.monotonic() - began)

    def _undoing(self, migration: Migration, *, dry_run: bool) -> Undoing:
        return Undoing(
            self._database,
            self._id,
            self._source,
            migration.specification.source.collection,
            self._target,
            self._on_event,
            self._stopping.is_set,
            dry_run=dry_run,
        )

    async def _begin_rollback(self, migration: Migration) -> None:
        if migration.phase is not Phase.ROLLING_BACK:
            await self._move(migration.phase, Phase.ROLLING_BACK)
        await self.quarantine.settle()
        await self.quarantine.wait(self._stopping)

    async def _roll_back_nothing(self, migration: Migration, *, dry_run: bool) -> RollbackReport:
        """Nothing was ever written: at most an empty collection of our own stands in the target."""
        dropped = False
        undoing = self._undoing(migration, dry_run=dry_run)
        if not dry_run:
            dropped = migration.target_created and await undoing.drop_empty(
                migration.specification.target.collection
            )
            await self.abort(dry_run=False)
        return undoing.report(Removal(), dropped=dropped, seconds=0.0)

    async def abort(self, *, dry_run: bool) -> None:
        """End it without touching a store. Raises GateRefused where something may be in the target."""
        if self._database.read(lambda tx: aborting.check(tx, self._id)) and not dry_run:
            await self._move(self.migration.phase, Phase.ABORTED, aborting.REASON)

    # Shared.

    async def _fail(self, error: VectormigrateError) -> None:
        phase = self.migration.phase
        if Phase.FAILED in TRANSITIONS[phase]:  # behind `verified` nothing is under way that could fail
            then = f"; {error.hint}" if error.hint else ""
            await self._move(phase, Phase.FAILED, f"{error.code}: {error.message}{then}")

    async def _move(self, before: Phase, after: Phase, reason: str = "") -> None:
        at = self._at()
        await self._database.write(
            lambda tx: migrations.move(tx, self._id, before, after, at=at, reason=reason)
        )
        self._on_event(PhaseChanged(self._id, before, after, reason))

    def _ranges(self) -> list[checkpoints.RangeRow]:
        return self._database.read(lambda tx: checkpoints.ranges(tx, self._id))

    def _at(self) -> str:
        return self._clock.now().isoformat()


def _planned(migration: Migration) -> MappingPlan:
    assert migration.mapping is not None, "the phase says that it is planned"
    return migration.mapping


def _shaped(migration: Migration) -> CollectionShape:
    assert migration.source_shape is not None, "the phase says that it is planned"
    return migration.source_shape
