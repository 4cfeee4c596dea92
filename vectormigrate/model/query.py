"""A search and its matches, in neutral terms: scores have the sign and scale that `Metric` states."""

from __future__ import annotations

from dataclasses import dataclass

from .filter import Filter, Native, foreign_words
from .record import Array, Record, RecordId, SparseVector


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """The nearest `limit` records to `vector` under the metric of the vector field `using`."""

    vector: Array | SparseVector
    using: str
    limit: int = 10
    filter: Filter | None = None
    exact: bool = False
    """Look at every record instead of asking the approximate index."""
    with_record: bool = False
    words: Native | None = None
    """In place of the vector, which is empty then: what is searched for in a vendor's own words. Only a store of that kind
    answers, and scores are as the vendor has them, the largest first.
    """

    def check_plain(self) -> None:
        """Raise Unsupported if words are searched for: every store that has none asks this first."""
        if self.words is not None:
            raise foreign_words(self.words)


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """One hit, nearest first. `record` is None unless the query asked for it."""

    id: RecordId
    score: float
    record: Record | None = None
