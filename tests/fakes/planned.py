"""Fixtures of a world that nothing runs yet, and of a state file of its own. Import them by name into a `conftest.py`."""

import pytest

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
