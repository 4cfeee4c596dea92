import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.fakes.world import SOURCE, records
from vectormigrate.model.errors import GateRefused, StateError, Unresolved
from vectormigrate.model.events import GapOpened
from vectormigrate.model.filter import Compare, Comparison
from vectormigrate.model.touch import Ids, Matching, Scope, Unknown, Unnamed, Whole

OLD = Matching(Compare(("version",), Comparison.LT, 5), removes=True)


def touch(*ids):
    return [Ids(ids, False)]


# The gap.


async def test_a_write_that_cannot_be_marked_raises_the_flag_before_it_leaves(bench):
    bench.state.full = True
    async with bench.lane.writing(touch(1), 10) as passing:
        assert bench.gap.named == ["move"]
        assert passing.access.store is bench.source
    assert [type(event) for event in bench.events] == [GapOpened]
    assert bench.ledger.get(1).row is None


async def test_a_mark_that_takes_too_long_raises_the_flag(bench):
    bench.state.before = 10.0
    began = bench.clock.monotonic()
    async with bench.lane.writing(touch(1), 10):
        assert bench.clock.monotonic() - began == pytest.approx(2.0)
        assert bench.gap.named == ["move"]


async def test_behind_a_commit_that_takes_too_long_nobody_waits(bench):
    before, bench.state.before = bench.state.writes, 10.0
    async with bench.lane.writing(touch(1), 10):
        pass
    bench.state.before = 1.0
    began = bench.clock.monotonic()
    async with bench.lane.writing([*touch(2), OLD], 10):
        assert bench.clock.monotonic() == began
        assert (bench.state.writes, bench.gap.named) == (1 + before, ["move"])
    await asyncio.sleep(8.0)
    async with bench.lane.writing(touch(3), 10):
        assert bench.clock.monotonic() - began == pytest.approx(9.0)
        assert "i:3" in bench.marks()


async def test_an_unmarked_write_is_copied_all_the_same(bench):
    bench.state.full = True
    await bench.put(1)
    bench.state.full = False
    await bench.pay()
    assert bench.target.held() == {1: 1}


async def test_who_would_rather_refuse_refuses(bench_of):
    bench = await bench_of(terms={"fail_closed": True})
    bench.state.full = True
    with pytest.raises(StateError, match="cannot be marked"):
        async with bench.lane.writing(touch(1), 10):
            raise AssertionError("it left")
    assert bench.gap.named == []
    assert (bench.ledger.in_flight, bench.ledger.get(1).source_until) == (0, 0.0)


async def test_what_can_neither_be_marked_nor_flagged_does_not_leave(bench):
    bench.state.full = bench.gap.broken = True
    with pytest.raises(StateError, match="takes anything"):
        async with bench.lane.writing(touch(1), 10):
            raise AssertionError("it left")
    assert (bench.ledger.in_flight, bench.lane.fence.entered) == (0, 0)


async def test_a_disk_that_is_stuck_before_the_flag_is_up_is_not_waited_for(bench):
    bench.state.before, bench.gap.stuck = 10.0, True
    began = bench.clock.monotonic()
    with pytest.raises(StateError, match="the disk is stuck"):
        async with bench.lane.writing(touch(1), 10):
            raise AssertionError("it left")
    assert bench.clock.monotonic() - began == pytest.approx(4.0)  # for the mark, and for the flag


async def test_a_predicate_that_cannot_be_noted_raises_the_flag_too(bench):
    bench.state.full = True
    async with bench.lane.writing([OLD], 10):
        assert bench.gap.named == ["move"]


async def test_a_predicate_that_takes_too_long_to_note_raises_the_flag_too(bench):
    bench.state.before = 10.0
    began = bench.clock.monotonic()
    async with bench.lane.writing([OLD], 10):
        assert bench.clock.monotonic() - began == pytest.approx(2.0)
        assert bench.gap.named == ["move"]
    assert bench.lane.marker.unmarked == 0


async def test_the_primary_may_take_longer_to_resolve_a_predicate_than_the_file_to_note_it(bench_of):
    bench = await bench_of(terms={"enumerate_seconds": 30.0})
    await bench.source.upsert(SOURCE, records([1], 1))
    bench.source.database.faults.latency = 5.0
    async with bench.lane.writing([OLD], 10):
        assert (bench.gap.named, bench.marks()) == ([], ["i:1"])


async def test_what_a_predicate_matches_is_marked_in_time_or_raises_the_flag(bench_of):
    bench = await bench_of(terms={"enumerate_seconds": 30.0})
    await bench.source.upsert(SOURCE, records([1], 1))
    bench.source.database.faults.latency = 5.0
    asyncio.get_running_loop().call_later(3.0, setattr, bench.state, "before", 60.0)
    began = bench.clock.monotonic()
    async with bench.lane.writing([OLD], 10):
        assert bench.gap.named == ["move"]
        assert bench.clock.monotonic() - began < 30.0


async def test_it_is_known_how_many_writes_are_under_way_that_nobody_marked(bench):
    """A comparison that is to find what they did must begin behind them."""
    assert bench.lane.marker.unmarked == 0
    async with bench.lane.writing(touch(1), 10):
        bench.state.full = True
        async with bench.lane.writing(touch(2), 10):
            assert bench.lane.marker.unmarked == 1
        assert bench.lane.marker.unmarked == 0


async def test_the_refusal_of_an_unmarked_write_is_no_dead_letter(bench):
    """The comparison that closes the gap marks what differs, and that is refused with its mark."""
    bench.target.database.faults.refused_ids = frozenset({1})
    bench.state.full = True
    await bench.put(1)
    bench.state.full = False
    await bench.pay()
    assert (bench.letters(), bench.marks(), len(bench.ledger)) == ([], [], 0)
    assert bench.target.writes() == [("upsert", (1,))]


async def test_an_unmarked_write_is_over_when_it_can_be_seen(bench_of):
    """The comparison that closes the gap begins behind it."""
    bench = await bench_of(terms={"visibility": 5.0})
    bench.state.full = True
    async with bench.lane.writing([OLD], 10):
        pass
    assert bench.ledger.quiet_after == bench.clock.monotonic() + 5.0


async def test_an_unmarked_write_of_unknown_extent_that_was_not_answered_bars_everything(bench):
    bench.state.full = True
    with pytest.raises(Unresolved):
        async with bench.lane.writing([OLD], 10):
            raise Unresolved("x")
    assert bench.ledger.quiet_after == bench.clock.monotonic() + 60.0


# Writes whose ids nobody knows.


async def test_a_predicate_is_noted_resolved_and_marked_before_it_leaves(bench):
    await bench.source.upsert(SOURCE, records([1, 2], 1))
    await bench.source.upsert(SOURCE, records([3], 7))
    async with bench.lane.writing([OLD], 10):
        assert (bench.marks(), bench.intents()) == (["i:1", "i:2"], [("matching", "forwarded")])
        assert bench.scopes.blocking
        assert (bench.ledger.in_flight, bench.ledger.get(1).in_flight) == (1, 1)
        assert bench.ledger.get(1).removed
    assert (bench.intents(), bench.scopes.blocking, bench.ledger.in_flight) == ([], False, 0)
    assert bench.ledger.get(1).in_flight == 0


async def test_what_is_written_while_a_filter_deletes_may_be_absent_and_rightly(bench):
    async with bench.lane.writing([OLD], 10):
        async with bench.lane.writing(touch(9), 10):
            pass
        assert bench.ledger.get(9).removed
    async with bench.lane.writing(touch(8), 10):
        pass
    assert not bench.ledger.get(8).removed


@pytest.mark.parametrize("fate", ["in flight", "unanswered"])
async def test_what_lands_while_a_filter_deletes_may_be_absent_and_rightly(bench, fate):
    """It was under way when the filter was resolved, and is in the database when that arrives."""
    async with AsyncExitStack() as stack:
        if fate == "in flight":
            await stack.enter_async_context(bench.lane.writing(touch(7), 10))
        else:
            with pytest.raises(Unresolved):
                async with bench.lane.writing(touch(7), 10):
                    raise Unresolved("x")
        async with bench.lane.writing([OLD], 10):
            assert bench.ledger.get(7).removed
            assert "i:7" in bench.marks()


async def test_behind_a_request_that_empties_the_collection_everything_may_be_absent(bench):
    await bench.put(1)
    async with bench.lane.writing(touch(2), 10), bench.lane.writing([Whole(Scope.CLEAR)], 10):
        assert bench.ledger.get(1).removed
        assert bench.ledger.get(2).removed


async def test_what_landed_behind_the_listing_may_be_absent_too(bench_of):
    """The listing was past its place, and it was answered before the listing ended."""
    bench = await bench_of(terms={"enumerate_seconds": 9.0})
    listing = bench.scopes.matching

    async def slowly(*words):
        found = await listing(*words)
        await asyncio.sleep(1.0)
        return found

    bench.scopes.matching = slowly

    async def put():
        async with bench.lane.writing(touch(7), 10):
            await asyncio.sleep(0.5)

    async with asyncio.TaskGroup() as group:
        group.create_task(put())
        await asyncio.sleep(0.1)
        async with bench.lane.writing([OLD], 10):
            assert (bench.ledger.get(7).removed, bench.ledger.get(7).in_flight) == (True, 1)


async def test_a_predicate_that_cannot_be_resolved_is_owed(bench_of):
    bench = await bench_of(terms={"enumerate_limit": 1})
    await bench.source.upsert(SOURCE, records([1, 2], 1))
    async with bench.lane.writing([OLD], 10):
        assert bench.intents() == [("matching", "owed")]
        assert bench.scopes.blocking
    assert (bench.intents(), bench.scopes.blocking) == ([("matching", "owed")], False)


@pytest.mark.parametrize(
    ("what", "kind"),
    [(Whole(Scope.CLEAR), "whole"), (Unknown("POST /x"), "unknown")],
    ids=["whole", "unknown"],
)
async def test_what_nobody_can_resolve_is_owed(bench, what, kind):
    async with bench.lane.writing([what], 10):
        assert (bench.intents(), bench.scopes.blocking) == ([(kind, "owed")], True)
    assert (bench.intents(), bench.scopes.blocking) == ([(kind, "owed")], False)


async def test_a_predicate_without_an_answer_blocks_for_the_quarantine(bench):
    with pytest.raises(Unresolved):
        async with bench.lane.writing([OLD], 10):
            raise Unresolved("x")
    await asyncio.sleep(59)
    await bench.scopes.expire()
    assert (bench.scopes.blocking, bench.intents()) == (True, [("matching", "forwarded")])
    await asyncio.sleep(1)
    await bench.scopes.expire()
    assert (bench.scopes.blocking, bench.intents()) == (False, [])


async def test_what_may_not_happen_now_is_refused_and_marks_nothing(bench):
    with pytest.raises(GateRefused):
        async with bench.lane.writing([*touch(1), Whole(Scope.DROP)], 10):
            raise AssertionError("it left")
    assert (bench.marks(), bench.lane.fence.entered) == ([], 0)
    bench.lane.copying = False
    async with bench.lane.writing([Whole(Scope.DROP)], 10):
        pass


async def test_ids_that_the_database_picks_are_marked_as_part_of_the_write(bench):
    async with bench.lane.writing([Unnamed()], 10) as passing:
        assert bench.intents() == [("unnamed", "forwarded")]
        await passing.named([7, 8])
        assert bench.marks() == ["i:7", "i:8"]
        assert (bench.ledger.get(7).in_flight, bench.ledger.in_flight) == (1, 1)
        assert bench.intents() == [("unnamed", "forwarded")]
    assert (bench.intents(), bench.ledger.get(7).in_flight, bench.ledger.in_flight) == ([], 0, 0)


async def test_picked_ids_that_cannot_be_marked_raise_the_flag_for_the_write_is_done(bench_of):
    bench = await bench_of(terms={"fail_closed": True})
    async with bench.lane.writing([Unnamed()], 10) as passing:
        bench.state.full = True
        await passing.named([7])
        assert bench.gap.named == ["move"]


async def test_the_simulation_can_skip_the_resolving(bench_of):
    bench = await bench_of(guards={"enumerate_first": False})
    await bench.source.upsert(SOURCE, records([1], 1))
    async with bench.lane.writing([OLD], 10):
        assert (bench.marks(), bench.intents()) == ([], [("matching", "forwarded")])
