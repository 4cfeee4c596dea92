"""The same searches on both sides."""

import pytest

from tests.engine.validate.pairs import TARGET, make_pair, shape
from tests.fakes.clock import FakeClock
from vectormigrate.engine.validate.recall import LIMIT, compare_searches, percentiles
from vectormigrate.engine.validate.run import LEAST_RECALL
from vectormigrate.model.collection import IdKind
from vectormigrate.model.plan import Fate, VectorPlan


async def searched(pair, count=20, seed=1):
    plans = [VectorPlan("v", "v", Fate.EXACT)]
    return await compare_searches(pair.sides, plans, count, seed, FakeClock())


@pytest.mark.parametrize("kind", [IdKind.INT, IdKind.TEXT])
async def test_equal_sides_find_the_same(kind):
    (seen,) = await searched(await make_pair(shape(kind), count=60))
    assert (seen.searches, seen.limit, seen.recall, seen.least, seen.order) == (20, LIMIT, 1.0, 1.0, 1.0)


async def test_what_the_target_does_not_find_is_missed():
    pair = await make_pair(count=60)
    await pair.target.delete(TARGET, list(range(-40, 140, 6)))
    (seen,) = await searched(pair)
    assert 0 < seen.least <= seen.recall < LEAST_RECALL
    assert seen == (await searched(pair))[0]  # by the same seed
    assert seen != (await searched(pair, seed=2))[0]


async def test_without_a_vector_there_is_nothing_to_search_by():
    pair = await make_pair(count=0)
    assert await searched(pair) == ()


def test_percentiles_are_values_that_were_measured():
    assert percentiles([0.001]) == (1.0, 1.0, 1.0)
    assert percentiles([one / 1000 for one in range(100, 0, -1)]) == pytest.approx((50.0, 95.0, 99.0))
