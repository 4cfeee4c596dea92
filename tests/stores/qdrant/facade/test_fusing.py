"""Rankings made into one, by numbers that can be looked up."""

from __future__ import annotations

import pytest

from vectormigrate.model.query import Match
from vectormigrate.stores.qdrant.facade.fusing import fused
from vectormigrate.stores.qdrant.wire.questions import Distributions, Ranks


def ranking(*scores):
    return [Match(one, score) for one, score in scores]


def told(matches):
    return [(match.id, pytest.approx(match.score, abs=1e-6)) for match in matches]


ONE, OTHER = ranking((1, 9.0), (2, 5.0), (3, 1.0)), ranking((3, 0.9), (4, 0.1))


def test_ranks_count_from_zero_behind_two():
    assert told(fused([ONE, OTHER], Ranks())) == [(3, 1 / 4 + 1 / 2), (1, 1 / 2), (2, 1 / 3), (4, 1 / 3)]
    assert told(fused([ONE], Ranks(k=60))) == [(1, 1 / 60), (2, 1 / 61), (3, 1 / 62)]


def test_a_weight_stretches_the_ranks():
    found = fused([ONE, OTHER], Ranks(k=3, weights=(2.0, 0.0)))
    assert told(found) == [(1, 1 / 2.5), (2, 1 / 3), (3, 1 / 3.5), (4, 0)]


def test_scores_lie_between_three_deviations():
    found = fused([ONE], Distributions())  # 5 and 4 on either side
    assert told(found) == [(1, 16 / 24), (2, 12 / 24), (3, 8 / 24)]
    assert told(fused([ONE, ONE], Distributions()))[0] == (1, 32 / 24)


def test_scores_that_do_not_differ_are_in_the_middle():
    assert told(fused([ranking((1, 3.0)), []], Distributions())) == [(1, 0.5)]
    assert told(fused([ranking((1, 3.0), (2, 3.0))], Distributions())) == [(1, 0.5), (2, 0.5)]
