from tests.fakes.world import SOURCE, records
from vectormigrate.engine.dualwrite.aside import Here
from vectormigrate.model.batch import Batch


async def test_several_writes_are_one_batch_and_how_many_each_put_there(bench):
    kept = [lambda: records([1, 2]), lambda: Batch([]), lambda: records([3])]
    batch, counts = await Here(bench.source).decode(kept, 10)
    assert (batch.ids, counts) == ([1, 2, 3], [2, 0, 1])


async def test_nothing_may_be_left_of_them(bench):
    assert [len(part) for part in await Here(bench.source).decode([lambda: Batch([])], 10)] == [0, 1]


async def test_they_are_decoded_where_it_is_said(bench):
    asked = []

    async def elsewhere(work):
        asked.append(True)
        return work()

    await Here(bench.source, elsewhere).decode([lambda: records([1])], 10)
    assert asked == [True]


async def test_a_read_is_behind_its_barrier_where_there_is_one(bench):
    await bench.put(1)
    here = Here(bench.source)
    assert (await here.read(SOURCE, [1, 2], "7")).ids == [1]
    assert bench.source.asked[-2:] == [("barrier", "7"), ("fetch", (1, 2))]
    await here.read(SOURCE, [3], None)
    assert bench.source.asked[-2:] == [("fetch", (1, 2)), ("fetch", (3,))]
