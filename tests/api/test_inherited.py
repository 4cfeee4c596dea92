"""The words of the earlier system; `test_rpc.py` has them on the wire."""

from datetime import UTC, datetime

import pytest

from vectormigrate.api.inherited import STATUSES
from vectormigrate.model.access import Principal, Scope
from vectormigrate.model.errors import UsageError
from vectormigrate.model.phase import Phase
from vectormigrate.model.status import MigrationStatus

ADMIN = Principal("key admin", Scope.ADMIN, "rpc")
AT = datetime(2026, 1, 1, tzinfo=UTC)


def standing(phase, copied, total):
    return MigrationStatus("a", phase, None, "s", "t", total, copied, 1, 1, 1, 1, 0, 0, 0, AT)


async def test_every_phase_has_a_status(here, monkeypatch):
    told = {}
    for phase in Phase:

        async def ask(*_, one=phase):
            return standing(one, 150, 100)

        monkeypatch.setattr(type(here.parts.dispatcher), "ask", ask)
        told[phase] = await here.parts.inherited.call(ADMIN, "migration_status", {"migration_id": "a"})
    assert {one["status"] for one in told.values()} == set(STATUSES)
    assert told[Phase.BACKFILL]["status"] == told[Phase.PAUSED]["status"] == "in_progress"
    assert told[Phase.VERIFIED]["progress"]["percentage"] == 100.0


async def test_numbers_and_texts_are_taken_as_meant(here):
    call = here.parts.inherited.call
    assert (await call(ADMIN, "list_migrations", {"limit": "5", "offset": 0}))["limit"] == 5
    assert (await call(ADMIN, "migration_status", {"migration_id": 5}))["migration_id"] == "5"
    for given in ({"limit": "five"}, {"limit": True}, {"colour": 1}):
        with pytest.raises(UsageError):
            await call(ADMIN, "list_migrations", given)
    with pytest.raises(UsageError, match="there is missing: migration_id"):
        await call(ADMIN, "migration_status", {})


async def test_schemas_say_what_they_take(here):
    tools = here.parts.inherited.tools
    assert tools["migration_status"].schema["required"] == ["migration_id"]
    assert tools["list_migrations"].schema["properties"]["limit"]["maximum"] == 500
    assert "source_url" in tools["start_migration"].schema["properties"]
    assert "source_schema" in tools["schema_recommendation"].schema["properties"]
