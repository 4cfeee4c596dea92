"""A process that dies at a chosen moment, without a process: what outlives it is the state file and the stores.

A moment is the start of a request to either store, and the start and the end of a write to the state file. From the
moment of death on, each of them raises, so no handler on the way out can leave anything behind.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from vectormigrate.state.database import Database
from vectormigrate.stores.memory import Faults


class Killed(BaseException):
    """No code under test catches this."""


@dataclass
class Life:
    """Counts moments; dead from the `ends`-th on."""

    ends: int | None = None
    moments: int = 0

    def moment(self):
        self.moments += 1
        if self.dead:
            raise Killed

    @property
    def dead(self):
        return self.ends is not None and self.moments >= self.ends


@dataclass
class MortalFaults(Faults):
    """Faults of a database whose every request is a moment; counts how often each record was written."""

    life: Life = field(default_factory=Life)
    written: Counter = field(default_factory=Counter)

    def check_request(self):
        self.life.moment()
        super().check_request()

    def refuses(self, record_id):
        self.written[record_id] += 1
        return super().refuses(record_id)


class MortalDatabase(Database):
    """A state file whose every write is two moments: before it, and after it is durable."""

    life = Life()

    async def write(self, work):
        self.life.moment()
        result = await super().write(work)
        self.life.moment()
        return result


def was_killed(error):
    """Whether an exception is the death of the process, and nothing else went wrong on the way out."""
    if isinstance(error, BaseExceptionGroup):
        return all(was_killed(one) for one in error.exceptions)
    return isinstance(error, Killed)
