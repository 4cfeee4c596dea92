import asyncio
from contextlib import suppress

import pytest

from tests.fakes.world import SOURCE, records
from vectormigrate.engine.dualwrite.lane import Ends
from vectormigrate.model.errors import (
    GateRefused,
    PermissionDenied,
    RecordRefused,
    StateFull,
    StoreDown,
    Throttled,
    Unreachable,
    Unresolved,
)
from vectormigrate.model.filter import Compare, Comparison
from vectormigrate.model.touch import Ids, Matching, Scope, Whole
from vectormigrate.state import journal
from vectormigrate.state.roles import Role, Side
from vectormigrate.stores.front import Outcome

OLD = Matching(Compare(("version",), Comparison.LT, 5), removes=True)


def touch(*ids, removes=False):
    return [Ids(ids, removes)]


async def quarantined(bench, record_id):
    """Whether a write of this id may still land."""
    return bench.ledger.get(record_id).source_until > bench.clock.monotonic()


# The mark.


async def test_a_mark_is_durable_before_the_write_leaves(bench):
    bench.state.before = 1.0
    async with bench.lane.writing(touch(1, 2), 10):
        assert bench.marks() == ["i:1", "i:2"]
    assert bench.marks() == ["i:1", "i:2"]  # and stays: only a replay clears


async def test_the_generation_rises_before_the_mark_is_durable(bench):
    """A replay that is under way meanwhile must not clear."""
    bench.state.before = 1.0
    async with asyncio.TaskGroup() as group:
        group.create_task(bench.put(1))
        await asyncio.sleep(0.5)
        assert (bench.ledger.get(1).generation > 0, bench.ledger.get(1).in_flight) == (True, 1)


async def test_an_id_that_this_process_marked_costs_no_further_write(bench):
    await bench.put(1, 2)
    before, rows = bench.state.writes, bench.rows()
    await bench.put(1, 2)
    assert (bench.state.writes, bench.rows()) == (before, rows)
    await bench.put(1, 3)
    assert (bench.state.writes, bench.rows()["i:1"]) == (before + 1, rows["i:1"])


async def test_a_mark_that_was_only_found_in_the_file_is_relied_on_by_nobody(bench):
    """It may be on its way out: another process', or a clear that is queued."""
    await bench.found(1)
    bench.ledger.entry(1).found = (0, 1)
    await bench.put(1)
    assert bench.rows()["i:1"][0] == bench.session.epoch


async def test_a_mark_whose_clear_is_on_its_way_is_written_again(bench):
    await bench.put(1)
    await bench.pay()
    assert bench.marks() == []
    await bench.put(1, version=2)
    assert bench.marks() == ["i:1"]


async def test_a_delete_says_so_in_its_mark(bench):
    await bench.put(1)
    await bench.remove(2)
    reasons = bench.state.read(lambda tx: [one.reason for one in journal.oldest(tx, "move", None, 9)])
    assert reasons == ["write", "delete"]


async def test_a_delete_says_so_in_a_mark_that_is_there_already(bench):
    await bench.put(1)
    await bench.remove(1)
    await bench.put(1)
    reasons = bench.state.read(lambda tx: [one.reason for one in journal.oldest(tx, "move", None, 9)])
    assert reasons == ["delete"]


async def test_what_an_earlier_process_deleted_may_be_absent_whatever_is_written_now(bench):
    await bench.state.write(
        lambda tx: journal.mark(tx, "move", ["i:1"], epoch=0, sequence=1, reason="delete", at="")
    )
    async with bench.lane.writing(touch(1), 10):
        assert bench.ledger.get(1).removed


async def test_where_nothing_is_marked_writes_pass(bench):
    bench.lane.marking = False
    async with bench.lane.writing([*touch(1), OLD], 10) as passing:
        assert passing.access.store is bench.source
        await passing.named([7])
        passing.hint(lambda: records([1]), 10)
    assert (bench.marks(), bench.intents(), len(bench.ledger)) == ([], [], 0)


async def test_the_simulation_can_take_the_mark_out(bench_of):
    bench = await bench_of(guards={"mark_first": False})
    await bench.put(1)
    assert bench.marks() == []


async def test_somebody_is_told_that_something_may_be_due(bench):
    before = bench.woken
    await bench.put(1)
    assert bench.woken > before


# What became of it.


@pytest.mark.parametrize(
    "error",
    [Unreachable("x"), Throttled("x"), PermissionDenied("x"), RecordRefused("x"), GateRefused("x")],
    ids=lambda error: error.code,
)
async def test_what_was_certainly_not_applied_needs_no_quarantine(bench, error):
    with pytest.raises(type(error)):
        async with bench.lane.writing(touch(1), 10):
            raise error
    assert not await quarantined(bench, 1)
    assert bench.marks() == ["i:1"]  # a definite refusal clears nothing


@pytest.mark.parametrize(
    "error",
    [Unresolved("x"), StoreDown("x"), ValueError("a bug"), asyncio.CancelledError(), KeyboardInterrupt()],
    ids=lambda error: type(error).__name__,
)
async def test_what_nobody_knows_the_end_of_may_land_for_the_quarantine(bench, error):
    with pytest.raises(type(error)):
        async with bench.lane.writing(touch(1), 10):
            raise error
    assert bench.ledger.get(1).source_until == bench.clock.monotonic() + 60.0
    assert bench.marks() == ["i:1"]


async def test_an_answer_may_say_that_nobody_knows(bench):
    async with bench.lane.writing(touch(1), 10) as passing:
        passing.answered(Outcome.UNRESOLVED, "")
    assert await quarantined(bench, 1)


async def test_what_is_applied_some_time_later_is_read_no_earlier(bench_of):
    bench = await bench_of(terms={"visibility": 5.0})
    async with bench.lane.writing(touch(1), 10) as passing:
        passing.answered(Outcome.LATE, "")
    assert not await quarantined(bench, 1)
    assert bench.ledger.get(1).fresh_at == bench.clock.monotonic() + 5.0


async def test_the_furthest_position_is_kept(bench):
    for told in ("9", "10", "", "8"):
        async with bench.lane.writing(touch(1), 10) as passing:
            passing.answered(Outcome.ANSWERED, told)
    assert bench.lane.position == "10"


async def test_the_simulation_can_let_refusals_clear(bench_of):
    bench = await bench_of(guards={"only_replay_clears": False})
    with pytest.raises(Throttled):
        async with bench.lane.writing(touch(1), 10):
            raise Throttled("x")
    assert bench.marks() == []


# A handler may die at any await.


async def cancelled_after(bench, seconds, write):
    """Cancel a write so many seconds after its begin; whether it had left."""
    left = []

    async def handle():
        async with write() as passing:
            left.append(passing)
            await asyncio.sleep(10.0)

    task = asyncio.get_running_loop().create_task(handle())
    await asyncio.sleep(seconds)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(5.0)  # whatever the state file was handed is committed
    return bool(left)


@pytest.mark.parametrize("at", [0.0, 0.5, 1.5, 2.5, 5.0])
async def test_a_handler_that_dies_leaves_its_mark_or_sent_nothing(bench, at):
    bench.state.before = bench.state.after = 1.0  # committed at 1, told at 2
    bench.lane._terms = bench.terms
    left = await cancelled_after(bench, at, lambda: bench.lane.writing(touch(1), 10))
    assert left == (at > 2)
    assert not left or (bench.marks() == ["i:1"] and await quarantined(bench, 1))
    entry = bench.ledger.get(1)
    assert entry is None or (entry.in_flight, entry.row is None or bench.marks() == ["i:1"]) == (0, True)
    assert (bench.ledger.in_flight, bench.lane.fence.entered, bench.lane.fence.drained.is_set()) == (
        0,
        0,
        True,
    )


async def test_a_mark_that_was_given_up_is_relied_on_by_nobody(bench):
    bench.state.before = 1.0
    await cancelled_after(bench, 0.5, lambda: bench.lane.writing(touch(1), 10))
    before = bench.state.writes
    await bench.put(1)
    assert bench.state.writes == before + 1


@pytest.mark.parametrize("at", [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5])
async def test_a_predicate_that_dies_leaves_an_intent_or_sent_nothing(bench_of, at):
    bench = await bench_of(terms={"quarantine": 5.0, "mark_limit": 9.0})
    await bench.source.upsert(SOURCE, records([1, 2], 1))
    bench.state.before = bench.state.after = 1.0
    left = await cancelled_after(bench, at, lambda: bench.lane.writing([OLD], 10))
    if left:
        assert (bench.marks(), bench.scopes.blocking) == (["i:1", "i:2"], True)
    async with bench.paying():
        await asyncio.sleep(30.0)
    assert (bench.intents(), bench.scopes.blocking, bench.scopes.owed) == ([], False, 0)


# The fence.


async def test_a_write_that_is_held_is_marked_later_and_goes_where_the_primary_is_then(bench):
    bench.lane.fence.close()
    went = []

    async def write():
        async with bench.lane.writing(touch(1), 10) as passing:
            went.append(passing.access.store)

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        await asyncio.sleep(1)
        assert (went, bench.lane.fence.entered, bench.marks()) == ([], 0, [])
        bench.lane.role = Role(Side.TARGET, 1)
        bench.lane.fence.open()
    assert went == [bench.target]


async def test_a_write_that_is_sent_away_at_the_fence_leaves_nothing(bench):
    bench.lane.fence.close()
    with pytest.raises(StoreDown, match="holds writes"):
        await bench.put(1)
    assert (bench.marks(), len(bench.ledger)) == ([], 0)


async def test_a_write_counts_as_under_way_while_it_is_marked(bench):
    """Else a swap could turn between its mark and its send."""
    bench.state.before = 1.0
    async with asyncio.TaskGroup() as group:
        group.create_task(bench.put(1))
        await asyncio.sleep(0.5)
        assert not bench.lane.fence.drained.is_set()
    assert bench.lane.fence.drained.is_set()


# Hints.


async def test_the_hint_of_an_answered_write_is_kept(bench):
    await bench.put(1, hinted=True)
    assert bench.ledger.get(1).hint is not None


@pytest.mark.parametrize("outcome", [Outcome.LATE, Outcome.UNRESOLVED])
async def test_no_hint_of_a_write_that_may_not_be_applied_yet(bench, outcome):
    async with bench.lane.writing(touch(1), 10) as passing:
        passing.hint(lambda: records([1]), 10)
        passing.answered(outcome, "")
    assert bench.ledger.get(1).hint is None


async def test_no_hint_is_held_while_nothing_is_replayed(bench):
    bench.lane.paying = False
    await bench.put(1, hinted=True)
    assert (bench.ledger.get(1).hint, bench.marks()) == (None, ["i:1"])


async def test_no_hint_of_a_write_that_failed(bench):
    with suppress(Unresolved):
        async with bench.lane.writing(touch(1), 10) as passing:
            passing.hint(lambda: records([1]), 10)
            raise Unresolved("x")
    assert bench.ledger.get(1).hint is None


@pytest.mark.parametrize("noted", [True, False])
@pytest.mark.parametrize(
    "order", ["it stood before", "it began meanwhile", "it ended meanwhile", "it waits to expire"]
)
async def test_no_hint_of_a_write_that_a_predicate_overlapped(bench, order, noted):
    """Its request may have reached the primary behind this write, and changed what the hint says."""
    began, end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def predicate(error=None):
        bench.state.full = not noted
        async with bench.lane.writing([OLD], 10):
            bench.state.full = False
            began.set()
            await end.wait()
            if error is not None:
                raise error

    async def standing():
        with suppress(Unresolved):
            await predicate(Unresolved("x") if order == "it waits to expire" else None)
        ended.set()

    async with asyncio.TaskGroup() as group:
        if order in ("it stood before", "it waits to expire", "it ended meanwhile"):
            group.create_task(standing())
            await began.wait()
        if order == "it waits to expire":
            end.set()
            await ended.wait()
        async with bench.lane.writing(touch(9), 10) as passing:
            passing.hint(lambda: records([9]), 10)
            if order == "it began meanwhile":
                group.create_task(standing())
                await began.wait()
                end.set()
                await ended.wait()
            if order == "it ended meanwhile":
                end.set()
                await ended.wait()
        end.set()
    assert bench.ledger.get(9).hint is None


async def test_a_hint_is_overtaken_by_a_request_that_names_no_ids(bench):
    """It may be compared and counted as paid before the hint is used."""
    await bench.put(1, hinted=True)
    async with bench.lane.writing([Whole(Scope.CLEAR)], 10):
        await bench.source.delete(SOURCE, [1])
    await bench.pay(20)
    assert bench.source.fetches()
    assert bench.target.held() == {}


async def test_a_hint_is_overtaken_by_such_a_request_that_could_not_be_noted(bench):
    await bench.put(1, hinted=True)
    bench.state.full = True
    async with bench.lane.writing([Whole(Scope.CLEAR)], 10):
        await bench.source.delete(SOURCE, [1])
    bench.state.full = False
    await bench.pay(20)
    assert bench.target.held() == {}


async def test_no_hint_of_a_write_that_the_boot_quarantine_overlapped(bench):
    bench.ledger.quiet_after = bench.clock.monotonic() + 60
    await bench.put(1, hinted=True)
    assert bench.ledger.get(1).hint is None
    await asyncio.sleep(60)
    await bench.put(1, hinted=True)
    assert bench.ledger.get(1).hint is not None


# Changes that the source tells of.


async def test_noted_changes_are_marked_and_their_absence_is_meant(bench):
    await bench.lane.note([1, 2], everything=False)
    assert (bench.marks(), bench.intents()) == (["i:1", "i:2"], [])
    assert bench.ledger.get(1).removed
    assert (bench.ledger.in_flight, bench.ledger.get(1).in_flight) == (0, 0)
    await bench.pay()
    assert bench.marks() == []


async def test_what_the_source_cannot_name_is_owed(bench):
    await bench.lane.note([], everything=True)
    assert (bench.intents(), bench.scopes.blocking) == ([("unknown", "owed")], False)


async def test_changes_that_cannot_be_marked_are_not_taken(bench):
    bench.state.full = True
    with pytest.raises(StateFull):
        await bench.lane.note([1], everything=False)
    assert bench.ledger.get(1).in_flight == 0


async def test_changes_are_nothing_to_who_marks_nothing(bench):
    bench.lane.marking = False
    await bench.lane.note([1], everything=True)
    assert (bench.marks(), bench.intents()) == ([], [])


# Where requests go.


async def test_the_source_is_reached_as_it_is_and_the_target_as_a_store(bench):
    upstream = object()
    bench.lane.ends = Ends(bench.source, bench.target, SOURCE, bench.lane.ends.shape, upstream)
    source, target = bench.lane.access(Side.SOURCE), bench.lane.access(Side.TARGET)
    assert (source.upstream, source.store, source.shape) == (upstream, None, bench.lane.ends.shape)
    assert (target.upstream, target.store, target.shape) == (None, bench.target, bench.lane.ends.shape)


async def test_the_two_roles_follow_the_row(bench):
    assert (bench.lane.primary, bench.lane.secondary) == (bench.source, bench.target)
    bench.lane.role = Role(Side.TARGET, 1)
    assert (bench.lane.primary, bench.lane.secondary) == (bench.target, bench.source)
