import asyncio
from dataclasses import replace

import pytest

from tests.fakes.online import QUARANTINE, Online
from tests.fakes.virtual import virtually
from tests.fakes.world import SOURCE, records
from vectormigrate.model.collection import VectorField
from vectormigrate.model.errors import GateRefused, IllegalTransition, StateFull, Unreachable
from vectormigrate.model.events import PhaseChanged, Warned
from vectormigrate.model.phase import Phase
from vectormigrate.model.specification import Mode
from vectormigrate.model.touch import Matching, Scope, Whole
from vectormigrate.state import migrations
from vectormigrate.stores.capture import Changes


@pytest.fixture
def online():
    made = Online()
    yield made
    made.state.close()
    made.world.close()


def moves(online):
    """Where it was moved to, in order."""
    return [event.after.value for event in online.events if isinstance(event, PhaseChanged)]


# The way there.


@virtually
async def test_the_whole_way(online):
    await online.world.fill(range(5))
    await online.start()
    assert online.router.concerned() == ()
    async with online.running() as conductor:
        await online.until("passthrough")
        assert online.router.concerned() == (SOURCE,)
        await online.put(7)
        await asyncio.sleep(100)
        assert (online.phase, online.debt, online.versions("target")) == ("passthrough", 1, {})
        assert conductor.waiting == ""
        await conductor.attest("me")
        began = online.clock.monotonic()
        await asyncio.sleep(QUARANTINE - 4.9)
        assert conductor.waiting.startswith(
            "the backfill waits 5 s until a write that was sent past the daemon"
        )
        await online.until("verified")
        assert conductor.waiting == ""
        assert online.clock.monotonic() - began >= QUARANTINE  # what did not come through us has landed
    assert moves(online) == ["preflight", "passthrough", "backfill", "catch_up", "verified"]
    assert online.versions("target") == online.versions("source")
    assert (online.debt, online.role.attested_by) == (0, "me")


@virtually
async def test_an_attest_of_an_earlier_process_counts(online):
    await online.world.fill(range(5))
    await online.start()
    async with online.running():
        await online.until("passthrough")
    await online.conductor.attest("me")
    await online.die()
    await online.start()
    async with online.running():
        await online.until("verified")


@virtually
async def test_writes_while_it_is_copied_arrive(online):
    await online.world.fill(range(40))
    online.world.target.faults.latency = 0.3
    await online.start()
    await online.conductor.attest("me")
    async with online.running():
        await online.until("backfill")
        for version in range(1, 30):
            await online.put(version % 7, 35, 100 + version, version=version)
            await asyncio.sleep(0.2)
        await online.until("verified")
        await asyncio.sleep(5)
    assert online.versions("target") == online.versions("source")


@virtually
async def test_records_behind_the_last_key_are_looked_for_only_so_often(online):
    """New ones keep coming, and are marked."""
    await online.world.fill(range(5))
    await online.start()
    await online.conductor.attest("me")
    tails = []

    async def grew():
        tails.append(1)
        return True

    online.conductor._tail_grew = grew
    async with online.running():
        await online.until("verified")
    assert len(tails) == 2


@virtually
async def test_a_pause_pays_nothing_and_marks_on(online):
    await online.verified()
    await online.state.write(lambda tx: migrations.move(tx, online.id, Phase.VERIFIED, Phase.CATCH_UP, at=""))
    await online.conductor.rest()
    await online.conductor.rest()  # it rests already
    await online.put(1, version=5)
    await asyncio.sleep(10)
    assert (online.phase, online.debt, online.versions("target")[1]) == ("paused", 1, 0)
    async with online.running():
        await online.until("verified")
    assert online.versions("target")[1] == 5


@virtually
async def test_where_nothing_rests_a_pause_is_refused(online):
    await online.verified()
    with pytest.raises(IllegalTransition):
        await online.conductor.rest()


@virtually
async def test_a_sample_that_differs_is_followed_by_a_whole_comparison(online):
    await online.verified()
    await online.state.write(lambda tx: migrations.move(tx, online.id, Phase.VERIFIED, Phase.CATCH_UP, at=""))
    await online.stores.target.delete("copy", [3])  # past us
    async with online.running():
        await online.until("verified")
    assert online.versions("target") == online.versions("source")


# Tending.


@virtually
async def test_a_write_of_unknown_extent_is_compared_and_then_owed_no_more(online):
    await online.verified()
    async with online.running():
        async with online.router.writing({SOURCE: [Whole(Scope.CLEAR)]}):
            await online.stores.source.delete(SOURCE, [1, 2])
        assert online.owed == ["owed"]
        assert "scopes" in online.closed(await online.conductor.gates())
        await asyncio.sleep(10)
        assert online.owed == []
        assert online.versions("target") == online.versions("source") == {0: 0, 3: 0, 4: 0}


@pytest.mark.parametrize("dies", [False, True])
@virtually
async def test_what_a_filter_may_have_removed_before_it_was_copied_is_gone(online, dies):
    """Nobody knows which ids it matched: of those owed just then none is said to be deleted, and that many look like a shard."""
    await online.verified()
    async with online.running():
        await online.put(*range(100, 180))
        await asyncio.sleep(5)
        await online.put(*range(100, 180), version=2)
        async with online.router.writing({SOURCE: [Matching(None, removes=True)]}):
            await online.stores.source.delete(SOURCE, list(range(100, 140)))
        assert online.owed == ["owed"]
        await asyncio.sleep(0 if dies else 15)
    if dies:
        await online.die()
        await online.start()
        async with online.running():
            await asyncio.sleep(QUARANTINE + 15)
    assert (online.owed, online.debt, online.live.scheduler.guard.tripped) == ([], 0, False)
    assert online.versions("target") == online.versions("source")


@virtually
async def test_a_gap_is_compared_and_then_closed(online):
    await online.verified()
    online.state.full = True
    await online.put(1, version=5)
    online.state.full = False
    await online.die()  # and with it the memory of the write
    await online.start()
    assert online.live.gap
    async with online.running():
        await asyncio.sleep(30)
        assert (online.live.gap, online.gap.named) == (False, [])
        assert online.versions("target")[1] == 5


@virtually
async def test_a_comparison_that_came_to_no_end_leaves_the_gap_open(online):
    await online.verified()
    online.state.full = True
    await online.put(1)
    online.state.full = False
    online.world.target.faults.latency = 0.5
    async with online.running():
        await asyncio.sleep(1.2)
        online.world.target.faults.down = True
        await asyncio.sleep(10)
        assert (online.live.gap_stands, online.gap.named) == (True, [online.id])
        assert "gap" in online.closed(await online.conductor.gates())
        assert any(
            isinstance(event, Warned) and "could not be looked at" in event.message for event in online.events
        )
        online.world.target.faults.down = False
        await asyncio.sleep(120)
        assert not online.live.gap_stands


@virtually
async def test_a_comparison_whose_end_the_disk_does_not_take_leaves_the_gap_open(online):
    await online.verified()
    online.state.full = True
    await online.put(1)
    online.conductor._reconcile = lambda *_: asyncio.sleep(1)
    with pytest.raises(StateFull):
        await online.conductor.run()
    assert online.live.gap
    online.state.full = False
    async with online.running():
        await asyncio.sleep(30)
        assert not online.live.gap_stands


@virtually
async def test_whoever_wants_to_look_is_asked_to_look(online):
    await online.verified()
    looks = []

    async def look():
        looks.append(online.clock.monotonic())

    online.conductor.on_look = look
    async with online.running():
        await asyncio.sleep(650)
    assert len(looks) == 2


# The end of it.


@virtually
async def test_commit_gives_up_the_way_back(online):
    await online.verified()
    async with online.running() as conductor:
        await conductor.cutover()
        await conductor.commit()
        await online.put(1, version=5)
        await asyncio.sleep(5)
        assert (online.phase, online.debt) == ("committed", 0)
        assert (online.versions("target")[1], online.versions("source")[1]) == (5, 0)
        with pytest.raises(GateRefused, match="in phase committed"):
            await conductor.revert()
        with pytest.raises(GateRefused, match="would lose them") as caught:
            await conductor.rollback(dry_run=False, remove_unknown=True)
        assert not caught.value.hint  # there is no way back to name
        async with online.router.writing({SOURCE: [Whole(Scope.DROP)]}):
            pass  # the collection is the application's own again


@virtually
async def test_nothing_is_cut_over_whose_source_was_given_what_the_plan_does_not_know(online):
    await online.verified()
    table = online.world.source.tables[SOURCE]
    planned = table.shape
    table.shape = replace(planned, vectors=(*planned.vectors, VectorField("w", dim=2)))
    with pytest.raises(GateRefused, match="shape: the source has what the plan does not know: vector 'w'"):
        await online.conductor.cutover()
    async with online.running():
        table.shape = planned
        await asyncio.sleep(400)
        assert "shape" not in online.closed(await online.conductor.gates())
        table.shape = replace(planned, vectors=(replace(planned.vectors[0], dim=5),))
        await asyncio.sleep(400)
        assert "shape" in online.closed(await online.conductor.gates())


@virtually
async def test_a_share_of_the_reads_is_kept(online):
    await online.verified()
    await online.conductor.set_reads(0.5)
    assert (online.live.lane.read_share, online.role.reads) == (0.5, 0.5)
    await online.die()
    await online.start()
    assert online.live.lane.read_share == 0.5
    await online.conductor.set_reads(0.0)
    assert online.live.lane.read_share == 0.0


@virtually
async def test_reads_that_had_moved_go_to_the_new_primary_whole(online):
    await online.verified()
    await online.conductor.set_reads(1.0)
    assert online.router.reading(SOURCE).store is online.live.lane.secondary
    async with online.running() as conductor:
        await conductor.cutover()
        assert (online.live.lane.read_share, online.role.reads) == (0.0, 0.0)
        await online.put(1, version=5)
        assert online.router.reading(SOURCE).store is online.live.lane.ends.target
        await online.until_idle()
        await conductor.set_reads(1.0)
        await conductor.revert()
        assert online.live.lane.read_share == 0.0


@virtually
async def test_no_reads_move_to_a_side_that_does_not_hold_everything(online):
    await online.world.fill(range(5))
    await online.start()
    async with online.running() as conductor:
        await online.until("passthrough")
        for share in (0.5, 0.0):
            with pytest.raises(GateRefused, match="in phase passthrough, not verified or reversed"):
                await conductor.set_reads(share)
        await conductor.attest("me")
        await online.until("verified")
        await conductor.set_reads(1.0)
    seen = []
    delete = online.stores.target.delete

    async def watched(*args):
        seen.append(online.router.reading(SOURCE).store)
        return await delete(*args)

    online.stores.target.delete = watched
    await conductor.rollback(dry_run=False, remove_unknown=True)
    assert seen
    assert online.stores.target not in seen
    assert set(seen) <= {None, online.live.lane.ends.source}


# Where the source notes its changes itself.


class Noting:
    """A capture that a test feeds."""

    def __init__(self):
        self.waiting = []
        self.problem = []

    async def poll(self, limit):
        return self.waiting[0] if self.waiting else None

    async def acknowledge(self, position):
        self.waiting.pop(0)

    async def check(self):
        return self.problem

    async def lag(self):
        return 0.0


@pytest.fixture
def captured():
    made = Online(Noting(), mode=Mode.CAPTURED)
    yield made
    made.state.close()
    made.world.close()


@virtually
async def test_no_reads_of_a_captured_migration_can_be_moved(captured):
    captured.capture.waiting.append(Changes((), everything=True, position="1"))
    await captured.world.fill(range(5))
    await captured.start()
    async with captured.running() as conductor:
        await captured.until("verified")
        with pytest.raises(GateRefused, match="no reads of 'move' come through the daemon"):
            await conductor.set_reads(0.5)


@virtually
async def test_a_captured_migration_needs_no_word_and_commits_at_once(captured):
    captured.capture.waiting.append(Changes((), everything=True, position="1"))
    await captured.world.fill(range(5))
    await captured.start()
    async with captured.running() as conductor:
        await captured.until("verified")
        assert captured.owed == []  # what was noted before the first page was read, the scan saw
        await captured.stores.source.upsert(SOURCE, records([1], 5))
        captured.capture.waiting.append(Changes((1,), everything=False, position="2"))
        await asyncio.sleep(2)
        assert captured.versions("target")[1] == 5
        with pytest.raises(GateRefused, match="nobody notes what is written to the target"):
            await conductor.cutover()
        await conductor.cutover(no_way_back=True)
        assert captured.phase == "committed"


@virtually
async def test_a_capture_that_is_not_sound_is_told(captured):
    captured.capture.problem = ["a trigger is gone"]
    await captured.world.fill(range(5))
    await captured.start()
    with pytest.raises(GateRefused, match="may pass unseen: a trigger is gone") as caught:
        await captured.conductor.run()
    assert "capture install" in caught.value.hint
    assert captured.phase == "failed"


# The way back.


@virtually
async def test_a_rollback_takes_away_what_was_put_there(online):
    await online.verified()
    async with online.running():
        await online.put(7)
        await asyncio.sleep(1)
    report = await online.conductor.rollback(dry_run=False, remove_unknown=False)
    assert (report.deleted, online.phase, online.versions("target")) == (6, "rolled_back", {})
    assert online.router.concerned() == ()
    assert len(online.versions("source")) == 6


@virtually
async def test_a_target_that_answers_is_not_taken_away(online):
    await online.verified()
    async with online.running() as conductor:
        await conductor.cutover()
        with pytest.raises(GateRefused, match="would lose them") as caught:
            await conductor.rollback(dry_run=False, remove_unknown=True)
        assert "revert" in caught.value.hint
        await conductor.revert()
    await online.conductor.rollback(dry_run=False, remove_unknown=False)
    assert online.phase == "rolled_back"


@virtually
async def test_a_rollback_waits_for_what_may_still_land(online):
    await online.verified()
    online.world.target.faults.unresolved_next = 1
    await online.put(1, version=5)
    await asyncio.sleep(1)
    began = online.clock.monotonic()
    await online.conductor.rollback(dry_run=False, remove_unknown=False)
    assert online.clock.monotonic() - began >= QUARANTINE - 1
    assert online.versions("target") == {}


@virtually
async def test_a_write_during_the_rollback_leaves_nothing_behind(online):
    await online.verified()
    delete = online.stores.target.delete

    async def meanwhile(collection, ids):
        online.stores.target.delete = delete
        await online.put(99)
        return await delete(collection, ids)

    online.stores.target.delete = meanwhile
    await online.conductor.rollback(dry_run=False, remove_unknown=False)
    assert (online.phase, online.versions("target")) == ("rolled_back", {})


# Trouble.


@virtually
async def test_trouble_of_a_store_while_it_is_tended_ends_nothing(online):
    await online.verified()
    async with online.running():
        await asyncio.sleep(1)
        online.world.source.faults.down = True
        await asyncio.sleep(400)
        assert online.phase == "verified"
    assert online.failed == []


@virtually
async def test_a_state_file_that_is_full_for_a_while_fails_no_phase_that_cannot_fail(online):
    await online.verified()
    async with online.router.writing({SOURCE: [Whole(Scope.CLEAR)]}):
        pass
    online.state.full = True
    with pytest.raises(StateFull):
        await online.conductor.run()
    online.state.full = False
    assert online.phase == "verified"


@virtually
async def test_a_copy_that_cannot_go_on_fails_and_goes_on_from_there(online):
    await online.world.fill(range(5))
    await online.start()
    await online.conductor.attest("me")
    async with online.running():
        await online.until("passthrough")
        online.world.target.faults.down = True
        await asyncio.sleep(60)
    (error,) = online.failed
    assert (type(error), online.phase) == (Unreachable, "failed")
    online.world.target.faults.down = False
    async with online.running():
        await online.until("verified")
