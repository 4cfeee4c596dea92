"""Scores by several examples, where numbers are easy to see; the engine judges the rest."""

from __future__ import annotations

import numpy as np
import pytest

from vectormigrate.model.batch import DenseColumn, MultiColumn, sparse_column
from vectormigrate.model.collection import Metric
from vectormigrate.model.record import SparseVector
from vectormigrate.stores.qdrant.facade.likeness import (
    average,
    discovering,
    diverse,
    likeness,
    recommending,
)
from vectormigrate.stores.qdrant.wire.questions import Strategy

LINE = DenseColumn(np.array([[0, 0], [1, 0], [3, 0]], np.float32))


def at(x):
    return np.array([x, 0], np.float32)


def sparse(**values):
    indices = sorted(int(key[1:]) for key in values)
    return SparseVector(np.array(indices), np.array([values[f"i{one}"] for one in indices], np.float32))


def test_distances_are_likenesses_below_nothing():
    assert likeness(LINE, at(1), Metric.EUCLID).tolist() == [-1, 0, -4]
    assert likeness(LINE, at(1), Metric.MANHATTAN).tolist() == [-1, 0, -2]
    assert likeness(LINE, at(2), Metric.DOT).tolist() == [0, 2, 6]


def test_tokens_are_matched_with_the_best_of_a_row():
    tokens = MultiColumn(np.array([0, 2, 3]), LINE.values)
    asked = np.stack([at(1), at(3)])
    assert likeness(tokens, asked, Metric.EUCLID).tolist() == [0 - 4, -4 + 0]


def test_the_best_example_decides_on_which_side():
    score = recommending(Strategy.BEST, [at(0)], [at(3)], Metric.EUCLID)(LINE)
    assert score == pytest.approx([0.5, 0.5 * (1 - 1 / 2), -0.5])


def test_sums_of_examples():
    score = recommending(Strategy.SUM, [at(0), at(1)], [at(3)], Metric.MANHATTAN)(LINE)
    assert score.tolist() == [-1 + 3, -1 + 2, -5 + 0]


def test_pairs_count_and_the_target_decides_between_them():
    score = discovering(at(0), [(at(0), at(3))], Metric.EUCLID)(LINE)
    assert score == pytest.approx([1 + 0.5, 1 + 0.25, -1 + 0.05], abs=1e-6)


def test_without_a_target_only_the_worse_side_costs():
    score = discovering(None, [(at(0), at(3))], Metric.MANHATTAN)(LINE)
    assert score == pytest.approx([0, 0, -3 / 4], abs=1e-6)


def test_an_average_lies_beyond_the_liked():
    assert average([at(2), at(4)], []).tolist() == [3, 0]
    assert average([at(2)], [at(1), at(2)]).tolist() == [2.5, 0]
    found = average([sparse(i1=2, i3=4)], [sparse(i3=1), sparse(i9=1)])
    assert (found.indices.tolist(), found.values.tolist()) == ([1, 3, 9], [4, 7.5, -0.5])
    assert average([np.stack([at(1), at(2)])], [at(5)[None]]).tolist() == [[1, 0], [2, 0], [-5, 0]]


def test_what_is_diverse_is_unlike_what_was_picked():
    rows = DenseColumn(np.array([[10, 0], [9, 1], [0, 5]], np.float32))
    assert diverse(rows, at(1), 3, 0.5, Metric.DOT) == [0, 2, 1]
    assert diverse(rows, at(1), 2, 0.0, Metric.DOT) == [0, 1]
    nothing = sparse_column([])
    assert diverse(nothing, sparse(i1=1), 3, 0.5, Metric.DOT) == []
