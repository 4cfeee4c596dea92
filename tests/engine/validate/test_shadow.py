import asyncio

import numpy as np
import pytest

from tests.fakes.clock import FakeClock
from vectormigrate.engine.validate.shadow import Shadow, ShadowStatus, overlap, same_order
from vectormigrate.model.errors import Unreachable
from vectormigrate.model.query import Match, Query

QUERY = Query(np.zeros(2), "v", 3)


def matches(*ids):
    return [Match(one, 0.0) for one in ids]


class Secondary:
    """Answers a search with what a test says, some time later."""

    def __init__(self, clock):
        self.clock = clock
        self.answer = matches(1, 2, 3)
        self.asked = []
        self.takes = 0.0
        self.go = asyncio.Event()
        self.go.set()

    async def query(self, collection, query):
        self.asked.append((collection, query))
        await self.go.wait()
        self.clock.advance(self.takes)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
async def stage():
    return Stage()


class Stage:
    def __init__(self):
        self.clock = FakeClock()
        self.secondary = Secondary(self.clock)
        self.tasks = []
        self.shadow = Shadow(lambda: self.secondary, self.clock, self._spawn)

    def _spawn(self, work):
        self.tasks.append(asyncio.get_running_loop().create_task(work))

    async def search(self, *primary, seconds=0.1):
        self.shadow.observe("docs", seconds, lambda: (QUERY, matches(*primary)))
        await self.done()

    async def done(self):
        for task in self.tasks:
            await task


async def test_a_search_is_asked_of_the_secondary_and_the_answers_are_compared(stage):
    stage.secondary.takes = 0.25
    await stage.search(1, 2, 9, seconds=0.1)
    assert stage.secondary.asked == [("docs", QUERY)]
    status = stage.shadow.status()
    assert (status.compared, status.left_out, status.failed) == (1, 0, 0)
    assert status.overlap == pytest.approx(2 / 3)
    assert (status.order, status.primary_ms, status.secondary_ms) == (1.0, 100.0, pytest.approx(250.0))
    assert stage.shadow.overlap() == status.overlap


async def test_of_several_the_mean_and_the_median(stage):
    await stage.search(1, 2, 3, seconds=0.1)
    await stage.search(3, 2, 1, seconds=0.2)
    await stage.search(7, 8, 9, seconds=0.9)
    status = stage.shadow.status()
    assert (status.overlap, status.order, status.primary_ms) == (
        pytest.approx(2 / 3),
        pytest.approx(2 / 3),
        pytest.approx(200),
    )


async def test_nothing_is_known_before_the_first(stage):
    assert stage.shadow.overlap() is None
    assert stage.shadow.status() == ShadowStatus(0, 0, 0, None, None, None, None)


async def test_the_application_does_not_wait_for_it(stage):
    stage.secondary.go.clear()
    stage.shadow.observe("docs", 0.1, lambda: (QUERY, matches(1)))
    assert stage.secondary.asked == []  # not even a decoding happens here
    stage.secondary.go.set()
    await stage.done()


async def test_beyond_a_few_at_a_time_they_are_left_out(stage):
    stage.secondary.go.clear()
    for _ in range(7):
        stage.shadow.observe("docs", 0.1, lambda: (QUERY, matches(1)))
    assert (len(stage.tasks), stage.shadow.status().left_out) == (4, 3)
    stage.secondary.go.set()
    await stage.done()
    await stage.search(1)
    assert stage.shadow.status().compared == 5  # there is room again


async def test_a_search_without_a_neutral_form_is_left_out(stage):
    stage.shadow.observe("docs", 0.1, lambda: None)
    await stage.done()
    assert (stage.shadow.status().left_out, stage.secondary.asked) == (1, [])


@pytest.mark.parametrize("error", [Unreachable("gone"), ValueError("a bug")], ids=["foreseen", "not"])
async def test_trouble_is_counted_and_nothing_else(stage, error):
    stage.secondary.answer = error
    for _ in range(5):
        await stage.search(1)
    assert (stage.shadow.status().failed, stage.shadow.overlap()) == (5, None)
    stage.secondary.answer = matches(1)
    await stage.search(1)
    assert stage.shadow.overlap() == 1.0


async def test_only_the_last_count(stage):
    for _ in range(1000):
        await stage.search(9)
        stage.tasks.clear()
    for _ in range(500):
        await stage.search(1, 2, 3)
        stage.tasks.clear()
    assert (stage.shadow.overlap(), stage.shadow.status().compared) == (0.5, 1500)


async def test_what_was_said_of_the_other_direction_is_forgotten(stage):
    await stage.search(1)
    stage.shadow.forget()
    assert stage.shadow.overlap() is None
    assert stage.shadow.status() == ShadowStatus(0, 0, 0, None, None, None, None)


@pytest.mark.parametrize(
    ("here", "there", "share", "order"),
    [
        ([], [], 1.0, 1.0),
        ([1], [], 0.0, 1.0),
        ([1, 2], [1, 2, 3, 4], 0.5, 1.0),
        ([1, 2, 3], [3, 2, 1], 1.0, 0.0),
        ([1, 2, 3], [2, 1, 3], 1.0, 2 / 3),
        ([1, 9, 2], [2, 8, 1], 2 / 3, 0.0),
    ],
)
def test_how_alike_two_answers_are(here, there, share, order):
    assert overlap(here, there) == pytest.approx(share)
    assert same_order(here, there) == pytest.approx(order)
