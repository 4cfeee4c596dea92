"""Several rankings as one: by ranks (RRF) or by how their scores are spread (DBSF), in 32 bits as Qdrant computes them.

Points of the same sum come in the order in which the rankings name them; to Qdrant that order is anybody's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vectormigrate.model.query import Match
from vectormigrate.model.record import Array, RecordId
from vectormigrate.stores.qdrant.wire.questions import Distributions, Ranks

_SPREAD = np.float32(3)
"""Deviations from the mean to either end of a normalised ranking."""


def fused(rankings: Sequence[Sequence[Match]], by: Ranks | Distributions) -> list[Match]:
    """All points of the rankings, the largest sum first; without records."""
    sums: dict[RecordId, np.float32] = {}
    for place, ranking in enumerate(rankings):
        if isinstance(by, Ranks):
            shares = _by_ranks(len(ranking), by.k, by.weights[place] if by.weights else 1.0)
        else:
            shares = _by_spread(np.array([match.score for match in ranking], np.float32))
        for match, share in zip(ranking, shares, strict=True):
            sums[match.id] = sums.get(match.id, np.float32(0)) + share
    return [Match(one, float(sums[one])) for one in sorted(sums, key=lambda one: -sums[one])]


def _by_ranks(count: int, k: int, weight: float) -> Array:
    if weight <= 0:
        return np.zeros(count, np.float32)
    ranks = np.arange(1, count + 1, dtype=np.float32)
    return np.asarray(np.float32(1) / (ranks / np.float32(weight) + np.float32(k) - np.float32(1)))


def _by_spread(scores: Array) -> Array:
    """Scores between 0 at three deviations below their mean and 1 at three above; 0.5 where they do not differ."""
    if len(scores) < 2 or scores.min() == scores.max():
        return np.full(len(scores), 0.5, np.float32)
    mean, deviation = scores.mean(dtype=np.float64), scores.std(ddof=1, dtype=np.float64)
    low, high = (np.float32(mean + side * _SPREAD * deviation) for side in (-1, 1))
    return np.asarray((scores - low) / (high - low))
