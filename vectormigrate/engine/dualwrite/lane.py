"""One migration's way for writes: past the fence, the mark, the send, the release. Both roles, and who has which.

`writing` is the order of correctness.md C.4: register in memory, mark durably, then let the request leave; no lock is
held and the answer is the primary's alone. From the mark on the handler may die at any await. A cutover holds writes
at the fence, which is before the register; where a write goes is decided behind it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from vectormigrate.model.batch import Batch
from vectormigrate.model.clock import Clock
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.errors import (
    StateError,
    StoreDown,
    Unresolved,
    VectormigrateError,
)
from vectormigrate.model.events import Event, GapOpened
from vectormigrate.model.points import reached
from vectormigrate.model.record import RecordId, id_text
from vectormigrate.model.touch import Ids, Matching, Touch, Unknown, Unnamed, Whole
from vectormigrate.state import journal
from vectormigrate.state.database import Database, Transaction
from vectormigrate.state.gap import GapFlag
from vectormigrate.state.journal import Mark
from vectormigrate.state.roles import Role, Side
from vectormigrate.state.sessions import Session
from vectormigrate.stores.base import Store
from vectormigrate.stores.front import Access, Outcome
from vectormigrate.stores.raw import Upstream

from .fence import Fence
from .ledger import Entry, Hint, Ledger
from .scopes import Scopes, by_id
from .terms import Guards, Terms

SOMEWHERE = "0"
"""The position of a write that was accepted and not applied yet, where the primary does not say one."""


@dataclass(slots=True)
class Ends:
    """Both databases as the application's collection: each speaks the source's names, ids and values."""

    source: Store
    target: Store
    collection: str
    shape: CollectionShape
    upstream: Upstream | None = None
    """The source's own server, for requests that pass through as they are."""

    def side(self, side: Side) -> Store:
        return self.source if side is Side.SOURCE else self.target


class Pass:
    """One write of one migration that may leave now."""

    def __init__(self, lane: Lane, access: Access, generation: int) -> None:
        self.access = access
        self.outcome = Outcome.ANSWERED
        self.entries: list[Entry] = []
        self.generation = generation
        self._lane = lane
        self._hint: Hint | None = None
        self._scopes = -1 if lane.scopes.blocking else lane.scopes.raised
        self.tokens: list[int] = []
        """Scope intents of kinds that end with the request."""
        self.unmarked = False
        """It left without its marks: the gap stands for them."""
        self._marking = lane.marking

    def answered(self, outcome: Outcome, position: str) -> None:
        self.outcome = outcome
        at = position or (SOMEWHERE if outcome is Outcome.LATE else "")
        self._lane.position = furthest(self._lane.position, at)

    async def named(self, ids: Sequence[RecordId]) -> None:
        if self._marking:
            await self._lane.mark_named(self, ids)

    def hint(self, records: Callable[[], Batch], size: int) -> None:
        self._hint = Hint(records, size)

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
        self._database = database
        self._session = session
        self._id = migration_id
        self.ends = ends
        self.role = role
        self.ledger = ledger
        self.scopes = scopes
        self._clock = clock
        self._terms = terms
        self._guards = guards
        self._gap = gap
        self._on_mark = on_mark
        self._on_event = on_event
        self.marking = True
        """Off before the first phase that marks, and behind the last: writes pass without."""
        self.copying = True
        """Records are being carried over: the collection's shape must stay."""
        self.marks: Counter[str] = Counter()
        """Marks made durable since the process started, by reason."""
        self.marks_skipped = 0
        """Writes to ids whose mark was durable already."""
        self.unmarked = 0
        """Writes that left without their marks and are not answered yet."""
        self.position = ""
        """The primary's own word for where it stands behind the last write that no barrier has passed yet."""
        self.read_share = 0.0
        self.fence = Fence(ends.collection, terms, guards)

    @property
    def primary(self) -> Store:
        return self.ends.side(self.role.primary)

    @property
    def secondary(self) -> Store:
        return self.ends.side(self.role.primary.other)

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
        removes = (
            removes or self.scopes.removing
        )  # what it writes may be gone before anybody looks, and rightly
        passing.entries = self.ledger.register(ids, passing.generation, removes=removes)
        left = False
        try:
            reached("write.registered")
            await self._journal(passing, touches, removes=removes)
            left = True
            reached("write.marked")
            yield passing
            reached("write.releasing")
        except BaseException as error:
            if left and not _definite(error):
                passing.outcome = Outcome.UNRESOLVED
            elif not self._guards.only_replay_clears:
                await self._unmark(passing.entries)
            raise
        finally:
            await self._release(passing, answered=left)
            reached("write.released")

    async def _journal(self, passing: Pass, touches: tuple[Touch, ...], *, removes: bool) -> None:
        wide = [touch for touch in touches if not isinstance(touch, Ids)]
        try:
            async with asyncio.timeout(self._terms.mark_limit if not wide else None):
                await self.mark(passing.entries, passing.generation, "delete" if removes else "write")
                for touch in wide:
                    await self._begin_wide(passing, touch)
        except (StateError, TimeoutError) as error:
            if self._terms.fail_closed:
                raise StateError("the write cannot be marked: the state file does not take it") from error
            self._open_gap(str(error) or "a mark took too long")
            passing.unmarked = True
            self.unmarked += 1

    def _open_gap(self, why: str) -> None:
        self._on_event(GapOpened(self._id, why))
        try:
            self._gap.raise_for(self._id)
        except OSError as error:
            raise StateError("the write can neither be marked nor flagged: nothing was sent") from error

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
            await self.mark(entries, generation, "delete")
        finally:
            self.ledger.release(entries, unresolved=False, late=0.0)
            self.ledger.trim()
            self._on_mark()

    async def mark(self, entries: Sequence[Entry], generation: int, reason: str) -> None:
        """Return when the marks of these ids are durable. Those that are already need no write, unless they must say from
        now on that an absence is meant.
        """
        removes = reason in journal.MEANT
        wanting = [entry for entry in entries if entry.row is None or (removes and not entry.meant)]
        self.marks_skipped += len(entries) - len(wanting)
        if not wanting or not self._guards.mark_first:
            return
        row = (self._session.epoch, generation)
        texts = [id_text(entry.id) for entry in wanting]
        at = self._clock.now().isoformat()
        meant = await self._database.write(lambda tx: self._mark(tx, texts, generation, reason, at))
        self.ledger.mark(wanting, row)
        self.marks[reason] += len(wanting)
        for entry, text in zip(wanting, texts, strict=True):
            entry.meant = text in meant
            entry.removed = entry.removed or entry.meant  # by an earlier process

    def _mark(self, tx: Transaction, texts: list[str], generation: int, reason: str, at: str) -> set[str]:
        return journal.mark(
            tx, self._id, texts, epoch=self._session.epoch, sequence=generation, reason=reason, at=at
        )

    async def _unmark(self, entries: Sequence[Entry]) -> None:
        """What a definite refusal must not do; here for the simulation to show why."""
        marks = [Mark(id_text(entry.id), *entry.row) for entry in entries if entry.row is not None]
        for entry in entries:
            entry.row = None
        await self._database.write(lambda tx: journal.clear(tx, self._id, marks))

    async def _begin_wide(self, passing: Pass, touch: Touch) -> None:
        assert not isinstance(touch, Ids)
        number = await self.scopes.begin(touch)
        passing.tokens.append(number)
        reached("scope.registered")
        match touch:
            case Matching():
                await self._resolve(passing, number, touch)
            case Unnamed():
                await self.scopes.forward(number)
            case Whole(scope):
                await self.scopes.owe(number, scope.value)
            case Unknown(what):
                await self.scopes.owe(number, what)

    async def _resolve(self, passing: Pass, number: int, touch: Matching) -> None:
        if not self._guards.enumerate_first:
            await self.scopes.forward(number)
            return
        found = await self.scopes.matching(self.primary, self.ends.collection, touch)
        unseen = self.ledger.unseen()
        if found is None or unseen is None:
            await self.scopes.owe(number, "a filter that could not be resolved into ids")
            return
        await self._mark_more(passing, [*found, *unseen], removes=touch.removes)
        reached("scope.enumerated")
        await self.scopes.forward(number)
        reached("scope.forwarded")

    async def mark_named(self, passing: Pass, ids: Sequence[RecordId]) -> None:
        """The primary picked these ids: mark them, as part of the same write. They are there: a mark that cannot be made
        opens the gap, whatever was chosen for writes that could still be refused.
        """
        try:
            async with asyncio.timeout(self._terms.mark_limit):
                await self._mark_more(passing, ids, removes=False)
        except (StateError, TimeoutError) as error:
            self._open_gap(str(error) or "a mark took too long")

    async def _mark_more(self, passing: Pass, ids: Sequence[RecordId], *, removes: bool) -> None:
        """Ids of a write that became known after it was registered. Others may have been registered meanwhile, and a
        generation never falls: the write gets a new one.
        """
        passing.generation = self._session.next_sequence()
        entries = self.ledger.register(ids, passing.generation, removes=removes)
        self.ledger.in_flight -= 1  # the same request
        passing.entries += entries
        await self.mark(entries, passing.generation, "delete" if removes else "write")

    async def _release(self, passing: Pass, *, answered: bool) -> None:
        unresolved = answered and passing.outcome is Outcome.UNRESOLVED
        hint = passing.settle()
        if hint is not None:
            self.ledger.hint(passing.entries, hint, passing.generation)
        late = self._terms.visibility if passing.outcome is Outcome.LATE else 0.0
        self.ledger.release(passing.entries, unresolved=unresolved, late=late)
        if passing.unmarked:
            self.unmarked -= 1
            if unresolved:  # of its ids, perhaps none is known
                wait = self._terms.quarantine + self._terms.visibility
                self.ledger.quiet_after = max(self.ledger.quiet_after, self._clock.monotonic() + wait)
        self.ledger.trim()
        self._on_mark()
        for number in passing.tokens:
            await self.scopes.end(number, unresolved=unresolved)


def _definite(error: BaseException) -> bool:
    """Whether it says that the request was not applied. What nobody foresaw says nothing."""
    return isinstance(error, VectormigrateError) and not isinstance(error, Unresolved | StoreDown)


def furthest(held: str, said: str) -> str:
    """The further of two positions (see `Write.answered`); of several logs, how far each of them goes."""
    logs = _logs(held)
    for log, number in _logs(said).items():
        logs[log] = max(logs.get(log, ""), number, key=_as_number)
    return "\n".join(f"{log}={number}" if log else number for log, number in sorted(logs.items()))


def _logs(position: str) -> dict[str, str]:
    """The numbers of a position by their log, "" for the one without a name."""
    parted = (line.rpartition("=") for line in position.split("\n") if line)
    return {log: number for log, _, number in parted}


def _as_number(position: str) -> tuple[int, str]:
    return len(position), position
