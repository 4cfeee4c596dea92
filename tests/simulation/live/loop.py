"""An event loop whose clock is a number: sleeping takes no time, and a seed replays exactly."""

from __future__ import annotations

import asyncio
import selectors
from datetime import UTC, datetime, timedelta


class _NoFiles(selectors.BaseSelector):
    """Waits for nothing but time."""

    def __init__(self, loop_time):
        self._time = loop_time
        self._keys = {}

    def register(self, fileobj, events, data=None):
        key = selectors.SelectorKey(fileobj, 0, events, data)
        self._keys[fileobj] = key
        return key

    def unregister(self, fileobj):
        return self._keys.pop(fileobj)

    def get_map(self):
        return self._keys

    def select(self, timeout=None):
        if timeout is None:
            raise RuntimeError("the simulation waits for something that never comes")
        self._time.advance(timeout)
        return []


class VirtualTime:
    """The only clock of a simulation; also a `Clock`."""

    def __init__(self):
        self.seconds = 1000.0

    def advance(self, seconds):
        self.seconds += seconds

    def monotonic(self):
        return self.seconds

    def now(self):
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs coroutines in virtual time."""

    def __init__(self, clock):
        self._virtual = clock
        super().__init__(_NoFiles(clock))
        self._clock_resolution = 1e-9

    def time(self):
        return self._virtual.seconds


def run(clock, main):
    """Run a coroutine to its end in virtual time; whatever it leaves behind is cancelled."""
    loop = VirtualLoop(clock)
    try:
        return loop.run_until_complete(main)
    finally:
        pending = asyncio.all_tasks(loop)
        for task in pending:
            task.cancel()
        if pending:
            loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        loop.close()
