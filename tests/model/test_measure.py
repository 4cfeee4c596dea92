import math

from vectormigrate.model.measure import SECONDS, SIZES, Histogram


def test_a_value_is_counted_at_the_first_bound_that_is_not_smaller():
    seen = Histogram((1.0, 2.0, 4.0))
    for value in (0.5, 1.0, 1.5, 4.0, 9.0):
        seen.observe(value)
    assert seen.cumulative() == [(1.0, 2), (2.0, 3), (4.0, 4), (math.inf, 5)]
    assert (seen.count, seen.sum) == (5, 16.0)


def test_a_quantile_is_the_bound_below_which_the_share_lies():
    seen = Histogram((1.0, 2.0))
    assert seen.quantile(0.5) is None
    for value in (0.1, 0.2, 1.5, 3.0):
        seen.observe(value)
    assert [seen.quantile(share) for share in (0.5, 0.75, 1.0)] == [1.0, 2.0, math.inf]


def test_the_bounds_ascend():
    assert list(SECONDS) == sorted(set(SECONDS))
    assert list(SIZES) == sorted(set(SIZES))
