"""Steps of a rollback, and its course; what is ours is in `rollback/test_pool.py`."""

from dataclasses import replace

import pytest

from tests.fakes.crashing import Zombie, crash
from tests.fakes.planned import database, world
from tests.fakes.world import SOURCE, TARGET, shape
from vectormigrate.engine import migration as conducting
from vectormigrate.engine.rollback.pool import Removal
from vectormigrate.engine.undoing import Undoing
from vectormigrate.model.errors import GateRefused, Unreachable
from vectormigrate.model.events import Progress
from vectormigrate.model.phase import Phase
from vectormigrate.model.planning import make_plan
from vectormigrate.model.specification import Existing
from vectormigrate.state import checkpoints, migrations

__all__ = ["database", "world"]


class Case:
    """A target that holds a copy, and the events of undoing it."""

    def __init__(self, world, database):
        self.world, self.database = world, database
        self.events = []
        self.target = world.store("target")
        self.plan = make_plan(shape(), self.target.capabilities, TARGET)

    async def prepare(self):
        await self.world.fill(range(4))
        await self.world.fill(range(4), side="target")
        spec = self.world.spec
        await self.database.write(lambda tx: migrations.create(tx, spec, at=""))
        await self.database.write(lambda tx: checkpoints.plan(tx, spec.id, [(None, None)]))
        await self.database.write(
            lambda tx: checkpoints.advance(tx, spec.id, 0, "i:3", copied=4, skipped=0, size=1)
        )
        await self.database.write(lambda tx: checkpoints.finish(tx, spec.id, 0))
        return self

    def undoing(self, *, dry_run=False):
        return Undoing(
            self.database,
            self.world.spec.id,
            self.world.store(),
            SOURCE,
            self.target,
            self.events.append,
            lambda: False,
            dry_run=dry_run,
        )

    async def remove(self, *, dry_run=False, only_verify=False):
        return await self.undoing(dry_run=dry_run).remove(
            self.plan, remove_unknown=False, only_verify=only_verify
        )


@pytest.fixture
async def case(world, database):
    return await Case(world, database).prepare()


async def test_what_is_ours_is_removed_and_told_of(case):
    assert (await case.remove()).deleted == 4
    assert case.world.held("target") == {}
    assert case.events[-1] == Progress("move", "rollback", 4, 4)


async def test_a_dry_run_only_looks(case):
    assert (await case.remove(dry_run=True)).deleted == 4
    assert len(case.world.held("target")) == 4


async def test_a_look_at_one_that_is_done_deletes_nothing(case):
    removal = await case.remove(only_verify=True)
    assert (removal.left, len(case.world.held("target"))) == (4, 4)


async def test_where_there_is_no_collection_there_is_nothing_of_ours(case):
    await case.target.drop(TARGET)
    assert await case.remove() == Removal()


async def test_a_collection_goes_when_nothing_is_in_it(case):
    assert not await case.undoing().drop_empty(TARGET)
    assert TARGET in case.world.target.tables
    await case.target.delete(TARGET, [*range(4)])
    assert await case.undoing().drop_empty(TARGET)
    assert TARGET not in case.world.target.tables
    assert await case.undoing().drop_empty(TARGET)  # a kill came between it and the word of it


async def test_what_was_done_is_told_in_full(case):
    removal = replace(Removal(), deleted=1, restored=2, left=3, foreign_kept=4, foreign_changed=5, unknown=6)
    report = case.undoing(dry_run=True).report(removal, dropped=True, seconds=7.0)
    assert (report.migration_id, report.dry_run, report.deleted, report.restored, report.left) == (
        "move",
        True,
        1,
        2,
        3,
    )
    assert (report.foreign_kept, report.foreign_changed, report.unknown_kept) == (4, 5, 6)
    assert (report.collection_dropped, report.seconds) == (True, 7.0)


# Its course, with the conductor.


async def test_a_rollback_of_what_is_whole_takes_the_collection_as_well(world):
    await world.fill(range(20))
    await world.run()
    foreseen = await world.rollback(dry_run=True)
    assert (foreseen.deleted, foreseen.collection_dropped) == (20, True)
    report = await world.rollback()
    assert (report.deleted, report.left, report.collection_dropped) == (20, 0, True)
    assert [(one.done, one.total) for one in world.events if isinstance(one, Progress)][-1] == (20, 20)
    assert (world.status.phase, world.held("target")) == (Phase.ROLLED_BACK, None)
    again = await world.rollback()
    assert (again.deleted, again.left) == (0, 0)
    with pytest.raises(GateRefused, match="cannot go on"):
        await world.run()


async def test_a_dry_run_counts_exactly_and_writes_nothing(world):
    world.set(existing=Existing.OVERWRITE)
    await world.fill(range(20))
    await world.fill([3, 100], version=9, side="target")
    await world.run()
    before = world.held("target"), world.view("history")
    report = await world.rollback(dry_run=True)
    assert (report.deleted, report.restored, report.foreign_kept, report.foreign_changed) == (19, 1, 2, 0)
    assert (world.held("target"), world.view("history")) == before
    real = await world.rollback()
    assert (real.deleted, real.restored) == (report.deleted, report.restored)


async def test_after_completion_records_of_nobody_known_are_kept_and_counted(world):
    await world.fill(range(20))
    await world.run()
    await world.fill([500], side="target")  # somebody uses the target now
    await world.remove([4])
    report = await world.rollback()
    assert set(world.held("target")) == {4, 500}
    assert (report.unknown_kept, report.left, report.collection_dropped) == (2, 0, False)


async def test_they_go_when_asked_for_by_name(world):
    await world.fill(range(20))
    await world.run()
    await world.remove([0])
    report = await world.rollback(remove_unknown=True)
    assert (report.unknown_kept, world.held("target")) == (0, None)


async def test_before_completion_what_the_source_lost_goes_too(world):
    await world.fill(range(20))
    await crash(world, after=15)
    await world.remove([0, 1])
    report = await world.rollback()
    assert (report.left, world.held("target")) == (0, None)


async def test_a_rollback_waits_for_writes_that_may_still_land(world):
    await world.fill(range(10))
    Zombie(world)
    await crash(world, after=5)
    await world.rollback()
    world.target.land()
    assert world.held("target") is None


async def test_a_rollback_told_to_stop_says_what_is_left_and_is_finished_by_the_next(world):
    await world.fill(range(20))
    await world.run()
    async with world.control() as control:
        control._on_event = lambda event: control.stop()  # at its first word
        report = await control.rollback(world.spec.id, dry_run=False)
    assert report.left == 20
    assert world.status.phase is Phase.ROLLING_BACK
    assert (await world.rollback()).left == 0
    assert world.held("target") is None


async def test_a_rollback_that_fails_is_told_and_goes_on(world):
    await world.fill(range(20))
    world.set(max_retries=0)
    await world.run()
    world.target.faults.refused_ids = frozenset({5})
    report = await world.rollback()
    assert (report.left, world.status.phase) == (1, Phase.ROLLING_BACK)
    with pytest.raises(GateRefused, match="cannot go on"):
        await world.run()
    world.target.faults.refused_ids = frozenset()
    world.target.faults.down = True
    with pytest.raises(Unreachable):
        await world.rollback()
    world.target.faults.down = False
    assert (await world.rollback()).left == 0
    assert world.status.phase is Phase.ROLLED_BACK


async def test_nothing_to_roll_back_before_the_plan(world):
    await world.fill(range(20))
    async with world.control() as control:
        await control.create(world.spec)
    report = await world.rollback()
    assert (report.deleted, world.status.phase) == (0, Phase.ABORTED)


async def test_a_collection_of_an_interrupted_preflight_is_taken_back(world, monkeypatch):
    await world.fill(range(5))

    async def fails(*_, **__):
        raise Unreachable("gone")

    monkeypatch.setattr(conducting, "plan_ranges", fails)
    with pytest.raises(Unreachable):
        await world.run()
    assert world.held("target") == {}
    report = await world.rollback()
    assert (report.collection_dropped, world.held("target")) == (True, None)
