"""What makes a write's ids durable before it leaves: marks, scope intents, and the gap where the file takes neither.

A mark that takes too long is no different from one that cannot be made: the application does not wait for our disk. What
it waits for beside that is the primary, when a predicate is resolved into ids.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from vectormigrate.model.clock import Clock
from vectormigrate.model.errors import StateError
from vectormigrate.model.events import Event, GapOpened
from vectormigrate.model.points import reached
from vectormigrate.model.record import RecordId, id_text
from vectormigrate.model.touch import Ids, Matching, Touch, Unknown, Unnamed, Whole
from vectormigrate.state import journal
from vectormigrate.state.database import Database, Transaction
from vectormigrate.state.gap import GapFlag
from vectormigrate.state.journal import Mark
from vectormigrate.state.sessions import Session
from vectormigrate.stores.base import Store

from .ledger import Entry, Ledger
from .scopes import Scopes
from .terms import Guards, Terms

T = TypeVar("T")


@dataclass(slots=True)
class Noted:
    """What is known of one write while it is under way."""

    generation: int
    entries: list[Entry] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    """Scope intents that end with the request."""
    unmarked: bool = False
    """It left without its marks: the gap stands for them."""


class Marker:
    """The marks of one migration."""

    def __init__(
        self,
        database: Database,
        session: Session,
        migration_id: str,
        collection: str,
        primary: Callable[[], Store],
        ledger: Ledger,
        scopes: Scopes,
        clock: Clock,
        terms: Terms,
        guards: Guards,
        gap: GapFlag,
        on_event: Callable[[Event], None],
    ) -> None:
        """`primary` is where a predicate is resolved: whoever has that role then."""
        self._database = database
        self._session = session
        self._id = migration_id
        self._collection = collection
        self._primary = primary
        self._ledger = ledger
        self._scopes = scopes
        self._clock = clock
        self._terms = terms
        self._guards = guards
        self._gap = gap
        self._on_event = on_event
        self.made: Counter[str] = Counter()
        """Marks made durable since the process started, by reason."""
        self.skipped = 0
        """Writes to ids whose mark was durable already."""
        self.unmarked = 0
        """Writes that left without their marks and are not answered yet."""

    @property
    def touched(self) -> int:
        """Ids of writes since the process started, each write's own."""
        return self.made.total() + self.skipped

    async def note(self, noted: Noted, touches: Sequence[Touch], *, removes: bool) -> None:
        """Return when everything that the write touches is durable, or the gap stands for it: it may leave. Raises
        StateError when it may not.
        """
        try:
            if self._database.stuck_for >= self._terms.mark_limit:
                raise TimeoutError  # nor would this one be made in time, and it need not wait to learn that
            await self._mark_in_time(noted.entries, noted.generation, removes=removes)
            for touch in touches:
                if not isinstance(touch, Ids):
                    await self._note_wide(noted, touch)
        except (StateError, TimeoutError) as error:
            if self._terms.fail_closed:
                raise StateError("the write cannot be marked: the state file does not take it") from error
            await self._open_gap(str(error))
            self._scopes.raised += 1  # what was read before may be older than what it does, as with an intent
            noted.unmarked = True
            self.unmarked += 1

    async def named(self, noted: Noted, ids: Sequence[RecordId]) -> None:
        """The primary picked these ids: mark them, as part of the same write. They are there: a mark that cannot be made
        opens the gap, whatever was chosen for writes that could still be refused.
        """
        try:
            await self._mark_more(noted, ids, removes=False)
        except (StateError, TimeoutError) as error:
            await self._open_gap(str(error))

    async def mark(self, entries: Sequence[Entry], generation: int, reason: str) -> None:
        """Return when the marks of these ids are durable. Those that are already need no write, unless they must say from
        now on that an absence is meant.
        """
        wanting = self._wanting(entries, removes=reason in journal.MEANT)
        if wanting:
            await self._write(wanting, generation, reason)

    def _wanting(self, entries: Sequence[Entry], *, removes: bool) -> list[Entry]:
        wanting = [entry for entry in entries if entry.row is None or (removes and not entry.meant)]
        self.skipped += len(entries) - len(wanting)
        return wanting if self._guards.mark_first else []

    async def _mark_in_time(self, entries: Sequence[Entry], generation: int, *, removes: bool) -> None:
        wanting = self._wanting(entries, removes=removes)
        if wanting:
            await self._in_time(self._write(wanting, generation, "delete" if removes else journal.WRITE))

    async def _write(self, wanting: Sequence[Entry], generation: int, reason: str) -> None:
        row = (self._session.epoch, generation)
        texts = [id_text(entry.id) for entry in wanting]
        at = self._clock.now().isoformat()
        older = [Mark(text, *entry.row) for entry, text in zip(wanting, texts, strict=True) if entry.row]
        meant = await self._database.write(lambda tx: self._mark(tx, texts, older, generation, reason, at))
        self._ledger.mark(wanting, row)
        self.made[reason] += len(wanting)
        for entry, text in zip(wanting, texts, strict=True) if meant else ():
            if text in meant:
                entry.meant = entry.removed = True  # by an earlier process, perhaps

    def _mark(
        self, tx: Transaction, texts: list[str], older: list[Mark], generation: int, reason: str, at: str
    ) -> set[str]:
        epoch = self._session.epoch
        if reason == journal.WRITE:
            return journal.mark_write(tx, self._id, texts, epoch=epoch, sequence=generation, at=at)
        return journal.mark(
            tx, self._id, texts, epoch=epoch, sequence=generation, reason=reason, at=at, instead_of=older
        )

    async def unmark(self, entries: Sequence[Entry]) -> None:
        """What a definite refusal must not do; here for the simulation to show why."""
        marks = [Mark(id_text(entry.id), *entry.row) for entry in entries if entry.row is not None]
        for entry in entries:
            entry.row, entry.meant = None, False
        await self._database.write(lambda tx: journal.clear(tx, self._id, marks))

    async def _in_time(self, noting: Awaitable[T]) -> T:
        """Wait for the state file as long as a write may. Raises TimeoutError, and StateError."""
        async with asyncio.timeout(self._terms.mark_limit):
            return await noting

    async def _open_gap(self, why: str) -> None:
        """Note durably that writes leave, or left, without a mark. Raises StateError when even that cannot be done in time."""
        self._on_event(GapOpened(self._id, why or "a mark took too long"))
        try:
            await self._in_time(self._gap.up(self._id))
        except TimeoutError:
            raise StateError(
                "the disk is stuck: neither the state file nor the gap flag beside it takes anything"
            ) from None

    # Writes whose ids nobody knows.

    async def _note_wide(self, noted: Noted, touch: Matching | Whole | Unnamed | Unknown) -> None:
        number = await self._in_time(self._scopes.begin(touch))
        noted.tokens.append(number)
        reached("scope.registered")
        match touch:
            case Matching():
                await self._resolve(noted, number, touch)
            case Unnamed():
                await self._in_time(self._scopes.forward(number))
            case Whole(scope):
                await self._owe(number, scope.value)
            case Unknown(what):
                await self._owe(number, what)

    async def _resolve(self, noted: Noted, number: int, touch: Matching) -> None:
        if not self._guards.enumerate_first:
            await self._scopes.forward(number)
            return
        # What is under way by now may land behind the listing and match then: its own write marks it, this one says that it
        # may go. What begins later is told so when it begins.
        landing = self._ledger.landing() if touch.removes else []
        found = await self._scopes.matching(self._primary(), self._collection, touch)
        unseen = self._ledger.unseen()
        if found is None or unseen is None:
            await self._owe(number, "a filter that could not be resolved into ids", removes=touch.removes)
            return
        await self._mark_more(noted, [*found, *unseen, *landing], removes=touch.removes)
        reached("scope.enumerated")
        await self._in_time(self._scopes.forward(number))
        reached("scope.forwarded")

    async def _owe(self, number: int, why: str, *, removes: bool = True) -> None:
        """It leaves, and may change anything: what is marked by now, and absent behind it, is gone for no strange reason."""
        if removes:
            self._ledger.mean()
        await self._in_time(self._scopes.owe(number, why))

    async def _mark_more(self, noted: Noted, ids: Sequence[RecordId], *, removes: bool) -> None:
        """Ids of a write that became known after it was registered. Others may have been registered meanwhile, and a
        generation never falls: the write gets a new one.
        """
        noted.generation = self._session.next_sequence()
        entries = self._ledger.register(ids, noted.generation, removes=removes)
        self._ledger.in_flight -= 1  # the same request
        noted.entries += entries
        await self._mark_in_time(entries, noted.generation, removes=removes)
