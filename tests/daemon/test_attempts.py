import asyncio

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.hosted import Site
from vectormigrate.daemon import attempts
from vectormigrate.daemon.attempts import Attempts
from vectormigrate.model.errors import GateRefused, MappingRefused, Unreachable
from vectormigrate.model.events import Progress, Warned
from vectormigrate.model.phase import Phase
from vectormigrate.state import migrations, views


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


# Of a migration that a process hosts.


@pytest.fixture
async def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.world.close()


async def test_what_may_pass_is_tried_again(site, monkeypatch):
    monkeypatch.setattr(attempts, "AGAIN", 0.01)
    site.world.set(max_retries=0)
    async with site.daemon() as host:
        await site.world.fill(range(5))
        await host.create(site.world.spec)
        await site.until("passthrough")
        site.world.target.faults.next_errors.extend([Unreachable("gone")] * 3)
        await host.answer("attest", "move", {"by": "me"})
        await site.until("verified")
    assert any(isinstance(event, Warned) and "trying again" in event.message for event in site.events)


async def test_that_it_is_tried_again_is_told_until_it_has_come_further(site, monkeypatch):
    monkeypatch.setattr(attempts, "AGAIN", 3600)
    site.world.set(max_retries=0)
    async with site.daemon() as host:
        await site.world.fill(range(5))
        await host.create(site.world.spec)
        await site.until("passthrough")
        site.world.target.faults.next_errors.append(Unreachable("gone"))
        await host.answer("attest", "move", {"by": "me"})
        await site.until("failed")
        await site.waits(host, "it is tried again by itself in 3")
        resting = site.database.read(lambda tx: views.status(tx, "move"))
        assert (resting.phase, resting.ended_at) == ("failed", None)  # nor is it said to have ended
        await site.database.write(lambda tx: migrations.move(tx, "move", Phase.FAILED, Phase.BACKFILL, at=""))
        told = await host.answer("status", "move", {})
        assert told["waiting"] == "trying again; the attempt before ended with: gone"
        host._heard(Progress("move", "backfill", 1, 5))
        assert (await host.answer("status", "move", {}))["waiting"] == ""


async def test_what_needs_a_person_waits_for_one(site):
    async with site.daemon() as host:
        await site.world.fill(range(5))
        await host.create(site.world.spec)
        await site.until("passthrough")
        conductor = host._hosted["move"].conductor
        copy, conductor._backfill = conductor._backfill, _refuse
        await host.answer("attest", "move", {"by": "me"})
        await site.until("failed")
        await host._hosted["move"].idle.wait()
        assert not host._hosted["move"].go.is_set()
        conductor._backfill = copy
        await host.answer("resume", "move", {})
        await site.until("verified")


async def _refuse():
    raise GateRefused("not so")
