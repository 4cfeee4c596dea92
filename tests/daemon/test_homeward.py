"""There by one migration and home by its way back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.daemon.test_specify import given, pair
from tests.fakes.tables import asked, fill
from tests.fakes.world import World, shape
from vectormigrate.daemon.control import Control
from vectormigrate.daemon.homeward import went
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.daemon.specify import overlay, specify
from vectormigrate.model.division import Division
from vectormigrate.model.errors import MappingRefused, MigrationExists, UnknownMigration, UsageError
from vectormigrate.model.mapping import MappingOptions, make_plan
from vectormigrate.model.placement import Placement
from vectormigrate.model.specification import WayBack
from vectormigrate.stores.memory import CAPABILITIES


async def ran(tmp_path, **settings):
    world = World(tmp_path / "state.db", **settings)
    await world.fill(range(12))
    async with world.control() as control:
        await control.create(world.spec)
        await control.run(world.spec.id)
    return world


async def test_what_it_was_asked_for_and_by_which_plan_it_went(tmp_path):
    world = await ran(tmp_path)
    asked, back = went(world.state, "move")
    world.close()
    assert asked == world.spec
    assert (back.of, back.kind, back.shape.name, back.plan.target.name) == ("move", "memory", "docs", "copy")


async def test_what_was_left_behind_keeps_it_from_being_gone(tmp_path):
    world = await ran(tmp_path, mapping=MappingOptions(drop=("title",)))
    with pytest.raises(MappingRefused, match="'title' is left behind"):
        went(world.state, "move")
    world.close()


async def test_of_several_parts_each_has_a_way_back(tmp_path):
    fill(tmp_path / "old.db", **{"docs-a": 3})
    async with Control.open(tmp_path / "state.db", secrets=Secrets({}, {})) as control:
        await control.create(asked(tmp_path))
        await control.run("many")
    assert went(tmp_path / "state.db", "many:docs-a")[1].of == "many:docs-a"
    with pytest.raises(UsageError, match="one part at a time"):
        went(tmp_path / "state.db", "many")


async def test_of_a_split_in_use_there_is_none(tmp_path):
    world = World(tmp_path / "state.db")
    placement = Placement(Division(value_of="title", rest="others"), "title", {})
    world.set(target=replace(world.spec.target, placement=placement))
    async with world.control() as control:
        await control.create(world.spec)
    with pytest.raises(UsageError, match="no way back of it but `revert`"):
        went(world.state, "move")
    world.close()


async def test_one_that_has_not_begun_and_one_that_is_not_there(tmp_path):
    world = World(tmp_path / "state.db")
    async with world.control() as control:
        await control.create(world.spec)
    with pytest.raises(UsageError, match="has not begun"):
        went(world.state, "move")
    with pytest.raises(UnknownMigration):
        went(world.state, "other")
    world.close()


def back_of(there, **values):
    back = WayBack("there", there.source.kind, shape(), make_plan(shape(), CAPABILITIES, "copy"))
    return specify(
        "home", given(back_of="there", mode="offline", **values), {"there": (there, back)}.__getitem__
    )


def test_a_way_back_goes_from_where_the_other_went_to_where_it_came_from():
    there = specify("there", pair(source_api_key="env:OLD", target_option={"timeout": "9"})).specification
    made = back_of(there, target_index="new").specification
    assert made.source == there.target
    assert made.target == replace(there.source, collection="new")
    assert (made.back.of, made.back.kind) == ("there", "sqlite")
    elsewhere = back_of(there, target_index="new", target_url="/b.db", source_url="postgresql://u@moved/d")
    assert elsewhere.specification.target.url == "/b.db"
    assert elsewhere.specification.source.url == "postgresql://u@moved/d"
    other = back_of(there, target_type="memory", target_index="new").specification.target
    assert (other.kind, other.url, other.api_key) == ("memory", "", "")


def test_a_way_back_that_cannot_be_meant():
    there = specify("there", pair()).specification
    with pytest.raises(UsageError, match="there are missing: --target-index"):
        back_of(there)
    with pytest.raises(UsageError, match=r"begins in pgvector:public\.docs"):
        back_of(there, target_index="new", source_index="else")
    with pytest.raises(UsageError, match="offline"):
        specify("home", given(back_of="there", mode="proxied", target_index="new"), lambda _: (there, None))


def test_a_way_back_is_gone_on_with_as_what_it_is():
    there = specify("there", pair()).specification
    made = back_of(there, target_index="new").specification
    assert overlay(made, given(back_of="there")).specification == made
    with pytest.raises(MigrationExists, match="back-of is there, not other"):
        overlay(made, given(back_of="other"))
