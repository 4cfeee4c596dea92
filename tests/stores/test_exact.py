"""Scores by hand."""

from __future__ import annotations

import numpy as np
import pytest

from vectormigrate.model.batch import DenseColumn, sparse_column
from vectormigrate.model.collection import Metric
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.record import SparseVector
from vectormigrate.stores.exact import scores

ROWS = DenseColumn(np.array([[3.0, 4.0], [0.0, 0.0], [-3.0, 4.0]], np.float32))


@pytest.mark.parametrize(
    ("metric", "wanted"),
    [
        (Metric.DOT, [9.0, 0.0, -9.0]),
        (Metric.COSINE, [0.6, 0.0, -0.6]),
        (Metric.EUCLID, [4.0, 3.0, 52**0.5]),
        (Metric.MANHATTAN, [4.0, 3.0, 10.0]),
    ],
)
def test_dense(metric, wanted):
    np.testing.assert_allclose(scores(ROWS, np.array([3.0, 0.0], np.float32), metric), wanted)


def test_bits():
    column = DenseColumn(np.array([[0b11110000], [0], [0b10000000]], np.uint8))
    asked = np.array([0b11000000], np.uint8)
    assert scores(column, asked, Metric.HAMMING).tolist() == [2, 2, 1]
    assert scores(column, asked, Metric.JACCARD).tolist() == [0.5, 1.0, 0.5]
    assert scores(
        DenseColumn(np.zeros((1, 1), np.uint8)), np.zeros(1, np.uint8), Metric.JACCARD
    ).tolist() == [0.0]


def vector(weights):
    return SparseVector(np.array(list(weights), np.int64), np.array(list(weights.values()), np.float32))


def test_sparse():
    column = sparse_column([vector({1: 1.0, 9: 2.0}), vector({}), vector({9: 1.0, 50: 5.0})])
    assert scores(column, vector({0: 7.0, 9: 0.5}), Metric.DOT).tolist() == [1.0, 0.0, 0.5]
    assert scores(column, vector({}), Metric.DOT).tolist() == [0.0, 0.0, 0.0]


def test_what_cannot_be_compared():
    with pytest.raises(Unsupported, match="sparse"):
        scores(ROWS, vector({1: 1.0}), Metric.DOT)
    with pytest.raises(Unsupported, match="hamming"):
        scores(ROWS, np.zeros(2, np.float32), Metric.HAMMING)
