import asyncio

import pytest

from tests.fakes.lanes import Watched
from tests.fakes.statefile import MemoryState
from tests.fakes.world import SOURCE, records, shape
from vectormigrate.engine.dualwrite.strangers import Strangers
from vectormigrate.model.errors import StateFull, Unresolved
from vectormigrate.model.specification import Existing
from vectormigrate.state import ownership

ID = "move"
THEIRS = 1000
"""The version that strangers hold."""


class Stage:
    """A target in which records 1 and 9 were before us."""

    def __init__(self, existing):
        self.state = MemoryState()
        self.target = Watched("new")
        self.existing = existing

    async def open(self):
        await self.target.create(shape())
        await self.target.upsert(SOURCE, records([1, 9], THEIRS))
        await self.state.write(lambda tx: ownership.add_foreign(tx, ID, ["i:1", "i:9"]))
        return self.again()

    def again(self):
        """A process."""
        self.strangers = Strangers(self.state, ID, self.target, shape(), self.existing)
        return self

    async def put(self, *ids, version=1, replaces=True):
        batch = records(ids, version)
        return await self.strangers.write(
            batch, lambda ours: self.target.upsert(SOURCE, ours), replaces=replaces
        )

    async def remove(self, *ids, uncertain=False):
        foreign = self.strangers.among(ids)
        return await self.strangers.put_back(foreign, uncertain=lambda _: uncertain)

    async def hidden(self):
        found = await self.strangers.hidden([1, 2, 9])
        assert len(found) == await self.strangers.hidden_count()
        return sorted(found)

    def owed(self):
        """What a rollback puts back."""
        return [one for one, _ in self.state.read(lambda tx: ownership.pre_images(tx, ID, "", 10))]


@pytest.fixture
async def stage():
    made = await Stage(Existing.OVERWRITE).open()
    yield made
    made.state.close()


async def test_where_nobody_was_nothing_is_asked():
    state = MemoryState()
    strangers = Strangers(state, ID, Watched("new"), shape(), Existing.OVERWRITE)
    assert (strangers.there, strangers.among([1]), await strangers.hidden([1])) == (False, set(), set())
    state.close()


async def test_what_may_not_be_overwritten_is_refused_and_hidden():
    """Nobody may think that it is kept."""
    made = await Stage(Existing.SKIP).open()
    made.target.database.faults.refused_ids = frozenset({3})
    result = await made.put(1, 2, 3)
    assert (result.acknowledged, made.target.held()) == (1, {1: THEIRS, 2: 1, 9: THEIRS})
    assert [(one.row, one.id) for one in result.refused] == [(0, 1), (2, 3)]
    assert "was in the target before" in result.refused[0].error.message
    assert (await made.put(1, 9)).acknowledged == 0
    assert await made.hidden() == ["i:1", "i:9"]
    made.state.close()


async def test_what_is_overwritten_is_ours_until_it_goes(stage):
    await stage.put(1, 2)
    assert (await stage.hidden(), stage.owed()) == (["i:9"], ["i:1"])
    assert await stage.remove(1) == {}
    assert (await stage.hidden(), stage.owed()) == (["i:1", "i:9"], [])
    assert stage.target.held()[1] == THEIRS


async def test_a_record_of_ours_that_equals_theirs_is_ours(stage):
    await stage.put(1, version=THEIRS)
    assert await stage.hidden() == ["i:9"]


async def test_behind_a_crash_before_the_overwrite_landed_it_is_theirs_still(stage):
    """The application must not be shown somebody else's record as its own."""

    async def lost(ids):
        raise Unresolved("no answer")

    stage.target.on_upsert = lost
    with pytest.raises(Unresolved):
        await stage.put(1)
    stage.target.on_upsert = None
    stage.again()
    assert (await stage.hidden(), stage.owed()) == (["i:1", "i:9"], ["i:1"])
    await stage.target.upsert(SOURCE, records([1], 1))  # it lands after all
    assert await stage.hidden() == ["i:9"]


async def test_what_may_land_behind_a_return_is_put_back_again_by_a_rollback(stage):
    await stage.put(1)
    await stage.remove(1, uncertain=True)
    assert (await stage.hidden(), stage.owed()) == (["i:1", "i:9"], ["i:1"])
    await stage.target.upsert(SOURCE, records([1], 1))  # late
    assert (await stage.hidden(), stage.owed()) == (["i:9"], ["i:1"])


async def test_a_return_that_is_refused_is_told_and_owed(stage):
    await stage.put(1)
    stage.target.database.faults.refused_ids = frozenset({1})
    assert list(await stage.remove(1)) == ["i:1"]
    assert (await stage.hidden(), stage.owed()) == (["i:9"], ["i:1"])


async def test_an_insert_that_left_theirs_makes_nothing_ours(stage):
    batch = records([1], 1)
    await stage.strangers.write(batch, lambda ours: stage.target.insert(SOURCE, ours), replaces=False)
    assert (stage.target.held()[1], await stage.hidden()) == (THEIRS, ["i:1", "i:9"])


async def test_a_write_that_is_applied_is_not_undone_by_a_full_disk(stage):
    async def full(ids):
        stage.state.full = True

    stage.target.on_upsert = full
    result = await stage.put(1)
    assert (result.acknowledged, await stage.hidden()) == (1, ["i:9"])


async def test_what_they_held_is_durable_before_it_is_overwritten(stage):
    stage.state.full = True
    with pytest.raises(StateFull):
        await stage.put(1)
    assert stage.target.held()[1] == THEIRS


async def test_an_overwrite_waits_for_a_return_that_is_under_way(stage):
    """Else ours could be over theirs, and be hidden."""
    await stage.put(1)
    upsert = stage.target.upsert

    async def slowly_answered(collection, batch, **words):
        result = await upsert(collection, batch, **words)
        await asyncio.sleep(1.0 if batch.payload[0]["version"] == THEIRS else 0.0)
        return result

    stage.target.upsert = slowly_answered
    async with asyncio.TaskGroup() as group:
        group.create_task(stage.remove(1))
        await asyncio.sleep(0.5)
        group.create_task(stage.put(1, version=2))
    assert (stage.target.held()[1], await stage.hidden()) == (2, ["i:9"])
