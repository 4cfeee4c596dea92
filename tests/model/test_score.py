"""Scores by hand, and sparse vectors brought onto the same indices."""

import numpy as np
import pytest

from vectormigrate.model.collection import Metric
from vectormigrate.model.record import SparseVector
from vectormigrate.model.score import exact_score, late_score, side_by_side


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
def test_each_metric_by_hand(metric, expected):
    assert exact_score(metric, np.array([3.0, 4.0]), np.array([4.0, 3.0])) == pytest.approx(expected)


def test_each_token_takes_the_best_of_the_others():
    asked, held = np.array([[0.0, 0.0], [6.0, 8.0]]), np.array([[3.0, 4.0], [0.0, 1.0]])
    assert late_score(Metric.DOT, asked, held) == 0 + 50
    assert late_score(Metric.MANHATTAN, asked, held) == 1 + 7
    assert late_score(Metric.EUCLID, asked, held) == pytest.approx((1**2 + 5**2) ** 0.5)


def test_a_zero_vector_has_a_score_and_no_division():
    zero = np.zeros(2)
    assert [exact_score(metric, zero, zero) for metric in (Metric.COSINE, Metric.JACCARD)] == [0.0, 0.0]


def test_sparse_vectors_meet_on_the_indices_that_either_has():
    left = SparseVector(np.array([1, 5]), np.array([1.0, 2.0], np.float32))
    right = SparseVector(np.array([5, 9]), np.array([3.0, 4.0], np.float32))
    assert side_by_side(left, right).tolist() == [[1, 2, 0], [0, 3, 4]]
