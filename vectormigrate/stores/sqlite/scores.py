"""Scores in numpy, for what sqlite-vec has no function for: one stored BLOB against the query, in 64-bit arithmetic."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vectormigrate.model.batch import DenseColumn, MultiColumn, SparseColumn
from vectormigrate.model.collection import Element, Metric, VectorField
from vectormigrate.model.record import Array, SparseVector
from vectormigrate.model.score import exact_score, late_score, side_by_side

from . import vectors


def scorer(field: VectorField, metric: Metric, wanted: Array | SparseVector) -> Callable[[bytes], float]:
    """A function from a stored vector to its score, which follows `model.collection.Metric`."""
    asked = None if isinstance(wanted, SparseVector) else _numbers(field, np.atleast_2d(wanted))

    def score(blob: bytes) -> float:
        column = vectors.decode(field, [blob])
        match column:
            case SparseColumn():
                assert isinstance(wanted, SparseVector)
                return exact_score(metric, *side_by_side(wanted, column.row(0)))
            case MultiColumn():
                assert asked is not None
                return late_score(metric, asked, _numbers(field, column.values))
            case DenseColumn():
                assert asked is not None
                return exact_score(metric, asked[0], _numbers(field, column.values)[0])

    return score


def _numbers(field: VectorField, rows: Array) -> Array:
    if field.element is Element.BINARY:
        return np.unpackbits(rows.astype(np.uint8), axis=1).astype(np.float64)
    return rows.astype(np.float64)
