import asyncio
from contextlib import asynccontextmanager

import pytest

from vectormigrate.engine.dualwrite.intake import Intake
from vectormigrate.model.errors import Unreachable
from vectormigrate.model.events import Warned
from vectormigrate.stores.capture import Changes


class Noted:
    """A capture that tells what a test puts into it, again until it is acknowledged."""

    def __init__(self):
        self.waiting = []
        self.acknowledged = []
        self.polls = 0
        self.errors = []
        self.closed = False

    def put(self, *ids, everything=False):
        self.waiting.append(Changes(ids, everything, f"at {len(self.waiting) + len(self.acknowledged)}"))

    async def poll(self, limit):
        self.polls += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.waiting[0] if self.waiting else None

    async def acknowledge(self, position):
        assert self.waiting[0].position == position
        self.acknowledged.append(self.waiting.pop(0))

    async def close(self):
        self.closed = True

    async def check(self):
        return ["a trigger is gone"]

    async def lag(self):
        return 3.0


@pytest.fixture
def noted():
    return Noted()


@pytest.fixture
def intake(bench, noted):
    return Intake("move", noted, bench.lane, bench.events.append)


@asynccontextmanager
async def taking(intake):
    async with asyncio.TaskGroup() as group:
        group.create_task(intake.run())
        yield
        intake.stop()


async def test_changes_are_acknowledged_when_they_are_marked(bench, noted, intake):
    bench.state.before = 1.0
    noted.put(1, 2)
    async with taking(intake):
        await asyncio.sleep(0.5)
        assert (noted.acknowledged, bench.marks(), intake.behind) == ([], [], True)
        await asyncio.sleep(1)
        assert (len(noted.acknowledged), bench.marks()) == (1, ["i:1", "i:2"])
        assert not intake.behind


async def test_it_is_behind_until_it_was_told_that_nothing_waits(noted, intake):
    assert intake.behind
    async with taking(intake):
        await asyncio.sleep(0.01)
        assert not intake.behind
        noted.put(1)
        await asyncio.sleep(0.2)
        assert not intake.behind


async def test_what_waits_is_taken_without_a_pause_and_nothing_is_asked_too_often(noted, intake):
    for one in range(20):
        noted.put(one)
    async with taking(intake):
        await asyncio.sleep(0.01)
        assert len(noted.acknowledged) == 20
        polls = noted.polls
        await asyncio.sleep(1)
        assert noted.polls - polls == pytest.approx(10, abs=1)


async def test_changes_that_cannot_be_marked_are_told_again(bench, noted, intake):
    bench.state.full = True
    noted.put(1)
    async with taking(intake):
        await asyncio.sleep(5)
        assert (noted.acknowledged, intake.behind) == ([], True)
        assert len(bench.events) == 1  # however long it lasts
        bench.state.full = False
        await asyncio.sleep(3)
        assert (len(noted.acknowledged), bench.marks()) == (1, ["i:1"])


async def test_trouble_of_the_source_is_told_once_and_waited_out(bench, noted, intake):
    noted.errors = [Unreachable("gone"), Unreachable("gone")]
    noted.put(1)
    async with taking(intake):
        await asyncio.sleep(1)
        assert (noted.polls, intake.trouble) == (1, "gone")
        await asyncio.sleep(4)
        assert (bench.marks(), intake.trouble) == (["i:1"], "")
        (event,) = bench.events
        assert isinstance(event, Warned)
        noted.errors = [Unreachable("gone again")]
        await asyncio.sleep(1)
        assert len(bench.events) == 2


async def test_what_the_source_cannot_name_is_owed_and_not_asked_for_in_a_loop(bench, noted, intake):
    noted.put(1, everything=True)
    noted.put(2)
    async with taking(intake):
        await asyncio.sleep(0.05)
        assert (bench.intents(), bench.marks(), len(noted.acknowledged)) == (
            [("unknown", "owed")],
            ["i:1"],
            1,
        )
        await asyncio.sleep(0.1)
        assert bench.marks() == ["i:1", "i:2"]


async def test_what_the_capture_says_of_itself(intake):
    assert (await intake.problems(), await intake.lag()) == (["a trigger is gone"], 3.0)


async def test_the_capture_is_given_back_when_nobody_reads_it_any_more(noted, intake):
    async with taking(intake):
        assert not noted.closed
    assert noted.closed
