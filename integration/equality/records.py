"""What is searched: 2,000 WordNet synsets with their real embeddings, and the vectors of 1,000 others to search with.

A record has a value of every kind that filters ask for; where a synset has none (moments, places, lists of numbers), one
is made of its fingerprint, so that it is the same in every run.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid5

from vectormigrate.cli.demo.dataset import DIM, VECTOR, load
from vectormigrate.model.batch import DenseColumn

__all__ = ["DIM", "Draw", "Row", "queries", "rows"]

_SPACE = UUID("6a3f0a52-8d0e-4c55-9a43-9a3f5c3f7d11")
_START = datetime(2021, 8, 15, 8, 26, 18, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    """One record, in words that every vendor's form is made of."""

    number: int
    synset: str
    vector: list[float]
    weights: dict[int, float]
    """A sparse vector: the words of the gloss, by a hash of each."""
    values: dict[str, Any]

    @property
    def uuid(self) -> UUID:
        return uuid5(_SPACE, self.synset)


@cache
def _everything() -> tuple[list[Row], list[Row]]:
    batch = load()
    column = batch.vectors[VECTOR]
    assert isinstance(column, DenseColumn)
    made: tuple[list[Row], list[Row]] = ([], [])
    for place, (synset, payload) in enumerate(zip(batch.ids, batch.payload, strict=True)):
        side = made[place % 3 == 2]
        vector = column.values[place].tolist()
        side.append(Row(len(side), str(synset), vector, _weights(payload["gloss"]), _values(payload)))
    return made


def rows() -> list[Row]:
    """The 2,000 that are stored."""
    return _everything()[0]


def queries() -> list[Row]:
    """The 1,000 that are searched with."""
    return _everything()[1]


def _weights(gloss: str) -> dict[int, float]:
    """Of each word the root of how often it is there."""
    found: dict[int, float] = {}
    for word in gloss.lower().split():
        place = uuid5(_SPACE, word).int % 5_000
        found[place] = found.get(place, 0.0) + 1.0
    return {place: count**0.5 for place, count in sorted(found.items())}


def _values(payload: dict[str, Any]) -> dict[str, Any]:
    number = payload["fingerprint"]
    kinds: dict[str, list[str]] = payload["relations"]["by_kind"]
    return {
        "lemma": payload["lemma"],
        "part": payload["part"],
        "gloss": payload["gloss"],
        "example": payload["example"],
        "emoji": payload["emoji"],
        "german": (payload["names"] or {}).get("de"),
        "sense": payload["sense"],
        "tagged": payload["tagged"],
        "big": number,
        "length": payload["word_length"],
        "proper": payload["proper"],
        "words": payload["lemmas"][:8],
        "counts": [len(word) for word in payload["lemmas"][:8]],
        "seen": _START + timedelta(hours=number % 50_000, microseconds=number % 1_000_000),
        "owner": str(UUID(int=number % 40)),
        "latitude": round(number % 1_400_001 / 10_000 - 70, 4),
        "longitude": round(number // 7 % 3_400_001 / 10_000 - 170, 4),
        "relations": payload["relations"]["count"],
        "kinds": [{"kind": kind, "size": len(ids)} for kind, ids in kinds.items()],
    }


@dataclass(frozen=True)
class Draw:
    """What one filter is made of: values of some stored record, or such as no record has."""

    rng: random.Random
    row: Row
    nothing: bool
    """The filter is to find nothing."""

    def value(self, key: str, nobody: Any) -> Any:
        """The record's value, or the one that nobody has."""
        return nobody if self.nothing else self.row.values[key]

    def held(self, key: str, nobody: Any) -> Any:
        """The value of the first record from here on that has one."""
        if self.nothing:
            return nobody
        stored = rows()
        following = (stored[(self.row.number + step) % len(stored)] for step in range(len(stored)))
        return next(one.values[key] for one in following if one.values[key])

    def key(self, key: str) -> str:
        """The name of a field, or of one that nobody has."""
        return "nobody" if self.nothing else key
