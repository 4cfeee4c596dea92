"""The arithmetic of scores, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from vectormigrate.model.collection import Element, Metric, VectorField, VectorKind
from vectormigrate.model.query import Query
from vectormigrate.model.record import Record, SparseVector
from vectormigrate.stores.memory.search import dense_score, score

F32 = Element.FLOAT32


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (Metric.COSINE, 24 / 25),
        (Metric.DOT, 24.0),
        (Metric.EUCLID, 2**0.5),
        (Metric.MANHATTAN, 2.0),
        (Metric.HAMMING, 2.0),
        (Metric.JACCARD, 0.0),
    ],
)
def test_dense(metric: Metric, expected: float):
    assert dense_score(metric, F32, np.array([3, 4]), np.array([4, 3])) == pytest.approx(expected)


def test_small_integers_do_not_overflow():
    big = np.full(100, 127, np.int8)
    assert dense_score(Metric.DOT, Element.INT8, big, big) == 127 * 127 * 100


def test_a_zero_vector_is_like_nothing():
    zero = np.zeros(2)
    assert dense_score(Metric.COSINE, F32, zero, np.ones(2)) == 0.0
    assert dense_score(Metric.JACCARD, F32, zero, zero) == 0.0


def test_bits():
    left, right = np.array([0b11110000], np.uint8), np.array([0b10011000], np.uint8)
    assert dense_score(Metric.HAMMING, Element.BINARY, left, right) == 3.0
    assert dense_score(Metric.JACCARD, Element.BINARY, left, right) == pytest.approx(1 - 2 / 5)


def sparse(**weights: float) -> SparseVector:
    return SparseVector(
        np.array([int(place[1:]) for place in weights], np.int64), np.array([*weights.values()], np.float32)
    )


def test_sparse():
    field = VectorField("v", VectorKind.SPARSE)
    record = Record(1, sparse={"v": sparse(i5=2.0, i9=1.0)})
    query = Query(sparse(i1=7.0, i5=3.0), "v")
    assert score(field, Metric.DOT, query, record) == pytest.approx(6.0)
    assert score(field, Metric.EUCLID, query, record) == pytest.approx((49 + 1 + 1) ** 0.5)
    assert score(field, Metric.DOT, query, Record(1)) is None
    with pytest.raises(TypeError):
        score(field, Metric.DOT, Query(np.ones(2), "v"), record)


def test_late_interaction_takes_the_best_token_for_each():
    field = VectorField("v", VectorKind.MULTI, dim=2)
    record = Record(1, multi={"v": np.array([[1, 0], [0, 2]], np.float32)})
    query = Query(np.array([[1, 0], [1, 1]], np.float32), "v")
    assert score(field, Metric.DOT, query, record) == pytest.approx(1 + 2)
    assert score(field, Metric.EUCLID, query, record) == pytest.approx(0 + 1)
    assert score(field, Metric.DOT, Query(np.array([3, 1], np.float32), "v"), record) == pytest.approx(3)
    assert score(field, Metric.DOT, query, Record(1)) is None
    empty = Record(1, multi={"v": np.empty((0, 2), np.float32)})
    assert score(field, Metric.DOT, query, empty) == 0.0


def test_a_record_without_the_vector_has_no_score():
    assert score(VectorField("v", dim=2), Metric.DOT, Query(np.ones(2), "v"), Record(1)) is None
