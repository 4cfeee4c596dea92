"""One live migration that a process hosts: what stands still for a verb, and what can be seen of it."""

import asyncio

import pytest

import vectormigrate.daemon.hosted as hosted_module
from tests.fakes.hosted import Site
from vectormigrate.model.errors import GateRefused, IllegalTransition
from vectormigrate.model.phase import Phase


@pytest.fixture
async def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.world.close()


async def refused(hosted):
    async with hosted.halted():
        assert (hosted.idle.is_set(), hosted.go.is_set()) == (True, False)
        raise GateRefused("not so")


async def test_it_stands_still_for_a_verb_and_goes_on_when_that_is_refused(site):
    async with site.daemon() as host:
        await site.world.fill(range(5))
        await host.create(site.world.spec)
        await site.until(Phase.PASSTHROUGH)
        hosted = host._hosted["move"]
        with pytest.raises(GateRefused):
            await refused(hosted)
        assert hosted.go.is_set()
        async with hosted.halted():
            await hosted.conductor.rest()
        assert (hosted.go.is_set(), site.phase) == (False, Phase.PAUSED)

        seen, numbers = await hosted.status(), await hosted.numbers()
        assert (seen.migration_id, seen.primary, numbers.live) == ("move", "source", hosted.live)
        assert [one.name for one in numbers.gates] == [one.name for one in seen.gates]


async def test_a_pause_that_cannot_be_stops_nothing_that_somebody_else_waits_for(site, monkeypatch):
    async with site.daemon() as host:
        await site.verified(host)
        hosted = host._hosted["move"]
        monkeypatch.setattr(hosted.conductor, "stop", lambda: pytest.fail("it ends every comparison"))
        with pytest.raises(IllegalTransition, match="cannot move to paused"):
            await host.answer("pause", "move", {})
        assert (hosted.go.is_set(), site.phase) == (True, Phase.VERIFIED)
        monkeypatch.undo()


async def test_behind_its_end_no_verb_lets_it_go_again(site):
    async with site.daemon() as host:
        await site.verified(host)
        hosted = host._hosted["move"]

        async def rolled_back():
            return await host.answer("rollback", "move", {"dry_run": False})

        async with hosted.turn:  # whoever comes first stops it for a verb
            asked = [asyncio.create_task(rolled_back())]
            asked.append(asyncio.create_task(host.answer("resume", "move", {})))
            await asyncio.sleep(0)
            host.stop()
        told = await asyncio.gather(*asked, return_exceptions=True)
        assert [str(one) for one in told] == ["the daemon is stopping: nothing was changed"] * 2
        assert (hosted.go.is_set(), site.phase) == (False, Phase.VERIFIED)


async def test_what_waits_behind_a_rollback_is_told_that_it_is_over(site):
    async with site.daemon() as host:
        await site.verified(host)
        rolling_back = asyncio.create_task(host.answer("rollback", "move", {"dry_run": False}))
        while not host._hosted["move"].turn.locked():
            await asyncio.sleep(0)
        with pytest.raises(GateRefused, match="cannot go on"):
            await host.answer("resume", "move", {})
        assert (await rolling_back)["left"] == 0
        assert site.phase == Phase.ROLLED_BACK


async def test_its_stores_are_not_closed_under_what_still_works_on_them(site, monkeypatch):
    """Captured changes that were just marked are acknowledged to their source, which a closed store could not hear."""
    monkeypatch.setattr(hosted_module, "_LAST", 0.05)
    async with site.daemon() as host:
        await site.verified(host)
        hosted = host._hosted["move"]
        hosted.end()
        ended = asyncio.create_task(hosted.ended())
        await asyncio.sleep(0.01)
        assert not ended.done()
        hosted.live.stop()
        await ended
        assert hosted.work.done()
        assert not hosted.work.cancelled()

        hosted.work = asyncio.create_task(asyncio.sleep(60))  # a side that does not answer
        await hosted.ended()
        await asyncio.wait([hosted.work])
        assert hosted.work.cancelled()
