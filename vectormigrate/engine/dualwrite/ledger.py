"""What this process knows of ids under way: generations, writes in flight, answers that never came, slots, hints.

Memory only, and bounded. Everything in it may be lost at any moment: a mark in the file or the boot quarantine covers
it. An id that is not here is quiet as far as this process knows, and its mark, if it has one, is in the file.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from vectormigrate.model.batch import Batch
from vectormigrate.model.record import RecordId

from .terms import Guards, Terms

_RECENT = 1000

Row = tuple[int, int]
"""Epoch and sequence of a mark as it stands in the file."""


@dataclass(slots=True, eq=False)
class Hint:
    """What one write put there, decoded when it is needed."""

    records: Callable[[], Batch]
    size: int
    """Of the request, in bytes."""
    scopes: int
    """Scope intents that had been registered when that write began: another one, and the hint may be overtaken."""
    batch: Batch | None = None
    """Once it is decoded: its records, perhaps among others'."""
    rows: dict[RecordId, int] = field(default_factory=dict)
    """Where they are in it."""

    def decoded(self, batch: Batch, start: int, count: int) -> None:
        """So many records of `batch`, from that row on, are what the write put there."""
        self.batch = batch
        self.rows = {one: start + row for row, one in enumerate(batch.ids[start : start + count])}


@dataclass(slots=True, eq=False)
class Entry:
    """One id. Times are of the process' own clock, seconds."""

    id: RecordId
    since: float
    """When it was marked first, as far as is known here, or copied last."""
    generation: int = 0
    """Sequence of the last write or mark; 0 for one that was found in the file."""
    row: Row | None = None
    """The mark that this process wrote, known to be durable and not being cleared: another write needs none."""
    meant: bool = False
    """Of `row`: it says that an absence is meant."""
    found: Row | None = None
    """A mark that a look at the file showed. It may be on its way out already, so a write cannot rely on it."""
    older: tuple[Row, ...] = ()
    """Further marks of it: of a write that was under way at once with another, or that a look at the file showed before."""
    in_flight: int = 0
    solo: int = 0
    """Generation of the one write that nobody overlapped."""
    source_until: float = 0.0
    """A write of this id to the primary may land until then."""
    accepted_until: float = 0.0
    """A write of this id that the primary accepted may be applied until then."""
    target_until: float = 0.0
    """A replay of this id to the secondary may land until then."""
    fresh_at: float = 0.0
    """A read that starts later sees every write that was acknowledged."""
    busy: bool = False
    """The slot: a replay of it is under way."""
    again: bool = False
    """Something happened to it while the slot was taken."""
    queued: bool = False
    provisional: int = -1
    """Generation that was last copied without clearing."""
    copied: bool = False
    """It was copied since it was marked first, and could not be cleared."""
    removed: bool = False
    """It was deleted since it was last seen: that it is absent is meant, whatever else was written meanwhile."""
    absent_since: float | None = None
    failures: int = 0
    hint: Hint | None = None
    hint_bytes: int = 0


class Ledger:
    """The entries of one migration, and which of them are due."""

    def __init__(self, terms: Terms, guards: Guards, now: Callable[[], float]) -> None:
        self.terms = terms
        self.guards = guards
        self._now = now
        self._entries: dict[RecordId, Entry] = {}
        self._due: deque[RecordId] = deque()
        self._later: list[tuple[float, int, list[RecordId]]] = []
        """A heap: when, what came first of what is due then, and the ids of one write."""
        self._order = 0
        self._together = 0.0
        """When what was written last is replayed, and what is written until then with it."""
        self._hints = 0
        self.quiet_after = 0.0
        """No read before this clears anything: the boot quarantine, or one for more ids than fit in memory."""
        self.spilled = False
        """Marks that are owed are not all queued here: the file must be asked."""
        self.in_flight = 0
        """Writes under way to the primary."""
        self.ambiguous = 0
        """Ids of writes to the primary that were never answered, since the process started."""
        self.recent: deque[RecordId] = deque(maxlen=_RECENT)
        """Ids written last."""
        self._unseen: deque[tuple[float, list[RecordId]]] = deque(maxlen=terms.enumerate_limit)
        """Ids of writes that a read may not show yet, and until when."""

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, record_id: RecordId) -> Entry | None:
        return self._entries.get(record_id)

    def entry(self, record_id: RecordId) -> Entry:
        """The entry of an id, made if need be."""
        entry = self._entries.get(record_id)
        if entry is None:
            entry = self._entries[record_id] = Entry(record_id, self._now())
        return entry

    # Writes.

    def register(self, ids: Iterable[RecordId], generation: int, *, removes: bool) -> list[Entry]:
        """A write to these ids begins: their generation rises, they count as in flight. Returns their entries."""
        # A write of the client waits for this and for `release`: no call an id but for new ones, and one look at the clock.
        self.in_flight += 1
        known, unique = self._entries, dict.fromkeys(ids)
        now = self._now()
        # A write of an earlier process, or one that was forgotten, may land beside it unless all is quiet.
        quiet = now >= self.quiet_after
        entries = []
        for one in unique:
            entry = known.get(one)
            if entry is None:
                entry = known[one] = Entry(one, now)
            entries.append(entry)
            alone = (
                quiet and not entry.in_flight and now >= entry.source_until and now >= entry.accepted_until
            )
            entry.in_flight += 1
            entry.generation = generation
            entry.solo = generation if alone else 0
            if removes:
                entry.removed = True
            entry.absent_since = None
            if entry.hint is not None:
                self._forget_hint(entry)
        self.recent.extend(unique)
        return entries

    def release(self, entries: Sequence[Entry], *, unresolved: bool, late: float) -> None:
        """The write ended. Unresolved: it may land for as long as the quarantine; `late` seconds: it was accepted, and
        is applied by then.
        """
        self.in_flight -= 1
        self.ambiguous += len(entries) if unresolved else 0
        now = self._now()
        if self.terms.visibility and not unresolved:
            self._unseen.append((now + max(late, self.terms.visibility), [entry.id for entry in entries]))
        if self._together <= now:
            self._together = now + self.terms.coalesce
        shown = max(late, self.terms.visibility)
        queued, full = [], self.full
        for entry in entries:
            entry.in_flight -= 1
            if unresolved or shown:  # else there is nothing to wait for
                self._may_land(entry, now, unresolved, late, shown)
            if full and self._spill(entry, now):
                continue
            if (entry.busy or not entry.queued) and self._joins(entry):
                queued.append(entry.id)
        self._line_up(queued, self._together, now)

    @property
    def full(self) -> bool:
        """Whether there are more ids than are to be kept: what is written now stays in the file alone."""
        return len(self._entries) > self.terms.entries

    def _spill(self, entry: Entry, now: float) -> bool:
        """Forget an id that was written last, if the file stands for it: it is read from there when what is older is paid.

        One of which something may land is kept; but where those alone are too many, all ids wait for as long instead.
        """
        if entry.in_flight or entry.busy or (entry.row or entry.found) is None:
            return False
        until = max(entry.source_until, entry.target_until, entry.fresh_at)
        if until > now:
            if len(self._entries) <= 2 * self.terms.entries:
                return False
            self.quiet_after = max(self.quiet_after, until)
        self.spilled = True
        entry.queued = False
        self._forget_hint(entry)
        del self._entries[entry.id]
        return True

    def _may_land(self, entry: Entry, now: float, unresolved: bool, late: float, shown: float) -> None:
        landed = now
        if unresolved:
            entry.source_until = max(entry.source_until, now + self.terms.quarantine)
            entry.solo = 0
            landed = entry.source_until if self.guards.source_quarantine else now
        entry.accepted_until = max(entry.accepted_until, now + late)
        entry.fresh_at = max(entry.fresh_at, landed + shown)

    def unseen(self) -> list[RecordId] | None:
        """Ids of acknowledged writes that a listing may not show yet; None when that is not known so soon after a start."""
        if not self.terms.visibility:
            return []
        now = self._now()
        while self._unseen and self._unseen[0][0] <= now:
            self._unseen.popleft()
        if now < self.quiet_after or len(self._unseen) == self._unseen.maxlen:
            return None
        return list(dict.fromkeys(one for _, ids in self._unseen for one in ids))

    def landing(self) -> list[RecordId]:
        """Ids of writes that are under way to the primary, or were not answered and may still land."""
        now = self._now()
        return [one for one, entry in self._entries.items() if entry.in_flight or entry.source_until > now]

    def mark(self, entries: Iterable[Entry], row: Row) -> None:
        """Their marks are in the file now."""
        for entry in entries:
            if entry.row is None:
                entry.row = row
            elif entry.row != row:
                entry.older += (min(entry.row, row),)
                entry.row = max(entry.row, row)

    def find(self, entry: Entry, row: Row) -> None:
        """A look at the file showed this mark of it."""
        if entry.found is not None and entry.found != row:
            entry.older += (entry.found,)
        entry.found = row

    def mean(self) -> None:
        """Of each id that is marked now, or being written, an absence is meant; what was doubted is looked at again at
        once.
        """
        for entry in self._entries.values():
            if entry.row is None and entry.found is None and not entry.in_flight:
                continue
            entry.removed, entry.meant = True, entry.row is not None
            if entry.absent_since is not None:
                entry.queued = False  # for later
                self.queue(entry, self._now())

    def hint(self, entries: Sequence[Entry], hint: Hint, generation: int) -> None:
        """Keep what a write put there, for those ids that no other write touched meanwhile, while there is room."""
        if self._hints + hint.size > self.terms.hint_bytes:
            return
        share = hint.size // max(1, len(entries))
        for entry in entries:
            solo = entry.solo == generation or not self.guards.solo_hints
            if solo and entry.generation == generation:
                entry.hint, entry.hint_bytes = hint, share
                self._hints += share

    def take_hint(self, entry: Entry) -> Hint | None:
        """The hint of an id, which is then forgotten."""
        held = entry.hint
        if held is None:
            return None
        self._forget_hint(entry)
        return held

    def _forget_hint(self, entry: Entry) -> None:
        if entry.hint is not None:
            self._hints -= entry.hint_bytes
            entry.hint, entry.hint_bytes = None, 0

    def may_land(self, record_id: RecordId) -> bool:
        """Whether a write of this id, or of any in the quarantine of a start, that was not answered may still land."""
        now, entry = self._now(), self._entries.get(record_id)
        if now < self.quiet_after:
            return True
        return entry is not None and max(entry.source_until, entry.accepted_until, entry.target_until) > now

    # What may be cleared.

    def obstacle(self, entry: Entry) -> float | None:
        """When a read of this id may be a clearing one: None for now, infinity for when a write under way ends."""
        guards = self.guards
        if entry.in_flight and guards.in_flight:
            return float("inf")
        until = self.quiet_after if guards.boot_quarantine else 0.0
        if guards.source_quarantine:
            until = max(until, entry.source_until)
        if guards.target_quarantine:
            until = max(until, entry.target_until)
        if guards.fresh_read and entry.hint is None:
            until = max(until, entry.fresh_at)
        return until if until > self._now() else None

    @property
    def unresolved(self) -> bool:
        """Whether a write that was never answered may still land on either side."""
        return self._now() < self.quiet_after or any(self._quarantined())

    @property
    def quarantined(self) -> int:
        """Ids whose mark waits because a request of theirs may still land."""
        return sum(1 for _ in self._quarantined())

    def _quarantined(self) -> Iterator[Entry]:
        now = self._now()
        return (one for one in self._entries.values() if max(one.source_until, one.target_until) > now)

    # The queue.

    def queue(self, entry: Entry, at: float) -> None:
        """Replay this id, not before `at`."""
        if self._joins(entry):
            self._line_up([entry.id], at, self._now())

    def _joins(self, entry: Entry) -> bool:
        """Whether it is to be put into the queue now."""
        if entry.busy and self.guards.slot:
            entry.again = True
            return False
        if entry.queued:
            return False
        entry.queued = True
        return True

    def _line_up(self, ids: list[RecordId], at: float, now: float) -> None:
        if at <= now:
            self._due.extend(ids)
        elif ids:
            self._order += 1
            heapq.heappush(self._later, (at, self._order, ids))

    def due(self, most: int) -> Iterator[Entry]:
        """At most so many entries whose time has come and whose slot is free, each taken out of the queue."""
        self._arrive(self._now())
        given = 0
        while self._due and given < most:
            entry = self._entries.get(self._due.popleft())
            if entry is None or not entry.queued:
                continue
            entry.queued = False
            if entry.busy and self.guards.slot:
                entry.again = True
                continue
            given += 1
            yield entry

    def hasten(self) -> None:
        """Do not wait for others to come along: a cutover holds writes."""
        self._arrive(self._now() + self.terms.coalesce)

    def _arrive(self, until: float) -> None:
        while self._later and self._later[0][0] <= until:
            self._due.extend(heapq.heappop(self._later)[2])

    def next_at(self) -> float | None:
        """When the next entry is due; None when none is queued."""
        if self._due:
            return self._now()
        return self._later[0][0] if self._later else None

    @property
    def overdue(self) -> int:
        """Ids whose time has come, some perhaps twice."""
        self._arrive(self._now())
        return len(self._due)

    @property
    def queued(self) -> int:
        """Ids that wait for their turn, some perhaps twice."""
        return len(self._due) + sum(len(ids) for _, _, ids in self._later)

    # Forgetting.

    def forget(self, entry: Entry) -> None:
        """The mark is paid and nothing of the id is under way."""
        if not (entry.in_flight or entry.busy or entry.queued) and self._entries.get(entry.id) is entry:
            self._forget_hint(entry)
            del self._entries[entry.id]
