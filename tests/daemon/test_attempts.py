import asyncio

import pytest

from tests.fakes.clock import FakeClock
from vectormigrate.daemon import attempts
from vectormigrate.daemon.attempts import Attempts
from vectormigrate.model.errors import MappingRefused, Unreachable
from vectormigrate.model.phase import Phase


@pytest.fixture
def clock():
    return FakeClock()


def test_what_may_pass_is_tried_again_and_told_until_it_has_come_further(clock):
    tried = Attempts(clock.monotonic)
    assert (tried.another, tried.told(Phase.BACKFILL)) == (False, "")
    tried.ended(Unreachable("gone"))
    clock.advance(4)
    assert tried.another
    assert tried.told(Phase.FAILED) == "it is tried again by itself in 6 s"
    assert tried.told(Phase.BACKFILL) == "trying again; the attempt before ended with: gone"
    clock.advance(60)  # it is being tried at this moment
    assert tried.told(Phase.FAILED) == "it is tried again by itself in 0 s"
    tried.came_further()
    assert (tried.another, tried.told(Phase.FAILED)) == (False, "")


def test_what_needs_a_person_is_not(clock):
    tried = Attempts(clock.monotonic)
    tried.ended(Unreachable("gone"))
    tried.ended(MappingRefused("too long"))
    assert (tried.another, tried.told(Phase.FAILED)) == (False, "")


async def test_the_next_one_comes_when_it_is_due(clock, monkeypatch):
    monkeypatch.setattr(attempts, "AGAIN", 0.01)
    tried = Attempts(clock.monotonic)
    tried.ended(Unreachable("gone"))
    async with asyncio.timeout(10):
        await tried.pause()


async def test_or_as_soon_as_somebody_asks_for_it(clock):
    tried = Attempts(clock.monotonic)
    tried.hurry()  # of nothing, which is not kept for later
    tried.ended(Unreachable("gone"))
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(tried.pause())
        await asyncio.sleep(0)
        assert not waiting.done()
        tried.hurry()
