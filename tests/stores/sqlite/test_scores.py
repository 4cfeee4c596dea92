import numpy as np
import pytest

from vectormigrate.model.batch import multi_column
from vectormigrate.model.collection import Element, Metric, VectorField, VectorKind
from vectormigrate.model.score import exact_score
from vectormigrate.stores.sqlite import vectors
from vectormigrate.stores.sqlite.scores import scorer


@pytest.mark.parametrize(
    ("metric", "score"),
    [
        (Metric.COSINE, 0.6),
        (Metric.DOT, 3.0),
        (Metric.EUCLID, 20**0.5),
        (Metric.MANHATTAN, 6.0),
        (Metric.HAMMING, 2.0),
        (Metric.JACCARD, 0.5),
    ],
)
def test_scores_have_the_models_sign_and_scale(metric, score):
    assert exact_score(metric, np.array([1.0, 0.0]), np.array([3.0, 4.0])) == pytest.approx(score)


def test_a_zero_vector_has_no_angle_and_scores_nothing():
    assert exact_score(Metric.COSINE, np.zeros(2), np.ones(2)) == 0.0


def test_tokens_are_scored_by_their_best_match():
    field = VectorField("m", VectorKind.MULTI, dim=2, metric=Metric.DOT)
    stored = vectors.encode(field, multi_column([np.array([[1, 0], [0, 2]])], width=2), 1)
    score = scorer(field, Metric.DOT, np.array([[1, 0], [1, 1]], np.float32))
    assert score(bytes(stored[0])) == 1 + 2


def test_bits_are_compared_as_bits():
    field = VectorField("b", element=Element.BINARY, dim=8)
    blob = vectors.encode_one(field, np.array([0b11000000], np.uint8))
    assert scorer(field, Metric.JACCARD, np.array([0b10000000], np.uint8))(blob) == 0.5
