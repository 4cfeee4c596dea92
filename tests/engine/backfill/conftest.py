"""A bench a test."""

import pytest

from tests.fakes.copying import Bench
from tests.fakes.planned import database, world

__all__ = ["database", "world"]


@pytest.fixture
def bench(world, database):
    def make(**settings):
        return Bench(world, database, **settings)

    return make
