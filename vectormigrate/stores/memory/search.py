"""Exact scores between a query and a stored vector, in 64-bit arithmetic: what every index approximates."""

from __future__ import annotations

import math

import numpy as np

from vectormigrate.model.collection import Element, Metric, VectorField, VectorKind
from vectormigrate.model.query import Query
from vectormigrate.model.record import Array, Record, SparseVector
from vectormigrate.model.score import exact_score, side_by_side


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
    return exact_score(metric, left, right)


def _sparse_score(metric: Metric, query: object, held: SparseVector) -> float:
    if not isinstance(query, SparseVector):
        raise TypeError("a sparse vector is searched with a sparse vector")
    return exact_score(metric, *side_by_side(query, held))


def _late_interaction(metric: Metric, element: Element, query: object, tokens: Array) -> float:
    """The sum over the query's tokens of the best score among the record's tokens; of euclidean ones the root of the sum of
    their squares, as Qdrant has it.
    """
    best = max if metric.higher_is_nearer else min
    wanted = np.atleast_2d(np.asarray(query))
    each = [
        best((dense_score(metric, element, token, held) for held in tokens), default=0.0) for token in wanted
    ]
    return math.hypot(*each) if metric is Metric.EUCLID else sum(each)
