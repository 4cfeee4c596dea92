"""One migration's way for writes: past the fence, the mark, the send, the release. Both roles, and who has which.

`writing` is the order of correctness.md C.4: register in memory, mark durably, then let the request leave; no lock is
held and the answer is the primary's alone. From the mark on the handler may die at any await. A cutover holds writes
at the fence, which is before the register; where a write goes is decided behind it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from vectormigrate.model.batch import Batch
from vectormigrate.model.clock import Clock
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.errors import (
    StoreDown,
    Unresolved,
    VectormigrateError,
)
from vectormigrate.model.events import Event
from vectormigrate.model.points import reached
from vectormigrate.model.record import RecordId
from vectormigrate.model.selection import EVERYTHING, Selection
from vectormigrate.model.touch import Touch
from vectormigrate.state.database import Database
from vectormigrate.state.gap import GapFlag
from vectormigrate.state.roles import Role, Side
from vectormigrate.state.sessions import Session
from vectormigrate.stores.base import Store
from vectormigrate.stores.front import Access, Outcome
from vectormigrate.stores.raw import Upstream

from .fence import Fence
from .ledger import Hint, Ledger
from .marker import Marker, Noted
from .position import SOMEWHERE, furthest
from .scopes import Scopes, by_id
from .terms import Guards, Terms


@dataclass(slots=True)
class Ends:
    """Both databases as the application's collection: each speaks the source's names, ids and values."""

    source: Store
    target: Store
    collection: str
    shape: CollectionShape
    upstream: Upstream | None = None
    """The source's own server, for requests that pass through as they are."""
    selection: Selection = EVERYTHING
    """Which records of the source the target is to have."""

    def side(self, side: Side) -> Store:
        return self.source if side is Side.SOURCE else self.target


class Pass:
    """One write of one migration that may leave now."""

    def __init__(self, lane: Lane, access: Access, generation: int) -> None:
        self.access = access
        self.outcome = Outcome.ANSWERED
        self.noted = Noted(generation)
        self._lane = lane
        self._hint: Hint | None = None
        unnamed = lane.scopes.blocking or lane.marker.unmarked  # and so may be what left without its marks
        self._scopes = -1 if unnamed else lane.scopes.raised
        self._marking = lane.marking

    @property
    def timeout(self) -> float | None:
        """Seconds that it may take, if it is marked."""
        return self._lane.write_timeout if self._marking else None

    def answered(self, outcome: Outcome, position: str) -> None:
        self.outcome = outcome
        at = position or (SOMEWHERE if outcome is Outcome.LATE else "")
        if at:
            self._lane.position = furthest(self._lane.position, at)
        self._lane.late += outcome is Outcome.LATE

    async def named(self, ids: Sequence[RecordId]) -> None:
        if self._marking:
            await self._lane.marker.named(self.noted, ids)

    def hint(self, records: Callable[[], Batch], size: int) -> None:
        if self._lane.paying:
            self._hint = Hint(records, size, self._scopes)

    def settle(self) -> Hint | None:
        """The hint, if what came of the write allows it.

        None if a scope intent stood meanwhile: its request may have reached the primary behind this write.
        """
        alone = self._scopes == self._lane.scopes.raised
        return self._hint if alone and self.outcome is Outcome.ANSWERED else None


class Lane:
    """Writes to one collection under migration."""

    def __init__(
        self,
        database: Database,
        session: Session,
        migration_id: str,
        ends: Ends,
        role: Role,
        ledger: Ledger,
        scopes: Scopes,
        clock: Clock,
        terms: Terms,
        guards: Guards,
        gap: GapFlag,
        on_mark: Callable[[], None],
        on_event: Callable[[Event], None],
    ) -> None:
        """`on_mark` is called when something may have become due."""
        self._session = session
        self.ends = ends
        self.role = role
        self.ledger = ledger
        self.scopes = scopes
        self._clock = clock
        self._terms = terms
        self._guards = guards
        self._on_mark = on_mark
        self.marker = Marker(
            database,
            session,
            migration_id,
            ends.collection,
            lambda: self.primary,
            ledger,
            scopes,
            clock,
            terms,
            guards,
            gap,
            on_event,
        )
        self.marking = True
        """Off before the first phase that marks, and behind the last: writes pass without."""
        self.paying = True
        """Replays run: what a write brought may be of use to them, and is kept."""
        self.copying = True
        """Records are being carried over: the collection's shape must stay."""
        self.position = ""
        """The primary's own word for where it stands behind the last write that no barrier has passed yet."""
        self.late = 0
        """How many writes it answered before it applied them."""
        self.whole = False
        """The secondary lacks nothing but what is owed: it may be asked."""
        self.fence = Fence(ends.collection, terms, guards)

    @property
    def epoch(self) -> int:
        """Of the marks that this process makes."""
        return self._session.epoch

    @property
    def primary(self) -> Store:
        return self.ends.side(self.role.primary)

    @property
    def secondary(self) -> Store:
        return self.ends.side(self.role.primary.other)

    @property
    def write_timeout(self) -> float:
        """Seconds that a marked write may take."""
        return self._terms.write_timeout

    @property
    def read_share(self) -> float:
        """Share of the reads that the secondary answers now, 0 to 1."""
        return self.role.reads if self.whole else 0.0

    def access(self, side: Side) -> Access:
        """How requests reach a side."""
        if side is Side.SOURCE and self.ends.upstream is not None:
            return Access(upstream=self.ends.upstream, shape=self.ends.shape)
        return Access(store=self.ends.side(side), shape=self.ends.shape)

    # A write.

    @asynccontextmanager
    async def writing(self, touches: Sequence[Touch], size: int) -> AsyncIterator[Pass]:
        """Hold at the fence, mark what the request touches, and let it leave inside the block."""
        await self.fence.enter(size)
        try:
            for touch in touches:
                self.scopes.check(touch, copying=self.copying)
            async with self._marked(tuple(touches)) as passing:
                yield passing
        finally:
            self.fence.leave()

    @asynccontextmanager
    async def _marked(self, touches: tuple[Touch, ...]) -> AsyncIterator[Pass]:
        passing = Pass(self, self.access(self.role.primary), self._session.next_sequence())
        if not self.marking:
            yield passing
            return
        ids, removes = by_id(touches)
        removes = removes or self.scopes.removing  # what it writes may be gone before anybody looks, rightly
        passing.noted.entries = self.ledger.register(ids, passing.noted.generation, removes=removes)
        left = False
        try:
            reached("write.registered")
            await self.marker.note(passing.noted, touches, removes=removes)
            left = True
            reached("write.marked")
            yield passing
            reached("write.releasing")
        except BaseException as error:
            if left and not _definite(error):
                passing.outcome = Outcome.UNRESOLVED
            elif not self._guards.only_replay_clears:
                await self.marker.unmark(passing.noted.entries)
            raise
        finally:
            await self._release(passing, answered=left)
            reached("write.released")

    async def note(self, ids: Sequence[RecordId], *, everything: bool) -> None:
        """The primary says that these changed; returns when they are marked. `everything`: it cannot say what else did.

        Raises StateError when they cannot be marked.
        """
        if not self.marking:
            return
        if everything:
            await self.scopes.suspect("the source cannot say what changed")
        generation = self._session.next_sequence()
        entries = self.ledger.register(ids, generation, removes=True)
        try:
            await self.marker.mark(entries, generation, "delete")
        finally:
            self.ledger.release(entries, unresolved=False, late=0.0)
            self._on_mark()

    async def _release(self, passing: Pass, *, answered: bool) -> None:
        noted = passing.noted
        unresolved = answered and passing.outcome is Outcome.UNRESOLVED
        hint = passing.settle()
        if hint is not None:
            self.ledger.hint(noted.entries, hint, noted.generation)
        late = self._terms.visibility if passing.outcome is Outcome.LATE else 0.0
        self.ledger.release(noted.entries, unresolved=unresolved, late=late)
        if noted.unmarked:
            self.marker.unmarked -= 1
            # Of its ids, perhaps none is known, and a comparison that closes the gap must see what it did.
            wait = self._terms.visibility + (self._terms.quarantine if unresolved else 0.0)
            self.ledger.quiet_after = max(self.ledger.quiet_after, self._clock.monotonic() + wait)
        self._on_mark()
        for number in noted.tokens:
            await self.scopes.end(number, unresolved=unresolved)


def _definite(error: BaseException) -> bool:
    """Whether it says that the request was not applied. What nobody foresaw says nothing."""
    return isinstance(error, VectormigrateError) and not isinstance(error, Unresolved | StoreDown)
