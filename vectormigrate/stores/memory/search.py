"""Exact scores between a query and a stored vector, in 64-bit arithmetic: what every index approximates."""

from __future__ import annotations

import numpy as np

from vectormigrate.model.collection import Element, Metric, VectorField, VectorKind
from vectormigrate.model.query import Query
from vectormigrate.model.record import Array, Record, SparseVector


def score(field: VectorField, metric: Metric, query: Query, record: Record) -> float | None:
    """The score of one record, or None when it has no such vector."""
    match field.kind:
        case VectorKind.DENSE:
            held = record.dense.get(field.name)
            return None if held is None else dense_score(metric, field.element, query.vector, held)
        case VectorKind.SPARSE:
            sparse = record.sparse.get(field.name)
            return None if sparse is None else _sparse_score(metric, query.vector, sparse)
        case VectorKind.MULTI:
            tokens = record.multi.get(field.name)
            return None if tokens is None else _late_interaction(metric, field.element, query.vector, tokens)


def dense_score(metric: Metric, element: Element, query: object, held: Array) -> float:
    """The score of two dense vectors under a metric."""
    if element is Element.BINARY:
        left, right = (
            np.unpackbits(np.asarray(vector, np.uint8)).astype(np.float64) for vector in (query, held)
        )
    else:
        left, right = np.asarray(query, np.float64), np.asarray(held, np.float64)
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


def _sparse_score(metric: Metric, query: object, held: SparseVector) -> float:
    if not isinstance(query, SparseVector):
        raise TypeError("a sparse vector is searched with a sparse vector")
    places = np.union1d(query.indices, held.indices)
    rows = np.zeros((2, len(places)))
    for row, vector in enumerate((query, held)):
        rows[row, np.searchsorted(places, vector.indices)] = vector.values
    return dense_score(metric, Element.FLOAT32, rows[0], rows[1])


def _late_interaction(metric: Metric, element: Element, query: object, tokens: Array) -> float:
    """The sum over the query's tokens of the best score among the record's tokens."""
    best = max if metric.higher_is_nearer else min
    wanted = np.atleast_2d(np.asarray(query))
    return sum(
        best((dense_score(metric, element, token, held) for held in tokens), default=0.0) for token in wanted
    )
