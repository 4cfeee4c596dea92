"""What the memory store does beyond the port: sharing by name, copies at the border, faults."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from tests.conformance.compare import assert_holds, assert_same, ids_of
from tests.conformance.subject import make_ids, make_record, make_records, read_all, to_batch
from tests.conformance.suite import Subject
from vectormigrate.model.collection import Metric
from vectormigrate.model.errors import (
    RecordRefused,
    StoreDown,
    Throttled,
    Unreachable,
    Unresolved,
    Unsupported,
)
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.query import Query
from vectormigrate.stores.base import Content, Endpoint, Range
from vectormigrate.stores.memory import Database, MemoryStore, Outcome, forget, open_store, shared


@pytest.fixture
def database():
    database = Database()
    database.faults.clock = Ticking()
    return database


@pytest.fixture
async def subject(database):
    async with Subject(
        open=lambda: MemoryStore(Endpoint("memory", owner="me"), database)
    ).running() as subject:
        yield subject


class Ticking:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_named_database_is_shared_and_an_unnamed_is_not():
    url = "memory://test-store-sharing"
    try:
        one, two = open_store(Endpoint("memory", url)), open_store(Endpoint("memory", url))
        assert one.database is two.database is shared(url)
        assert one.identity() == two.identity()
        alone, other = open_store(Endpoint("memory")), open_store(Endpoint("memory"))
        assert alone.database is not other.database
        assert alone.identity() != other.identity()
    finally:
        forget(url)
    assert shared(url) is not one.database
    forget(url)
    forget(url)


async def test_callers_keep_no_hand_on_what_they_wrote(subject: Subject):
    shape = await subject.create(fields=[], dynamic=True)
    nested = {"list": [1, {"a": 2}]}
    record = make_record(shape, make_ids(shape.id.kind, 1)[0], a=nested)
    batch = to_batch(shape, [record])
    await subject.store.upsert(shape.name, batch)
    batch.vectors["vec"].values[:] = 0
    nested["list"][1]["a"] = "changed"
    [got] = await read_all(subject.store, shape.name)
    assert got.payload == {"a": {"list": [1, {"a": 2}]}}
    assert got.dense["vec"].any()
    got.payload["a"]["list"].clear()
    patched = {"b": [1]}
    await subject.store.patch(shape.name, [record.id], patched)
    patched["b"].append(2)
    [again] = await read_all(subject.store, shape.name)
    assert again.payload == {"a": {"list": [1, {"a": 2}]}, "b": [1]}
    [match] = await subject.store.query(shape.name, Query(np.ones(4, np.float32), "vec", with_record=True))
    match.record.payload["b"].append(3)
    assert (await subject.store.fetch(shape.name, [record.id])).payload[0]["b"] == [1]


async def test_a_vector_without_a_metric_cannot_be_searched(subject: Subject):
    shape = await subject.create(vectors=[replace(subject.vector(), metric=None)])
    await subject.fill(shape, 1)
    with pytest.raises(Unsupported):
        await subject.store.query(shape.name, Query(np.ones(4, np.float32), "vec"))


async def test_equally_near_records_come_in_key_order(subject: Subject):
    shape = await subject.create(vectors=[subject.vector(metric=Metric.EUCLID)])
    records = [
        replace(make_record(shape, id_), dense={"vec": np.ones(4, np.float32)})
        for id_ in make_ids(shape.id.kind, 5)
    ]
    await subject.store.upsert(shape.name, to_batch(shape, records[::-1]))
    got = await subject.store.query(shape.name, Query(np.ones(4, np.float32), "vec", limit=3))
    assert [match.id for match in got] == ids_of(records[:3])


async def test_down_and_up_again(subject: Subject, database: Database):
    shape = await subject.create()
    database.faults.down = True
    with pytest.raises(Unreachable):
        await subject.store.count(shape.name)
    database.faults.down = False
    assert await subject.store.count(shape.name) == 0


async def test_errors_in_turn_are_raised_once_and_nothing_is_applied(subject: Subject, database: Database):
    shape = await subject.create()
    records = make_records(shape, make_ids(shape.id.kind, 2))
    database.faults.next_errors.extend([StoreDown("full"), Throttled("slow", retry_after=3.0)])
    for error in (StoreDown, Throttled):
        with pytest.raises(error):
            await subject.store.upsert(shape.name, to_batch(shape, records))
    assert await subject.store.count(shape.name) == 0


async def test_refused_records_leave_the_others(subject: Subject, database: Database):
    shape = await subject.create()
    records = make_records(shape, make_ids(shape.id.kind, 4))
    database.faults.refused_ids = frozenset({records[1].id, records[2].id})
    result = await subject.store.upsert(shape.name, to_batch(shape, records))
    assert result.acknowledged == 2
    assert [refusal.row for refusal in result.refused] == [1, 2]
    assert all(isinstance(refusal.error, RecordRefused) for refusal in result.refused)
    assert [r.row for r in (await subject.store.delete(shape.name, ids_of(records))).refused] == [1, 2]
    assert [r.row for r in (await subject.store.patch(shape.name, ids_of(records), {"n": 1})).refused] == [
        1,
        2,
    ]


async def test_a_patch_that_does_not_fit_is_refused_for_each_record(subject: Subject):
    shape = await subject.create()
    records = await subject.fill(shape, 2)
    result = await subject.store.patch(shape.name, ids_of(records), {"n": "text"})
    assert (result.acknowledged, [refusal.row for refusal in result.refused]) == (0, [0, 1])
    await assert_holds(subject.store, shape, records)


async def test_latency_is_waited(subject: Subject, database: Database):
    database.faults.latency = 0.02
    start = time.perf_counter()
    await subject.store.collections()
    assert time.perf_counter() - start >= 0.02


class TestStaleness:
    async def test_reads_are_behind_until_their_time(self, subject: Subject, database: Database):
        shape = await subject.create()
        records = await subject.fill(shape, 3)
        database.faults.stale_for = 10.0
        new = make_record(shape, records[0].id, 50)
        await subject.store.upsert(shape.name, to_batch(shape, [new]))
        await subject.store.delete(shape.name, [records[1].id])
        late = await subject.fill(shape, 1, start=9)
        await assert_holds(subject.store, shape, records)
        assert_same((await subject.store.fetch(shape.name, [new.id])).records(), records[:1], shape)
        assert await subject.store.count(shape.name) == 3
        database.faults.clock.now = 9.9
        newest = make_record(shape, records[0].id, 60)
        await subject.store.upsert(shape.name, to_batch(shape, [newest]))
        await assert_holds(subject.store, shape, records)
        database.faults.clock.now = 10.0
        await assert_holds(subject.store, shape, [new, records[2], *late])
        database.faults.clock.now = 19.9
        await assert_holds(subject.store, shape, [newest, records[2], *late])

    async def test_a_barrier_ends_it(self, subject: Subject, database: Database):
        shape = await subject.create()
        database.faults.stale_for = 10.0
        records = await subject.fill(shape, 3)
        assert await read_all(subject.store, shape.name) == []
        assert await subject.store.query(shape.name, Query(np.ones(4, np.float32), "vec")) == []
        await subject.store.barrier(shape.name)
        await assert_holds(subject.store, shape, records)

    async def test_finishing_a_load_ends_it(self, subject: Subject, database: Database):
        shape = await subject.create()
        database.faults.stale_for = 10.0
        await subject.fill(shape, 3)
        await subject.store.finish_load(shape)
        assert len(await subject.store.query(shape.name, Query(np.ones(4, np.float32), "vec"))) == 3

    async def test_a_patch_builds_on_the_truth(self, subject: Subject, database: Database):
        shape = await subject.create()
        [record] = await subject.fill(shape, 1)
        database.faults.stale_for = 10.0
        await subject.store.patch(shape.name, [record.id], {"n": 5})
        await subject.store.patch(shape.name, [record.id], {"label": "new"})
        assert await subject.store.insert(shape.name, to_batch(shape, [record])) == WriteResult(0)
        await subject.store.barrier(shape.name)
        [got] = await read_all(subject.store, shape.name)
        assert got.payload == {"n": 5, "label": "new"}


class TestLostAnswers:
    async def test_applied_before_the_answer_was_lost(self, subject: Subject, database: Database):
        shape = await subject.create()
        database.faults.unresolved_next = 1
        with pytest.raises(Unresolved) as caught:
            await subject.fill(shape, 2)
        assert caught.value.collection == shape.name
        assert await subject.store.count(shape.name) == 2

    async def test_never_applied(self, subject: Subject, database: Database):
        shape = await subject.create()
        database.faults.outcome, database.faults.unresolved_next = Outcome.NEVER, 1
        with pytest.raises(Unresolved):
            await subject.fill(shape, 2)
        assert database.land() == 0
        assert await subject.store.count(shape.name) == 0

    async def test_a_zombie_lands_when_told_and_overwrites_what_came_later(
        self, subject: Subject, database: Database
    ):
        shape = await subject.create()
        [record] = make_records(shape, make_ids(shape.id.kind, 1))
        database.faults.outcome, database.faults.unresolved_next = Outcome.LATE, 1
        with pytest.raises(Unresolved):
            await subject.store.upsert(shape.name, to_batch(shape, [record]))
        later = make_record(shape, record.id, 9)
        await subject.store.upsert(shape.name, to_batch(shape, [later]))
        await assert_holds(subject.store, shape, [later])
        assert await subject.store.settle() == 0.0
        assert database.land() == 1
        await assert_holds(subject.store, shape, [record])
        assert database.land() == 0

    async def test_a_zombie_lands_by_itself_when_its_time_comes(self, subject: Subject, database: Database):
        shape = await subject.create()
        records = await subject.fill(shape, 2)
        faults = database.faults
        faults.outcome, faults.unresolved_next, faults.late_after = Outcome.LATE, 1, 30.0
        with pytest.raises(Unresolved):
            await subject.store.delete(shape.name, [records[0].id])
        assert await subject.store.settle() == 30.0
        faults.clock.now = 29.0
        assert await subject.store.settle() == 1.0
        assert await subject.store.count(shape.name) == 2
        faults.clock.now = 30.0
        assert await subject.store.count(shape.name) == 1

    async def test_only_strays_of_the_same_owner_are_waited_for(self, subject: Subject, database: Database):
        shape = await subject.create()
        faults = database.faults
        faults.outcome, faults.unresolved_next, faults.late_after = Outcome.LATE, 1, 30.0
        other = MemoryStore(Endpoint("memory", owner="other"), database)
        with pytest.raises(Unresolved):
            await other.delete(shape.name, make_ids(shape.id.kind, 1))
        assert await subject.store.settle() == 0.0

    async def test_a_zombie_of_a_dropped_collection_lands_nowhere(self, subject: Subject, database: Database):
        shape = await subject.create()
        database.faults.outcome, database.faults.unresolved_next = Outcome.LATE, 1
        with pytest.raises(Unresolved):
            await subject.fill(shape, 1)
        await subject.store.drop(shape.name)
        await subject.store.create(shape)
        database.land()
        assert await subject.store.count(shape.name) == 0


async def test_an_ids_page_is_the_width_of_scan_page(subject: Subject, database: Database):
    database.capabilities = replace(database.capabilities, scan_page=2)
    shape = await subject.create()
    await subject.fill(shape, 5)
    sizes = [len(page.batch) async for page in subject.store.scan(shape.name, Range(), content=Content.IDS)]
    assert sizes == [2, 2, 1]
