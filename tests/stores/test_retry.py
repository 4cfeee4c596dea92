"""Retrying: what is repeated, how often, after what wait, and what is not."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from tests.conformance.compare import assert_holds, ids_of
from tests.conformance.subject import make_ids, make_record, make_records, read_all, to_batch
from tests.conformance.suite import ConformanceSuite, Subject
from vectormigrate.model.errors import (
    CollectionMissing,
    StoreDown,
    Throttled,
    Unreachable,
    Unresolved,
)
from vectormigrate.model.operation import WriteResult
from vectormigrate.stores.base import Endpoint, Range
from vectormigrate.stores.memory import Database, MemoryStore, Outcome
from vectormigrate.stores.retry import RetryPolicy, RetryStore


class TestRetryStore(ConformanceSuite):
    @pytest.fixture
    def target(self):
        database = Database()
        return Subject(open=lambda: RetryStore(MemoryStore(Endpoint("memory"), database)))


class Bench:
    """A retrying store whose waits are noted instead of slept."""

    def __init__(self, **policy: float) -> None:
        self.waits: list[float] = []
        self.told: list[tuple[int, float, Exception]] = []
        self.database = Database()
        self.store = RetryStore(
            MemoryStore(Endpoint("memory"), self.database),
            RetryPolicy(**policy),
            on_retry=lambda *event: self.told.append(event),
            sleep=self.sleep,
            chance=random.Random(1),
        )
        self.subject = Subject(open=lambda: self.store)
        self.subject.store = self.store

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    def fail(self, *errors: Exception) -> None:
        self.database.faults.next_errors.extend(errors)


async def test_it_tries_again_until_it_works():
    bench = Bench()
    shape = await bench.subject.create()
    errors = [Unreachable("refused"), StoreDown("starting"), Throttled("slow down")]
    bench.fail(*errors)
    assert await bench.store.count(shape.name) == 0
    assert [(attempt, error) for attempt, _, error in bench.told] == list(enumerate(errors, start=1))
    assert [wait for _, wait, _ in bench.told] == bench.waits


async def test_it_gives_up_with_the_last_error_when_the_attempts_are_spent():
    bench = Bench(attempts=3)
    shape = await bench.subject.create()
    bench.database.faults.down = True
    with pytest.raises(Unreachable):
        await bench.store.count(shape.name)
    assert len(bench.waits) == 2


async def test_waits_double_with_jitter_up_to_the_longest():
    bench = Bench(attempts=8, base=1.0, longest=10.0)
    shape = await bench.subject.create()
    bench.fail(*[StoreDown("starting")] * 7)
    await bench.store.count(shape.name)
    for wait, ceiling in zip(bench.waits, [1, 2, 4, 8, 10, 10, 10], strict=True):
        assert ceiling / 2 <= wait <= ceiling
    assert len({wait / ceiling for wait, ceiling in zip(bench.waits[4:], [10] * 3, strict=True)}) == 3


async def test_the_store_is_given_the_time_it_asks_for():
    bench = Bench(longest=1.0)
    shape = await bench.subject.create()
    bench.fail(Throttled("slow down", retry_after=77.0), Throttled("slow down", retry_after=0.001))
    await bench.store.count(shape.name)
    assert bench.waits[0] == 77.0
    assert bench.waits[1] > 0.001


async def test_what_cannot_pass_is_not_repeated():
    bench = Bench()
    with pytest.raises(CollectionMissing):
        await bench.store.count("nowhere")
    bench.fail(RuntimeError("a bug"))
    with pytest.raises(RuntimeError):
        await bench.store.collections()
    assert bench.waits == []


async def test_an_upsert_whose_answer_was_lost_is_repeated():
    bench = Bench()
    shape = await bench.subject.create()
    bench.database.faults.unresolved_next = 2
    records = await bench.subject.fill(shape, 3)
    assert len(bench.waits) == 2
    await assert_holds(bench.store, shape, records)


async def test_an_insert_whose_answer_was_lost_is_not_repeated():
    bench = Bench()
    shape = await bench.subject.create()
    records = make_records(shape, make_ids(shape.id.kind, 2))
    bench.database.faults.unresolved_next = 1
    bench.database.faults.outcome = Outcome.NEVER
    with pytest.raises(Unresolved):
        await bench.store.insert(shape.name, to_batch(shape, records))
    assert bench.waits == []
    bench.fail(Throttled("slow down"))
    assert await bench.store.insert(shape.name, to_batch(shape, records)) == WriteResult(2)
    assert len(bench.waits) == 1


async def test_a_creation_whose_answer_was_lost_is_not_repeated():
    bench = Bench()
    bench.fail(Unresolved("timeout"))
    with pytest.raises(Unresolved):
        await bench.subject.create()
    bench.fail(StoreDown("starting"))
    await bench.subject.create()


async def test_a_scan_goes_on_behind_its_last_page():
    bench = Bench()
    shape = await bench.subject.create()
    records = await bench.subject.fill(shape, 7)
    pages = []
    async for page in bench.store.scan(shape.name, Range(), limit=2):
        pages.append(page)
        bench.fail(Unresolved("timeout"))
    got = [record_id for page in pages for record_id in page.batch.ids]
    assert got == ids_of(records)
    assert all(left.cursor < right.cursor for left, right in pairwise(pages))
    assert len(bench.waits) == 4


async def test_refusals_of_single_records_are_no_reason_to_repeat():
    bench = Bench()
    shape = await bench.subject.create()
    [bad] = make_ids(shape.id.kind, 1)
    bench.database.faults.refused_ids = frozenset({bad})
    result = await bench.store.upsert(shape.name, to_batch(shape, [make_record(shape, bad)]))
    assert len(result.refused) == 1
    assert bench.waits == []
    assert await read_all(bench.store, shape.name) == []
