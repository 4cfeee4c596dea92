import asyncio
from dataclasses import replace

import pytest

from tests.fakes.world import SOURCE, records
from vectormigrate.engine.dualwrite.aside import Here
from vectormigrate.engine.dualwrite.guard import DeleteGuard
from vectormigrate.engine.dualwrite.position import SOMEWHERE
from vectormigrate.engine.dualwrite.sight import Job, Sight, Tally
from vectormigrate.model.errors import Unreachable
from vectormigrate.model.events import DeletesStopped
from vectormigrate.model.selection import Selection
from vectormigrate.model.touch import Ids
from vectormigrate.state.roles import Side
from vectormigrate.stores.front import Outcome


class Looking:
    """A sight of a bench's primary, and the jobs it is given."""

    def __init__(self, bench, aside=None):
        self.bench = bench
        self.guard = DeleteGuard(bench.terms.delete_guard)
        self.tally = Tally()
        self.alarms = 0
        self.sight = Sight(
            bench.lane, bench.clock, self.guard, self.tally, self._alarm, aside or Here(bench.source)
        )

    def _alarm(self):
        self.alarms += 1

    def job(self, record_id, *, clearing=True):
        entry = self.bench.ledger.entry(record_id)
        return Job(entry, entry.generation, clearing, self.bench.scopes.raised)

    async def at(self, *ids, clearing=True):
        """(present ids, ids to be deleted, jobs)."""
        jobs = [self.job(one, clearing=clearing) for one in ids]
        present, absent = await self.sight.of(jobs)
        for job, batch, row in present:
            assert batch.ids[row] == job.entry.id
        return [job.entry.id for job, _, _ in present], [job.entry.id for job in absent], jobs


@pytest.fixture
def look(bench):
    return Looking(bench)


async def test_what_is_there_is_present_with_its_record(bench, look):
    await bench.put(1, 2)
    assert (await look.at(1, 2))[:2] == ([1, 2], [])
    assert bench.source.fetches() == [(1, 2)]  # one read for all


async def test_a_delete_that_was_asked_for_is_believed_at_once(bench, look):
    await bench.put(1)
    await bench.remove(1)
    assert (await look.at(1))[:2] == ([], [1])
    assert bench.target.fetches() == []


async def test_the_read_is_behind_everything_that_was_acknowledged(bench, look):
    bench.lane.position = "17"
    await bench.put(1)
    await look.at(1)
    assert bench.source.asked[-2:] == [("barrier", "17"), ("fetch", (1,))]
    await look.at(1)
    assert bench.source.asked[-2] == (
        "barrier",
        "17",
    )  # others may have their part in it: none waits for longer


async def test_what_passed_the_queue_need_not_pass_it_again(bench, look):
    bench.lane.position = SOMEWHERE
    await bench.put(1)
    await look.at(1)
    assert bench.source.asked[-2:] == [("barrier", SOMEWHERE), ("fetch", (1,))]
    await look.at(1)
    assert bench.source.asked[-2] == ("barrier", "")


async def test_what_was_accepted_while_the_read_waited_must_pass_the_queue_as_well(bench, look):
    bench.lane.position = SOMEWHERE
    await bench.put(1)

    async def meanwhile(collection, *, position=""):
        async with bench.lane.writing([Ids((2,))], 10) as passing:
            passing.answered(Outcome.LATE, "")

    bench.source.barrier = meanwhile
    await look.at(1)
    assert bench.lane.position == SOMEWHERE


async def test_a_position_that_moved_meanwhile_is_kept(bench, look):
    bench.lane.position = "17"
    await bench.put(1)

    async def later(collection, *, position=""):
        bench.lane.position = "18"

    bench.source.barrier = later
    await look.at(1)
    assert bench.lane.position == "18"


async def test_trouble_of_the_primary_is_the_callers(bench, look):
    await bench.put(1)
    bench.source.database.faults.down = True
    with pytest.raises(Unreachable):
        await look.at(1)


# Hints.


async def test_a_hint_spares_the_read(bench, look):
    await bench.put(1, 2, hinted=True)
    await bench.put(3)
    assert (await look.at(1, 2, 3))[0] == [1, 2, 3]
    assert (bench.source.fetches(), look.tally.hinted) == ([(3,)], 2)


class Watched(Here):
    """Counts what it is given to decode."""

    def __init__(self, source):
        super().__init__(source)
        self.given = []

    async def decode(self, kept, size):
        self.given.append((len(kept), size))
        return await super().decode(kept, size)


async def test_hints_are_decoded_all_at_once_and_each_once(bench):
    look = Looking(bench, watched := Watched(bench.source))
    await bench.put(1, 2, hinted=True)
    await bench.put(3, hinted=True)
    await bench.put(4)
    assert (await look.at(1, 3, 4))[0] == [1, 3, 4]
    assert (await look.at(2))[0] == [2]  # of a write that was decoded already
    assert watched.given == [(2, 200)]
    assert bench.source.fetches() == [(4,)]


async def test_what_a_hint_leaves_out_is_not_gone_though_it_was_deleted_before(bench, look):
    await bench.remove(1)
    async with bench.lane.writing([Ids((1, 2))], 10) as passing:
        await bench.source.upsert(SOURCE, records([1, 2]))
        passing.hint(lambda: records([2]), 10)
    assert bench.ledger.get(1).removed
    assert (await look.at(1, 2))[:2] == ([2, 1], [])
    assert bench.source.fetches() == [(1,)]


async def test_a_hint_is_not_used_up_by_a_look_that_may_not_clear(bench, look):
    await bench.put(1, hinted=True)
    assert (await look.at(1, clearing=False))[0] == [1]
    assert (bench.source.fetches(), bench.ledger.get(1).hint is not None) == ([(1,)], True)


async def test_a_record_that_its_hint_does_not_hold_is_read_and_may_be_too_early(bench_of):
    bench = await bench_of(terms={"visibility": 5.0})
    look = Looking(bench)
    batch = records([2])
    async with bench.lane.writing(
        [
            Ids(
                (
                    1,
                    2,
                )
            )
        ],
        10,
    ) as passing:
        await bench.source.upsert(SOURCE, records([1, 2]))
        passing.hint(lambda: batch, 10)
    assert bench.ledger.obstacle(bench.ledger.get(1)) is None
    _, _, (first, second) = await look.at(1, 2)
    assert bench.source.fetches() == [(1,)]
    assert (first.clearing, second.clearing) == (False, True)


# Absences that nobody asked for.


async def strange(bench, *ids):
    """Ids that the secondary has and the primary does not, though nobody removed them."""
    await bench.target.upsert(SOURCE, records(ids))
    await bench.found(*ids)


async def test_an_absence_that_nobody_asked_for_is_believed_when_it_is_seen_again(bench, look):
    await strange(bench, 1)
    assert (await look.at(1))[:2] == ([], [])
    await asyncio.sleep(4.9)
    assert (await look.at(1))[:2] == ([], [])
    assert look.tally.confirmations == 2
    await asyncio.sleep(0.1)
    assert (await look.at(1))[:2] == ([], [1])


async def test_a_record_that_came_back_was_a_shard_that_was_away(bench, look):
    await strange(bench, 1)
    await look.at(1)
    await asyncio.sleep(5)
    await bench.source.upsert(SOURCE, records([1]))
    assert (await look.at(1))[:2] == ([1], [])
    await bench.source.delete(SOURCE, [1])
    assert (await look.at(1))[:2] == ([], [])  # it starts anew


async def test_a_write_starts_the_wait_anew(bench, look):
    await strange(bench, 1)
    await look.at(1)
    await asyncio.sleep(5)
    async with bench.lane.writing([Ids((1,))], 10):
        pass  # an update of what is not there
    assert (await look.at(1))[:2] == ([], [])


async def test_what_neither_side_has_is_done_with(bench, look):
    """A write that the primary refused."""
    async with bench.lane.writing([Ids((1,))], 10):
        pass
    present, absent, (job,) = await look.at(1)
    assert (present, absent, job.acknowledged, job.deleted) == ([], [], True, False)
    assert bench.target.asked[-3:] == [("delete", ()), ("barrier", ""), ("fetch", (1,))]  # not a stale look


async def test_whether_the_secondary_has_it_must_be_known(bench, look):
    await strange(bench, 1)
    bench.target.database.faults.down = True
    _, absent, (job,) = await look.at(1)
    assert (absent, job.acknowledged, type(job.failed)) == ([], False, Unreachable)


async def test_a_delete_that_was_seen_undone_is_not_meant_any_more(bench, look):
    await bench.remove(1)
    await bench.source.upsert(SOURCE, records([1]))  # by somebody else
    await look.at(1)
    assert not bench.ledger.get(1).removed


@pytest.mark.parametrize("how", ["it may not clear", "the delete came meanwhile"])
async def test_a_read_that_may_be_older_than_the_delete_says_nothing_about_it(bench, look, how):
    await bench.put(1)

    async def meanwhile(ids):
        bench.source.on_fetch = None
        await bench.remove(1)

    if how == "it may not clear":
        bench.ledger.get(1).removed = True
        await look.at(1, clearing=False)
    else:
        bench.source.on_fetch = meanwhile
        await look.at(1)
    assert bench.ledger.get(1).removed


async def test_too_much_that_is_absent_stops_all_such_deletes_with_one_alarm(bench, look):
    ids = range(100)
    await strange(bench, *ids)
    await bench.put(*range(1000, 1100))
    await look.at(*range(1000, 1100))
    await look.at(*ids)
    assert (look.guard.tripped, look.alarms) == (True, 1)
    await asyncio.sleep(100)
    assert (await look.at(*ids))[:2] == ([], [])
    assert look.alarms == 1
    await bench.remove(1)
    assert (await look.at(1))[:2] == ([], [1])  # what was asked for is not concerned
    look.guard.reset()
    assert sorted((await look.at(*ids))[1]) == list(ids)


async def deletes_stopped(bench):
    """A hundred marks of records that are absent, and nobody deleted them."""
    await bench.target.upsert(SOURCE, records(range(100)))
    await bench.found(*range(100))
    await bench.pay(30)


async def test_deletes_stop_with_an_event_when_too_much_is_absent(bench):
    await deletes_stopped(bench)
    assert sum(isinstance(event, DeletesStopped) for event in bench.events) == 1
    assert (len(bench.target.held()), len(bench.marks())) == (100, 100)
    assert bench.scheduler.guard.tripped


async def test_somebody_who_looked_can_say_that_they_are_gone(bench):
    await deletes_stopped(bench)
    await bench.scheduler.believe()
    await bench.pay(5)
    assert (bench.target.held(), bench.marks(), bench.scheduler.guard.tripped) == ({}, [], False)


async def test_so_it_is_for_the_next_process(bench):
    await deletes_stopped(bench)
    await bench.scheduler.believe()
    after = await bench.again()
    await after.pay(5)
    assert (after.target.held(), after.marks()) == ({}, [])


async def test_what_is_absent_later_is_another_matter_with_its_own_alarm(bench):
    await deletes_stopped(bench)
    await bench.scheduler.believe()
    await bench.pay(5)
    await deletes_stopped(bench)
    assert sum(isinstance(event, DeletesStopped) for event in bench.events) == 2
    assert len(bench.target.held()) == 100


async def test_one_absence_counts_once_however_often_it_is_looked_at(bench, look):
    await strange(bench, 1)
    for _ in range(60):
        await look.at(1)
    assert not look.guard.tripped


async def test_the_simulation_can_take_deletes_out(bench_of):
    bench = await bench_of(guards={"delete_absent": False})
    await bench.remove(1)
    _, absent, (job,) = await Looking(bench).at(1)
    assert (absent, job.acknowledged) == ([], True)


async def test_a_record_that_is_seen_and_not_chosen_has_no_place_in_the_target(bench, look):
    await bench.put(1, 2)
    bench.lane.ends.selection = Selection({"ids": [2]})
    assert (await look.at(1, 2))[:2] == ([2], [1])
    bench.lane.role = replace(bench.lane.role, primary=Side.TARGET)
    assert (await look.at(1))[1] == []  # whatever the application writes to the target is carried back


async def test_where_the_primary_is_never_in_doubt_it_is_asked_about_no_ids(bench, look):
    bench.source.unsure = lambda ids: pytest.fail("asked with every replay, for nothing")
    await bench.put(1, 2)
    assert [job.clearing for job in (await look.at(1, 2))[2]] == [True, True]


async def test_what_the_primary_does_not_say_for_good_clears_nothing(bench, look, monkeypatch):
    """A record of a split may stand in two places until a delete of it has landed."""
    await bench.put(1, 2)
    monkeypatch.setattr(type(bench.source), "doubting", True)
    bench.source.unsure = lambda ids: {1: 5.0}
    present, _, jobs = await look.at(1, 2)
    assert present == [1, 2]
    assert [job.clearing for job in jobs] == [False, True]
    assert bench.ledger.obstacle(jobs[0].entry) == bench.clock.monotonic() + 5.0
    assert bench.ledger.obstacle(jobs[1].entry) is None
