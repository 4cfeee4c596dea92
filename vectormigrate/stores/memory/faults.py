"""What a memory database can be told to do badly, and the arithmetic of it.

Everything is off at the start. Attributes may be set at any time and count from the next request. Chance is
drawn from one seeded generator, so a run that asks in the same order sees the same faults.
"""

from __future__ import annotations

import hashlib
import math
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from vectormigrate.model.errors import RecordRefused, Throttled, Unreachable, VectormigrateError
from vectormigrate.model.record import RecordId, id_text


class Outcome(StrEnum):
    """What becomes of a write whose answer was lost."""

    APPLIED = "applied"
    """It was applied before the answer was lost."""
    LATE = "late"
    """It is applied `late_after` seconds later: a zombie."""
    NEVER = "never"
    """It was lost as well."""


@dataclass(slots=True)
class Faults:
    """The faults of one memory database."""

    seed: int = 0
    latency: float = 0.0
    """Seconds that every request takes."""
    down: bool = False
    """Every request raises Unreachable."""
    next_errors: deque[VectormigrateError] = field(default_factory=deque)
    """Raised one a request, which is not applied, until there are none left."""
    throttle_rate: float = 0.0
    """Share of requests that raise Throttled and are not applied."""
    retry_after: float | None = None
    """What a Throttled asks for, in seconds."""
    stale_for: float = 0.0
    """Seconds for which fetch, scan and query do not see an acknowledged write, unless a barrier comes first."""
    refused_ids: frozenset[RecordId] = frozenset()
    """Records that are refused in every write, the others of the batch are not."""
    refused_rate: float = 0.0
    """Share of records that are refused; the same ones each time."""
    unresolved_next: int = 0
    """So many writes raise Unresolved."""
    unresolved_rate: float = 0.0
    """Share of further writes that raise Unresolved."""
    outcome: Outcome = Outcome.APPLIED
    """What becomes of those writes."""
    late_after: float = math.inf
    """Seconds after which a late write lands; infinity waits for `Database.land`."""
    clock: Callable[[], float] = time.monotonic
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 faults need repetition, not secrecy

    def check_request(self) -> None:
        """Raise what the next request is to meet, if anything."""
        if self.down:
            raise Unreachable(
                "connection refused", hint="the memory store was told to be down", store="memory"
            )
        if self.next_errors:
            raise self.next_errors.popleft()
        if self.throttle_rate and self._random.random() < self.throttle_rate:
            raise Throttled("too many requests", store="memory", retry_after=self.retry_after)

    def refuses(self, record_id: RecordId) -> RecordRefused | None:
        """The refusal of this record, if it is one of the unlucky."""
        if record_id in self.refused_ids or (
            self.refused_rate and _fraction(self.seed, record_id) < self.refused_rate
        ):
            text = id_text(record_id)
            return RecordRefused(
                f"record {text[:200]} is refused on request", store="memory", ids=(text[:200],)
            )
        return None

    def loses_answer(self) -> bool:
        """Whether the answer to this write is lost."""
        if self.unresolved_next > 0:
            self.unresolved_next -= 1
            return True
        return bool(self.unresolved_rate) and self._random.random() < self.unresolved_rate


def _fraction(seed: int, record_id: RecordId) -> float:
    digest = hashlib.blake2b(f"{seed}:{id_text(record_id)}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64
