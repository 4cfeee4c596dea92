import asyncio

import pytest

from tests.fakes.lanes import Watched
from tests.fakes.virtual import LoopClock
from tests.fakes.world import SOURCE, records, shape
from vectormigrate.engine.cutover.switch import Switch
from vectormigrate.engine.dualwrite.fence import Fence
from vectormigrate.engine.dualwrite.terms import Guards, Terms
from vectormigrate.model.errors import GateRefused, Unreachable


class Noted(Fence):
    """A fence that writes down what happened to it."""

    def __init__(self, log):
        super().__init__(SOURCE, Terms(), Guards())
        self.log = log

    def close(self):
        super().close()
        self.log.append("fenced")

    def open(self):
        super().open()
        self.log.append("unfenced")


class Stage:
    """A switch over two stores, and what its callers do."""

    def __init__(self):
        self.log = []
        self.fence = Noted(self.log)
        self.here, self.there = Watched("here"), Watched("there")
        self.recent = [1, 2]
        self.settling = 0.0

    async def open(self):
        for store in (self.here, self.there):
            await store.create(shape())
            await store.upsert(SOURCE, records([1, 2]))
            store.asked.clear()
        return self

    async def settled(self, within):
        self.log.append(f"settling within {within:g}")
        await asyncio.sleep(min(within, self.settling))
        return self.settling < within

    async def commit(self):
        await asyncio.sleep(0.1)
        self.log.append("committed")

    def names(self, most):
        self.log.append("named")
        return self.recent[:most]

    def switch(self, **words):
        return Switch(
            self.fence,
            self.here,
            self.there,
            SOURCE,
            self.settled,
            self.names,
            LoopClock(),
            **{"hold": 5.0, **words},
        )


@pytest.fixture
async def stage():
    return await Stage().open()


async def test_fence_drain_verify_bit_unfence(stage):
    stage.settling = 0.5
    assert await stage.switch().run(stage.commit) == pytest.approx(0.6)
    assert stage.log == ["fenced", "settling within 5", "named", "committed", "unfenced"]
    assert stage.there.asked[:2] == [
        ("delete", ()),
        ("barrier", ""),
    ]  # what was paid is seen, as soon as that can be known


async def test_writes_that_are_past_the_fence_end_first(stage):
    await stage.fence.enter(10)

    async def end():
        await asyncio.sleep(1)
        assert stage.log == ["fenced"]
        stage.fence.leave()

    async with asyncio.TaskGroup() as group:
        group.create_task(end())
        held = await stage.switch().run(stage.commit)
    assert held == pytest.approx(1.1)
    assert "settling within 4" in stage.log  # of what is left of the hold


@pytest.mark.parametrize("slow", ["writes", "debt", "a read"])
async def test_what_takes_too_long_undoes_nothing_but_the_fence(stage, slow):
    if slow == "writes":
        await stage.fence.enter(10)
    if slow == "debt":
        stage.settling = 60.0
    if slow == "a read":
        stage.there.database.faults.latency = 60.0
    began = asyncio.get_running_loop().time()
    with pytest.raises(GateRefused, match=r"in 5 s of held writes: nothing was changed"):
        await stage.switch().run(stage.commit)
    assert asyncio.get_running_loop().time() - began == pytest.approx(5.0)
    assert (stage.log[0], stage.log[-1], "committed" in stage.log) == ("fenced", "unfenced", False)


@pytest.mark.parametrize("lacking", ["here", "there"])
async def test_a_record_on_one_side_only_stops_it(stage, lacking):
    await getattr(stage, lacking).delete(SOURCE, [2])
    with pytest.raises(GateRefused, match="on one side only: i:2; nothing was changed") as caught:
        await stage.switch().run(stage.commit)
    assert caught.value.ids == ("i:2",)
    assert (stage.log[-1], "committed" in stage.log) == ("unfenced", False)


async def test_nothing_was_written_lately(stage):
    stage.recent = []
    await stage.switch().run(stage.commit)
    assert stage.here.fetches() == []


async def test_ids_that_were_written_often_are_looked_at_once(stage):
    stage.recent = [1, 2, 1]
    await stage.switch().run(stage.commit)
    assert stage.here.fetches() == stage.there.fetches() == [(1, 2)]


@pytest.mark.parametrize("where", ["the secondary", "the bit"])
async def test_trouble_is_the_callers_and_lets_writes_go(stage, where):
    if where == "the secondary":
        stage.there.database.faults.down = True

    async def commit():
        raise Unreachable("gone")

    with pytest.raises(Unreachable):
        await stage.switch().run(commit)
    assert stage.log[-1] == "unfenced"


async def test_whoever_asked_may_go_away(stage):
    stage.settling = 3.0
    task = asyncio.get_running_loop().create_task(stage.switch().run(stage.commit))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (stage.log[-1], "committed" in stage.log) == ("unfenced", False)


async def test_the_bit_is_not_cut_off_by_the_hold(stage):
    """It may be durable already: nobody may say that nothing was changed."""
    stage.settling = 4.95
    await stage.switch().run(stage.commit)
    assert stage.log[-2:] == ["committed", "unfenced"]


async def test_the_simulation_can_take_the_drain_out(stage):
    await stage.switch(drain=False).run(stage.commit)
    assert stage.log == ["fenced", "named", "committed", "unfenced"]
