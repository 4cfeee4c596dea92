"""Whether this process is alive, and whether it should be sent requests.

Alive: its loop turns, which the answer itself proves, and its journal has a writer. Ready: alive, not ending, and every source
can be connected to. The target is not asked: one that is away must never take the proxy out of service. Nor must a source, once
a target answers: it is down for good behind a commit, and somebody else would be no better off with the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vectormigrate.daemon.upstream import Target
from vectormigrate.model.clock import Clock
from vectormigrate.state import roles
from vectormigrate.state.database import Database

_PATIENCE = 1.0
"""Seconds that a source may take to accept a connection."""
_FRESH = 2.0
"""Seconds for which what was found of a source is told again: who asks often costs it nothing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    needed: bool = True
    """Else it is told, and nothing follows from it."""


class Health:
    """Of one daemon."""

    def __init__(
        self, database: Database, sources: Mapping[str, Target], stopping: Callable[[], bool], clock: Clock
    ) -> None:
        """`sources` by the name of the listener in front of them; `stopping` says that the process is to end."""
        self._database = database
        self._sources = dict(sources)
        self._stopping = stopping
        self._now = clock.monotonic
        self._known: dict[str, tuple[float, bool]] = {}

    def live(self) -> list[Finding]:
        """What a restart could mend."""
        return [Finding("journal", self._database.alive)]

    async def ready(self) -> list[Finding]:
        """What speaks against sending requests here."""
        needed = not self._database.read(roles.target_answers)
        reached = [Finding(f"source of {name}", await self._reached(name), needed) for name in self._sources]
        return [*self.live(), Finding("serving", not self._stopping()), *reached]

    async def _reached(self, name: str) -> bool:
        at, known = self._known.get(name, (float("-inf"), False))
        if self._now() - at < _FRESH:
            return known
        found = await _accepts(self._sources[name])
        self._known[name] = (self._now(), found)
        return found


async def _accepts(target: Target) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE):
            _, writer = await asyncio.open_connection(target.host, target.port)
    except OSError:  # a TimeoutError is one
        return False
    writer.close()
    return True
