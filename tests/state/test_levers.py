"""What was set stays until it is set otherwise, lies over what was asked for, and is written down."""

from __future__ import annotations

import pytest

from tests.fakes.world import World
from vectormigrate.model.specification import Levers
from vectormigrate.state import audit, levers, migrations, views
from vectormigrate.state.database import Database


@pytest.fixture
async def database(tmp_path):
    database = Database.open(tmp_path / "state.db")
    spec = World(tmp_path / "x.db", max_rate=7.5, batch_size=10).spec
    await database.write(lambda tx: migrations.create(tx, spec, at="2026-01-01T00:00:00+00:00"))
    yield database, spec
    database.close()


async def test_what_is_set_lies_over_what_was_asked_for(database):
    database, spec = database
    assert database.read(lambda tx: levers.get(tx, spec.id)) == Levers()
    await database.write(lambda tx: levers.put(tx, spec.id, {"max_rate": 100.0, "workers": 2}, at="now"))
    await database.write(lambda tx: levers.put(tx, spec.id, {"workers": None, "batch_size": 5}, at="later"))
    assert database.read(lambda tx: levers.get(tx, spec.id)) == Levers(max_rate=100.0, batch_size=5)
    now = database.read(lambda tx: migrations.get(tx, spec.id)).specification
    assert (now.max_rate, now.batch_size, now.workers) == (100.0, 5, spec.workers)
    assert database.read(lambda tx: views.specification(tx, spec.id)) == spec
    assert database.read(lambda tx: views.status(tx, spec.id)).levers == {"max_rate": 100.0, "batch_size": 5}


async def test_the_same_wish_may_be_made_again(database):
    database, spec = database
    await database.write(lambda tx: levers.put(tx, spec.id, {"max_rate": 100.0}, at="now"))
    await database.write(lambda tx: migrations.create(tx, spec, at="later"))


async def test_every_change_is_written_down_but_that_of_a_part(database):
    database, spec = database
    await database.write(lambda tx: levers.put(tx, spec.id, {"max_rate": 100.0}, at="now", by="ada"))
    await database.write(lambda tx: levers.put(tx, spec.id, {"max_rate": None}, at="later", asked=False))
    rows = [row for row in database.read(lambda tx: audit.latest(tx, spec.id, 10, 0)) if row["verb"] == "set"]
    assert [(row["actor"], row["before"], row["after"]) for row in rows] == [
        ("ada", "{}", '{"max_rate":100.0}')
    ]
