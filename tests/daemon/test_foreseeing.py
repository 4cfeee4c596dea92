import time
from dataclasses import replace

import pytest

from tests.fakes.terminal import Terminal
from tests.fakes.world import World
from vectormigrate.daemon.foreseeing import check_startable, plan
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.model.division import Division
from vectormigrate.model.errors import (
    CollectionMissing,
    ConfigInvalid,
    GateRefused,
    TargetNotEmpty,
    Unreachable,
)
from vectormigrate.model.specification import Mode, StoreRef


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path / "state.db", mode=Mode.PROXIED)
    yield world
    world.close()


async def check(world):
    await check_startable(world.spec, Secrets({}, {}), time.monotonic)


async def test_what_can_start_is_let_through_and_nothing_is_written(world):
    await world.fill(range(3))
    await check(world)
    assert world.target.tables == {}


async def test_what_would_keep_it_from_starting_is_raised(world):
    with pytest.raises(CollectionMissing):
        await check(world)
    await world.fill(range(3))
    await world.fill(range(3), side="target")
    with pytest.raises(TargetNotEmpty):
        await check(world)
    world.target.faults.down = True
    with pytest.raises(Unreachable):
        await check(world)


async def test_changes_that_nobody_notes_are_not_captured(tmp_path, world):
    url = Terminal(tmp_path).source()
    world.set(mode=Mode.CAPTURED, source=StoreRef("sqlite", url, "docs"))
    with pytest.raises(GateRefused, match="may pass unseen") as caught:
        await check(world)
    assert "vectormigrate capture install move" in caught.value.hint


async def test_a_secret_is_looked_for_where_the_daemon_runs(world):
    world.set(target=replace(world.spec.target, api_key="env:NOWHERE"))
    with pytest.raises(ConfigInvalid, match="NOWHERE is not set") as caught:
        await check(world)
    assert "start the daemon again" in caught.value.hint


async def test_a_split_in_use_is_foreseen_as_what_it_will_be(world):
    await world.fill(range(3))
    division = Division(value_of="version", into={"0": "old"}, rest="others")
    world.set(division=division, target=replace(world.spec.target, collection="{name}"))
    told = await plan(world.spec, Secrets({}, {}))
    assert "records with 'version' as '0' go to 'old'" in told.notes
    assert (told.target, len(told.parts), told.refused) == ("memory:{name}", 0, ())
    offline = await plan(replace(world.spec, mode=Mode.OFFLINE), Secrets({}, {}))
    assert [part.target for part in offline.parts] == ["memory:old", "memory:others"]
