"""Scores as Weaviate tells them, distance and certainty, to and from those of the model.

Weaviate's distances grow with what is farther, whatever the metric: 1 - cosine, the negative dot product, the *square* of
the euclidean distance. A certainty is there for cosine alone.
"""

from __future__ import annotations

import math

from vectormigrate.model.collection import Metric


def to_distance(metric: Metric, score: float) -> float:
    """Weaviate's distance of a score."""
    match metric:
        case Metric.COSINE:
            return 1.0 - score
        case Metric.DOT:
            return -score
        case Metric.EUCLID:
            return score * score
        case _:
            return score


def from_distance(metric: Metric, distance: float) -> float:
    """The score of a distance of Weaviate's."""
    match metric:
        case Metric.COSINE:
            return 1.0 - distance
        case Metric.DOT:
            return -distance
        case Metric.EUCLID:
            return math.sqrt(max(0.0, distance))
        case _:
            return distance


def certainty_of(distance: float) -> float:
    """The certainty of a cosine distance."""
    return 1.0 - distance / 2.0


def distance_of(certainty: float) -> float:
    """The cosine distance of a certainty."""
    return 2.0 - 2.0 * certainty
