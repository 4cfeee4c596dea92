"""The conductor of a migration with live writes: the same way, with the writes of the application all along it.

    preflight -> passthrough: every write is marked from here on, the target is not touched
    passthrough -> backfill: somebody said that all writers come through us, and what came before is visible
    backfill -> catch_up -> verified: as ever, while marks are paid
    verified -> cutting_over -> reversed: the target answers, and the source is owed what is written
    reversed -> verified (revert), or committed: nothing is owed any more, and there is no way back

Which side is the primary says one row of the state file and nothing else: a process that dies anywhere in a swap finds
the phase that the row stands for when it starts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from vectormigrate.model.comparing import FINAL_SAMPLE
from vectormigrate.model.errors import GateRefused, StateFull, StoreError
from vectormigrate.model.events import PhaseChanged, PrimaryChanged, Warned
from vectormigrate.model.phase import Phase
from vectormigrate.model.points import reached
from vectormigrate.model.specification import Mode
from vectormigrate.model.status import RollbackReport, SwapReport, ValidationReport
from vectormigrate.state import journal, migrations, roles, scopes, waivers
from vectormigrate.state.migrations import Migration
from vectormigrate.state.roles import Side

from .backfill.coordinator import CopyCoordinator
from .conditions import measure
from .cutover.gate import Gate, Limits, gates, statuses
from .cutover.watch import Watch
from .drift import Drift
from .live import Live
from .migration import Conductor
from .quarantine import waiting
from .repair import mark_held
from .swap import Swap
from .validate.run import Validation

_LOOK = 0.2
"""Seconds between two looks at how much is owed."""
_MENDING = frozenset({Phase.CATCH_UP, Phase.VERIFIED, Phase.REVERSED})
_TAILS = 2
"""So often records behind the last key are looked for: new ones keep coming, and are marked."""


class OnlineConductor(Conductor):
    """One migration in a daemon. `live` is there from the end of preflight to the end of the migration."""

    _behind_preflight = Phase.PASSTHROUGH

    def __init__(
        self,
        *args: Any,
        on_live: Callable[[Live | None], None],
        visibility: float,
        limits: Limits = Limits(),  # noqa: B008 frozen
        free_bytes: Callable[[], int] = lambda: 2**63,
        **kwargs: Any,
    ) -> None:
        """`on_live` is told when requests have a lane to go by, and (None) when they need it no more."""
        super().__init__(*args, **kwargs)
        self._on_live = on_live
        self._visibility = visibility
        self._limits = limits
        self._free_bytes = free_bytes
        self._tails = 0
        self._swapping = False
        self._attested = asyncio.Event()
        self._seen_at = self._clock.monotonic()
        """From then on a scan sees every write that was sent before we were vouched for."""
        self.live: Live | None = None
        self.overlap: Callable[[], float | None] = lambda: None
        """Mean overlap of shadow reads so far."""
        self.on_look: Callable[[], Awaitable[None]] = _nothing
        """Called whenever the two sides are looked at for what came past us."""
        self.allowed: Callable[[str, str], Awaitable[None]] = _anything
        """Asked before a "cutover" or "revert" of a migration, behind the gates. Raises GateRefused where somebody forbids it."""
        self._drift = Drift(self._clock)
        self.watch = Watch(self._id, self._database, self._clock, self._on_event)
        self._altered: Sequence[str] = ()
        """What the source had at the last look that the plan does not know."""

    async def open(self) -> None:
        """Take up the migration where an earlier process left it, before the first request is let in."""
        migration = self.migration
        if migration.phase is Phase.CUTTING_OVER:
            with suppress(StateFull):  # it is decided when the file takes it
                await self._decide(migration)
        if migration.mapping is not None and migration.phase not in (Phase.ROLLED_BACK, Phase.ABORTED):
            await self._go_live()

    async def _decide(self, migration: Migration) -> None:
        """A swap was interrupted: the row says whether it happened."""
        primary = self._database.read(lambda tx: roles.get(tx, migration.id)).primary
        landed = Phase.VERIFIED if primary is Side.SOURCE else Phase.REVERSED
        await self._move(Phase.CUTTING_OVER, landed, "a swap of roles was interrupted")

    def again(self) -> None:
        """May be run again after a stop."""
        self._stopping.clear()

    async def rest(self) -> None:
        """Pause: nothing is copied, compared or paid; marks go on. Raises IllegalTransition where nothing rests."""
        phase = self.migration.phase
        if phase not in (Phase.PAUSED, Phase.FAILED):
            await self._move(phase, Phase.PAUSED)

    async def _go_live(self) -> Live:
        migration = self.migration
        live = self._lively(migration)
        self.throttle.felt.backlog, self.throttle.felt.lag = live.backlog, live.lag
        live.open()
        live.follow(migration.phase, migration.resume_phase)
        self.live = live
        self._on_live(live)
        return live

    async def _move(self, before: Phase, after: Phase, reason: str = "") -> None:
        await super()._move(before, after, reason)
        self._follow()

    def _follow(self) -> None:
        if self.live is None:
            return
        migration = self.migration
        self.live.follow(migration.phase, migration.resume_phase)
        if migration.phase in (Phase.ROLLED_BACK, Phase.ABORTED):
            self._on_live(None)

    # The way there.

    async def _interrupted(self) -> None:
        """The journal knows what changed meanwhile."""

    async def _step(self, phase: Phase) -> bool:
        if phase not in (Phase.CREATED, Phase.PREFLIGHT) and self.live is None:
            await self._go_live()
        match phase:
            case Phase.PASSTHROUGH:
                await self._passthrough()
            case Phase.VERIFIED | Phase.CUTTING_OVER | Phase.REVERSED:
                await self._tend()
            case _:
                return await super()._step(phase)
        return True

    async def _tend(self) -> None:
        """Nothing to carry over: compare when something happened that no mark tells of, and wait for a command."""
        if self.migration.phase is Phase.CUTTING_OVER:
            if not self._swapping:
                await self._decide(self.migration)  # the way back of an attempt was barred by the state file
        else:
            try:
                if self._uncompared():
                    await self._compare()
                elif self._drift.due():
                    await self._look()
                await self.watch.look(self.gates)
            except StoreError as error:
                self._on_event(Warned(self._id, f"both sides could not be looked at: {error.message}"))
        await self._pause(_LOOK)

    async def attest(self, by: str, *, dry_run: bool = False) -> None:
        """Somebody vouches that every writer comes through us from now on. Raises GateRefused where that says nothing."""
        self.check_onward()
        if self.migration.specification.mode is Mode.CAPTURED:
            raise GateRefused(
                f"nobody has to vouch for the writers of {self._id!r}: its source notes every change"
            )
        if dry_run:
            return
        at = self._at()
        await self._database.write(lambda tx: roles.attest(tx, self._id, at=at, by=by))
        self._attested.set()

    async def _passthrough(self) -> None:
        """Wait for the word, or for the capture, then until every write before it is seen by a scan, or never will be."""
        if self.migration.specification.mode is Mode.CAPTURED:
            await self._captured()
        elif self._database.read(lambda tx: roles.get(tx, self._id)).attested_at is None:
            while not (self._attested.is_set() or self._stopping.is_set()):
                await self._pause(_LOOK)
        if self._stopping.is_set():
            return
        wait = self.migration.specification.quarantine + self._visibility
        self._seen_at = self._clock.monotonic() + wait
        self._on_event(Warned(self._id, f"the backfill waits {_before(wait)}"))
        await self._pause(wait)
        if not self._stopping.is_set():
            await self._move(Phase.PASSTHROUGH, Phase.BACKFILL)

    @property
    def waiting(self) -> str:
        """What takes its time before anything goes on, and how long; empty when nothing does."""
        if self.migration.phase is Phase.PASSTHROUGH:
            left = self._seen_at - self._clock.monotonic()
            return f"the backfill waits {_before(left)}" if left > 0 else ""
        left = self.quarantine.left
        return waiting(left) if left > 0 else ""

    async def _captured(self) -> None:
        """What the source noted before the first page is read needs no comparison: the scan sees it."""
        intake = self._lane_of().intake
        assert intake is not None, "a captured migration has a capture"
        problems = await intake.problems()
        if problems:
            raise GateRefused(
                f"changes of the source may pass unseen: {problems[0]}",
                hint=f"`vectormigrate capture install {self._id}`, then `vectormigrate resume {self._id}`",
            )
        while intake.behind and not self._stopping.is_set():
            await self._pause(_LOOK)
        up_to = self._database.read(scopes.last_number)
        await self._database.write(lambda tx: scopes.compared(tx, self._id, up_to))

    def _coordinator(self, total: int, **_: Any) -> CopyCoordinator:
        return super()._coordinator(total, covers=self._lane_of().covers, visibility=self._visibility)

    def _lane_of(self) -> Live:
        if self.live is None:  # an operator was quicker than the step behind the plan
            raise GateRefused(f"migration {self._id!r} is just being planned", hint="ask again in a moment")
        return self.live

    async def _backfill(self) -> None:
        await self._lapse()
        await super()._backfill()
        if self.migration.phase is Phase.CATCH_UP:
            await self._database.write(lambda tx: journal.forget_ahead(tx, self._id))

    async def _lapse(self) -> None:
        """Pages of an earlier run block no clears any more, once none of their requests can land."""
        await self.quarantine.wait(self._stopping)
        if not self._stopping.is_set():
            self._lane_of().covers.clear()

    async def _catch_up(self) -> None:
        live = self._lane_of()
        reached("backfill.tail")
        self._tails += 1
        if self._tails <= _TAILS and await self._tail_grew():
            await self._move(Phase.CATCH_UP, Phase.BACKFILL, "records were added behind the last key")
            return
        migration = self.migration
        assert migration.mapping is not None
        await self._finish_load(migration.mapping)
        await self._lapse()
        if not self._stopping.is_set() and self._uncompared():
            await self._compare()
        await self._pay_down(live)
        if not self._stopping.is_set():
            await self._judge_live()

    def _uncompared(self) -> bool:
        """Whether something changed that no mark tells of."""
        return self._owed() or self._lane_of().gap or self.migration.needs_reconcile

    def _owed(self) -> bool:
        """Whether something was asked for whose extent is not known."""
        return any(
            one.state == "owed" for one in self._database.read(lambda tx: scopes.standing(tx, self._id))
        )

    async def _compare(self) -> None:
        """Compare both sides whole, mark what differs, and count what was owed to it as compared.

        What is absent may rightly be so where a request that names no ids, or one without a mark, may have removed it, also what
        is marked already. Where counts led here, or a comparison, it may be a shard that is away: such deletes are guarded.
        """
        live = self._lane_of()
        await live.calm(self._stopping)
        up_to = self._database.read(scopes.last_number)
        asked = self._owed()
        gap = live.close_gap()
        done = False
        try:
            if asked or gap:
                await live.scheduler.believe()
            await self._reconcile(self.migration, "reconcile" if asked or gap else "finding")
            if not self._stopping.is_set():
                await self._database.write(lambda tx: scopes.compared(tx, self._id, up_to))
                done = True
        finally:
            if not done:
                live.reopen_gap(gap=gap)
        if done:
            await live.end_gap()
            live.look()

    async def _pay_down(self, live: Live) -> None:
        """Wait until so little is owed that a drain could pay it."""
        while not self._stopping.is_set() and (
            live.scheduler.breaker.open
            or live.debt - self._dead() > self._limits.debt
            or live.lag() > self._limits.oldest
        ):
            await self._pause(_LOOK)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    def _dead(self) -> int:
        return self._database.read(lambda tx: journal.refused(tx, self._id))

    async def _judge_live(self) -> None:
        with self._unless_stopped():
            report = await self.validate(sample_size=FINAL_SAMPLE, full=not self._limits.sampled, seed=0)
            if report.ok:
                await self._move(Phase.CATCH_UP, Phase.VERIFIED, report.statement)
                return
            await self._database.write(lambda tx: migrations.set_needs_reconcile(tx, self._id, True))

    async def _compared(self, report: ValidationReport) -> None:
        """Mark what differs, once everything is copied: so it is copied anew."""
        plan = self.migration.mapping
        if plan is not None and not report.ok and self.migration.phase in _MENDING:
            await self._database.write(lambda tx: mark_held(tx, self._session, self._id, plan, at=self._at()))
            self._lane_of().look()

    def _validation(self, migration: Migration, **_: Any) -> Validation:
        live = self._lane_of()
        quiet = max(self._visibility, _LOOK)
        return super()._validation(migration, writing=live.unquiet, settling=quiet, moving=live.moving)

    async def _look(self) -> None:
        """Whether somebody wrote past us, or a side was emptied under us: counts that differ twice while nothing is owed."""
        await self.on_look()
        await self._look_at_shape()
        if not self._works.comparing:  # else what was found is looked at again as it is
            async with self._works.compare(validation := self._validation(self.migration)):
                await validation.again()
        live = self._lane_of()
        quiet, lane = not live.busy(), live.lane
        primary, secondary = [await one.count(lane.ends.collection) for one in (lane.primary, lane.secondary)]
        if abs(primary - secondary) <= self._database.read(lambda tx: waivers.count(tx, self._id)):
            secondary = primary  # as far as somebody goes without
        if quiet and not live.busy() and self._drift.differ(primary, secondary):
            why = f"{primary:,} records on one side and {secondary:,} on the other, and nobody wrote"
            self._on_event(Warned(self._id, why))
            await self._database.write(lambda tx: migrations.set_needs_reconcile(tx, self._id, True))

    async def _look_at_shape(self) -> None:
        """Whether somebody gave the source a field or a vector that the plan does not know: the copy would lack it."""
        if self._lane_of().lane.role.primary is not Side.SOURCE:
            return
        planned = self.migration.source_shape
        assert planned is not None, "a lane has a plan"
        self._altered = planned.altered(await self._source.describe(planned.name))

    # Who answers.

    async def gates(self, *, no_way_back: bool = False) -> list[Gate]:
        """The conditions of a swap, as they are now."""
        plan = self.migration.mapping
        assert plan is not None, "a lane has a plan"
        found = await measure(
            self._database,
            self._id,
            self._lane_of(),
            plan,
            self._clock,
            sampled=self._limits.sampled,
            overlap=self.overlap(),
            altered=self._altered,
            uncompared=self.migration.needs_reconcile,
            no_way_back=no_way_back,
            free_bytes=self._free_bytes(),
        )
        return gates(found, self._limits)

    async def cutover(self, *, dry_run: bool = False, no_way_back: bool = False) -> SwapReport:
        """Let the target answer. Raises GateRefused, with every closed gate, and when it could not be done in time.

        Where the source notes its changes itself, the application has stopped writing to it and is pointed to the target
        by whoever asks for this: there is no way back, and it is committed at once.
        """
        report = await self._swap(Phase.VERIFIED, Phase.REVERSED, dry_run=dry_run, no_way_back=no_way_back)
        if not dry_run and self._lane_of().intake is not None:
            await self.commit()
        return report

    async def revert(self, *, dry_run: bool = False) -> SwapReport:
        """Let the source answer again."""
        return await self._swap(Phase.REVERSED, Phase.VERIFIED, dry_run=dry_run, no_way_back=False)

    async def _swap(self, before: Phase, after: Phase, *, dry_run: bool, no_way_back: bool) -> SwapReport:
        self._expect(before)
        live = self._lane_of()
        if self._swapping:
            raise GateRefused(f"the roles of {self._id!r} are being swapped already")
        if dry_run:
            found = await self._fresh_gates(no_way_back)
            passable = all(gate.open for gate in found)
            return SwapReport(self._id, True, live.lane.role.primary.value, passable, None, statuses(found))
        self._swapping = True  # from here on: much is waited for before the phase tells
        try:
            found = await self._fresh_gates(no_way_back)
            self._check_open(found)
            await self.allowed("cutover" if after is Phase.REVERSED else "revert", self._id)
            held = await Swap(self._database, self._id, live, self._clock, self._move, before, after).run()
        finally:
            self._swapping = False
        reached("swap.told")
        self._on_event(PhaseChanged(self._id, Phase.CUTTING_OVER, after))
        self._on_event(PrimaryChanged(self._id, live.lane.role.primary.value, held * 1000))
        return SwapReport(self._id, False, live.lane.role.primary.value, True, held * 1000, statuses(found))

    async def _fresh_gates(self, no_way_back: bool) -> list[Gate]:
        with suppress(StoreError):  # a source that is down has what it had
            await self._look_at_shape()
        return await self.gates(no_way_back=no_way_back)

    def _check_open(self, found: Sequence[Gate]) -> None:
        """Raise GateRefused with every closed gate."""
        closed = [gate for gate in found if not gate.open]
        if closed:
            one_way = any(gate.name == "way back" for gate in closed)
            accepts = "; --no-way-back accepts that there is none" if one_way else ""
            raise GateRefused(
                "not yet: " + "; ".join(f"{gate.name}: {gate.reason}" for gate in closed),
                hint=f"`vectormigrate gates {self._id}` shows all of them; try again when they are open{accepts}",
            )

    async def commit(self, *, dry_run: bool = False) -> None:
        """Give up the way back: the source is owed nothing any more."""
        self._expect(Phase.REVERSED)
        if dry_run:
            return
        reached("commit.asked")
        live = self._lane_of()
        live.scheduler.paused = True
        try:
            await live.idle()  # nothing of ours is sent to the source any more
            await self._move(Phase.REVERSED, Phase.COMMITTED)
        finally:
            self._follow()
        reached("commit.done")

    def _expect(self, *phases: Phase) -> None:
        held = self.migration.phase
        if held not in phases:
            raise GateRefused(
                f"migration {self._id!r} is in phase {held}, not {' or '.join(phases)}",
                hint=f"`vectormigrate status {self._id}` says what can be done now",
            )

    async def set_reads(self, share: float, *, dry_run: bool = False) -> None:
        """Let the secondary, now that it holds everything, answer this share of the reads, until the roles are swapped."""
        if self.migration.specification.mode is Mode.CAPTURED:
            raise GateRefused(
                f"no reads of {self._id!r} come through the daemon: its source notes its changes itself"
            )
        self._expect(Phase.VERIFIED, Phase.REVERSED)
        if dry_run:
            return
        await self._database.write(lambda tx: roles.set_reads(tx, self._id, share))
        lane = self._lane_of().lane
        lane.role = replace(lane.role, reads=share)

    # The way back.

    async def rollback(self, *, dry_run: bool, remove_unknown: bool) -> RollbackReport:
        live = self.live
        if live is not None and live.lane.role.primary is Side.TARGET:
            over = self.migration.phase is Phase.COMMITTED
            raise GateRefused(
                f"the target answers the application of {self._id!r}: taking its records away would lose them",
                hint="" if over else f"`vectormigrate revert {self._id}` first",
            )
        # Whoever writes comes through us, so what was not there before us is ours, whatever the source lost meanwhile.
        return await super().rollback(dry_run=dry_run, remove_unknown=True)

    async def _begin_rollback(self, migration: Migration) -> None:
        if migration.phase is not Phase.ROLLING_BACK:
            await self._move(migration.phase, Phase.ROLLING_BACK)
        reached("rollback.begun")
        if self.live is not None:
            await self.live.idle()
            if self.live.lane.ledger.unresolved:
                self.quarantine.begin()
        await super()._begin_rollback(self.migration)
        reached("rollback.quiet")


async def _anything(step: str, migration_id: str) -> None:
    """Nobody is asked."""


async def _nothing() -> None:
    """Nobody wants to know."""


def _before(seconds: float) -> str:
    return f"{seconds:.0f} s until a write that was sent past the daemon before can no longer arrive (--quarantine)"
