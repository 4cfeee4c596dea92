"""An event loop whose clock is a number: sleeping takes no time, and a seed replays exactly.

Exactly means: no thread runs (what is sent to one is done at once), and tasks are told apart by their number where the
standard library keeps them in sets, so that not even a cancellation depends on an address in memory.
"""

from __future__ import annotations

import asyncio
import itertools
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


class _NumberedTask(asyncio.Task):
    """A task whose place in a set is the same in every run, and that knows when it was made."""

    _numbers = itertools.count()

    def __init__(self, *args, **kwargs):
        self._number = next(self._numbers)
        super().__init__(*args, **kwargs)
        self.born = self.get_loop().time()

    def __hash__(self):
        return self._number

    def __eq__(self, other):
        return self is other


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs coroutines in virtual time."""

    def __init__(self, clock):
        self._virtual = clock
        super().__init__(_NoFiles(clock))
        self._clock_resolution = 1e-9
        _NumberedTask._numbers = itertools.count()
        self.set_task_factory(lambda loop, coroutine, **kwargs: _NumberedTask(coroutine, loop=loop, **kwargs))

    def time(self):
        return self._virtual.seconds

    def run_in_executor(self, executor, func, *args):
        """At once."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 told to who awaits it
            done.set_exception(error)
        return done
