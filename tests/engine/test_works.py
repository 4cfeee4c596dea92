"""What is under way of one migration: comparisons take turns, a stop reaches everything, the throttle is let go at the end."""

import asyncio

import pytest

from tests.fakes.online import Online
from tests.fakes.virtual import virtually
from vectormigrate.engine.works import Works
from vectormigrate.model.errors import GateRefused
from vectormigrate.model.phase import Phase
from vectormigrate.state import checkpoints, migrations


class Throttling:
    def __init__(self):
        self.released = 0

    async def release(self):
        self.released += 1


class Work:
    def __init__(self):
        self.stops = 0
        self.throttle = None

    def stop(self):
        self.stops += 1


@pytest.fixture
def stopping():
    return asyncio.Event()


@pytest.fixture
def throttle():
    return Throttling()


@pytest.fixture
def works(throttle, stopping):
    return Works(throttle, stopping.is_set)


async def test_the_second_comparison_begins_when_the_first_has_ended(works):
    order = []

    async def compare(name):
        async with works.compare(Work()):
            order.append(f"{name} begins")
            await asyncio.sleep(0)
            order.append(f"{name} ends")

    assert not works.comparing
    await asyncio.gather(compare("one"), compare("two"))
    assert order == ["one begins", "one ends", "two begins", "two ends"]


async def test_a_stop_reaches_the_copy_and_the_comparison(works):
    copy, comparison = Work(), Work()
    async with works.copying(copy):
        async with works.compare(comparison):
            assert works.comparing
            works.stop()
        works.stop()
    works.stop()
    assert (copy.stops, comparison.stops) == (2, 1)


async def test_what_begins_while_all_is_stopped_ends_at_once(works, stopping):
    stopping.set()
    work = Work()
    async with works.compare(work):
        assert work.stops == 1


async def test_all_keep_to_the_throttle_which_is_let_go_behind_the_last(works, throttle):
    copy, comparison = Work(), Work()
    async with works.copying(copy):
        async with works.compare(comparison):
            assert copy.throttle is comparison.throttle is throttle
        assert throttle.released == 0
    assert throttle.released == 1


async def test_a_comparison_that_fails_gives_its_turn_away(works, throttle):
    with pytest.raises(RuntimeError):
        async with works.compare(Work()):
            raise RuntimeError
    assert (works.comparing, throttle.released) == (False, 1)
    works.stop()


# In a live migration.


@pytest.fixture
def online():
    made = Online()
    yield made
    made.state.close()
    made.world.close()


@pytest.mark.parametrize("full", [False, True])
@virtually
async def test_a_comparison_beside_another_makes_none_forget_what_it_found(online, full):
    await online.verified()
    online.world.target.faults.latency = 0.05

    async def later(seconds):
        await asyncio.sleep(seconds)
        await online.conductor.validate(full=True)

    for hundredths in range(0, 50, 2):
        await online.stores.target.delete("copy", [3])  # past us
        report, _ = await asyncio.gather(online.conductor.validate(full=full), later(hundredths / 100))
        assert (report.ok, report.missing) == (False, 1)
        await online.until_idle()
        assert online.versions("target") == online.versions("source")


@virtually
async def test_what_is_tended_waits_for_no_comparison(online):
    await online.verified()
    looks = []
    online.world.target.faults.latency = 400.0
    async with online.running(), asyncio.TaskGroup() as group:
        long = group.create_task(online.conductor.validate(full=True))

        async def look():
            looks.append(long.done())

        online.conductor.on_look = look
    assert looks[:2] == [False, False]


@virtually
async def test_a_stop_reaches_a_copy_beside_a_comparison_that_has_ended(online):
    await online.world.fill(range(5_000))
    await online.start()
    await online.conductor.attest("me")
    online.world.target.faults.latency = 0.2
    async with online.running():
        await online.until("backfill")
        await online.conductor.validate(ids=["i:1"])
        assert online.phase == "backfill"
    assert (online.phase, online.failed) == ("backfill", [])
    assert not all(row.done for row in online.state.read(lambda tx: checkpoints.ranges(tx, online.id)))


@virtually
async def test_a_stop_while_the_last_comparison_looks_fails_nothing(online):
    await online.verified()
    await online.state.write(lambda tx: migrations.move(tx, online.id, Phase.VERIFIED, Phase.CATCH_UP, at=""))
    online.world.target.faults.latency = 1.0
    async with online.running():
        while not online.conductor._works.comparing:
            await asyncio.sleep(0.01)
    assert (online.phase, online.failed) == ("catch_up", [])
    online.world.target.faults.latency = 0.0
    async with online.running():
        await online.until("verified")


@virtually
async def test_an_operator_who_is_quicker_than_the_step_behind_the_plan_is_told(online):
    await online.verified()
    online.conductor.live = None
    with pytest.raises(GateRefused, match="just being planned"):
        await online.conductor.validate(full=True)
