"""Scores in numpy, for what sqlite-vec has no function for: one stored BLOB against the query, in 64-bit arithmetic."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vectormigrate.model.batch import DenseColumn, MultiColumn, SparseColumn
from vectormigrate.model.collection import Element, Metric, VectorField
from vectormigrate.model.record import Array, SparseVector

from . import vectors


def scorer(field: VectorField, metric: Metric, wanted: Array | SparseVector) -> Callable[[bytes], float]:
    """A function from a stored vector to its score, which follows `model.collection.Metric`."""
    asked = None if isinstance(wanted, SparseVector) else _numbers(field, np.atleast_2d(wanted))
    best = max if metric.higher_is_nearer else min

    def score(blob: bytes) -> float:
        column = vectors.decode(field, [blob])
        match column:
            case SparseColumn():
                assert isinstance(wanted, SparseVector)
                return dense(metric, *_spread(wanted, column.row(0)))
            case MultiColumn():
                assert asked is not None
                tokens = _numbers(field, column.values)
                return sum(best((dense(metric, one, held) for held in tokens), default=0.0) for one in asked)
            case DenseColumn():
                assert asked is not None
                return dense(metric, asked[0], _numbers(field, column.values)[0])

    return score


def dense(metric: Metric, left: Array, right: Array) -> float:
    """The score of two vectors of numbers."""
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


def _numbers(field: VectorField, rows: Array) -> Array:
    if field.element is Element.BINARY:
        return np.unpackbits(rows.astype(np.uint8), axis=1).astype(np.float64)
    return rows.astype(np.float64)


def _spread(left: SparseVector, right: SparseVector) -> Array:
    """Two sparse vectors as rows over the indices that either has."""
    places = np.union1d(left.indices, right.indices)
    rows = np.zeros((2, len(places)))
    for row, vector in enumerate((left, right)):
        rows[row, np.searchsorted(places, vector.indices)] = vector.values
    return rows
