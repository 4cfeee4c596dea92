"""A world and a state file with its migration planned."""

import pytest

from tests.fakes.copying import Bench
from tests.fakes.planned import database, world

__all__ = ["database", "world"]


@pytest.fixture
def bench(world, database):
    return Bench(world, database, page=5, batch_size=5)
