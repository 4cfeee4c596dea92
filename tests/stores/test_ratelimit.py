"""Holding back: the bucket's arithmetic, who pays for what, and how many go at once."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance.compare import ids_of
from tests.conformance.subject import make_ids, make_records, read_all, to_batch
from tests.conformance.suite import ConformanceSuite, Subject
from vectormigrate.stores.base import Endpoint, Range
from vectormigrate.stores.memory import Database, MemoryStore
from vectormigrate.stores.ratelimit import Bucket, RateLimitedStore


class TestRateLimitedStore(ConformanceSuite):
    @pytest.fixture
    def target(self):
        database, time = Database(), Time()
        return Subject(
            open=lambda: RateLimitedStore(
                MemoryStore(Endpoint("memory"), database),
                records_per_second=100.0,
                concurrency=2,
                clock=time.clock,
                sleep=time.sleep,
            )
        )


class TestUnlimited(ConformanceSuite):
    @pytest.fixture
    def target(self):
        database = Database()
        return Subject(open=lambda: RateLimitedStore(MemoryStore(Endpoint("memory"), database)))


class Time:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.now += seconds


async def test_a_bucket_lets_through_what_its_rate_allows():
    time = Time()
    bucket = Bucket(10.0, burst=5, clock=time.clock, sleep=time.sleep)
    await bucket.take(5)
    assert time.now == 0.0
    await bucket.take(10)
    assert time.now == pytest.approx(1.0)
    await bucket.take(1)
    assert time.now == pytest.approx(1.1)


async def test_a_bucket_saves_up_no_more_than_its_burst():
    time = Time()
    bucket = Bucket(10.0, burst=5, clock=time.clock, sleep=time.sleep)
    time.now = 1000.0
    await bucket.take(5)
    assert time.now == 1000.0
    await bucket.take(5)
    assert time.now == pytest.approx(1000.5)


async def test_who_comes_later_waits_longer():
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    bucket = Bucket(10.0, burst=0, clock=lambda: 0.0, sleep=sleep)
    for _ in range(3):
        await bucket.take(10)
    assert waits == pytest.approx([1.0, 2.0, 3.0])


async def test_a_cancelled_taker_gives_back_what_it_took():
    async def sleep(_: float) -> None:
        raise asyncio.CancelledError

    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    bucket = Bucket(10.0, burst=0, clock=lambda: 0.0, sleep=sleep)
    with pytest.raises(asyncio.CancelledError):
        await bucket.take(100)
    bucket._sleep = note
    await bucket.take(10)
    assert waits == pytest.approx([1.0])


async def test_writes_and_reads_are_paid_by_the_record():
    time, database = Time(), Database()
    store = RateLimitedStore(
        MemoryStore(Endpoint("memory"), database), records_per_second=10.0, clock=time.clock, sleep=time.sleep
    )
    subject = Subject(open=lambda: store)
    subject.store = store
    shape = await subject.create()
    records = make_records(shape, make_ids(shape.id.kind, 21))
    calls = [
        (lambda: store.upsert(shape.name, to_batch(shape, records)), 21),
        (lambda: store.fetch(shape.name, ids_of(records)[:10]), 10),
        (lambda: read_all(store, shape.name, Range(), limit=5), 21),
        (lambda: store.patch(shape.name, ids_of(records)[:5], {"n": 1}), 5),
        (lambda: store.insert(shape.name, to_batch(shape, records)), 21),
        (lambda: store.delete(shape.name, ids_of(records)[:5]), 5),
        (lambda: store.count(shape.name), 0),
    ]
    paid = -1  # the burst: a tenth of a second's worth
    for call, price in calls:
        await call()
        paid += price
        assert time.now == pytest.approx(paid / 10)


async def test_no_more_requests_at_once_than_allowed():
    database = Database()
    database.faults.latency = 0.001
    inner = MemoryStore(Endpoint("memory"), database)
    busy, most = 0, 0
    count = inner.count

    async def watched(collection: str) -> int:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        try:
            return await count(collection)
        finally:
            busy -= 1

    inner.count = watched
    store = RateLimitedStore(inner, concurrency=3)
    subject = Subject(open=lambda: store)
    subject.store = store
    shape = await subject.create()
    async with asyncio.TaskGroup() as group:
        for _ in range(12):
            group.create_task(store.count(shape.name))
    assert (most, busy) == (3, 0)
