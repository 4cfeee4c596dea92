"""Scores of many vectors against one, computed here: for exact searches and filters that a vendor has no words for."""

from __future__ import annotations

import numpy as np

from vectormigrate.model.batch import Column, DenseColumn, SparseColumn
from vectormigrate.model.collection import Metric
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.record import Array, SparseVector


def scores(column: Column, vector: Array | SparseVector, metric: Metric) -> Array:
    """The score of each row under a metric, as `Metric` states it."""
    if isinstance(column, SparseColumn) and isinstance(vector, SparseVector):
        return _sparse_dot(column, vector)
    if not isinstance(column, DenseColumn) or isinstance(vector, SparseVector):
        raise Unsupported("a dense vector cannot be compared with a sparse one")
    if metric in (Metric.HAMMING, Metric.JACCARD):
        if column.values.dtype != np.uint8:
            raise Unsupported(f"a search here cannot compare numbers by {metric}")
        return _bits(column.values, vector, metric)
    values, wanted = column.values.astype(np.float64), np.asarray(vector, np.float64)
    match metric:
        case Metric.DOT:
            return np.asarray(values @ wanted)
        case Metric.COSINE:
            lengths = np.linalg.norm(values, axis=1) * np.linalg.norm(wanted)
            return np.asarray(
                np.divide(values @ wanted, lengths, out=np.zeros(len(values)), where=lengths > 0)
            )
        case Metric.EUCLID:
            return np.asarray(np.linalg.norm(values - wanted, axis=1))
        case _:
            return np.asarray(np.abs(values - wanted).sum(axis=1))


def _sparse_dot(column: SparseColumn, vector: SparseVector) -> Array:
    places = np.searchsorted(vector.indices, column.indices)
    places = np.minimum(places, max(len(vector.indices) - 1, 0))
    if not len(vector.indices):
        return np.zeros(len(column.indptr) - 1)
    hit = vector.indices[places] == column.indices
    products = np.where(hit, column.values.astype(np.float64) * vector.values[places], 0.0)
    sums = np.concatenate([[0.0], np.cumsum(products)])
    return np.asarray(sums[column.indptr[1:]] - sums[column.indptr[:-1]])


def _bits(values: Array, vector: Array, metric: Metric) -> Array:
    wanted = np.asarray(vector, np.uint8)
    differing = np.unpackbits(values ^ wanted, axis=1).sum(axis=1).astype(np.float64)
    if metric is Metric.HAMMING:
        return np.asarray(differing)
    either = np.unpackbits(values | wanted, axis=1).sum(axis=1)
    return np.asarray(np.divide(differing, either, out=np.zeros(len(differing)), where=either > 0))
