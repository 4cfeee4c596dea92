"""Databases behind a network that loses, delays and repeats: the only way to them in a simulation.

A request that was sent is applied later by the network, not by who sent it: so it lands even if its sender is dead, at
any time up to the quarantine. Reads may be answered by a replica that is behind, unless a barrier was asked for.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass

from vectormigrate.model.errors import RecordRefused, Throttled, Unreachable, Unresolved


@dataclass
class Faults:
    """Chances of one request."""

    refused: float = 0.0
    """It never left."""
    throttled: float = 0.0
    rejected: float = 0.0
    """A write is answered with a no, for good."""
    lost: float = 0.0
    """It left and is never applied; no answer."""
    unanswered: float = 0.0
    """It is applied in good time; no answer."""
    late: float = 0.0
    """It is applied some time before the quarantine ends; no answer."""
    last: float = 0.0
    """It is applied in the last moments of the quarantine; no answer."""
    slow: float = 0.0
    """A hundred times as slow."""
    poison: int = 0
    """Every record whose value is a multiple of this is refused for good; 0 for none."""
    down: bool = False


@dataclass(eq=False)
class Message:
    """One write on its way to a database."""

    number: int
    link: object
    sender: str
    """"client", "replay", "page" or "conductor"."""
    ids: tuple
    """What it writes; of a predicate known only when it is applied."""
    wide: bool
    marked: bool
    """A client's, and marks were made when it began."""
    sent: float
    queued: bool = False
    """It was accepted, and is applied later."""
    gapped: bool = False
    """It left without a mark while the gap flag was up."""
    landed: float | None = None


class Link:
    """One database and the network to it."""

    def __init__(self, name, clock, rng, *, quarantine, stale=0.0, barrier=True):
        self.name = name
        self.clock = clock
        self.rng = rng
        self.quarantine = quarantine
        self.stale = stale
        self.has_barrier = barrier
        self.faults = Faults()
        self.rows = {}
        self.shape = None
        self.history = {}
        """Id to [(time, value or None)]: what readers of a replica may still see."""
        self.watch = None
        self.under_way = {}
        """Messages by number."""
        self._numbers = itertools.count(1)

    # What the database does, at one moment.

    def put(self, one, value):
        self.history.setdefault(one, []).append((self.clock.monotonic(), self.rows.get(one)))
        if value is None:
            self.rows.pop(one, None)
        else:
            self.rows[one] = value

    def seen(self, one, at):
        """The value that a reader sees that is so far behind."""
        for when, before in self.history.get(one, ()):
            if when > at:
                return before
        return self.rows.get(one)

    def ids(self):
        return sorted(self.rows.keys() | self.history.keys())

    def refuses(self, value):
        """Whether a record of this value is refused for good."""
        return bool(self.faults.poison and value is not None and value % self.faults.poison == 0)

    # The network.

    def delay(self):
        slow = 100 if self.rng.random() < self.faults.slow else 1
        return self.rng.choice((0.0, 0.001, 0.003, 0.01)) * self.rng.random() * slow + 0.0001

    async def read(self):
        """The way of a read there; returns how far behind it is answered."""
        await asyncio.sleep(self.delay())
        self.check()
        return self.clock.monotonic() - (self.stale * self.rng.random() if self.stale else 0.0)

    def check(self):
        """Raise what keeps a request from leaving."""
        if self.faults.down or self.rng.random() < self.faults.refused:
            raise Unreachable(f"{self.name} is away")
        if self.rng.random() < self.faults.throttled:
            raise Throttled(f"{self.name} asks for less")

    async def write(self, sender, ids, apply, *, wide=False, marked=False, queued=None):
        """Send a write; returns what `apply` answered. `apply` returns its answer and the ids that it touched.

        `queued`: it is accepted at once and applied within so many seconds.
        """
        await asyncio.sleep(self.delay() / 2)
        self.check()
        if self.rng.random() < self.faults.rejected:
            raise RecordRefused(f"{self.name} does not take it")
        message = Message(
            next(self._numbers),
            self,
            sender,
            tuple(ids),
            wide,
            marked,
            self.clock.monotonic(),
            queued is not None,
        )
        self.watch.sent(message)
        self.under_way[message.number] = message
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        fate = "answered" if queued is not None else self._fate()

        def land():
            del self.under_way[message.number]
            message.landed = self.clock.monotonic()
            result, touched = apply()
            message.ids = tuple(touched)
            self.watch.applied(message)
            if not answer.done() and fate == "answered":
                loop.call_later(self.delay() / 2, _tell, answer, result)

        def vanish():
            del self.under_way[message.number]

        wait = self._wait(fate) if queued is None else queued
        loop.call_later(wait, vanish if fate == "lost" else land)
        if queued is not None:
            return None
        if fate == "answered":
            return await answer
        await asyncio.sleep(self.delay() if fate in ("late", "last") else min(wait, self.quarantine / 4))
        raise Unresolved(f"{self.name} did not answer")

    def _wait(self, fate):
        if fate == "late":
            return self.quarantine * 0.9 * self.rng.random()
        if fate == "last":
            return self.quarantine * (1 - 0.05 * self.rng.random())
        return self.delay()

    def _fate(self):
        roll = self.rng.random()
        for fate in ("lost", "unanswered", "late", "last"):
            share = getattr(self.faults, fate)
            if roll < share:
                return fate
            roll -= share
        return "answered"


def _tell(future, result):
    if not future.done():
        future.set_result(result)
