"""Tests whose sleeps take no time: the loop of the simulation, and the clock of that loop."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from tests.simulation.live.loop import VirtualLoop, VirtualTime

START = datetime(2026, 1, 1, tzinfo=UTC)


def virtual_loop():
    """What a hook `pytest_asyncio_loop_factories` gives. A test that waits for nothing fails instead of hanging."""
    return VirtualLoop(VirtualTime())


class LoopClock:
    """A `Clock` that goes with the running loop."""

    def monotonic(self):
        return asyncio.get_running_loop().time()

    def now(self):
        return START + timedelta(seconds=self.monotonic())


async def soon():
    """Let everything that can run now run."""
    for _ in range(30):
        await asyncio.sleep(0)


def run(main):
    """Run one coroutine to its end in virtual time, for a test whose neighbours are not."""
    loop = virtual_loop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.close()
