"""Why work waits: each input by itself, and what is made of them."""

import asyncio
from dataclasses import replace

import pytest

from tests.fakes.statefile import MemoryState
from tests.fakes.virtual import LoopClock, virtually
from vectormigrate.engine.throttle import RATE, Throttle, telling
from vectormigrate.model.events import Throttled, Unthrottled
from vectormigrate.model.measure import Histogram
from vectormigrate.model.specification import Specification, StoreRef
from vectormigrate.state import migrations, throttles

ASKED = Specification("move", StoreRef("memory", "", "a"), StoreRef("memory", "", "b"))


class Bench:
    """A throttle whose limits a test sets."""

    def __init__(self, **inputs):
        self.clock = LoopClock()
        self.asked = ASKED
        self.said = []
        self.given_up = []
        self.throttle = Throttle(inputs, lambda: self.asked, self.clock, self._changed, self.given_up.append)
        self.felt = self.throttle.felt

    async def _changed(self, reasons):
        self.said.append(dict(reasons))

    def ask(self, **limits):
        self.asked = replace(self.asked, **limits)

    async def took(self, most=3600.0, records=0, **work):
        """Seconds that one draw waited, at most so many."""
        began = self.clock.monotonic()
        await self.throttle.take(records, lambda: self.clock.monotonic() - began >= most, **work)
        return self.clock.monotonic() - began


@virtually
async def test_with_nothing_set_nobody_waits_and_nothing_is_said():
    bench = Bench()
    assert await bench.took(records=10**9) == 0
    assert bench.said == []


@virtually
async def test_held_work_waits_until_it_is_let_go_or_stopped():
    bench = Bench()
    bench.ask(throttle_hold=True)
    assert await bench.took(most=100) == pytest.approx(100, abs=1.5)
    assert bench.said == [{"operator": "somebody asked for it"}]

    async def let_go():
        await asyncio.sleep(10)
        bench.ask(throttle_hold=False)

    async with asyncio.TaskGroup() as group:
        group.create_task(let_go())
        assert await bench.took() == pytest.approx(10.5, abs=1.5)
    assert bench.said[-1] == {}


@virtually
async def test_it_goes_on_within_its_hours():
    bench = Bench()
    bench.ask(throttle_window="01:00-02:00")  # the loop's day begins at midnight
    assert await bench.took(most=86_400) > 0
    assert (bench.clock.now().hour, bench.clock.now().minute) == (1, 0)
    assert "not within 01:00-02:00" in bench.said[0]["window"]


@virtually
async def test_a_slow_side_is_felt_for_half_a_minute_and_then_tried_again():
    bench = Bench()
    bench.ask(throttle_target_latency=0.5)
    await bench.took()
    bench.felt.batch(9.0, 0.4)
    await asyncio.sleep(2)
    assert await bench.took() == 0
    bench.felt.batch(9.0, 1.0)
    await asyncio.sleep(2)
    assert 25 < await bench.took() < 33
    assert bench.said == [{"target_latency": "the target answers in 0.70 s on average, more than 0.5"}, {}]


@virtually
async def test_the_source_is_what_an_application_feels_where_there_is_one():
    bench = Bench()
    bench.ask(throttle_source_latency=0.5)
    await bench.took()
    bench.felt.batch(9.0, 0.1)
    await asyncio.sleep(2)
    assert await bench.took(most=2) > 0
    applications = Histogram()
    bench.felt.source = (applications,)
    await asyncio.sleep(60)
    await bench.took()
    bench.felt.batch(9.0, 0.1)
    applications.observe(0.01)
    await asyncio.sleep(2)
    assert await bench.took() == 0


@virtually
async def test_what_others_feel_of_the_target_counts_as_well():
    bench = Bench()
    bench.ask(throttle_target_latency=0.5, throttle_target_429s=2)
    replays = Histogram()
    refused = [0]
    bench.felt.target = (replays,)
    bench.felt.refused_elsewhere = lambda: refused[0]
    await bench.took()
    replays.observe(3.0)
    bench.felt.refusals += 1
    refused[0] = 2
    await asyncio.sleep(2)
    assert await bench.took(most=2) > 0
    assert bench.said[-1].keys() == {"target_latency", "target_429s"}
    assert bench.said[-1]["target_429s"] == "the target asked for less 3 times within 30 s"


@virtually
async def test_replays_that_are_due_go_first():
    bench = Bench()
    bench.ask(throttle_backlog=100)
    due = [101]

    async def backlog():
        due[0] -= 1
        return due[0] + 1

    bench.felt.backlog = backlog
    assert await bench.took() == pytest.approx(1, abs=0.5)
    assert "101 records wait for their replay" in bench.said[0]["backlog"]
    bench.ask(throttle_backlog=0)
    due[0] = 10**6
    await asyncio.sleep(2)
    assert await bench.took() == 0


@virtually
async def test_any_one_input_is_enough_and_others_may_be_added():
    reasons = {"moon": "", "tide": "it is high"}

    async def moon(asked):
        return reasons["moon"]

    async def tide(asked):
        return reasons["tide"]

    bench = Bench(moon=moon, tide=tide)
    assert await bench.took(most=3) > 0
    assert bench.said == [{"tide": "it is high"}]
    reasons.update(moon="it is full", tide="")
    await asyncio.sleep(2)
    assert await bench.took(most=3) > 0
    assert bench.said[-1] == {"moon": "it is full"}


@virtually
async def test_a_rate_is_a_reason_that_holds_nothing():
    bench = Bench()
    bench.ask(max_rate=100.0)
    bench.throttle.adjust()
    assert await bench.took(records=100) == 0
    assert bench.said == [{RATE: "at most 100 records a second were asked for"}]
    assert await bench.took(records=1) == pytest.approx(1, abs=0.3)


@virtually
async def test_so_many_bytes_a_second_are_copied_and_no_more():
    bench = Bench()
    bench.ask(bandwidth=2.0**20)
    bench.throttle.adjust()
    assert await bench.took(size=10 * 2**20) == 0
    assert await bench.took(size=1) == pytest.approx(10, abs=0.6)
    assert bench.said == [{"bandwidth": "at most 1,048,576 bytes a second were asked for"}]


@virtually
async def test_a_nice_worker_rests_as_long_as_it_worked():
    bench = Bench()
    bench.ask(nice_ratio=2.0)
    bench.throttle.adjust()
    assert await bench.took() == 0
    assert await bench.took(took=7.0) == pytest.approx(14, abs=0.1)
    assert await bench.took(took=100.0, most=3) < 5  # it hears of a stop
    assert bench.said == [{"nice": "rests 2 times as long as it works"}]


@virtually
async def test_a_replay_that_is_late_goes_first():
    bench = Bench()
    bench.ask(throttle_lag=5.0)
    began = bench.clock.monotonic()
    bench.felt.lag = lambda: 8.0 - (bench.clock.monotonic() - began)
    assert await bench.took() == pytest.approx(3, abs=1.1)
    assert bench.said == [{"lag": "a record has waited 8 s for its replay, longer than 5"}, {}]


@virtually
async def test_what_is_critical_is_told_once_a_look_and_holds():
    bench = Bench()
    bench.ask(throttle_source_latency=0.5, critical_source_latency=2.0)
    await bench.took()
    bench.felt.batch(1.0, 0.1)
    await asyncio.sleep(2)
    assert await bench.took(most=1) > 0
    assert bench.given_up == []
    bench.felt.batch(5.0, 0.1)
    await asyncio.sleep(2)
    assert await bench.took(most=1) > 0
    assert set(bench.given_up) == {"the source answers in 3.00 s on average, more than 2"}
    assert bench.said[-1].keys() == {"critical", "source_latency"}


@virtually
async def test_inputs_are_asked_once_a_second_by_whoever_comes():
    asked = []

    async def curious(_):
        asked.append(1)
        return ""

    bench = Bench(curious=curious)
    async with asyncio.TaskGroup() as group:
        for _ in range(50):
            group.create_task(bench.took())
    assert len(asked) == 1
    await asyncio.sleep(1)
    await bench.took()
    assert len(asked) == 2


@virtually
async def test_when_the_work_ends_nothing_is_held_back():
    bench = Bench()
    bench.ask(throttle_hold=True)
    await bench.took(most=2)
    await bench.throttle.release()
    await bench.throttle.release()
    assert bench.said == [{"operator": "somebody asked for it"}, {}]


@virtually
async def test_reasons_are_kept_and_told():
    events, database = [], MemoryState()
    await database.write(lambda tx: migrations.create(tx, ASKED, at="now"))
    changed = telling(database, "move", LoopClock(), events.append)
    await changed({"cpu": "too much", "file": "there"})
    await changed({"file": "there"})
    assert database.read(lambda tx: throttles.get(tx, "move")) == {"file": "there"}
    assert set(events[:2]) == {Throttled("move", "cpu", "too much"), Throttled("move", "file", "there")}
    assert events[2:] == [Unthrottled("move", "cpu")]
    database.close()
