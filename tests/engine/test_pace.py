import asyncio

import pytest

from tests.fakes.clock import FakeClock
from vectormigrate.engine.pace import BatchSize, Pace


@pytest.fixture
def slept(monkeypatch):
    """Seconds asked to sleep, by a clock that obeys."""
    waits = []
    clock = FakeClock()

    async def sleep(seconds):
        waits.append(seconds)
        clock.advance(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return clock, waits


async def test_no_rate_is_no_wait(slept):
    clock, waits = slept
    pace = Pace(0, clock)
    for _ in range(100):
        await pace.take(10_000)
    assert waits == []


async def test_records_go_at_the_rate_on_average(slept):
    clock, waits = slept
    began = clock.monotonic()
    pace = Pace(100.0, clock)
    for _ in range(20):
        await pace.take(50)
    assert sum(waits) == pytest.approx(clock.monotonic() - began)
    assert clock.monotonic() - began == pytest.approx(19 * 0.5)  # each waits for those before it


async def test_what_was_not_used_is_no_credit_beyond_a_short_burst(slept):
    clock, waits = slept
    pace = Pace(100.0, clock)
    clock.advance(3600)
    await pace.take(25)
    await pace.take(25)
    assert waits == []
    await pace.take(25)
    assert sum(waits) == pytest.approx(0.25)


async def test_whoever_waits_goes_by_another_rate_as_soon_as_it_is_set(slept):
    clock, waits = slept
    pace = Pace(1.0, clock)
    await pace.take(1000)

    def quicker():
        if len(waits) == 4:  # two seconds
            pace.change(998.0)
        return False

    began = clock.monotonic()
    await pace.take(10, quicker)
    assert clock.monotonic() - began == pytest.approx(3.0, abs=0.1)
    pace.change(0.0)
    await pace.take(10**9)
    await pace.take(10**9)
    assert clock.monotonic() - began == pytest.approx(3.0, abs=0.1)
    pace.change(10.0)
    await pace.take(10)  # what was taken without a limit is not paid for afterwards
    assert clock.monotonic() - began == pytest.approx(3.0, abs=0.1)


async def test_nobody_waits_who_is_to_stop(slept):
    clock, waits = slept
    pace = Pace(1.0, clock)
    await pace.take(1000)
    await pace.take(1, lambda: len(waits) >= 2)
    assert waits == [0.5, 0.5]


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
