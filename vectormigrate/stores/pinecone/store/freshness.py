"""When what was written can be read: log sequence numbers by namespace, and canaries beside them.

A write answers where it stands in the log of its namespace, a query up to where it has seen that log. Fetching and
listing carry no number and may lag behind queries by a measure of their own, so records that were written last are
looked for by both until they show: the canaries. They are also all there is where no numbers are sent (pods,
lookalikes).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from .link import Answer

_KEPT = 4
"""Canaries of one namespace: one may be blind, because it was written as it already was."""


@dataclass(frozen=True, slots=True, eq=False)
class Canary:
    """A write that can be looked for."""

    ids: frozenset[str]
    removes: bool
    look: Callable[[], Awaitable[bool]]
    """Whether fetch and list show what it did, now."""


@dataclass(slots=True)
class Standing:
    """What is known of one namespace."""

    committed: int = -1
    """The highest position that must be seen."""
    indexed: int = -1
    """The highest position that a query has seen."""
    canaries: list[Canary] = field(default_factory=list)
    """The last writes, oldest first, as long as fetch and list have not been seen to show them."""

    @property
    def behind(self) -> bool:
        """Whether queries are not known to have seen everything."""
        return self.indexed < self.committed

    def would_blind(self, ids: frozenset[str]) -> bool:
        """Whether removing these ids would take away what shows that records beside them are there."""
        return any(not one.removes and one.ids & ids for one in self.canaries)


class Freshness:
    """What is known of each namespace of one index."""

    def __init__(self) -> None:
        self._standing: dict[str, Standing] = {}

    def of(self, namespace: str) -> Standing:
        return self._standing.setdefault(namespace, Standing())

    def wrote(self, namespace: str, answer: Answer, canary: Canary) -> None:
        """A write was acknowledged. Earlier ones of the same ids can no longer be looked for."""
        standing = self.of(namespace)
        kept = [one for one in standing.canaries if not one.ids & canary.ids]
        standing.canaries = [*kept, canary][-_KEPT:]
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
        return [name for name, one in sorted(self._standing.items()) if one.behind or one.canaries]
