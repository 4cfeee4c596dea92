"""Writes whose ids nobody knows: predicates, whole collections, ids that the server picks, unknown requests.

Each is a durable scope intent before it leaves, and while one stands no mark of the migration is cleared. A predicate
is resolved into the ids that match before it leaves; what is changed to match meanwhile is marked by the write that does
so. What cannot be resolved is owed: both sides are compared, by a pass that only marks, before any gate opens.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing, suppress

from vectormigrate.model.clock import Clock
from vectormigrate.model.errors import GateRefused, StateError, StoreError
from vectormigrate.model.points import reached
from vectormigrate.model.record import RecordId
from vectormigrate.model.touch import Ids, Matching, Scope, Touch, Unknown, Unnamed, Whole
from vectormigrate.state import scopes
from vectormigrate.state.database import Database
from vectormigrate.state.sessions import Session
from vectormigrate.stores.base import Content, Store

from .terms import Guards, Terms

_UNNAMED = Unnamed.__name__.lower()
_KINDS = tuple(one.__name__.lower() for one in (Matching, Whole, Unnamed, Unknown))
_REFUSED = {
    Scope.DROP: "dropped or made anew",
    Scope.SHAPE: "altered",
    Scope.ALIAS: "put behind another name",
    Scope.RESTORE: "filled from elsewhere",
}


class Scopes:
    """The standing scope intents of one migration."""

    def __init__(
        self,
        database: Database,
        session: Session,
        migration_id: str,
        clock: Clock,
        terms: Terms,
        guards: Guards,
        on_change: Callable[[], None],
    ) -> None:
        """`on_change` is called when an intent no longer blocks."""
        self._database = database
        self._session = session
        self._id = migration_id
        self._clock = clock
        self._terms = terms
        self._guards = guards
        self._on_change = on_change
        self.raised = 0
        """Intents registered so far, and writes that left without one: a replay that began before the last of them may not
        clear, a hint from before it may not be used.
        """
        self._blocking: dict[int, float] = {}
        """By number, when it stops to block: never, or when a request that was not answered can no longer land."""
        self._untold: set[int] = set()
        """Those whose ids only the answer names, and it did not come: what they touched is not known."""
        self._removing: set[int] = set()
        """Those that may take away what is written while they stand."""

    def load(self, quiet_after: float) -> None:
        """What an earlier process left: what had not left is void, what had may land until `quiet_after`."""
        for intent in self._database.read(lambda tx: scopes.standing(tx, self._id)):
            if intent.state == "registered":
                self._blocking[intent.number] = self._clock.monotonic()  # `expire` takes it away
            elif intent.state == "forwarded":
                self._blocking[intent.number] = quiet_after
                if intent.kind == _UNNAMED:
                    self._untold.add(intent.number)

    @property
    def blocking(self) -> bool:
        """Whether no mark may be cleared now."""
        return bool(self._blocking) and self._guards.scopes

    @property
    def removing(self) -> bool:
        """Whether a record that is written now may be removed by a request that is under way and does not name it."""
        return bool(self._removing)

    @property
    def owed(self) -> int:
        """Intents that want both sides compared, and those that block for a while yet. Requests under way, and those whose
        row is about to go, are none: a swap drains them.
        """
        return self.owed_by_kind.total()

    @property
    def owed_by_kind(self) -> Counter[str]:
        """The same, by what they touch."""
        now = self._clock.monotonic()
        lasting = {number for number, until in self._blocking.items() if now < until < float("inf")}
        standing = self._database.read(lambda tx: scopes.standing(tx, self._id))
        counted = Counter(dict.fromkeys(_KINDS, 0))
        counted.update(one.kind for one in standing if one.state == "owed" or one.number in lasting)
        return counted

    async def expire(self) -> None:
        """Resolve what can no longer land."""
        now = self._clock.monotonic()
        for number in [number for number, until in self._blocking.items() if until <= now]:
            with suppress(StateError):  # it blocks on, and is tried again
                await self._resolve(number)

    def check(self, touch: Touch, *, copying: bool) -> None:
        """Raise GateRefused for what may not happen while a migration is under way."""
        if isinstance(touch, Whole) and touch.scope in _REFUSED and copying:
            raise GateRefused(
                f"the collection is under migration {self._id!r} and cannot be {_REFUSED[touch.scope]} now",
                hint="end the migration first; once it is committed, that is done at the target itself",
            )

    async def begin(self, touch: Matching | Whole | Unnamed | Unknown) -> int:
        """Note it durably; from here on nothing is cleared. Returns its number."""
        kind = type(touch).__name__.lower()
        detail = touch.what if isinstance(touch, Unknown) else ""
        at = self._clock.now().isoformat()
        until, begun = float("inf"), list[int]()

        async def note() -> int:
            number = await self._database.write(
                lambda tx: scopes.register(
                    tx, self._id, kind, detail=detail, epoch=self._session.epoch, at=at
                )
            )
            self._blocking[number] = until
            self.raised += 1
            begun.append(number)
            return number

        try:
            number = await asyncio.shield(note())
        except (
            asyncio.CancelledError
        ):  # nothing leaves, but the row may be there by now: `expire` takes it away
            until = self._clock.monotonic()
            self._blocking.update(dict.fromkeys(begun, until))
            raise
        if isinstance(touch, Unnamed):
            self._untold.add(number)
        elif not isinstance(touch, Matching) or touch.removes:
            self._removing.add(number)
        return number

    async def suspect(self, why: str) -> None:
        """Something changed that nobody told us of: both sides must be compared. Raises StateError."""
        number = await self.begin(Unknown(why))
        try:
            await self.owe(number, why)
        finally:
            await self.end(number, unresolved=False)

    async def matching(self, primary: Store, collection: str, touch: Matching) -> list[RecordId] | None:
        """The ids that match now at the primary; None when that cannot be known in good time."""
        if touch.filter is None:
            return None
        found: list[RecordId] = []
        try:
            async with asyncio.timeout(self._terms.enumerate_seconds):
                await primary.barrier(collection)
                async with aclosing(primary.select(collection, touch.filter, content=Content.IDS)) as pages:
                    async for page in pages:
                        found += page.batch.ids
                        reached("scope.enumerating")
                        if len(found) > self._terms.enumerate_limit:
                            return None
        except (TimeoutError, StoreError):
            return None
        return found

    async def forward(self, number: int) -> None:
        """It leaves now, everything that it is known to touch being marked."""
        await self._database.write(lambda tx: scopes.forward(tx, number))

    async def owe(self, number: int, why: str) -> None:
        """It leaves now, and what it touches is not known."""
        await self._database.write(lambda tx: scopes.owe(tx, number, why))

    async def end(self, number: int, *, unresolved: bool) -> None:
        """It was answered, and is seen by every read that starts T_vis later; or it was not, and may land for as long
        as the quarantine. What is not resolved here, `expire` resolves; also when this is cancelled.
        """
        if not unresolved:
            self._untold.discard(number)
        wait = self._terms.visibility + (self._terms.quarantine if unresolved else 0.0)
        self._blocking[number] = self._clock.monotonic() + wait
        if wait:
            return
        reached("scope.answered")
        with suppress(StateError):
            await self._resolve(number)

    async def _resolve(self, number: int) -> None:
        if number in self._untold:
            await self.owe(number, "records whose ids were never told")
            self._untold.discard(number)
        else:
            await self._database.write(lambda tx: scopes.resolve(tx, number))
        reached("scope.resolved")
        self._blocking.pop(number, None)
        self._removing.discard(number)
        self._on_change()


def by_id(touches: tuple[Touch, ...]) -> tuple[list[RecordId], bool]:
    """The ids that touches name, and whether all that is done to them is removing."""
    named = [touch for touch in touches if isinstance(touch, Ids)]
    ids = [one for touch in named for one in touch.ids]
    return ids, bool(named) and all(touch.removes for touch in named)
