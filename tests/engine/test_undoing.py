"""Steps of a rollback; its course, and what is ours, are in `rollback/test_pool.py` and with the conductor."""

from dataclasses import replace

import pytest

from tests.fakes.planned import database, world
from tests.fakes.world import SOURCE, TARGET, shape
from vectormigrate.engine.rollback.pool import Removal
from vectormigrate.engine.undoing import Undoing
from vectormigrate.model.events import Progress
from vectormigrate.model.planning import make_plan
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
