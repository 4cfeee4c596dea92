import asyncio
from contextlib import asynccontextmanager

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.online import Online
from tests.fakes.virtual import virtually
from tests.fakes.world import SOURCE, TARGET, records
from vectormigrate.engine.drift import Drift
from vectormigrate.model.errors import GateRefused
from vectormigrate.model.events import Warned
from vectormigrate.model.touch import Scope, Whole


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def drift(clock):
    return Drift(clock)


def due_after(drift, clock, seconds):
    """Whether it is due so many seconds later, and not a moment earlier."""
    clock.advance(seconds - 0.1)
    early = drift.due()
    clock.advance(0.1)
    return not early and drift.due()


def test_it_looks_soon_and_then_every_five_minutes(drift, clock):
    assert due_after(drift, clock, 5)
    assert not drift.differ(3, 3)
    assert due_after(drift, clock, 300)


def test_a_difference_is_believed_when_it_is_the_same_at_the_next_look_which_is_soon(drift, clock):
    assert due_after(drift, clock, 5)
    assert not drift.differ(3, 4)
    assert due_after(drift, clock, 5)
    assert drift.differ(3, 4)


def test_what_is_believed_is_said_once(drift, clock):
    drift.differ(3, 4)
    assert drift.differ(3, 4)
    assert not drift.differ(3, 4)


def test_another_difference_starts_anew(drift):
    assert [drift.differ(3, 4), drift.differ(3, 5), drift.differ(4, 5), drift.differ(4, 5)] == [
        False,
        False,
        False,
        True,
    ]


def test_agreement_in_between_forgets_it(drift):
    assert [drift.differ(3, 4), drift.differ(4, 4), drift.differ(3, 4)] == [False, False, False]


def test_a_look_that_was_missed_comes_soon_again_while_something_is_suspected(drift, clock):
    clock.advance(5)
    assert drift.due()
    drift.differ(3, 4)
    clock.advance(5)
    assert drift.due()  # and the look could not be taken: something was owed
    assert due_after(drift, clock, 5)


# What is done about it.

_LONG = 330.0
"""Seconds in which a difference is believed, compared and, where that may be, mended."""


MANY = 200
"""Records of which a share means something."""


@pytest.fixture
def online():
    made = Online()
    yield made
    made.state.close()
    made.world.close()


@asynccontextmanager
async def without(table, ids):
    """A shard of a side is away: what it held is read as absent, and counted by nobody."""
    away = {one: table.latest(one) for one in ids}
    for one in away:
        table.put(one, None, 0.0, 0.0)
    yield
    for one, record in away.items():
        table.put(one, record, 0.0, 0.0)


def warnings(online):
    return [
        event.message
        for event in online.events
        if isinstance(event, Warned) and "nobody wrote" in event.message
    ]


@virtually
async def test_somebody_who_writes_past_us_is_noticed(online):
    await online.verified()
    await online.stores.source.upsert(SOURCE, records([50, 51]))
    async with online.running():
        await asyncio.sleep(330)
        assert online.versions("target") == online.versions("source")
        (warned,) = warnings(online)
        assert warned.startswith("7 records on one side and 5 on the other")
        await asyncio.sleep(320)
    assert len(warnings(online)) == 1


@virtually
async def test_nothing_is_cut_over_before_counts_that_disagree_were_compared(online):
    await online.verified()
    await online.stores.source.upsert(SOURCE, records([50]))
    online.conductor._compare = lambda: asyncio.sleep(1)
    async with online.running() as conductor:
        await asyncio.sleep(330)
        assert "scopes" in online.closed(await conductor.gates())
        with pytest.raises(GateRefused, match="not compared yet"):
            await conductor.cutover()


@virtually
async def test_a_few_records_that_are_gone_behind_our_back_are_deleted(online):
    await online.verified(MANY)
    await online.stores.source.delete(SOURCE, [3, 4])
    async with online.running():
        await asyncio.sleep(_LONG)
    assert (online.versions("target"), online.debt) == (online.versions("source"), 0)


@virtually
async def test_a_shard_that_is_away_deletes_nothing(online):
    """However often the counts disagree; and when it is back, nothing has happened."""
    await online.verified(MANY)
    async with online.running() as conductor:
        async with without(online.world.source.tables[SOURCE], range(0, 200, 2)):
            await asyncio.sleep(2 * _LONG)
            assert len(online.versions("target")) == 200
            assert {"deletes", "debt"} <= online.closed(await conductor.gates())
            assert len(warnings(online)) == 1
        await asyncio.sleep(_LONG)
        assert online.debt == 0
    assert online.versions("target") == online.versions("source")


@virtually
async def test_a_shard_of_the_new_primary_that_is_away_deletes_nothing_at_the_source(online):
    await online.verified(MANY)
    async with online.running() as conductor:
        await conductor.cutover()
        await online.until_idle()
        async with without(online.world.target.tables[TARGET], range(0, 200, 2)):
            await asyncio.sleep(_LONG)
            assert len(online.versions("source")) == 200
            assert "deletes" in online.closed(await conductor.gates())


@virtually
async def test_somebody_who_has_looked_may_say_that_they_are_gone(online):
    await online.verified(MANY)
    await online.stores.source.delete(SOURCE, list(range(100)))
    async with online.running():
        await asyncio.sleep(_LONG)
        assert len(online.versions("target")) == 200
        await online.live.scheduler.believe()
        await asyncio.sleep(60)
    assert (online.versions("target"), online.debt) == (online.versions("source"), 0)


@virtually
async def test_what_a_request_may_have_removed_unnamed_is_deleted_at_large(online):
    await online.verified(MANY)
    async with online.router.writing({SOURCE: [Whole(Scope.CLEAR)]}):
        await online.stores.source.delete(SOURCE, list(range(100)))
    async with online.running():
        await asyncio.sleep(60)
    assert (online.versions("target"), online.debt) == (online.versions("source"), 0)
