"""Tests whose sleeps take no time: the loop of the simulation, and the clock of that loop."""

from __future__ import annotations

import asyncio
import functools
from datetime import UTC, datetime, timedelta

from tests.simulation.live.loop import VirtualLoop, VirtualTime

START = datetime(2026, 1, 1, tzinfo=UTC)


def virtual_loop():
    """What a hook `pytest_asyncio_loop_factories` gives. A test that waits for nothing fails instead of hanging."""
    return VirtualLoop(VirtualTime())


class LoopClock:
    """A `Clock` that goes with the running loop."""

    shift = 0.0
    """Seconds by which the time of day is ahead, where they would be long to wait for."""

    def monotonic(self):
        return asyncio.get_running_loop().time()

    def now(self):
        return START + timedelta(seconds=self.monotonic() + self.shift)


async def soon():
    """Let everything that can run now run."""
    for _ in range(30):
        await asyncio.sleep(0)


def run(main):
    """Run one coroutine to its end in virtual time, for a test whose neighbours are not; what it leaves is cancelled."""
    loop = virtual_loop()
    try:
        return loop.run_until_complete(_alone(main))
    finally:
        loop.close()


async def _alone(main):
    try:
        return await main
    finally:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def virtually(test):
    """Make a test out of a coroutine function, to be run in virtual time; its fixtures are made outside of it."""

    @functools.wraps(test)
    def whole(*args, **words):
        run(test(*args, **words))

    return whole
