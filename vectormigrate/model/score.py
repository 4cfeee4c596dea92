"""What a metric says of two vectors, exactly, in 64-bit arithmetic: the scores that every index approximates."""

from __future__ import annotations

import math

import numpy as np

from .collection import Metric
from .record import Array, SparseVector


def exact_score(metric: Metric, left: Array, right: Array) -> float:
    """The score of two vectors of as many numbers (bits unpacked), with the sign and scale that `Metric` states."""
    match metric:
        case Metric.COSINE:
            norms = float(np.linalg.norm(left) * np.linalg.norm(right))
            return float(left @ right) / norms if norms else 0.0
        case Metric.DOT:
            return float(left @ right)
        case Metric.EUCLID:
            return float(np.linalg.norm(left - right))
        case Metric.MANHATTAN:
            return float(np.abs(left - right).sum())
        case Metric.HAMMING:
            return float(np.count_nonzero(left != right))
        case Metric.JACCARD:
            either = np.count_nonzero((left != 0) | (right != 0))
            both = np.count_nonzero((left != 0) & (right != 0))
            return 1.0 - both / either if either else 0.0


def late_score(metric: Metric, asked: Array, held: Array) -> float:
    """The score of two multi-vectors, a row a token: the sum over those asked for of the best score among those held. Of
    euclidean ones it is the root of the sum of their squares, as Qdrant has it, whose distances are squares inside.
    """
    best = max if metric.higher_is_nearer else min
    each = [best((exact_score(metric, one, other) for other in held), default=0.0) for one in asked]
    return math.hypot(*each) if metric is Metric.EUCLID else sum(each)


def side_by_side(left: SparseVector, right: SparseVector) -> Array:
    """Two sparse vectors as the rows of a (2, k) float64 array over the indices that either has."""
    places = np.union1d(left.indices, right.indices)
    rows = np.zeros((2, len(places)))
    for row, vector in enumerate((left, right)):
        rows[row, np.searchsorted(places, vector.indices)] = vector.values
    return rows
