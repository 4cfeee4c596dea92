"""A state file with one migration in it."""

import pytest

from tests.fakes.world import World
from vectormigrate.state import migrations
from vectormigrate.state.database import Database

AT = "2026-01-01T00:00:00+00:00"


@pytest.fixture
def database(tmp_path):
    owned = Database.open(tmp_path / "state.db")
    yield owned
    owned.close()


@pytest.fixture
async def tx(database, tmp_path):
    """Runs a function of the state's rooms in a transaction of its own, on migration `move`."""
    spec = World(tmp_path / "none.db").spec
    await database.write(lambda tx: migrations.create(tx, spec, at=AT))

    async def run(function, *arguments, **options):
        return await database.write(lambda tx: function(tx, "move", *arguments, **options))

    return run
