import asyncio

import pytest

from tests.fakes.online import QUARANTINE, TERMS
from tests.fakes.stage import Stage
from tests.fakes.virtual import virtually
from vectormigrate.model.errors import PermissionDenied, Unreachable, Unresolved
from vectormigrate.model.events import GapOpened, Warned
from vectormigrate.model.phase import Phase
from vectormigrate.model.touch import Ids, Scope, Whole
from vectormigrate.state import journal, roles
from vectormigrate.state.roles import Side


@pytest.fixture
def stage():
    made = Stage()
    yield made
    made.state.close()
    made.world.close()


# What the phase allows.

MARKING = {
    Phase.PASSTHROUGH,
    Phase.BACKFILL,
    Phase.CATCH_UP,
    Phase.VERIFIED,
    Phase.CUTTING_OVER,
    Phase.REVERSED,
    Phase.PAUSED,
    Phase.FAILED,
    Phase.ROLLING_BACK,
}
PAYING = {Phase.BACKFILL, Phase.CATCH_UP, Phase.VERIFIED, Phase.CUTTING_OVER, Phase.REVERSED}


@pytest.mark.parametrize("phase", Phase)
@virtually
async def test_what_is_marked_and_paid_in_each_phase(stage, phase):
    live = await stage.open(phase, clean=True)
    live.calmed()
    assert (live.lane.marking, not live.scheduler.paused) == (phase in MARKING, phase in PAYING)
    assert live.lane.paying == (phase in PAYING)
    assert live.lane.copying == (phase not in (Phase.COMMITTED, Phase.ROLLED_BACK, Phase.ABORTED))
    await stage.put(1)
    await asyncio.sleep(1)
    assert stage.held() == ({1} if phase in PAYING else set())


@pytest.mark.parametrize("resting", [Phase.CREATED, Phase.PREFLIGHT])
@virtually
async def test_nothing_is_marked_before_there_is_anything_to_mark_for(stage, resting):
    live = await stage.open()
    live.follow(Phase.FAILED, resting)
    assert not live.lane.marking
    live.follow(Phase.PAUSED, Phase.BACKFILL)
    assert live.lane.marking


# Taking up what an earlier process left.


@pytest.mark.parametrize("clean", [False, True])
@virtually
async def test_after_a_crash_nothing_is_cleared_for_the_quarantine(stage, clean):
    await stage.open()
    live = await stage.open(clean=clean)
    await stage.mark(1)
    await asyncio.sleep(QUARANTINE - 1)
    assert live.debt == (0 if clean else 1)
    await asyncio.sleep(3)
    assert live.debt == 0


@virtually
async def test_a_process_that_could_not_be_written_down_opens_the_gap(stage):
    live = await stage.open(recorded=False)
    assert (live.gap, stage.gap.named) == (True, [stage.id])
    assert any(isinstance(event, GapOpened) for event in stage.events)


@virtually
async def test_where_a_gap_stands_nobody_believes_in_a_clean_end(stage):
    """A process that was never written down may have come behind it."""
    await stage.open()
    stage.gap.raise_for(stage.id)
    live = await stage.open(clean=True)
    assert live.lane.ledger.quiet_after == stage.clock.monotonic() + QUARANTINE


@virtually
async def test_pages_that_stood_still_cover(stage):
    await stage.open()
    await stage.state.write(lambda tx: journal.open_intent(tx, stage.id, 0, "i:0", "i:1", nonce="a", epoch=1))
    lapsed = await stage.state.write(
        lambda tx: journal.open_intent(tx, stage.id, 0, "i:1", None, nonce="b", epoch=1)
    )
    await stage.state.write(lambda tx: journal.close_intent(tx, stage.id, lapsed))
    live = await stage.open(clean=True)
    assert [live.covers.holds(one) for one in (0, 1, 2)] == [False, True, False]
    await stage.put(1, 2)
    await asyncio.sleep(2)
    assert live.debt == 1
    live.covers.clear()
    await asyncio.sleep(2)
    assert live.debt == 0


@virtually
async def test_the_row_says_who_answers_and_who_reads(stage):
    await stage.open()
    await stage.state.write(lambda tx: roles.swap(tx, stage.id, roles.get(tx, stage.id)))
    await stage.state.write(lambda tx: roles.set_reads(tx, stage.id, 0.5))
    live = await stage.open()
    assert (live.lane.role.primary, live.lane.read_share) == (Side.TARGET, 0.0)  # while it is copied
    for phase in (Phase.VERIFIED, Phase.CUTTING_OVER, Phase.REVERSED):
        live.follow(phase)
        assert live.lane.read_share == 0.5
    for phase in (Phase.CATCH_UP, Phase.COMMITTED, Phase.ROLLING_BACK, Phase.ROLLED_BACK):
        live.follow(phase)
        assert live.lane.read_share == 0.0


@virtually
async def test_a_target_that_answers_is_told_what_may_still_land_there(stage):
    """One that does not is told so, whatever stands."""
    told = []
    stage.target.lead = lambda quarantine, unsure=(): told.append((quarantine, unsure))
    live = await stage.open(Phase.REVERSED)
    await stage.mark(2)
    await stage.state.write(lambda tx: roles.swap(tx, stage.id, roles.get(tx, stage.id)))
    live.lane.role = stage.state.read(lambda tx: roles.get(tx, stage.id))
    live.turned()
    await stage.open(Phase.REVERSED)
    await stage.open(Phase.REVERSED, clean=True)
    stage.gap.raise_for(stage.id)
    await stage.open(Phase.REVERSED, clean=True)
    assert told == [(0.0, []), (QUARANTINE, []), (QUARANTINE, [2]), (QUARANTINE, []), (QUARANTINE, None)]


# How much is owed.


@virtually
async def test_how_old_the_oldest_mark_is(stage):
    live = await stage.open(Phase.PASSTHROUGH)
    assert live.lag() == 0.0
    await stage.put(1)
    await asyncio.sleep(7)
    await stage.put(2)
    assert live.lag() == pytest.approx(7)


@virtually
async def test_an_id_that_is_written_all_the_time_waits_since_its_last_copy(stage):
    live = await stage.open(Phase.CATCH_UP, clean=True)

    async def write(after):
        await asyncio.sleep(after)
        for _ in range(20):
            async with live.lane.writing([Ids((1,))], 10):
                await asyncio.sleep(0.4)

    async with asyncio.TaskGroup() as group:
        group.create_task(write(0.0))
        group.create_task(write(0.2))
        await asyncio.sleep(7)
        assert live.debt == 1  # there is always one under way: it cannot be cleared
        assert live.lag() < 1


@virtually
async def test_records_that_are_written_or_owed_are_not_quiet(stage):
    live = await stage.open(Phase.PASSTHROUGH)
    await stage.mark(1)
    async with live.lane.writing([Ids((2,))], 10):
        assert live.unquiet(["i:0", "i:1", "i:2"]) == {"i:1", "i:2"}
    live.follow(Phase.CATCH_UP)
    live.calmed()
    await asyncio.sleep(2)
    assert live.unquiet(["i:0", "i:1", "i:2"]) == set()


@virtually
async def test_the_ids_that_were_written_last(stage):
    live = await stage.open()
    await stage.put(1, 2)
    await stage.put(3)
    assert (live.recent(2), live.recent(9)) == ([2, 3], [1, 2, 3])


@virtually
async def test_it_is_busy_while_anything_could_still_change(stage):
    live = await stage.open(Phase.PASSTHROUGH, clean=True)
    await asyncio.sleep(0.01)
    assert not live.busy()
    async with live.lane.writing([Ids((1,))], 10):
        assert live.busy()
    assert live.busy()  # it is owed
    live.follow(Phase.CATCH_UP)
    await asyncio.sleep(1)
    assert not live.busy()
    async with live.lane.writing([Whole(Scope.CLEAR)], 10):
        assert live.busy()
    assert not live.busy()
    with pytest.raises(Unresolved):
        async with live.lane.writing([Ids((1,))], 10):
            raise Unresolved("x")
    await asyncio.sleep(5)
    assert (live.busy(), live.quiet) == (True, False)
    await asyncio.sleep(QUARANTINE)
    assert (live.busy(), live.quiet) == (False, True)


@virtually
async def test_a_refused_record_keeps_nobody_busy(stage):
    stage.world.target.faults.refused_ids = frozenset({1})
    live = await stage.open(clean=True)
    await stage.put(1)
    await asyncio.sleep(1)
    assert (live.busy(), live.owed(), live.debt) == (False, False, 1)


@virtually
async def test_settled_waits_for_everything_and_hurries(stage):
    live = await stage.open(clean=True)
    await stage.put(1)
    began = stage.clock.monotonic()
    assert await live.settled(within=5)
    assert stage.clock.monotonic() - began < TERMS.coalesce
    stage.world.target.faults.down = True
    await stage.put(1)
    assert not await live.settled(within=1)


@virtually
async def test_low_waits_until_little_is_owed(stage):
    live = await stage.open(Phase.PASSTHROUGH, clean=True)
    await stage.mark(*range(2 * TERMS.replay_batch + 1))
    assert not await live.low(within=1)
    live.follow(Phase.CATCH_UP)
    assert await live.low(within=60)
    with pytest.raises(Unresolved):
        async with live.lane.writing([Ids((1,))], 10):
            raise Unresolved("x")
    assert not await live.low(within=1)


@virtually
async def test_what_can_be_paid_before_writes_are_held_is_paid(stage):
    live = await stage.open(clean=True)
    for number in range(100):
        await stage.put(number)
    began = stage.clock.monotonic()
    assert await live.low(within=5)
    assert live.debt <= 20
    assert stage.clock.monotonic() - began < TERMS.coalesce


@virtually
async def test_what_is_bearable_is_borne_when_it_does_not_become_less(stage):
    live = await stage.open(Phase.PASSTHROUGH, clean=True)
    await stage.mark(*range(100))
    began = stage.clock.monotonic()
    assert await live.low(within=5)
    assert 0.4 < stage.clock.monotonic() - began < 1
    assert live.debt == 100


# Paying to the end.


@virtually
async def test_paid_returns_when_nothing_is_owed(stage):
    live = await stage.open(clean=True)
    await stage.mark(1, 2)
    live.look()
    await live.paid(asyncio.Event(), patience=3)
    assert (live.debt, stage.held()) == (0, {1, 2})


@virtually
async def test_paid_tells_once_what_it_waits_for(stage):
    live = await stage.open()
    await live.paid(asyncio.Event(), patience=3)
    (warned,) = [event for event in stage.events if isinstance(event, Warned)]
    assert "waiting" in warned.message


@pytest.mark.parametrize(
    ("side", "error", "attempts"),
    [
        ("target", Unreachable("gone"), 4),
        ("source", Unreachable("gone"), 4),
        ("target", PermissionDenied("no"), 1),
    ],
    ids=["target", "source", "no retry helps"],
)
@virtually
async def test_paid_raises_what_keeps_it_from_its_end(stage, side, error, attempts):
    live = await stage.open(clean=True)
    await stage.mark(1)
    live.look()
    faults = getattr(stage.world, side).faults
    faults.next_errors.extend([error] * 100)
    with pytest.raises(type(error)):
        await live.paid(asyncio.Event(), patience=3)
    assert 100 - len(faults.next_errors) == attempts


@virtually
async def test_paid_ends_when_it_is_asked_to(stage):
    live = await stage.open(Phase.PASSTHROUGH, clean=True)
    await stage.mark(1)
    stopping = asyncio.Event()
    asyncio.get_running_loop().call_later(1, stopping.set)
    await live.paid(stopping, patience=3)
    assert live.debt == 1


class Silent:
    """A capture that has nothing to tell."""

    closed = False

    async def poll(self, limit):
        assert not self.closed

    async def close(self):
        self.closed = True


@virtually
async def test_nobody_asks_the_source_what_changed_once_it_is_committed(stage):
    stage.capture = Silent()
    live = await stage.open(Phase.REVERSED, clean=True)
    await asyncio.sleep(1)
    assert not stage.capture.closed
    live.follow(Phase.COMMITTED)
    await asyncio.sleep(1)
    assert stage.capture.closed


@virtually
async def test_behind_a_commit_nothing_is_owed_also_by_a_write_that_was_on_its_way(stage):
    live = await stage.open(Phase.PAUSED, clean=True)
    live.follow(Phase.PAUSED, Phase.BACKFILL)
    await stage.put(1)
    await asyncio.sleep(3)
    assert (await live.counted(), round(live.lag())) == ((1, 0), 3)
    live.follow(Phase.COMMITTED)
    assert (await live.counted(), live.lag()) == ((0, 0), 0.0)


# The gap, and calm.


@virtually
async def test_a_gap_stands_until_a_comparison_that_began_behind_it_is_done(stage):
    live = await stage.open(clean=True)
    assert not live.gap_stands
    stage.state.full = True
    await stage.put(1)
    stage.state.full = False
    assert isinstance(stage.events[-1], GapOpened)
    told = len(stage.events)
    stage.live._told(stage.events[-1])
    assert len(stage.events) == told  # once a gap, however many writes leave
    assert (live.gap, live.gap_stands) == (True, True)
    assert live.close_gap()
    assert (live.gap, live.gap_stands) == (
        False,
        True,
    )  # the flag is up until the comparison has come to its end
    await live.end_gap()
    assert (live.gap_stands, stage.gap.named) == (False, [])


@virtually
async def test_another_gap_meanwhile_keeps_the_flag(stage):
    live = await stage.open(clean=True)
    live.gap = True
    stage.gap.raise_for(stage.id)
    live.close_gap()
    stage.state.full = True
    await stage.put(1)
    await live.end_gap()
    assert (live.gap, stage.gap.named) == (True, [stage.id])


@pytest.mark.parametrize("gap", [False, True])
@virtually
async def test_a_comparison_without_an_end_gives_the_gap_back(stage, gap):
    live = await stage.open(clean=True)
    live.gap = gap
    live.reopen_gap(gap=live.close_gap())
    assert live.gap == gap


@virtually
async def test_a_gap_of_an_earlier_process_is_known(stage):
    stage.gap.raise_for(stage.id)
    live = await stage.open(clean=True)
    assert live.gap
    stage.gap.named = ["another"]
    assert not (await stage.open(clean=True)).gap


@pytest.mark.parametrize("what", ["an unanswered write", "one without a mark", "a predicate", "the boot"])
@virtually
async def test_calm_waits_for_what_could_land_behind_a_comparison(stage, what):
    live = await stage.open(clean=what != "the boot")
    began = stage.clock.monotonic()
    touches = [Whole(Scope.CLEAR)] if what == "a predicate" else [Ids((1,))]

    async def write():
        async with live.lane.writing(touches, 10):
            if what == "an unanswered write":
                raise Unresolved("x")
            await asyncio.sleep(QUARANTINE)

    async def ignored():
        stage.state.full = what == "one without a mark"
        try:
            await write()
        except Unresolved:
            return

    if what != "the boot":
        asyncio.get_running_loop().create_task(ignored())
        await asyncio.sleep(0.01)
        stage.state.full = False
    await live.calm(asyncio.Event())
    assert stage.clock.monotonic() - began >= QUARANTINE
    stopped = asyncio.Event()
    stopped.set()
    live.lane.ledger.quiet_after = stage.clock.monotonic() + 60
    await live.calm(stopped)


@virtually
async def test_idle_waits_for_the_replays_under_way(stage):
    live = await stage.open(clean=True)
    stage.world.target.faults.latency = 3.0
    await stage.put(1)
    await asyncio.sleep(1)
    live.follow(Phase.ROLLING_BACK)
    assert live.scheduler.running
    await live.idle()
    assert not live.scheduler.running


@virtually
async def test_what_was_said_of_one_direction_is_forgotten_in_the_other(stage):
    live = await stage.open()
    live.lane.position = "17"
    for _ in range(100):
        live.scheduler.guard.saw(strange=True)
    live.turned()
    assert (live.lane.position, live.scheduler.guard.tripped) == ("", False)


@virtually
async def test_it_stops_behind_the_replays_under_way(stage):
    live = await stage.open(clean=True)
    await stage.put(1)
    await asyncio.sleep(TERMS.coalesce + 0.01)
    live.stop()
    await stage.task
    assert stage.held() == {1}


@virtually
async def test_what_is_owed_or_written_can_set_counts_apart(stage):
    live = await stage.open(clean=True)
    live.calmed()
    live.follow(Phase.PAUSED, Phase.CATCH_UP)
    await stage.put(1)
    moving = live.moving()
    assert moving() == 1  # owed
    await stage.put(1, 2)
    assert moving() == 3
    live.follow(Phase.CATCH_UP)
    await asyncio.sleep(1)
    assert (stage.held(), moving(), live.moving()()) == ({1, 2}, 3, 0)


@virtually
async def test_the_backlog_is_what_is_due_and_what_the_file_holds_of_an_earlier_process(stage):
    live = await stage.open(clean=True)
    live.calmed()
    assert await live.backlog() == 0
    stage.world.target.faults.down = True
    await stage.put(*range(5))
    live.scheduler.paused = True
    await asyncio.sleep(1)
    assert await live.backlog() == 5
    live.scheduler._swept = object()
    await stage.mark(*range(100, 120))
    assert await live.backlog() == 25
