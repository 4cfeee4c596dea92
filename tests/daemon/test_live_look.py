import pytest

from tests.fakes.hosted import Site
from vectormigrate.daemon.live_look import live_status
from vectormigrate.model.errors import GateRefused


@pytest.fixture
async def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.world.close()


async def test_what_memory_knows_of_a_live_migration(site):
    async with site.daemon() as host:
        await site.verified(host)
        await site.put(1, version=2)
        hosted = host._hosted["move"]
        told = await live_status(hosted.conductor, hosted.live, hosted.shadow)
    assert (told.migration_id, told.primary, told.reads, told.gap) == ("move", "source", 0.0, False)
    assert (told.secondary_down, told.in_flight) == ("", 0)
    assert told.debt in (0, 1)  # it may be paid by now
    assert {"cleared", "upserted", "conflicts"} <= set(told.replays)
    assert "compared" in {gate.name for gate in told.gates}


async def test_without_a_plan_there_is_nothing_to_tell(site):
    async with site.daemon() as host:
        await site.verified(host)
        hosted = host._hosted["move"]
        with pytest.raises(GateRefused, match="no plan yet"):
            await live_status(hosted.conductor, None, hosted.shadow)


async def test_nor_is_there_when_it_is_over(site):
    async with site.daemon() as host:
        await site.verified(host)
        await host.answer("rollback", "move", {"dry_run": False})
        with pytest.raises(GateRefused, match="is rolled_back: nothing is marked"):
            await host.answer("status", "move", {})
