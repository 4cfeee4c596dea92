"""Scores by several examples at once, computed here from the vectors themselves: what recommending and discovering mean.

Likeness to one example is what Qdrant compares inside: the similarity, and of distances the negative, Euclid's squared. What
comes of it is no distance any more: the largest is always the best. Formulas: Qdrant's `segment::vector_storage::query`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from vectormigrate.model.batch import Column, DenseColumn, MultiColumn
from vectormigrate.model.collection import Metric
from vectormigrate.model.record import Array, SparseVector
from vectormigrate.stores.exact import scores
from vectormigrate.stores.qdrant.wire.questions import Strategy

Vector: TypeAlias = Array | SparseVector
Scoring: TypeAlias = Callable[[Column], Array]
"""The score of each row of a column, 32-bit floats."""

_EPSILON = np.float32(np.finfo(np.float32).eps)


def likeness(column: Column, vector: Vector, metric: Metric) -> Array:
    """How like a vector each row is, the larger the more."""
    if isinstance(column, MultiColumn):
        assert not isinstance(vector, SparseVector)
        return _late(column, vector, metric)
    found = scores(column, vector, metric)
    match metric:
        case Metric.EUCLID:
            found = -np.square(found)
        case Metric.MANHATTAN:
            found = -found
        case _:
            pass
    return found.astype(np.float32)


def _late(column: MultiColumn, tokens: Array, metric: Metric) -> Array:
    """Of multi-vectors: the sum over the given tokens of the best likeness among a row's own."""
    rows = len(column.offsets) - 1
    sums = np.zeros(rows, np.float32)
    for token in tokens:
        each = likeness(DenseColumn(column.values), token, metric)
        parts = (each[column.offsets[row] : column.offsets[row + 1]] for row in range(rows))
        sums += np.array([part.max() if len(part) else 0 for part in parts], np.float32)
    return sums


def recommending(
    strategy: Strategy, positive: Sequence[Vector], negative: Sequence[Vector], metric: Metric
) -> Scoring:
    """The score of a recommendation that keeps its examples apart: by the best, or by the sum of them."""
    summed = strategy is Strategy.SUM

    def of(examples: Sequence[Vector], column: Column) -> Array:
        if not examples:
            return np.asarray(np.float32(0 if summed else -np.inf))
        each = np.stack([likeness(column, one, metric) for one in examples])
        return np.asarray(each.sum(axis=0) if summed else each.max(axis=0))

    def score(column: Column) -> Array:
        liked, disliked = of(positive, column), of(negative, column)
        if summed:
            return liked - disliked
        return np.where(liked > disliked, _between(liked), -_between(disliked))

    return score


def discovering(target: Vector | None, pairs: Sequence[tuple[Vector, Vector]], metric: Metric) -> Scoring:
    """The score of a `Discover`: the pairs won, and in between the likeness to the target; or, without, what is lost by
    lying on the worse side of pairs.
    """

    def score(column: Column) -> Array:
        margins = [likeness(column, one, metric) - likeness(column, other, metric) for one, other in pairs]
        if target is None:
            return np.asarray(sum(_sigmoid(np.minimum(margin - _EPSILON, 0)) for margin in margins))
        won = sum((np.sign(margin) for margin in margins), start=np.float32(0))
        return np.asarray(won + _between(likeness(column, target, metric)))

    return score


def _sigmoid(values: Array) -> Array:
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(values), values / (1 + np.abs(values)), values)


def _between(values: Array) -> Array:
    """Between 0 and 1."""
    return np.asarray(np.float32(0.5) * (_sigmoid(values) + 1))


def average(positive: Sequence[Vector], negative: Sequence[Vector]) -> Vector:
    """One vector for all examples: as far on the other side of the mean of the liked as that of the disliked is away."""
    first = positive[0]
    if isinstance(first, SparseVector):
        return _sparse_average(positive, negative)
    if first.ndim == 2:
        return np.concatenate([*map(_dense, positive), *(-_dense(one) for one in negative)])
    mean = np.mean(np.stack(list(map(_dense, positive))), axis=0, dtype=np.float32)
    if not negative:
        return np.asarray(mean)
    return np.asarray(mean + mean - np.mean(np.stack(list(map(_dense, negative))), axis=0, dtype=np.float32))


def _dense(vector: Vector) -> Array:
    assert not isinstance(vector, SparseVector)
    return vector.astype(np.float32)


def _sparse_average(positive: Sequence[Vector], negative: Sequence[Vector]) -> SparseVector:
    sums: dict[int, float] = {}
    for examples, sign in ((positive, 2.0 if negative else 1.0), (negative, -1.0)):
        for one in examples:
            assert isinstance(one, SparseVector)
            for index, value in zip(one.indices.tolist(), one.values.tolist(), strict=True):
                sums[index] = sums.get(index, 0.0) + sign * value / len(examples)
    indices = sorted(sums)
    return SparseVector(np.array(indices, np.int64), np.array([sums[one] for one in indices], np.float32))


def diverse(candidates: Column, vector: Vector, count: int, weight: float, metric: Metric) -> list[int]:
    """The rows of candidates, picked so that each is like the vector and unlike those before it; `weight` is what unlikeness
    counts, between 0 and 1.

    Of equal ones Qdrant takes the last of those that are left, whose order changes as they are taken.
    """
    liked = likeness(candidates, vector, metric)
    if not len(liked):
        return []
    pairs = np.stack([likeness(candidates, _row(candidates, row), metric) for row in range(len(liked))])
    left = list(range(len(liked)))
    chosen = [_taken(left, liked[left])]
    while left and len(chosen) < count:
        likest = pairs[np.ix_(left, chosen)].max(axis=1)
        chosen.append(_taken(left, (1 - weight) * liked[left] - weight * likest))
    return chosen


def _row(column: Column, row: int) -> Vector:
    return column.values[row] if isinstance(column, DenseColumn) else column.row(row)


def _taken(left: list[int], values: Array) -> int:
    place = len(values) - 1 - int(np.argmax(values[::-1]))
    left[place], left[-1] = left[-1], left[place]
    return left.pop()
