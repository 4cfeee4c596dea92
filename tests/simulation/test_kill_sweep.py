"""Kill a small migration at every moment there is, go on with nothing but the state file and the stores, and look."""

import itertools
import tempfile
from pathlib import Path

import pytest

from tests.fakes.killing import Life, MortalDatabase, MortalFaults, was_killed
from tests.fakes.world import World
from vectormigrate.engine.backfill import planner
from vectormigrate.model.phase import Phase
from vectormigrate.model.specification import Existing

BATCH = 3
COUNT = 16
RANGES = 2


@pytest.fixture
def states():
    """A folder in memory where there is one: a process that dies here takes no machine with it."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def _small_ranges(monkeypatch):
    monkeypatch.setattr(planner, "RECORDS_A_RANGE", COUNT // RANGES)


class Mortal(World):
    """A world whose process can be killed."""

    def __init__(self, state, **settings):
        super().__init__(state, batch_size=BATCH, validate_every=2, **settings)
        self.source.faults = MortalFaults()
        self.target.faults = MortalFaults()

    async def until(self, ends, verb):
        """Run a verb in a process that dies at that moment; says whether it died."""
        life = Life(ends)
        self.source.faults.life = self.target.faults.life = life
        died = False
        try:
            database = MortalDatabase.open(self.state)
            database.life = life
            async with self.control(database=database) as control:
                await verb(control)
        except BaseException as error:
            if not was_killed(error):
                raise
            died = True
        self.source.faults.life = self.target.faults.life = Life()
        return died

    async def migrate(self, control):
        await control.create(self.spec)
        await control.run(self.spec.id)

    async def undo(self, control):
        await control.rollback(self.spec.id, dry_run=False)


async def sweep(states, make, verb, check, step=1):
    """`make` a world, run `verb` until each moment in turn, `check` what is left; until a run survives."""
    for ends in itertools.count(1, step):
        world = await make(states / f"{ends}.db")
        try:
            if not await world.until(ends, getattr(world, verb)):
                assert ends > 20
                return
            await check(world)
        except BaseException as error:
            error.add_note(f"killed at moment {ends}")
            raise
        finally:
            world.close()


async def fresh(state):
    world = Mortal(state)
    await world.fill(range(COUNT))
    return world


async def test_a_migration_killed_anywhere_ends_equal_and_copies_at_most_a_batch_a_range_again(states):
    async def check(world):
        await world.until(None, world.migrate)
        assert world.status.phase is Phase.VERIFIED
        assert world.equal()
        again = sum(times - 1 for times in world.target.faults.written.values())
        assert again <= BATCH * RANGES
        assert set(world.target.faults.written) == set(range(COUNT))

    await sweep(states, fresh, "migrate", check)


async def test_what_the_source_loses_gains_and_changes_between_the_runs_arrives(states):
    async def check(world):
        if world.status.phase is Phase.VERIFIED:
            return  # killed behind its last commit: it was done
        await world.remove([3, 9, 15])
        await world.fill([4, 12], version=2)
        await world.fill([-1, 100, 101])
        await world.until(None, world.migrate)
        assert world.status.phase is Phase.VERIFIED
        assert world.equal()

    async def made(state):
        world = await fresh(state)
        async with world.control() as control:
            await control.create(world.spec)
        return world

    await sweep(states, made, "migrate", check)


async def shared_target(state):
    """A target that holds records of others, one of which the source has too."""
    world = Mortal(state, existing=Existing.OVERWRITE)
    await world.fill(range(COUNT))
    await world.fill([5, 1000, 1001], version=9, side="target")
    world.before = world.held("target")
    return world


async def test_a_migration_killed_anywhere_can_be_rolled_back(states):
    async def check(world):
        await world.until(None, world.undo)
        assert world.held("target") == world.before

    async def made(state):
        world = await shared_target(state)
        async with world.control() as control:
            await control.create(world.spec)
        return world

    await sweep(states, made, "migrate", check)


async def test_a_rollback_killed_anywhere_is_finished_by_the_next(states):
    async def made(state):
        world = await shared_target(state)
        await world.run()
        await world.remove([7])
        return world

    async def check(world):
        if world.status.phase is not Phase.ROLLED_BACK:
            async with world.control() as control:
                report = await control.rollback(world.spec.id, dry_run=False, remove_unknown=True)
            assert (report.left, report.foreign_changed) == (0, 0)
        held = world.held("target")
        held.pop(7, None)  # lost by the source after completion: only removed by name
        assert held == world.before

    await sweep(states, made, "undo", check)


async def test_a_rollback_killed_anywhere_leaves_no_collection_of_ours(states):
    async def made(state):
        world = await fresh(state)
        await world.run()
        return world

    async def check(world):
        if world.status.phase is not Phase.ROLLED_BACK:
            await world.until(None, world.undo)
        assert world.status.phase is Phase.ROLLED_BACK
        assert world.held("target") is None

    await sweep(states, made, "undo", check)
