"""A pause of what nothing runs."""

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.planned import database
from tests.fakes.world import World
from vectormigrate.engine.resting import rest
from vectormigrate.model.errors import IllegalTransition
from vectormigrate.model.events import PhaseChanged
from vectormigrate.model.phase import Phase
from vectormigrate.state import migrations, views

__all__ = ["database"]
AT = "2026-01-01T00:00:00+00:00"


async def test_it_rests_where_it_is_and_once_is_enough(database, tmp_path):
    spec, told = World(tmp_path / "unused.db").spec, []
    await database.write(lambda tx: migrations.create(tx, spec, at=AT))
    with pytest.raises(IllegalTransition):
        await rest(database, spec.id, FakeClock(), told.append)
    await database.write(lambda tx: migrations.move(tx, spec.id, Phase.CREATED, Phase.PREFLIGHT, at=AT))
    for _ in range(2):
        await rest(database, spec.id, FakeClock(), told.append)
    status = database.read(lambda tx: views.status(tx, spec.id))
    assert (status.phase, status.resume_phase) == (Phase.PAUSED, Phase.PREFLIGHT)
    assert told == [PhaseChanged(spec.id, Phase.PREFLIGHT, Phase.PAUSED)]
