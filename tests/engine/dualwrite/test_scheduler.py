import asyncio

import pytest

from tests.fakes.lanes import ID
from tests.fakes.world import SOURCE, records
from vectormigrate.model.errors import PermissionDenied, Throttled, Unreachable
from vectormigrate.model.events import SecondaryDown, SecondaryUp
from vectormigrate.model.touch import Ids, Scope, Whole
from vectormigrate.state import journal, sheets
from vectormigrate.state.sheets import Sheet

# Paying.


async def test_the_present_state_of_each_mark_is_copied_and_its_mark_cleared(bench):
    await bench.put(1, 2, 3, 4, version=1)
    await bench.put(2, version=2)
    await bench.target.upsert(SOURCE, records([2, 99], 5))  # an old version, and one that the source lost
    await bench.remove(99)
    await bench.pay()
    assert bench.target.held() == bench.source.held() == {1: 1, 2: 2, 3: 1, 4: 1}
    assert (bench.marks(), len(bench.ledger)) == ([], 0)
    tally = bench.scheduler.tally
    assert (tally.cleared, tally.upserted, tally.deleted, tally.provisional) == (5, 4, 1, 0)
    assert bench.scheduler.lags.count == tally.cleared
    assert 0 < bench.scheduler.seconds.count <= tally.cleared
    assert (bench.lane.marker.made, bench.lane.marker.skipped) == ({"write": 4, "delete": 1}, 1)


async def test_marks_of_an_earlier_process_are_found_in_the_file_oldest_first(bench_of):
    bench = await bench_of(terms={"replay_batch": 2, "replay_concurrency": 1})
    await bench.source.upsert(SOURCE, records(range(6)))
    await bench.found(5, 4, epoch=0, sequence=1)
    await bench.found(0, 1, 2, 3, epoch=0, sequence=2)
    await bench.pay(0.5)
    assert bench.target.writes() == [("upsert", pair) for pair in [(4, 5), (0, 1), (2, 3)]]
    assert bench.marks() == []


async def test_beyond_what_is_kept_in_memory_everything_is_paid_from_the_file_oldest_first(bench_of):
    bench = await bench_of(terms={"entries": 2, "replay_batch": 2, "replay_concurrency": 1})
    for one in range(7):
        await bench.put(one)
    assert len(bench.ledger) == 2
    await asyncio.sleep(1)  # nobody waits for others any more
    await bench.pay(0.5)
    assert bench.target.writes() == [("upsert", some) for some in [(0, 1), (2, 3), (4, 5), (6,)]]
    assert (bench.marks(), bench.ledger.spilled) == ([], False)


async def test_while_more_is_in_memory_than_is_to_be_the_file_is_not_read(bench_of):
    """A primary that cannot be read is no breaker: each attempt would bring more ids into memory."""
    bench = await bench_of(terms={"entries": 4, "replay_batch": 2, "replay_concurrency": 1})
    await bench.source.upsert(SOURCE, records(range(50)))
    await bench.found(*range(50))
    bench.source.database.faults.down = True
    async with bench.paying():
        await asyncio.sleep(20)
        assert len(bench.ledger) <= 6
        bench.source.database.faults.down = False
        await asyncio.sleep(40)
        assert bench.marks() == []


async def test_a_mark_that_somebody_else_makes_is_found_sooner_or_later(bench):
    """Pages and comparisons mark in the file alone."""
    async with bench.paying():
        await asyncio.sleep(3)
        await bench.source.upsert(SOURCE, records([1]))
        await bench.found(1)
        await asyncio.sleep(2)
        assert bench.marks() == []


@pytest.mark.parametrize("reason", ["delete", "reconcile"])
async def test_a_mark_that_says_why_needs_no_second_look_at_an_absence(bench, reason):
    await bench.target.upsert(SOURCE, records([1]))
    await bench.found(1, reason=reason)
    await bench.pay(0.5)
    assert (bench.target.held(), bench.marks()) == ({}, [])


async def test_an_absence_without_a_reason_is_looked_at_again_before_it_is_deleted(bench):
    await bench.target.upsert(SOURCE, records([1]))
    await bench.found(1)
    async with bench.paying():
        await asyncio.sleep(4.5)
        assert bench.target.held() == {1: 0}
        await asyncio.sleep(2)
        assert (bench.target.held(), bench.marks()) == ({}, [])


async def test_nothing_is_read_from_the_file_before_the_boot_quarantine_is_over(bench):
    await bench.source.upsert(SOURCE, records([1]))
    await bench.found(1)
    bench.ledger.quiet_after = bench.clock.monotonic() + 60
    bench.ledger.spilled = True
    async with bench.paying():
        await asyncio.sleep(59)
        assert bench.marks() == ["i:1"]
        await asyncio.sleep(2)
        assert bench.marks() == []


async def test_a_mark_of_an_earlier_process_is_paid_with_the_write_under_way_when_it_is_seen(bench):
    await bench.state.write(lambda tx: sheets.put(tx, Sheet(0, 1, ID, "write", "", ["i:1"]), beside=True))
    bench.ledger.spilled = True

    async def handle():
        async with bench.lane.writing([Ids((1,))], 10):
            await bench.source.upsert(SOURCE, records([1], 1))
            await asyncio.sleep(2)

    async with asyncio.TaskGroup() as group:
        group.create_task(handle())
        await asyncio.sleep(0.01)
        async with bench.paying():
            await asyncio.sleep(1.9)
            assert bench.marks() == ["i:1", "i:1"]
            await asyncio.sleep(0.4)
            assert bench.marks() == []  # the file is asked again only when nothing happens for a second


async def test_a_mark_whose_clear_is_on_its_way_is_not_paid_twice(bench):
    bench.state.before = bench.state.after = 0.01
    await bench.put(1)
    await bench.pay(5)
    assert len(bench.target.writes()) == 1


async def test_while_it_is_paused_nothing_is_paid(bench):
    bench.scheduler.paused = True
    await bench.put(1)
    async with bench.paying():
        await asyncio.sleep(10)
        assert bench.target.writes() == []
        bench.scheduler.paused = False
        bench.scheduler.wake()
        await asyncio.sleep(1)
        assert bench.marks() == []


async def test_it_ends_behind_the_replays_under_way(bench):
    await bench.put(1)
    bench.target.database.faults.latency = 5.0
    async with bench.paying():
        await asyncio.sleep(1)
        bench.scheduler.stop()
    assert (bench.marks(), bench.target.held()) == ([], {1: 1})


async def test_only_so_many_replays_are_under_way_at_once(bench_of):
    bench = await bench_of(terms={"replay_batch": 1, "replay_concurrency": 3})
    bench.target.database.faults.latency = 1.0
    await bench.put(*range(10))
    async with bench.paying():
        await asyncio.sleep(0.5)
        assert (bench.scheduler.running, len(bench.target.writes())) == (3, 3)
        await asyncio.sleep(10)
        assert bench.marks() == []


async def test_a_write_that_is_due_before_anything_else_is_not_slept_over(bench):
    async with bench.paying():
        await asyncio.sleep(0.3)  # it sleeps until the file is looked at again
        await bench.put(1)
        await asyncio.sleep(0.2)
        assert bench.marks() == []


async def test_a_write_that_is_replayed_with_others_wakes_nobody(bench, monkeypatch):
    looks = []
    expire = bench.scopes.expire
    async with bench.paying():
        await bench.put(1)
        await asyncio.sleep(0.01)

        async def counted():
            looks.append(bench.clock.monotonic())
            await expire()

        monkeypatch.setattr(bench.scopes, "expire", counted)
        for number in range(2, 10):
            await bench.put(number)
            await asyncio.sleep(0.001)
        assert looks == []
        await asyncio.sleep(0.2)
        assert [len(kept[1]) for kept in bench.target.writes()] == [9]


async def test_records_ahead_of_the_cursors_are_written_down_while_the_backfill_runs(bench):
    await bench.put(1)
    await bench.remove(2)
    await bench.pay()
    assert bench.ahead() == []
    bench.backfilling = True
    await bench.put(1)
    await bench.remove(2)
    await bench.pay()
    assert bench.ahead() == ["i:1"]


# What may not clear.


async def test_a_mark_raised_while_it_was_replayed_stays_until_the_next_replay(bench):
    await bench.put(1, 2, version=1)
    seen = []

    async def look(ids):
        seen.append((ids, bench.marks()))

    async def meanwhile(ids):
        bench.source.on_fetch = look
        await bench.put(2, version=2)

    bench.source.on_fetch = meanwhile
    bench.state.before = 0.01
    await bench.pay()
    assert seen[0][0] == [2]
    assert seen[0][1] == ["i:1", "i:2"]  # of the first, the clear is on its way
    assert bench.scheduler.tally.conflicts == 1
    assert (bench.target.held(), bench.marks()) == ({1: 1, 2: 2}, [])


async def test_the_simulation_can_clear_whatever_came_meanwhile(bench_of):
    bench = await bench_of(guards={"generation": False})
    await bench.put(1, version=1)

    async def meanwhile(ids):
        bench.source.on_fetch = None
        await bench.put(1, version=2)

    bench.source.on_fetch = meanwhile
    await bench.pay(5)
    assert bench.target.held() == {1: 1}  # for ever


async def test_an_id_that_is_written_all_the_time_is_copied_without_clearing(bench):
    async def handle():
        async with bench.lane.writing([Ids((1,))], 10):
            await bench.source.upsert(SOURCE, records([1], 1))
            await asyncio.sleep(10)

    async with asyncio.TaskGroup() as group, bench.paying():
        group.create_task(handle())
        await bench.put(1, version=2)  # which queues it; the other is in flight still
        await asyncio.sleep(0.2)
        assert bench.target.writes() == []
        await asyncio.sleep(1)
        assert len(bench.target.writes()) == 1  # once a generation
        # Each write marked it: they began at once.
        assert (bench.marks(), bench.scheduler.tally.provisional) == (["i:1", "i:1"], 1)
        await asyncio.sleep(10)
        assert bench.marks() == []


async def test_under_a_page_an_id_is_copied_once_and_cleared_when_the_page_is_gone(bench):
    bench.covered.add(1)
    await bench.put(1, 2)
    async with bench.paying():
        await asyncio.sleep(10)
        assert (bench.marks(), bench.target.held()) == (["i:1"], {1: 1, 2: 1})
        assert len([ids for kind, ids in bench.target.writes() if 1 in ids]) == 1
        await asyncio.sleep(60)
        assert len(bench.scheduler._held) == 1  # however often the file was asked
        bench.covered.clear()
        bench.scheduler.unblock()
        await asyncio.sleep(1)
        assert bench.marks() == []


async def test_a_page_that_is_opened_meanwhile_does_not_matter(bench):
    """Whether a replay may clear is judged when it starts to read."""
    await bench.put(1)

    async def meanwhile(ids):
        bench.covered.add(1)

    bench.source.on_fetch = meanwhile
    await bench.pay()
    assert bench.marks() == []


async def test_a_page_that_closes_meanwhile_does_not_matter_either(bench):
    bench.covered.add(1)
    await bench.put(1)

    async def meanwhile(ids):
        bench.covered.clear()

    bench.source.on_fetch = meanwhile
    await bench.pay()
    assert (bench.scheduler.tally.provisional, len(bench.target.writes())) == (1, 2)  # the next look may
    assert bench.marks() == []


async def test_under_a_predicate_nothing_is_cleared(bench):
    async def clear():
        async with bench.lane.writing([Whole(Scope.CLEAR)], 10):
            await asyncio.sleep(5)

    async with asyncio.TaskGroup() as group, bench.paying():
        group.create_task(clear())
        await asyncio.sleep(0)
        await bench.put(1)
        await asyncio.sleep(4)
        assert (bench.marks(), bench.target.held()) == (["i:1"], {1: 1})
        await asyncio.sleep(3)
        assert bench.marks() == []


async def test_a_predicate_that_came_and_went_while_it_was_replayed_forbids_the_clear(bench):
    await bench.put(1)

    async def meanwhile(ids):
        bench.source.on_fetch = None
        async with bench.lane.writing([Whole(Scope.CLEAR)], 10):
            pass

    bench.source.on_fetch = meanwhile
    await bench.pay()
    assert len(bench.target.writes()) == 2
    assert (bench.marks(), bench.scheduler.tally.conflicts) == ([], 1)


async def test_one_replay_an_id_at_a_time(bench):
    bench.target.database.faults.latency = 1.0
    await bench.put(1, version=1)
    async with bench.paying():
        await asyncio.sleep(0.5)
        await bench.put(1, version=2)
        await asyncio.sleep(0.4)
        assert len(bench.target.writes()) == 1
        await asyncio.sleep(5)
    assert (bench.target.held(), bench.marks()) == ({1: 2}, [])


async def test_the_simulation_can_take_the_slot_out(bench_of):
    bench = await bench_of(guards={"slot": False})
    bench.target.database.faults.latency = 1.0
    await bench.put(1, version=1)
    async with bench.paying():
        await asyncio.sleep(0.5)
        await bench.put(1, version=2)
        await asyncio.sleep(0.4)
        assert len(bench.target.writes()) == 2


# Trouble at the secondary.


async def test_marks_of_an_unanswered_attempt_stand_for_the_quarantine(bench_of):
    bench = await bench_of(terms={"replay_batch": 3, "replay_concurrency": 1})
    bench.target.database.faults.unresolved_next = 1
    await bench.put(*range(6))
    async with bench.paying():
        await asyncio.sleep(30)
        assert bench.marks() == ["i:0", "i:1", "i:2"]  # the other batch was answered
        assert bench.ledger.unresolved
        assert bench.scheduler.tally.unanswered == 3
        assert bench.state.read(lambda tx: journal.strays(tx, "move"))
        await asyncio.sleep(40)
        assert bench.marks() == []
    assert set(bench.target.held()) == set(range(6))


async def test_a_request_that_never_left_needs_no_quarantine(bench):
    await bench.put(1)
    bench.target.database.faults.next_errors.append(Unreachable("gone"))
    async with bench.paying():
        await asyncio.sleep(0.2)
        assert (bench.marks(), bench.ledger.unresolved) == (["i:1"], False)
        await asyncio.sleep(5)
        assert bench.marks() == []


async def test_while_the_secondary_is_down_marks_go_on_and_are_paid_when_it_is_back(bench):
    bench.target.database.faults.down = True
    async with bench.paying():
        for version in range(1, 30):
            await bench.put(0, version, version=version)
            await asyncio.sleep(1)
        (down,) = bench.told(SecondaryDown)
        assert "refused" in down.error
        assert bench.scheduler.breaker.open
        assert bench.scheduler.trouble[0].code == "unreachable"
        attempts = len(bench.target.writes())
        assert attempts < 20  # fewer and fewer
        bench.target.database.faults.down = False
        await asyncio.sleep(60)
        assert (bench.marks(), len(bench.told(SecondaryUp))) == ([], 1)
    assert bench.target.held() == bench.source.held()


async def test_what_the_secondary_asks_for_is_waited_for(bench):
    bench.target.database.faults.next_errors.append(Throttled("less", retry_after=7.0))
    await bench.put(1)
    async with bench.paying():
        await asyncio.sleep(6.9)
        assert len(bench.target.writes()) == 1
        await asyncio.sleep(1)
        assert bench.marks() == []


async def test_what_no_retry_mends_is_told_and_is_no_record_s_fault(bench):
    bench.target.database.faults.next_errors.append(PermissionDenied("no"))
    await bench.put(1)
    async with bench.paying():
        await asyncio.sleep(0.15)
        assert (bench.scheduler.trouble[0].code, bench.letters()) == ("permission", [])


# Trouble at the primary, and at the file.


async def test_a_primary_that_cannot_be_read_leaves_the_secondary_in_peace(bench):
    await bench.put(1)
    bench.source.database.faults.down = True
    async with bench.paying():
        await asyncio.sleep(10)
        error, times = bench.scheduler.trouble
        assert (type(error), times > 2, bench.target.writes()) == (Unreachable, True, [])
        assert not bench.scheduler.breaker.failures
        bench.source.database.faults.down = False
        await asyncio.sleep(60)
        assert (bench.marks(), bench.scheduler.trouble) == ([], (None, 0))


async def test_a_clear_that_cannot_be_written_costs_a_read_and_nothing_else(bench):
    await bench.put(1)

    async def full(ids):
        bench.state.full = True

    bench.target.on_upsert = full
    async with bench.paying():
        await asyncio.sleep(0.5)
        assert (bench.marks(), bench.target.held()) == (["i:1"], {1: 1})
        bench.target.on_upsert = None
        bench.state.full = False
        await asyncio.sleep(3)
        assert bench.marks() == []


async def test_a_write_behind_a_clear_marks_anew(bench):
    """The clear is queued in the file when the write comes: its mark must not be the one that goes."""
    bench.state.before = bench.state.after = 0.01
    for version in range(1, 20):
        async with bench.paying():
            await bench.put(1, version=version)
            await asyncio.sleep(0.09 + version / 1000)
            await bench.put(1, version=100 + version)
            assert bench.marks() == ["i:1"]
            await asyncio.sleep(1)
        bench.scheduler._stopped = False
        assert bench.target.held() == {1: 100 + version}
        assert bench.marks() == []


async def test_more_ids_than_memory_holds(bench_of):
    bench = await bench_of(terms={"entries": 20, "replay_batch": 7})
    async with bench.paying():
        for start in range(0, 300, 30):
            await bench.put(*range(start, start + 30))
        await asyncio.sleep(10)
        assert bench.marks() == []
    assert len(bench.target.held()) == 300
