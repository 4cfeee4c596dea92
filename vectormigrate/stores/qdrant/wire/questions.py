"""What a client wants to read of Qdrant, as values: read out of REST bodies by `requests`, out of messages by `asking`.

A search is a tree: what its `prefetch` finds is combined, or judged again, by its own query. What only Qdrant itself can
answer the readers refuse, or mark as `beyond` where another Qdrant could be asked in the client's own words, so that nobody
further in can answer it wrongly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeAlias

from vectormigrate.model.record import Array, SparseVector
from vectormigrate.stores.qdrant.ids import PointId

from .changes import RawFilter

Example: TypeAlias = Array | SparseVector | PointId
"""A vector, or the point whose vector is meant; such a point is left out of what is found."""


class Invalid(ValueError):
    """A request that can be read and asks for what nothing can be."""


class Refused(ValueError):
    """A well-formed request for something that only Qdrant itself can do."""


class Beyond(Refused):
    """A query that only Qdrant itself can answer, be it another one."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much of a point to give back. Patterns are JSON paths; vectors are all, none, or those named."""

    payload: bool = True
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    vectors: bool | tuple[str, ...] = False

    @property
    def anything(self) -> bool:
        return self.payload or self.vectors is not False


NOTHING = Wanted(payload=False)
"""The id alone."""


@dataclass(frozen=True, slots=True)
class Retrieve:
    """Points by their ids."""

    ids: tuple[PointId, ...]
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class OrderBy:
    """Points by the numbers and moments at a path, once for each of them; without any a point is left out."""

    key: str
    descending: bool = False
    start: int | float | str | None = None
    """The first value that counts; a text is a moment."""


@dataclass(frozen=True, slots=True)
class Scroll:
    """Points in the order of their ids, from `offset` on, that one included; or by values."""

    wanted: Wanted
    limit: int = 10
    offset: PointId | None = None
    filter: RawFilter | None = None
    order: OrderBy | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many points match."""

    filter: RawFilter | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """The points nearest to an example."""

    target: Example


@dataclass(frozen=True, slots=True, eq=False)
class Diverse:
    """The nearest, picked one after the other so that each is unlike those before it (MMR)."""

    target: Example
    diversity: float = 0.5
    candidates: int | None = None
    """How many of the nearest are picked from; as many as are wanted, unless told."""


class Strategy(StrEnum):
    """How examples are made into one score."""

    AVERAGE = "average_vector"
    BEST = "best_score"
    SUM = "sum_scores"


@dataclass(frozen=True, slots=True, eq=False)
class Recommend:
    """Points like some examples and unlike others."""

    positive: Sequence[Example]
    negative: Sequence[Example] = ()
    strategy: Strategy = Strategy.AVERAGE


@dataclass(frozen=True, slots=True, eq=False)
class Discover:
    """Points on the better side of pairs of a positive and a negative example, and near to `target` if there is one."""

    target: Example | None
    context: Sequence[tuple[Example, Example]] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """Points by chance."""


DEFAULT_K = 2


@dataclass(frozen=True, slots=True)
class Ranks:
    """Rankings added up: a point gets 1 / ((rank + 1) / weight + `k` - 1) of each, ranks counted from 0 (RRF)."""

    k: int = DEFAULT_K
    weights: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Distributions:
    """Scores added up, each ranking's brought between three deviations on either side of its mean (DBSF)."""


@dataclass(frozen=True, slots=True, eq=False)
class Formula:
    """A score computed of those of prefetches and of payloads: see `formulas`."""

    expression: Any
    defaults: Mapping[str, Any]


Query: TypeAlias = (
    Nearest | Diverse | Recommend | Discover | OrderBy | Sample | Ranks | Distributions | Formula
)


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """One search. Without a query it is for points in the order of their ids."""

    query: Query | None
    wanted: Wanted = NOTHING
    using: str = ""
    limit: int = 10
    offset: int = 0
    filter: RawFilter | None = None
    """Of its prefetches, too."""
    threshold: float | None = None
    exact: bool = False
    prefetch: tuple[Search, ...] = ()
    beyond: str = ""
    """What of it, or of a prefetch, only Qdrant itself can answer; then `query` may say nothing."""
    native: Any = None
    """The same in its client's own words, for a Qdrant: the members of a REST body, or the bytes of a `QueryPoints`."""


def examples(query: Query | None) -> list[Example]:
    """All that a query compares with, in the order of its members."""
    match query:
        case Nearest(target=target) | Diverse(target=target):
            return [target]
        case Recommend(positive=positive, negative=negative):
            return [*positive, *negative]
        case Discover(target=target, context=pairs):
            return [*(one for pair in pairs for one in pair), *([] if target is None else [target])]
        case _:
            return []


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """The best of a search by the values at a path: `search.limit` groups of at most `size` points."""

    search: Search
    by: str
    size: int


@dataclass(frozen=True, slots=True)
class Facet:
    """How many points have each value at a path, the most frequent first."""

    key: str
    limit: int = 10
    filter: RawFilter | None = None


@dataclass(frozen=True, slots=True)
class Matrix:
    """For each of some points by chance the nearest among the others of them."""

    using: str = ""
    sample: int = 10
    limit: int = 3
    filter: RawFilter | None = None


def checked(search: Search) -> Search:
    """The same search, if its parts fit together, beyond us where a part is. Raises Invalid."""
    beyond = search.beyond or next((part.beyond for part in search.prefetch if part.beyond), "")
    if beyond:
        return replace(search, beyond=beyond)
    match search.query, search.prefetch:
        case None, [_, *_]:
            raise Invalid("A query is needed to merge the prefetches")
        case ((Ranks() | Distributions() | Formula()), []):
            raise Invalid("cannot combine searches without prefetches")
        case Ranks(weights=weights), parts if weights and len(weights) != len(parts):
            raise Invalid("there must be as many weights as prefetches")
        case Discover(target=None, context=[]), _:
            raise Invalid("No target or context given")
        case Recommend(positive=[], strategy=Strategy.AVERAGE), _:
            raise Invalid("At least one positive vector ID required")
        case Recommend(positive=[], negative=[]), _:
            raise Invalid("At least one positive or negative vector ID required")
        case _:
            return search
