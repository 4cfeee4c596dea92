import asyncio
from contextlib import suppress

import pytest

from tests.fakes.world import SOURCE, records
from vectormigrate.engine.dualwrite.scopes import by_id
from vectormigrate.model.errors import GateRefused, StateFull, Unreachable
from vectormigrate.model.filter import Compare, Comparison, Native
from vectormigrate.model.touch import Ids, Matching, Scope, Unknown, Unnamed, Whole

OLD = Matching(Compare(("version",), Comparison.LT, 5), removes=True)


async def begun(bench, touch=OLD, state="registered"):
    number = await bench.scopes.begin(touch)
    if state == "forwarded":
        await bench.scopes.forward(number)
    if state == "owed":
        await bench.scopes.owe(number, "why")
    return number


# From the registration to the end.


async def test_an_intent_blocks_from_its_registration_to_its_answer(bench):
    bench.state.before = 1.0
    number = await begun(bench)
    assert (bench.scopes.blocking, bench.intents(), bench.scopes.raised) == (
        True,
        [("matching", "registered")],
        1,
    )
    await bench.scopes.forward(number)
    assert (bench.scopes.blocking, bench.intents()) == (True, [("matching", "forwarded")])
    before = bench.unblocked
    await bench.scopes.end(number, unresolved=False)
    assert (bench.scopes.blocking, bench.intents(), bench.unblocked) == (False, [], before + 1)


async def test_a_request_under_way_is_owed_only_if_it_is_not_answered(bench):
    answered, unanswered = await begun(bench), await begun(bench)
    assert bench.scopes.owed == 0  # a swap drains them
    await bench.scopes.end(answered, unresolved=False)
    await bench.scopes.end(unanswered, unresolved=True)
    assert bench.scopes.owed == 1
    assert bench.scopes.owed_by_kind == {"matching": 1, "whole": 0, "unnamed": 0, "unknown": 0}


async def test_one_of_two_still_blocks(bench):
    first, second = await begun(bench), await begun(bench, Whole(Scope.CLEAR))
    await bench.scopes.end(first, unresolved=False)
    assert bench.scopes.blocking
    await bench.scopes.end(second, unresolved=False)
    assert not bench.scopes.blocking


async def test_what_it_did_is_seen_by_reads_only_after_a_while(bench_of):
    bench = await bench_of(terms={"visibility": 3.0})
    number = await begun(bench, state="forwarded")
    await bench.scopes.end(number, unresolved=False)
    await bench.scopes.expire()
    assert bench.scopes.blocking
    await asyncio.sleep(3.0)
    await bench.scopes.expire()
    assert (bench.scopes.blocking, bench.intents()) == (False, [])


async def test_an_answer_that_cannot_be_written_down_blocks_on_until_it_is(bench):
    number = await begun(bench)
    bench.state.full = True
    await bench.scopes.end(number, unresolved=False)
    await asyncio.sleep(60)
    await bench.scopes.expire()
    assert bench.scopes.blocking
    bench.state.full = False
    await bench.scopes.expire()
    assert (bench.scopes.blocking, bench.intents()) == (False, [])


async def test_one_that_is_being_noted_or_resolved_is_not_owed(bench):
    bench.state.before = bench.state.after = 0.01
    seen = []

    async def life():
        await bench.scopes.end(await begun(bench), unresolved=False)

    async with asyncio.TaskGroup() as group:
        ended = group.create_task(life())
        while not ended.done():
            seen.append((len(bench.intents()), bench.scopes.owed))
            await asyncio.sleep(0.001)
    assert set(seen) == {(0, 0), (1, 0)}


async def test_an_owed_one_stays_for_the_gates_and_blocks_no_clears(bench):
    number = await begun(bench, state="owed")
    await bench.scopes.end(number, unresolved=False)
    assert (bench.scopes.blocking, bench.scopes.owed) == (False, 1)


async def test_ids_that_were_never_told_are_owed_when_nothing_can_land_any_more(bench):
    number = await begun(bench, Unnamed(), "forwarded")
    await bench.scopes.end(number, unresolved=True)
    await asyncio.sleep(60)
    await bench.scopes.expire()
    assert (bench.scopes.blocking, bench.intents()) == (False, [("unnamed", "owed")])
    told = await begun(bench, Unnamed(), "forwarded")
    await bench.scopes.end(told, unresolved=False)
    assert bench.intents() == [("unnamed", "owed")]


async def test_the_simulation_can_take_the_block_out(bench_of):
    bench = await bench_of(guards={"scopes": False})
    await begun(bench)
    assert not bench.scopes.blocking


# Nothing blocks for ever.


@pytest.mark.parametrize("at", [0.0, 0.5, 1.5, 2.0])
async def test_a_registration_that_is_given_up_is_void(bench, at):
    bench.state.before = bench.state.after = 1.0
    task = asyncio.get_running_loop().create_task(bench.scopes.begin(OLD))
    await asyncio.sleep(at)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await bench.scopes.end(await task, unresolved=False)
    await asyncio.sleep(5.0)
    await bench.scopes.expire()
    assert (bench.scopes.blocking, bench.intents(), bench.scopes.owed) == (False, [], 0)


async def test_a_suspicion_is_owed(bench):
    await bench.scopes.suspect("counts differ")
    assert (bench.scopes.blocking, bench.intents()) == (False, [("unknown", "owed")])


async def test_a_suspicion_that_cannot_be_written_down_is_told_and_blocks_nobody(bench):
    bench.state.before = 1.0
    task = asyncio.get_running_loop().create_task(bench.scopes.suspect("x"))
    await asyncio.sleep(1.5)
    bench.state.full = True
    with pytest.raises(StateFull):
        await task
    bench.state.full = False
    await bench.scopes.expire()
    assert (bench.scopes.blocking, bench.intents()) == (False, [])


# Another process.


async def test_what_had_not_left_when_the_process_died_is_void(bench):
    await begun(bench)
    again = await bench.again()
    again.scopes.load(again.clock.monotonic() + 60)
    await again.scopes.expire()
    assert (again.scopes.blocking, again.intents()) == (False, [])


async def test_what_had_left_may_land_until_the_quarantine_ends(bench):
    await begun(bench, state="forwarded")
    again = await bench.again()
    again.scopes.load(again.clock.monotonic() + 60)
    await asyncio.sleep(59)
    await again.scopes.expire()
    assert again.scopes.blocking
    await asyncio.sleep(1)
    await again.scopes.expire()
    assert (again.scopes.blocking, again.intents()) == (False, [])


async def test_what_had_left_without_its_ids_is_owed_then(bench):
    await begun(bench, Unnamed(), "forwarded")
    again = await bench.again()
    again.scopes.load(again.clock.monotonic())
    await again.scopes.expire()
    assert again.intents() == [("unnamed", "owed")]


async def test_what_was_owed_is_owed_still(bench):
    await begun(bench, state="owed")
    again = await bench.again()
    again.scopes.load(again.clock.monotonic() + 60)
    assert (again.scopes.blocking, again.intents()) == (False, [("matching", "owed")])


# Which ids.


async def fill(bench):
    await bench.source.upsert(SOURCE, records(range(5), 1))
    await bench.source.upsert(SOURCE, records([5], 9))


async def test_the_ids_that_match_are_found_with_the_freshest_read(bench):
    await fill(bench)
    assert await bench.scopes.matching(bench.source, SOURCE, OLD) == [0, 1, 2, 3, 4]
    assert ("barrier", "") in bench.source.asked


@pytest.mark.parametrize(
    ("terms", "found"),
    [({"enumerate_limit": 5}, True), ({"enumerate_limit": 4}, False)],
    ids=["just", "beyond"],
)
async def test_too_many_to_be_named(bench_of, terms, found):
    bench = await bench_of(terms=terms)
    await fill(bench)
    assert (await bench.scopes.matching(bench.source, SOURCE, OLD) is not None) == found


async def test_too_slow_to_be_named(bench_of):
    bench = await bench_of(terms={"enumerate_seconds": 2.0})
    await fill(bench)
    bench.source.database.faults.latency = 3.0
    began = bench.clock.monotonic()
    assert await bench.scopes.matching(bench.source, SOURCE, OLD) is None
    assert bench.clock.monotonic() - began == pytest.approx(2.0)


async def test_what_the_primary_cannot_be_asked_for(bench):
    await fill(bench)
    matching = bench.scopes.matching
    assert await matching(bench.source, SOURCE, Matching(None, removes=True)) is None
    assert await matching(bench.source, SOURCE, Matching(Native("other", {}), removes=True)) is None
    bench.source.database.faults.next_errors.append(Unreachable("gone"))
    assert await matching(bench.source, SOURCE, OLD) is None


# What is refused.


@pytest.mark.parametrize("scope", set(Scope) - {Scope.CLEAR})
async def test_the_collection_stays_what_it_is_while_it_is_carried_over(bench, scope):
    with pytest.raises(GateRefused, match="under migration 'move'") as told:
        bench.scopes.check(Whole(scope), copying=True)
    assert told.value.hint.endswith("once it is committed, that is done at the target itself")
    bench.scopes.check(Whole(scope), copying=False)


@pytest.mark.parametrize("touch", [Whole(Scope.CLEAR), OLD, Unnamed(), Unknown("x"), Ids((1,))])
async def test_everything_else_may_happen(bench, touch):
    bench.scopes.check(touch, copying=True)


def test_the_ids_of_a_request_and_whether_it_only_removes():
    assert by_id((Ids((1, 2)), Ids((3,), removes=True), OLD)) == ([1, 2, 3], False)
    assert by_id((Ids((1,), removes=True), Ids((2,), removes=True))) == ([1, 2], True)
    assert by_id((OLD,)) == ([], False)
