"""A world a test, small ranges on request."""

import pytest

from tests.fakes.world import World
from vectormigrate.engine.backfill import planner


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path / "state.db")
    yield made
    made.close()


@pytest.fixture
def small_ranges(monkeypatch):
    """Ten records make a range."""
    monkeypatch.setattr(planner, "RECORDS_A_RANGE", 10)
