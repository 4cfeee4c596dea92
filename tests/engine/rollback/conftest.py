"""A world and a state file with its migration planned."""

import pytest

from tests.fakes.copying import Bench
from tests.fakes.world import World
from vectormigrate.state.database import Database


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path / "unused.db")
    yield made
    made.close()


@pytest.fixture
def database(tmp_path):
    owned = Database.open(tmp_path / "state.db")
    yield owned
    owned.close()


@pytest.fixture
def bench(world, database):
    return Bench(world, database, page=5, batch_size=5)
