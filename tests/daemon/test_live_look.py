import asyncio

import msgspec
import pytest

from tests.fakes.hosted import Site
from vectormigrate.daemon.live_look import live_status
from vectormigrate.model.errors import GateRefused, Unreachable
from vectormigrate.model.status import GateStatus, LiveStatus
from vectormigrate.state import approvals


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


async def test_what_fails_before_there_is_a_plan_is_told_with_when_it_is_tried_again(site):
    site.world.set(max_retries=0, approval=("migrate",))
    async with site.daemon() as host:
        await site.world.fill(range(5))
        await host.create(site.world.spec)
        while site.database.read(approvals.every)[0].state == "created":
            await asyncio.sleep(0.001)  # nobody was told yet that it waits
        (gate,) = (await host.answer("status", "move", {}))["gates"]
        assert gate["reason"] == "there is none yet: the phase is created"
        await site.database.write(lambda tx: approvals.approve(tx, "move", "migrate", at="", by="ada"))
        site.world.target.faults.next_errors.append(Unreachable("gone", hint="see whether it runs"))
        await host.answer("resume", "move", {})
        told = msgspec.convert(await site.waits(host, "it is tried again by itself in "), LiveStatus)
        assert site.phase == "failed"
        why = "unreachable: gone; see whether it runs"
        assert told.gates == (GateStatus("plan", False, f"there is none yet: {why}"),)
        assert (told.debt, told.primary) == (0, "source")
        await host.answer("pause", "move", {})
        assert (await host.answer("status", "move", {}))["waiting"] == ""
        await host.answer("resume", "move", {})  # at once, not when it is due
        await site.until("passthrough")
        await site.waits(host, "")  # it has come further


async def test_behind_a_commit_no_swap_is_waited_for(site):
    async with site.daemon() as host:
        await site.verified(host)
        await host.answer("cutover", "move", {"dry_run": False, "no_way_back": False})
        await host.answer("commit", "move", {"dry_run": False})
        hosted = host._hosted["move"]
        told = await hosted.status()
        assert (told.primary, told.gates, told.debt, told.lag_seconds) == ("target", (), 0, 0.0)
        assert (await hosted.numbers()).gates == ()


async def test_when_it_is_over_there_is_nothing_to_tell(site):
    async with site.daemon() as host:
        await site.verified(host)
        await host.answer("rollback", "move", {"dry_run": False})
        with pytest.raises(GateRefused, match="is rolled_back: nothing is marked"):
            await host.answer("status", "move", {})
