"""What of a live migration is made from what its sides can bear."""

from dataclasses import replace

import pytest

from tests.fakes.lanes import Gap
from tests.fakes.statefile import MemoryState
from tests.fakes.virtual import LoopClock
from tests.fakes.world import SOURCE, TARGET, World, shape
from vectormigrate.daemon.assistant import Assistant
from vectormigrate.daemon.livemaking import aside_of, make_live
from vectormigrate.daemon.tasks import Stores
from vectormigrate.engine.dualwrite.aside import Here
from vectormigrate.engine.dualwrite.terms import Terms
from vectormigrate.model.planning import make_plan
from vectormigrate.model.specification import Mode
from vectormigrate.state import migrations, sessions
from vectormigrate.stores.base import Endpoint


async def made(*, met, most):
    """The live part of a migration whose terms allow replays of `most` ids."""
    world, state, clock = World("unused.db", mode=Mode.PROXIED, quarantine=7.0), MemoryState(), LoopClock()
    stores = Stores(*map(world.store, ("source", "target", "source")))
    await world.fill(range(3))
    session = await state.write(lambda tx: sessions.begin(tx, at=""))
    await state.write(lambda tx: migrations.create(tx, world.spec, at=""))
    described = await stores.source.describe(SOURCE)
    migration = replace(
        state.read(lambda tx: migrations.get(tx, world.spec.id)),
        source_shape=described,
        mapping=make_plan(described, stores.target.capabilities, TARGET),
    )
    live = make_live(
        state,
        session,
        migration,
        stores,
        clock,
        print,
        Gap(),
        Terms(replay_batch=most),
        upstream=None,
        capture=None,
        met=met,
        backfilling=lambda: False,
    )
    return live, stores.target.capabilities.write_batch


@pytest.mark.parametrize("met", [True, False])
async def test_no_replay_is_larger_than_the_terms_allow(met):
    live, _ = await made(met=met, most=3)
    assert (live.terms.replay_batch, live.terms.quarantine) == (3, 7.0)


async def test_nor_than_what_both_sides_take_as_far_as_they_could_be_asked():
    live, most = await made(met=True, most=10**9)
    assert live.terms.replay_batch == most
    live, most = await made(met=False, most=10**9)
    assert live.terms.replay_batch < most


def test_a_source_that_other_processes_see_is_looked_at_by_one_of_them(tmp_path):
    def aside(source):
        return aside_of(Stores.open(source, Endpoint("memory", "target")), shape())

    assert isinstance(aside(Endpoint("memory", "source")), Here)
    assert isinstance(aside(Endpoint("sqlite", str(tmp_path / "s.db"))), Assistant)


async def test_it_sees_the_whole_source_and_not_only_what_is_moved():
    world = World("unused.db")
    await world.fill(range(3))
    await world.fill([], side="target")
    stores = Stores(world.store("target"), world.store("target"), whole=world.store("source"))
    assert (await aside_of(stores, shape()).read(SOURCE, [1], None)).ids == [1]
