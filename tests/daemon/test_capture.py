"""What is done to the capture of a source, with secrets resolved and the way chosen."""

from __future__ import annotations

import apsw
import pytest

from vectormigrate.daemon.capture import Action, capture
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.model.errors import Unsupported, UsageError
from vectormigrate.model.specification import Specification, StoreRef
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.registry import open_capture


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "old.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE docs (id INTEGER PRIMARY KEY, v BLOB)")
    connection.close()
    return Specification("m", StoreRef("sqlite", "${PLACE}/old.db", "docs"), StoreRef("memory", "", "docs"))


@pytest.fixture
def secrets(tmp_path):
    return Secrets({}, {"PLACE": str(tmp_path)})


async def test_installed_checked_and_removed_under_the_migrations_name(spec, secrets, tmp_path):
    made = await capture(Action.INSTALL, spec, secrets, None)
    assert (made.migration_id, made.source, made.action, made.problems) == ("m", "sqlite:docs", "install", [])
    assert made.done
    endpoint = Endpoint("sqlite", str(tmp_path / "old.db"), owner="m")
    async with open_capture(endpoint, "docs") as held:
        assert (await held.poll(1)).everything
    seen = await capture(Action.CHECK, spec, secrets, None)
    assert (seen.done, seen.problems, seen.lag_seconds) == ([], [], 0.0)
    gone = await capture(Action.REMOVE, spec, secrets, None)
    assert len(gone.done) == len(made.done)
    assert gone.problems == []
    assert (await capture(Action.CHECK, spec, secrets, None)).problems == ["no capture is installed"]


async def test_a_way_that_the_store_does_not_have(spec, secrets):
    with pytest.raises(UsageError, match="sqlite has no option 'capture'"):
        await capture(Action.INSTALL, spec, secrets, "slot")


async def test_a_store_that_cannot_tell(secrets):
    spec = Specification("m", StoreRef("memory", "", "docs"), StoreRef("memory", "", "other"))
    with pytest.raises(Unsupported, match="cannot tell by itself"):
        await capture(Action.INSTALL, spec, secrets, None)
