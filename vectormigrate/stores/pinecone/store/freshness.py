"""When what was written can be read: log sequence numbers by namespace, and a canary beside them.

A write answers where it stands in the log of its namespace, a query up to where it has seen that log. Fetching and
listing carry no number and may lag behind queries by a measure of their own, so the last record that was written is
looked for by both until they show it: the canary. It is also all there is where no numbers are sent (pods,
lookalikes).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from .link import Answer

Look: TypeAlias = Callable[[], Awaitable[bool]]
"""Whether a record reads back as it was written, now."""


@dataclass(slots=True)
class Standing:
    """What is known of one namespace."""

    committed: int = -1
    """The highest position that must be seen."""
    indexed: int = -1
    """The highest position that a query has seen."""
    canary: Look | None = None
    """The last write, as long as fetch and list have not been seen to show it."""

    @property
    def behind(self) -> bool:
        """Whether queries are not known to have seen everything."""
        return self.indexed < self.committed


class Freshness:
    """What is known of each namespace of one index."""

    def __init__(self) -> None:
        self._standing: dict[str, Standing] = {}

    def of(self, namespace: str) -> Standing:
        return self._standing.setdefault(namespace, Standing())

    def wrote(self, namespace: str, answer: Answer, canary: Look) -> None:
        """A write was acknowledged; `canary` looks for what it did."""
        standing = self.of(namespace)
        standing.canary = canary
        if answer.committed is not None:
            standing.committed = max(standing.committed, answer.committed)

    def must_see(self, namespace: str, position: int) -> None:
        """Somebody else's write that the next barrier must include."""
        standing = self.of(namespace)
        standing.committed = max(standing.committed, position)

    def saw(self, namespace: str, answer: Answer) -> None:
        """A query was answered."""
        if answer.indexed is not None:
            standing = self.of(namespace)
            standing.indexed = max(standing.indexed, answer.indexed)

    def stale(self) -> list[str]:
        """Namespaces with something left to wait for."""
        return [name for name, one in sorted(self._standing.items()) if one.behind or one.canary is not None]

    def __bool__(self) -> bool:
        """Whether anything is known at all."""
        return bool(self._standing)
