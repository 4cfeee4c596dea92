"""Looking at a state file beside its owner."""

import pytest

from tests.fakes.tables import asked, fill
from vectormigrate.daemon.control import Control
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.daemon.viewing import Viewer
from vectormigrate.model.errors import StateMissing, UnknownMigration


async def test_looking_works_while_somebody_owns_the_file(tmp_path):
    fill(tmp_path / "old.db", **{"docs-a": 2})
    state = tmp_path / "state.db"
    async with Control.open(state, secrets=Secrets({}, {})) as control:
        await control.create(asked(tmp_path))
        with Viewer.open(state) as viewer:
            assert viewer.owned
            assert [one.migration_id for one in viewer.list(None, 10, 0)] == ["many"]
            assert viewer.mapping("many:docs-a") is None
            assert [row["verb"] for row in viewer.history("many:docs-a")] == ["create"]
    with Viewer.open(state) as viewer:
        assert not viewer.owned


def test_what_is_not_there_is_told(tmp_path):
    with pytest.raises(StateMissing):
        Viewer.open(tmp_path / "none.db")


async def test_nobody_knows_an_unknown_migration(tmp_path):
    async with Control.open(tmp_path / "state.db", secrets=Secrets({}, {})):
        pass
    with Viewer.open(tmp_path / "state.db") as viewer:
        for look in (viewer.specification, viewer.status, viewer.report, viewer.mapping, viewer.history):
            with pytest.raises(UnknownMigration):
                look("none")
