"""Tells when a condition of a swap comes to be met, or ceases to be; a look every few seconds is enough for that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from vectormigrate.model.clock import Clock
from vectormigrate.model.events import Event, GateClosed, GateOpened

from .gate import Gate

_EVERY = 5.0
"""Seconds between two looks: each counts what is owed."""


class Watch:
    """Of one migration. What it finds at its first look is no news."""

    def __init__(self, migration_id: str, clock: Clock, on_event: Callable[[Event], None]) -> None:
        self._id = migration_id
        self._clock = clock
        self._on_event = on_event
        self._seen: dict[str, bool] = {}
        self._next = clock.monotonic()

    async def look(self, gates: Callable[[], Awaitable[Sequence[Gate]]]) -> None:
        """Look, if it is time to."""
        if self._clock.monotonic() < self._next:
            return
        for gate in await gates():
            before = self._seen.get(gate.name, gate.open)
            self._seen[gate.name] = gate.open
            if gate.open and not before:
                self._on_event(GateOpened(self._id, gate.name))
            elif before and not gate.open:
                self._on_event(GateClosed(self._id, gate.name, gate.reason))
        self._next = self._clock.monotonic() + _EVERY
