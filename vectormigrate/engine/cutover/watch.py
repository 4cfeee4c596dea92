"""Tells when a condition of a swap comes to be met, or ceases to be; a look every few seconds is enough for that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from vectormigrate.model.clock import Clock
from vectormigrate.model.errors import StateError
from vectormigrate.model.events import Event, GateClosed, GateOpened
from vectormigrate.state import closed_gates
from vectormigrate.state.database import Database

from .gate import Gate

_EVERY = 5.0
"""Seconds between two looks: each counts what is owed."""


class Watch:
    """Of one migration. What it finds at its first look is no news, unless an earlier process saw it otherwise."""

    def __init__(
        self, migration_id: str, database: Database, clock: Clock, on_event: Callable[[Event], None]
    ) -> None:
        self._id = migration_id
        self._database = database
        self._clock = clock
        self._on_event = on_event
        self._seen: dict[str, bool] = {}
        self._next = clock.monotonic()
        self._closed: dict[str, datetime] | None = None

    @property
    def closed(self) -> Mapping[str, datetime]:
        """Since when, by the name of the gate, as the last look found them; restarts do not count."""
        return self._closed or {}

    async def look(self, gates: Callable[[], Awaitable[Sequence[Gate]]]) -> None:
        """Look, if it is time to."""
        if self._clock.monotonic() < self._next:
            return
        if self._closed is None:
            self._closed = self._database.read(lambda tx: closed_gates.of(tx, self._id))
            self._seen = dict.fromkeys(self._closed, False)
        found = await gates()
        for gate in found:
            before = self._seen.get(gate.name, gate.open)
            self._seen[gate.name] = gate.open
            if gate.open and not before:
                self._on_event(GateOpened(self._id, gate.name))
            elif before and not gate.open:
                self._on_event(GateClosed(self._id, gate.name, gate.reason))
        await self._note(self._closed, {gate.name for gate in found if not gate.open})
        self._next = self._clock.monotonic() + _EVERY

    async def _note(self, known: dict[str, datetime], now: set[str]) -> None:
        closed, opened, at = now - known.keys(), known.keys() - now, self._clock.now()
        if not (closed or opened):
            return
        known |= dict.fromkeys(closed, at)
        for gate in opened:
            del known[gate]
        with suppress(StateError):  # a disk that is full is a gate itself, and this process knows since when
            await self._database.write(
                lambda tx: closed_gates.note(tx, self._id, closed=closed, opened=opened, at=at)
            )
