"""Eight applications that write to few ids without a pause, through the daemon, and note what they were told."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count

from .history import Attempt, History, Kind
from .vendors import COLD_FROM, GROUPS, HOT, Request, Vendor
from .world import World

WRITERS = 8


class Writers:
    """All of them, on one collection. `running` while they write."""

    def __init__(
        self, world: World, vendor: Vendor, history: History, cold: int, rng: random.Random, *, pause: float
    ) -> None:
        """`cold`: records there are beside the hot ones; `pause`: mean seconds between two writes of one writer."""
        self._world = world
        self._vendor = vendor
        self._history = history
        self._cold = cold
        self._rng = rng
        self._pause = pause
        self._numbers = count(1_000)
        self._going = asyncio.Event()
        self._under_way = 0
        self.gentle = False
        """Write a third as often, and hardly ever by filter: else an id that is always being written, and a filter that is
        always under way, keep marks from being cleared and with them the gates shut."""
        self.longest = 0.0
        """Seconds that the slowest acknowledged write took since this was set to 0."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write for as long as the block runs."""
        self._going.set()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._write_on()) for _ in range(WRITERS)]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()

    async def hush(self) -> None:
        """Return when nobody writes; `speak` lets them go on."""
        self._going.clear()
        while self._under_way:
            await asyncio.sleep(0.01)

    def speak(self) -> None:
        """Go on."""
        self._going.set()

    async def _write_on(self) -> None:
        backoff = 0.02
        with suppress(asyncio.CancelledError):
            while True:
                await self._going.wait()
                refused = await self._one()
                backoff = min(0.2, backoff * 2) if refused else 0.02
                await asyncio.sleep(
                    backoff * self._rng.random()
                    if refused
                    else self._pause * (6 if self.gentle else 2) * self._rng.random()
                )

    async def _one(self) -> bool:
        """One write; whether nobody was there to take it."""
        request, touched = self._choose()
        self._under_way += 1
        began = time.monotonic()
        attempts = [self._history.begin(one, kind, value, began) for one, kind, value in touched]
        outcome = "info"
        try:
            outcome = await self._world.send(request)
        finally:
            self._under_way -= 1
            self._note(attempts, outcome, time.monotonic())
        if outcome == "ok":
            self.longest = max(self.longest, time.monotonic() - began)
        return outcome == "refused"

    def _note(self, attempts: list[Attempt], outcome: str, now: float) -> None:
        for attempt in attempts:
            self._history.end(attempt, "fail" if outcome == "refused" else outcome, now)

    def _choose(self) -> tuple[Request, list[tuple[int, Kind, int | None]]]:
        rng = self._rng
        one = rng.randrange(HOT) if rng.random() < 0.85 else COLD_FROM + rng.randrange(self._cold)
        match rng.random():
            case chance if chance < 0.45:
                return self._upsert([one])
            case chance if chance < 0.55:
                return self._upsert(rng.sample(range(HOT), 3))
            case chance if chance < 0.77:
                value = next(self._numbers)
                return self._vendor.patch(one, value), [(one, Kind.PATCH, value)]
            case chance if chance < (0.995 if self.gentle else 0.94):
                return self._vendor.delete([one]), [(one, Kind.DELETE, None)]
            case _:
                which = rng.randrange(GROUPS)
                ids = range(which, HOT, GROUPS)
                return self._vendor.delete_group(which), [(hot, Kind.DELETE, None) for hot in ids]

    def _upsert(self, ids: list[int]) -> tuple[Request, list[tuple[int, Kind, int | None]]]:
        numbers = {one: next(self._numbers) for one in ids}
        return self._vendor.upsert(numbers), [(one, Kind.UPSERT, value) for one, value in numbers.items()]
