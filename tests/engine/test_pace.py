import asyncio

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.stage import Stage
from tests.fakes.virtual import virtually
from vectormigrate.engine.pace import BatchSize, Pace
from vectormigrate.model.phase import Phase


@pytest.fixture
def slept():
    """Seconds asked to sleep, by a clock that obeys."""
    waits = []
    clock = FakeClock()

    return clock, waits


@pytest.fixture
def stage():
    made = Stage()
    yield made
    made.state.close()
    made.world.close()


def take(slept, pace, records, stopped=lambda: False):
    """Draw as background work does."""
    clock, waits = slept
    while not stopped() and (left := pace.turn()):
        waits.append(left)
        clock.advance(left)
    pace.spend(records)


def test_no_rate_is_no_wait(slept):
    clock, waits = slept
    pace = Pace(0, clock)
    for _ in range(100):
        take(slept, pace, 10_000)
    assert waits == []


def test_records_go_at_the_rate_on_average(slept):
    clock, waits = slept
    began = clock.monotonic()
    pace = Pace(100.0, clock)
    for _ in range(20):
        take(slept, pace, 50)
    assert sum(waits) == pytest.approx(clock.monotonic() - began)
    assert clock.monotonic() - began == pytest.approx(19 * 0.5)  # each waits for those before it


def test_what_was_not_used_is_no_credit_beyond_a_short_burst(slept):
    clock, waits = slept
    pace = Pace(100.0, clock)
    clock.advance(3600)
    take(slept, pace, 25)
    take(slept, pace, 25)
    assert waits == []
    take(slept, pace, 25)
    assert sum(waits) == pytest.approx(0.25)


def test_whoever_waits_goes_by_another_rate_as_soon_as_it_is_set(slept):
    clock, waits = slept
    pace = Pace(1.0, clock)
    take(slept, pace, 1000)

    def quicker():
        if len(waits) == 4:  # two seconds
            pace.change(998.0)
        return False

    began = clock.monotonic()
    take(slept, pace, 10, quicker)
    assert clock.monotonic() - began == pytest.approx(3.0, abs=0.1)
    pace.change(0.0)
    take(slept, pace, 10**9)
    take(slept, pace, 10**9)
    assert clock.monotonic() - began == pytest.approx(3.0, abs=0.1)
    pace.change(10.0)
    take(slept, pace, 10)  # what was taken without a limit is not paid for afterwards
    assert clock.monotonic() - began == pytest.approx(3.0, abs=0.1)


def test_nobody_waits_who_is_to_stop(slept):
    clock, waits = slept
    pace = Pace(1.0, clock)
    take(slept, pace, 1000)
    take(slept, pace, 1, lambda: len(waits) >= 2)
    assert waits == [0.5, 0.5]


def test_replays_draw_first_and_from_the_same_bucket(slept):
    clock, _ = slept
    pace = Pace(100.0, clock)
    pace.spend(100)
    assert pace.wait() == pytest.approx(1.0)
    assert pace.turn() == 0.5  # somebody may set another rate
    pace.first = lambda: True
    clock.advance(1.0)
    assert pace.wait() == 0
    assert 0 < pace.turn() < 0.5
    pace.first = lambda: False
    assert pace.turn() == 0
    pace.change(0.0)
    pace.first = lambda: True
    assert pace.turn() == 0  # nobody has to wait for anybody where there is no rate


@virtually
async def test_replays_keep_to_the_rate_before_anybody_else(stage):
    live = await stage.open(clean=True)
    live.calmed()
    pace = Pace(10.0, stage.clock)
    live.scheduler.keep_to(pace)
    assert pace.turn() == 0
    await stage.put(*range(30))  # one batch, which runs the bucket into debt
    await asyncio.sleep(1)
    assert len(stage.held()) == 30
    await stage.put(30)
    await asyncio.sleep(1.5)
    assert 30 not in stage.held()
    assert pace.turn() > 0
    await asyncio.sleep(1)
    assert 30 in stage.held()


@virtually
async def test_a_swap_does_not_wait_for_the_rate(stage):
    live = await stage.open(Phase.VERIFIED, clean=True)
    live.calmed()
    pace = Pace(0.001, stage.clock)
    live.scheduler.keep_to(pace)
    pace.spend(1000)
    await stage.put(1)
    await asyncio.sleep(5)
    assert stage.held() == set()
    assert await live.settled(within=5)
    assert stage.held() == {1}


def test_a_batch_holds_as_many_as_allowed_and_as_fit():
    size = BatchSize(100, size_limit=1000)
    assert size.records(1) == 100
    assert size.records(50) == 20
    assert size.records(5000) == 1  # a record larger than the limit still goes, alone
    assert size.records(0) == 100


def test_a_slow_write_halves_the_next_and_fast_ones_bring_it_back():
    size = BatchSize(100, size_limit=10**9, latency=2.0)
    size.wrote(100, 2.5)
    assert size.records(1) == 50
    size.wrote(50, 1.0)
    assert size.records(1) == 50  # neither slow nor fast
    size.wrote(50, 0.1)
    assert size.records(1) == 100
    size.wrote(100, 0.1)
    assert size.records(1) == 100
    size.wrote(1, 10.0)
    assert size.records(1) == 1
