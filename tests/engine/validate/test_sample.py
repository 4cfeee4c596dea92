import random
from collections import Counter

import pytest

from vectormigrate.engine.validate import sample
from vectormigrate.engine.validate.sample import compare_sample, draw, upper_bound_95
from vectormigrate.model.collection import IdKind
from vectormigrate.model.finding import FindingKind
from vectormigrate.stores.base import Range

from .pairs import SOURCE, TARGET, make_ids, make_pair


@pytest.mark.parametrize(
    ("found", "drawn", "bound"),
    [
        (0, 1, 0.95),
        (0, 100, 0.029513),
        (0, 3_000, 0.00099808),
        (1, 100, 0.046559),
        (5, 100, 0.102253),
        (50, 100, 0.586355),
        (100, 100, 1.0),
        (3, 100_000, 7.7535e-05),
    ],
)
def test_the_bound_is_clopper_pearson(found, drawn, bound):
    assert upper_bound_95(found, drawn) == pytest.approx(bound, rel=1e-4)


async def test_the_same_seed_draws_the_same_records():
    pair = await make_pair(count=500)
    one, again, other = [await draw(pair.source, SOURCE, 500, 50, random.Random(seed)) for seed in (1, 1, 2)]
    assert one == again != other
    assert len(set(one)) == 50
    assert set(one) <= set(make_ids(IdKind.INT, 500))


async def test_a_sample_larger_than_the_collection_is_the_collection():
    pair = await make_pair(count=20)
    assert sorted(await draw(pair.source, SOURCE, 20, 99, random.Random(0))) == make_ids(IdKind.INT, 20)
    assert await draw(pair.source, SOURCE, 0, 99, random.Random(0)) == []
    assert await draw(pair.source, SOURCE, 20, 0, random.Random(0)) == []


@pytest.mark.parametrize("limit", [1_000, 10], ids=["uniform", "by ranges"])
async def test_every_record_is_about_as_likely(limit, monkeypatch):
    monkeypatch.setattr(sample, "UNIFORM_LIMIT", limit)
    monkeypatch.setattr(sample, "_STRATUM", 10)
    pair = await make_pair(count=60, page=16)
    chance = random.Random(5)
    drawn = Counter()
    for _ in range(300):
        drawn.update(await draw(pair.source, SOURCE, 60, 6, chance))
    assert set(drawn) == set(make_ids(IdKind.INT, 60))
    assert drawn.total() == 1_800
    assert max(drawn.values()) < 60
    assert min(drawn.values()) > 10


async def test_a_large_collection_is_not_read_whole(monkeypatch):
    monkeypatch.setattr(sample, "UNIFORM_LIMIT", 100)
    monkeypatch.setattr(sample, "_STRATUM", 20)
    pair = await make_pair(count=2_000, page=10)
    read = 0
    scan = pair.source.scan

    async def watched(*args, **how):
        nonlocal read
        async for page in scan(*args, **how):
            read += len(page.batch)
            yield page

    pair.source.scan = watched
    sampled = await compare_sample(pair.sides, 5, 1, pair.sink)
    assert (sampled.drawn, sampled.target_drawn, sampled.uniform) == (5, 5, False)
    assert 5 <= read <= 5 * 20


async def test_a_clean_sample():
    pair = await make_pair()
    sampled = await compare_sample(pair.sides, 50, 1, pair.sink)
    assert (sampled.drawn, sampled.target_drawn, sampled.differing, sampled.uniform) == (50, 50, 0, True)
    assert (sampled.source_total, sampled.target_total, sampled.seed) == (200, 200, 1)
    assert sampled.tally.compared == sampled.tally.bit_equal == 50
    assert pair.findings == []


async def test_a_sample_finds_differences_at_the_rate_they_have():
    pair = await make_pair(count=1_000)
    ids = make_ids(IdKind.INT, 1_000)
    wrong = random.Random(9).sample(ids, 150)
    await pair.target.delete(TARGET, wrong[:50])
    await pair.target.patch(TARGET, wrong[50:100], {"n": 2})
    await pair.source.delete(SOURCE, wrong[100:])
    missing = mismatched = extra = drawn = target_drawn = 0
    for seed in range(20):
        sampled = await compare_sample(pair.sides, 100, seed, pair.sink)
        missing += sampled.tally.missing
        mismatched += sampled.tally.mismatched
        extra += sampled.tally.extra
        drawn += sampled.drawn
        target_drawn += sampled.target_drawn
    assert drawn == target_drawn == 2_000
    for count, share in ((missing, 50 / 950), (mismatched, 50 / 950), (extra, 50 / 950)):
        # Three standard deviations of 2,000 draws.
        assert abs(count / 2_000 - share) < 3 * (share * (1 - share) / 2_000) ** 0.5
    assert Counter(finding.kind for finding in pair.findings) == {
        FindingKind.MISSING: missing,
        FindingKind.PAYLOAD: mismatched,
        FindingKind.EXTRA: extra,
    }


async def test_foreign_records_are_left_out():
    pair = await make_pair(count=50)
    await pair.change(-40, payload={})

    async def foreign(ids):
        return {-40} & set(ids)

    object.__setattr__(pair.sides, "foreign", foreign)
    sampled = await compare_sample(pair.sides, 50, 0, pair.sink, foreign_total=1, skipped_total=1)
    assert (sampled.drawn, sampled.target_drawn, sampled.differing) == (49, 49, 0)
    assert (sampled.tally.skipped, sampled.tally.foreign) == (1, 1)
    assert (sampled.foreign_total, sampled.skipped_total) == (1, 1)


async def test_a_store_that_cannot_split_is_read_whole(monkeypatch):
    monkeypatch.setattr(sample, "UNIFORM_LIMIT", 10)
    pair = await make_pair(count=50)

    async def whole(collection, parts):
        return [Range()]

    pair.source.split = whole
    assert len(set(await draw(pair.source, SOURCE, 50, 20, random.Random(0)))) == 20
