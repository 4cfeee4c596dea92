import asyncio
from contextlib import suppress
from dataclasses import dataclass

import pytest

from tests.fakes.lanes import Watched
from tests.fakes.world import SOURCE, records, shape
from vectormigrate.engine.dualwrite.applying import apply_deletes, apply_upserts
from vectormigrate.engine.dualwrite.ledger import Entry
from vectormigrate.model.errors import RecordRefused, StoreError, Throttled, Unresolved, VectormigrateError
from vectormigrate.model.events import DeadLettered
from vectormigrate.model.touch import Ids
from vectormigrate.state import dead_letters, journal


@dataclass
class Job:
    entry: Entry
    failed: VectormigrateError | None = None
    acknowledged: bool = False
    deleted: bool = False


@pytest.fixture
async def store():
    made = Watched("x")
    await made.create(shape())
    return made


def jobs(*ids):
    return [Job(Entry(one, 0.0)) for one in ids]


async def upsert(store, *ids):
    made = jobs(*ids)
    await apply_upserts(store, SOURCE, made, records(ids, 1))
    return made


def ids_of(made, what):
    return [job.entry.id for job in made if what(job)]


async def test_what_was_answered_is_acknowledged(store):
    made = await upsert(store, 1, 2)
    assert store.held() == {1: 1, 2: 1}
    assert all(job.acknowledged and job.failed is None and not job.deleted for job in made)


async def test_an_item_that_is_refused_fails_alone(store):
    store.database.faults.refused_ids = frozenset({2})
    made = await upsert(store, 1, 2, 3)
    assert ids_of(made, lambda job: job.acknowledged) == [1, 3]
    assert ids_of(made, lambda job: isinstance(job.failed, RecordRefused)) == [2]


@pytest.mark.parametrize("bad", [{0}, {3}, {6}, {1, 5}])
async def test_a_batch_that_is_refused_whole_is_halved_down_to_what_spoils_it(store, bad):
    store.poison = bad
    made = await upsert(store, *range(7))
    assert set(store.held()) == set(range(7)) - bad
    assert set(ids_of(made, lambda job: not job.acknowledged)) == bad
    assert {type(job.failed) for job in made if job.failed} == {RecordRefused}


async def test_an_error_without_a_class_is_the_records_own(store):
    """Nothing is known but that the store does not take it: one of them at most spoils the others."""

    async def refuse(ids):
        if 2 in ids:
            raise StoreError("bad request", hint="look")

    store.on_upsert = refuse
    made = await upsert(store, 1, 2, 3)
    (failed,) = [job.failed for job in made if job.failed]
    assert (type(failed), failed.message, failed.hint) == (RecordRefused, "bad request", "look")


@pytest.mark.parametrize("error", [Throttled("less"), Unresolved("lost")], ids=lambda error: error.code)
async def test_trouble_concerns_all_and_is_not_halved(store, error):
    store.database.faults.next_errors.append(error)
    made = await upsert(store, 1, 2, 3)
    assert [(job.failed, job.acknowledged) for job in made] == [(error, False)] * 3
    assert len(store.writes()) == 1


async def test_trouble_in_one_half_leaves_the_other_acknowledged(store):
    store.poison = {0}

    async def lose(ids):
        if list(ids) == [2, 3]:
            raise Unresolved("lost")

    store.on_upsert = lose
    made = await upsert(store, 0, 1, 2, 3)
    assert [type(job.failed) for job in made] == [RecordRefused, type(None), Unresolved, Unresolved]


async def remove(store, *ids):
    made = jobs(*ids)
    await apply_deletes(store, SOURCE, made)
    return made


async def test_what_is_removed_is_acknowledged_and_said_to_be_deleted(store):
    await upsert(store, 1, 2, 3)
    made = await remove(store, 1, 2, 9)
    assert store.held() == {3: 1}
    assert all(job.acknowledged and job.deleted for job in made)


async def test_a_delete_that_is_refused_is_not_acknowledged(store):
    await upsert(store, 1, 2)
    store.database.faults.refused_ids = frozenset({2})
    first, second = await remove(store, 1, 2)
    assert (first.acknowledged, first.deleted) == (True, True)
    assert (second.acknowledged, second.deleted, type(second.failed)) == (False, False, RecordRefused)


async def test_trouble_of_a_delete_concerns_all(store):
    store.database.faults.next_errors.append(Unresolved("lost"))
    made = await remove(store, 1, 2)
    assert [(type(job.failed), job.acknowledged, job.deleted) for job in made] == [
        (Unresolved, False, False)
    ] * 2


async def test_an_error_that_is_kept_keeps_no_batch(store):
    class Down(Watched):
        async def upsert(self, collection, batch, **words):
            try:
                raise OSError(batch)
            except OSError:
                raise Unresolved("x") from None

    store = Down("y")
    (job,) = await upsert(store, 1)
    assert job.failed is not None
    assert (job.failed.__traceback__, job.failed.__context__) == (None, None)


# What a refusal leads to, by the scheduler.


async def test_a_refusal_becomes_a_letter_and_keeps_its_mark_until_it_arrives(bench):
    bench.target.database.faults.refused_ids = frozenset({1})
    await bench.put(0, 1, 2)
    await bench.pay(5)
    assert (bench.marks(), bench.letters(), bench.target.held()) == (["i:1"], ["i:1"], {0: 1, 2: 1})
    assert [event.id for event in bench.told(DeadLettered)] == ["i:1"]
    assert not bench.state.read(lambda tx: journal.strays(tx, "move"))  # it was answered
    assert len([ids for _, ids in bench.target.writes() if 1 in ids]) == 1  # and is not tried again
    assert not bench.scheduler.breaker.failures


async def test_the_next_write_of_a_refused_record_is_tried_and_told_once(bench):
    bench.target.database.faults.refused_ids = frozenset({1})
    await bench.put(1)
    await bench.pay()
    await bench.put(1, version=2)
    await bench.pay()
    assert (len(bench.target.writes()), len(bench.told(DeadLettered))) == (2, 1)
    bench.target.database.faults.refused_ids = frozenset()
    await bench.put(1, version=3)
    await bench.pay()
    assert (bench.marks(), bench.letters(), bench.target.held()) == ([], [], {1: 3})


async def test_a_refused_record_of_which_another_state_may_land_is_looked_at_again(bench):
    with suppress(Unresolved):
        async with bench.lane.writing([Ids((1,))], 10):
            raise Unresolved("lost")
    await bench.source.upsert(SOURCE, records([1], 1))
    bench.target.database.faults.refused_ids = frozenset({1})
    async with bench.paying():
        await asyncio.sleep(30)
        assert bench.letters() == ["i:1"]
        bench.target.database.faults.refused_ids = frozenset()
        await bench.source.upsert(SOURCE, records([1], 2))  # what had no answer lands
        await asyncio.sleep(40)
    assert (bench.target.held(), bench.marks(), bench.letters()) == ({1: 2}, [], [])


async def test_what_was_refused_is_tried_again_when_somebody_says_so(bench):
    bench.target.database.faults.refused_ids = frozenset({1})
    await bench.put(1)
    await bench.pay()
    bench.target.database.faults.refused_ids = frozenset()
    await bench.state.write(lambda tx: journal.retry(tx, "move"))
    await bench.pay(3)
    assert (bench.marks(), bench.letters()) == ([], [])


async def test_a_letter_goes_when_the_source_lost_its_record(bench):
    letter = dead_letters.DeadLetter("i:1", "refused", "no")
    await bench.state.write(lambda tx: dead_letters.add(tx, "move", [letter], at=""))
    await bench.remove(1)
    await bench.pay()
    assert (bench.marks(), bench.letters()) == ([], [])


async def test_a_batch_refused_whole_is_halved_to_the_record_that_spoils_it(bench):
    bench.target.poison = {3}
    await bench.put(*range(6))
    await bench.pay()
    assert sorted(bench.target.held()) == [0, 1, 2, 4, 5]
    assert (bench.marks(), bench.letters()) == (["i:3"], ["i:3"])
