"""Exact scores between a query and a stored vector, in 64-bit arithmetic: what every index approximates."""

from __future__ import annotations

import numpy as np

from vectormigrate.model.collection import Element, Metric, VectorField, VectorKind
from vectormigrate.model.query import Query
from vectormigrate.model.record import Array, Record, SparseVector
from vectormigrate.model.score import exact_score, late_score, side_by_side


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
            if tokens is None:
                return None
            asked = _numbers(field.element, np.atleast_2d(np.asarray(query.vector)))
            return late_score(metric, asked, _numbers(field.element, tokens))


def dense_score(metric: Metric, element: Element, query: object, held: Array) -> float:
    """The score of two dense vectors under a metric."""
    return exact_score(metric, _numbers(element, query), _numbers(element, held))


def _numbers(element: Element, vectors: object) -> Array:
    """Vectors in 64 bits, those of bits unpacked."""
    if element is Element.BINARY:
        return np.unpackbits(np.asarray(vectors, np.uint8), axis=-1).astype(np.float64)
    return np.asarray(vectors, np.float64)


def _sparse_score(metric: Metric, query: object, held: SparseVector) -> float:
    if not isinstance(query, SparseVector):
        raise TypeError("a sparse vector is searched with a sparse vector")
    return exact_score(metric, *side_by_side(query, held))
