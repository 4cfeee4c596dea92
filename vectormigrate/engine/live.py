"""What of a migration runs for as long as the daemon does: its lane, its scheduler, its capture. Beside the conductor, who
moves it from phase to phase and tells this what the phase allows.

From passthrough on every write is marked; from the backfill on marks are paid, in whichever direction the primary says.
Pausing stops paying, never marking.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

from vectormigrate.model.clock import Clock
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.events import Event, GapOpened, Warned
from vectormigrate.model.mapping import MappingPlan
from vectormigrate.model.phase import Phase
from vectormigrate.model.record import RecordId, id_text, parse_id
from vectormigrate.model.specification import Specification
from vectormigrate.state import journal, roles, waivers
from vectormigrate.state.database import Database
from vectormigrate.state.gap import GapFlag
from vectormigrate.state.roles import Side
from vectormigrate.state.sessions import Session
from vectormigrate.stores.base import Store
from vectormigrate.stores.capture import Capture
from vectormigrate.stores.raw import Upstream
from vectormigrate.stores.surrogate import keyed

from .backfill.covers import Covers
from .dualwrite.aside import Aside, Here
from .dualwrite.intake import Intake
from .dualwrite.lane import Ends, Lane
from .dualwrite.ledger import Ledger
from .dualwrite.scheduler import Scheduler
from .dualwrite.scopes import Scopes
from .dualwrite.terms import Guards, Terms
from .dualwrite.view import TargetView
from .quarantine import waiting

_MARKING = frozenset(Phase) - {
    Phase.CREATED,
    Phase.PREFLIGHT,
    Phase.COMMITTED,
    Phase.ROLLED_BACK,
    Phase.ABORTED,
}
_PAYING = frozenset({Phase.BACKFILL, Phase.CATCH_UP, Phase.VERIFIED, Phase.CUTTING_OVER, Phase.REVERSED})
_WHOLE = frozenset({Phase.VERIFIED, Phase.CUTTING_OVER, Phase.REVERSED})
"""Phases in which both sides hold everything but what is owed: before, behind the last of them and on the way back, what the
secondary answers is wrong.
"""
_LOW = 2
"""Replays that a swap may still have to do while writes are held, at most."""
_FEW = 20
"""Marks that it is to find then, if replays that are hurried along get that far."""
_HURRY = 0.5
"""Seconds that they have for it."""
_OLDEST = 200
"""Marks among which the one that waits longest is looked for."""
_UNSURE = 100_000
"""Ids of writes of an earlier process that are told apart."""
_SETTLING = 0.005
"""Seconds between two looks at whether everything is paid."""


class Live:
    """One migration with live writes, planned."""

    def __init__(
        self,
        database: Database,
        session: Session,
        specification: Specification,
        source: Store,
        target: Store,
        shape: CollectionShape,
        plan: MappingPlan,
        clock: Clock,
        on_event: Callable[[Event], None],
        gap: GapFlag,
        *,
        upstream: Upstream | None = None,
        capture: Capture | None = None,
        terms: Terms = Terms(),  # noqa: B008 frozen
        guards: Guards = Guards(),  # noqa: B008 frozen
        backfilling: Callable[[], bool] = lambda: False,
        aside: Aside | None = None,
    ) -> None:
        """`capture` is what notes changes where no requests pass; `backfilling` says whether ranges are still to be copied;
        `aside` does what takes long without holding up requests; None: it is done here, and holds them up.
        """
        self._database = database
        self._id = specification.id
        self._clock = clock
        self.terms = terms
        self.guards = guards
        self._gap = gap
        self.gap = specification.id in gap.read()
        """Writes left without a mark, and both sides were not compared since."""
        # A session without a row may have come between, and its end is not known: the gap stands for it.
        self._clean = session.clean_before and not self.gap
        self._recorded = session.recorded
        held = keyed(target, plan, shape.id)
        ledger = Ledger(terms, guards, clock.monotonic)
        view = TargetView(
            database, specification.id, held, shape, plan, specification.existing, ledger.may_land
        )
        self.scopes = Scopes(database, session, self._id, clock, terms, guards, self._unblock)
        role = database.read(lambda tx: roles.get(tx, self._id))
        self.lane = Lane(
            database,
            session,
            self._id,
            Ends(source, view, shape.name, shape, upstream, plan.selection),
            role,
            ledger,
            self.scopes,
            clock,
            terms,
            guards,
            gap,
            self._marked,
            self._told,
        )
        self._on_event = on_event
        self.intake = None if capture is None else Intake(self._id, capture, self.lane, on_event)
        self.covers = Covers(shape.id, source.key_of, self._unblock)
        self._aside = aside or Here(source)
        self.scheduler = Scheduler(
            database,
            self._id,
            self.lane,
            clock,
            self.covers.holds,
            on_event,
            ahead=backfilling,
            aside=self._aside,
        )

    def _told(self, event: Event) -> None:
        if isinstance(event, GapOpened):
            if self.gap:  # one line a gap, not one a write
                return
            self.gap = True
        self._on_event(event)

    def _marked(self) -> None:
        self.scheduler.marked()

    def _unblock(self) -> None:
        self.scheduler.unblock()

    def open(self) -> None:
        """Take up what an earlier process left. Before the first request is let in. Raises StateError when the state file
        takes nothing, and not even the flag for that can be raised.
        """
        if not self._recorded:
            self._told(GapOpened(self._id, "the state file took nothing when the daemon started"))
            self._gap.raise_for(self._id)
        now = self._clock.monotonic()
        strays = 0.0 if self._clean else self.terms.quarantine
        ledger = self.lane.ledger
        ledger.quiet_after = now + strays + self.terms.visibility  # what lands last is seen later still
        ledger.spilled = True
        for intent in self._database.read(lambda tx: journal.intents(tx, self._id)):
            if intent.standing:
                self.covers.open(intent.number, intent.lower, intent.upper)
        self.scopes.load(ledger.quiet_after)
        self._lead(ours_alone=self._clean)

    def _unsure(self) -> list[RecordId] | None:
        """Ids of which an earlier process may have left a write that lands yet; None where they are not known, or too many."""
        if self.gap or self.debt > _UNSURE:
            return None
        return [
            parse_id(mark.id)
            for mark in self._database.read(lambda tx: journal.marks(tx, self._id, "", _UNSURE))
        ]

    def _lead(self, *, ours_alone: bool = True) -> None:
        """Tell the target whether it answers now. `ours_alone`: nothing of an earlier process can land there."""
        leads = self.lane.role.primary is Side.TARGET
        unsure = self._unsure() if leads and not ours_alone else ()
        self.lane.ends.target.lead(self.terms.quarantine if leads else 0.0, unsure)

    def follow(self, phase: Phase, resting: Phase | None = None) -> None:
        """Do what this phase allows. `resting`: the phase that a pause or failure interrupted."""
        self.lane.marking = phase in _MARKING and resting not in (Phase.CREATED, Phase.PREFLIGHT)
        self.lane.copying = phase not in (Phase.COMMITTED, Phase.ROLLED_BACK, Phase.ABORTED)
        self.lane.whole = phase in _WHOLE
        self.lane.paying = phase in _PAYING
        self.scheduler.paused = not self.lane.paying
        self.scheduler.wake()
        if phase is Phase.COMMITTED and self.intake is not None:  # the source may be taken down now
            self.intake.stop()

    async def run(self) -> None:
        """Pay the journal, and take in what is captured, until stopped."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._aside.run())
            group.create_task(self.scheduler.run())
            if self.intake is not None:
                group.create_task(self.intake.run())

    def stop(self) -> None:
        """End `run` behind the replays under way."""
        self.scheduler.stop()
        self._aside.stop()
        if self.intake is not None:
            self.intake.stop()

    @property
    def debt(self) -> int:
        """Marks that stand, those of dead letters included."""
        return self._database.read(lambda tx: journal.debt(tx, self._id))

    @property
    def boot_quarantine(self) -> float:
        """Seconds for which no mark is cleared yet because a request of an earlier process may land."""
        return max(0.0, self.lane.ledger.quiet_after - self._clock.monotonic())

    async def backlog(self) -> int:
        """Records whose replay is due and has not begun."""
        if not self.scheduler.sweeping:
            return self.lane.ledger.overdue
        debt, refused = await self.counted()
        return debt - refused

    async def counted(self) -> tuple[int, int]:
        """The debt, and how many of its marks are dead letters; counted off the loop, for there may be millions. Behind a
        commit nothing is owed, and a mark that was on its way then says nothing.
        """
        if not self.lane.copying:
            return 0, 0
        return await self._database.aside(
            lambda tx: (journal.debt(tx, self._id), journal.refused(tx, self._id))
        )

    def owed(self) -> bool:
        """Whether anything is marked that was not refused for good."""
        return bool(self._database.read(lambda tx: journal.oldest(tx, self._id, None, 1)))

    async def low(self, *, within: float) -> bool:
        """Wait until so little is owed that paying it takes no time; False when that takes longer than so many seconds.
        What is paid before writes are held need not be paid while they are.
        """
        hurried_until = self._clock.monotonic() + _HURRY
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while True:
                    hurried = self._clock.monotonic() >= hurried_until
                    bearable = _LOW * self.terms.replay_batch if hurried else _FEW
                    if not self.lane.ledger.unresolved and self.debt <= bearable:
                        return True
                    await self._hurry()
        return False

    async def settled(self, *, within: float) -> bool:
        """Wait until nothing is owed, under way or unresolved; False when that takes longer than so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self.busy():
                    await self._hurry()
                return True
        return False

    async def _hurry(self) -> None:
        """Have what waits for company, or for the rate, replayed now, and look again a moment later: much of what is waited
        for comes with time alone, so there is no event to wait for.
        """
        self.scheduler.hasten(_SETTLING)
        await asyncio.sleep(_SETTLING)

    def calmed(self) -> None:
        """It is known that no request of an earlier process can land any more."""
        self.lane.ledger.quiet_after = self._clock.monotonic()

    async def paid(self, stopping: asyncio.Event, *, patience: int) -> None:
        """Return when nothing is owed that can be paid, or when asked to stop. Raises what the secondary answered, or the
        primary, after so many failures in a row and one more, or at once when a retry cannot help.
        """
        told = False
        while not stopping.is_set() and (self.busy() or self.scheduler.running):
            if self.lane.ledger.unresolved and not told:
                told = True
                self._on_event(Warned(self._id, waiting(self.terms.quarantine)))
            error, failures = self.scheduler.trouble
            if error is not None and (failures > patience or not error.retryable):
                raise error
            await asyncio.sleep(_SETTLING)

    def busy(self) -> bool:
        """Whether a write is in flight or unresolved, a mark unpaid, or an intent stands."""
        ledger = self.lane.ledger
        taking = self.intake is not None and self.intake.behind
        return bool(ledger.in_flight) or taking or ledger.unresolved or self.owed() or self.scopes.blocking

    @property
    def quiet(self) -> bool:
        """Whether no request of this process can still land: the next one need not wait for any."""
        return not (self.lane.ledger.unresolved or self.scopes.blocking)

    def recent(self, most: int) -> list[RecordId]:
        """Ids that were written last, but for those that somebody goes without."""
        last = list(self.lane.ledger.recent)[-most:]
        without = self._database.read(lambda tx: waivers.among(tx, self._id, {id_text(one) for one in last}))
        return [one for one in last if id_text(one) not in without]

    def unquiet(self, ids: Sequence[str]) -> set[str]:
        """Those source ids that are being written, or whose last write was not copied yet."""
        marked = self._database.read(lambda tx: journal.among(tx, self._id, ids))
        return marked | {text for text in ids if self.lane.ledger.get(parse_id(text)) is not None}

    def moving(self) -> Callable[[], int]:
        """Begin to count: what is returned says how many records, at most, one side may have come to hold more than the
        other since, or than itself; one that is written twice counts twice.
        """
        written = self.lane.marker.touched - self.debt
        return lambda: self.lane.marker.touched - written

    def lag(self) -> float:
        """How long the record that waits longest was not copied, in seconds; what is refused for good is left out. An id
        that is written all the time keeps its mark, and is copied all the same: it waits since its last copy.
        """
        if not self.lane.copying:
            return 0.0
        marks = self._database.read(lambda tx: journal.first_seen(tx, self._id, _OLDEST))
        return max((self._waited(one, at) for one, at in marks), default=0.0)

    def _waited(self, one: str, at: str) -> float:
        entry = self.lane.ledger.get(parse_id(one))
        if entry is not None and entry.copied:
            return self._clock.monotonic() - entry.since
        return (self._clock.now() - datetime.fromisoformat(at)).total_seconds()

    def look(self) -> None:
        """There are marks in the file that nobody queued."""
        self.lane.ledger.spilled = True
        self.scheduler.wake()

    def turned(self) -> None:
        """The roles are swapped: what was said of the other direction counts no more."""
        self.lane.position = ""
        self._lead()
        self.scheduler.turned()

    async def idle(self) -> None:
        """Wait until no replay is under way; none begins while the phase does not allow it."""
        while self.scheduler.running:  # noqa: ASYNC110 every replay ends soon, and this is asked once a rollback
            await asyncio.sleep(_SETTLING)

    async def calm(self, stopping: asyncio.Event) -> None:
        """Wait until no request that was never answered can still land, and none that left without a mark is under way."""
        while not stopping.is_set() and (
            self.lane.ledger.unresolved or self.lane.marker.unmarked or self.scopes.blocking
        ):
            await self.scopes.expire()
            await asyncio.sleep(_SETTLING)

    @property
    def gap_stands(self) -> bool:
        """Whether a gap is open, or a comparison that is to find what it left has not come to its end."""
        return self.gap or self._id in self._gap.read()

    def close_gap(self) -> bool:
        """A comparison begins that finds what the gap left; another gap opens it again. Returns whether there was one."""
        was, self.gap = self.gap, False
        return was

    async def end_gap(self) -> None:
        """That comparison is done, and there was no gap since it began."""
        if not self.gap:
            await self._gap.down(self._id)

    def reopen_gap(self, *, gap: bool) -> None:
        """That comparison came to no end."""
        self.gap = self.gap or gap
