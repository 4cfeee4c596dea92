"""Distances and certainties, as Weaviate has them."""

import pytest

from vectormigrate.model.collection import Metric
from vectormigrate.stores.weaviate.wire.scores import certainty_of, distance_of, from_distance, to_distance


@pytest.mark.parametrize(
    ("metric", "score", "distance"),
    [
        (Metric.COSINE, 0.75, 0.25),
        (Metric.DOT, 3.0, -3.0),
        (Metric.EUCLID, 3.0, 9.0),
        (Metric.MANHATTAN, 3.0, 3.0),
        (Metric.HAMMING, 2.0, 2.0),
    ],
)
def test_a_distance_of_every_metric(metric, score, distance):
    assert to_distance(metric, score) == distance
    assert from_distance(metric, distance) == score


def test_certainty_is_that_of_cosine():
    assert certainty_of(0.5) == 0.75
    assert distance_of(0.75) == 0.5


def test_what_rounding_puts_below_nothing_is_nothing():
    assert from_distance(Metric.EUCLID, -1e-9) == 0
