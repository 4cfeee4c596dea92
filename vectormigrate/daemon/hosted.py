"""One live migration that a serving process hosts, and what can be seen and done of it alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from vectormigrate.engine.live import Live
from vectormigrate.engine.online import OnlineConductor
from vectormigrate.engine.validate.shadow import Shadow
from vectormigrate.model.errors import GateRefused
from vectormigrate.model.phase import FINAL, RESTING, Phase, check_transition
from vectormigrate.model.status import LiveStatus

from .attempts import Attempts
from .live_look import live_status
from .tasks import Stores
from .telemetry import exposition

_SWAPPING = frozenset({Phase.VERIFIED, Phase.CUTTING_OVER, Phase.REVERSED})
"""Where a swap is the next step, so that somebody minds a gate that is closed."""

_LAST = 10.0
"""Seconds for what is sent to be answered."""


@dataclass(slots=True, eq=False)
class Hosted:
    """Its conductor runs whenever `go` is set, and `idle` is set whenever it does not run. Behind `end` it is not let go again."""

    conductor: OnlineConductor
    stores: Stores
    shadow: Shadow
    attempts: Attempts
    go: asyncio.Event = field(default_factory=asyncio.Event)
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Verbs that stop or start the conductor go one after the other."""
    live: Live | None = None
    work: asyncio.Task[None] | None = None
    """Replays, and what takes in captured changes."""
    ending: bool = False

    def end(self) -> None:
        """Stop the conductor, and whatever verb has it, for good."""
        self.ending = True
        self.go.clear()
        self.conductor.stop()

    async def ended(self) -> None:
        """Wait until nothing of it is under way that needs its stores, behind `end` and the stop of `live`. What a side keeps waiting
        is given up.
        """
        await self.idle.wait()
        if self.work is not None:
            await asyncio.wait([self.work], timeout=_LAST)
            self.work.cancel()

    def let_go(self) -> None:
        """Have the conductor go on, and hurry. Raises GateRefused behind `end`."""
        self._again()
        self.attempts.hurry()
        self.go.set()

    def _again(self) -> None:
        if self.ending:
            raise GateRefused("the daemon is stopping: nothing was changed", hint="ask again when it is up")
        self.conductor.again()

    @asynccontextmanager
    async def halted(self) -> AsyncIterator[None]:
        """The conductor stands still for a verb; it goes on when that is refused and nothing has changed."""
        async with self.turn:
            went = self.go.is_set()
            self.go.clear()
            self.conductor.stop()
            await self.idle.wait()
            self._again()
            phase = self.conductor.migration.phase
            try:
                yield
            except BaseException:
                if went and self.conductor.migration.phase is phase and not self.ending:
                    self.go.set()
                raise

    async def rest(self) -> None:
        """Pause. Raises IllegalTransition where there is nothing to pause: then nothing is stopped for it, such as a comparison
        that somebody else waits for.
        """
        phase = self.conductor.migration.phase
        if phase not in RESTING:
            check_transition(phase, Phase.PAUSED)
        async with self.halted():
            await self.conductor.rest()

    async def status(self) -> LiveStatus:
        """What only this process knows of it. Raises GateRefused when it is over."""
        # Somebody may have paused it.
        tried = self.attempts.told(self.conductor.migration.phase) if self.go.is_set() else ""
        return await live_status(self.conductor, self.live, self.shadow, tried)

    async def numbers(self) -> exposition.Hosted:
        """What a scrape is told of it."""
        phase = self.conductor.migration.phase
        return exposition.Hosted(
            self.conductor.migration.id,
            self.live,
            () if self.live is None or phase in FINAL else await self.conductor.gates(),
            self.shadow.overlap(),
            self.conductor.throttle.felt.reads,
            self.conductor.rechecks,
            self.conductor.watch.closed if phase in _SWAPPING else {},
        )
