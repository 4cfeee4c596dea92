import itertools

import pytest

from vectormigrate.engine.backfill.planner import RANGES_A_WORKER, RECORDS_A_RANGE, plan_ranges
from vectormigrate.stores.base import Range


async def test_ranges_cover_every_key_and_end_together(world):
    await world.fill(range(100))
    ranges = await plan_ranges(world.store(), "docs", total=10 * RECORDS_A_RANGE, workers=2)
    assert len(ranges) == 2 * RANGES_A_WORKER
    assert ranges[0].lower is None
    assert ranges[-1].upper is None
    assert all(one.upper == two.lower for one, two in itertools.pairwise(ranges))


@pytest.mark.parametrize(("total", "parts"), [(0, 1), (RECORDS_A_RANGE - 1, 1), (3 * RECORDS_A_RANGE, 3)])
async def test_a_small_collection_is_not_cut_to_trifles(world, total, parts):
    await world.fill(range(100))
    assert len(await plan_ranges(world.store(), "docs", total=total, workers=8)) == parts


async def test_a_store_whose_split_leaves_a_gap_is_caught(world):
    await world.fill(range(10))
    store = world.store()

    async def split(collection, parts):
        return [Range("i:1", None)]

    store.split = split
    with pytest.raises(AssertionError, match="do not cover"):
        await plan_ranges(store, "docs", total=10, workers=1)
