"""Putting it together: what of an earlier process is left, and what ends with this one."""

from tests.fakes.api import site, slow_world, until
from vectormigrate.daemon.control_socket import COMMAND, ask_owner
from vectormigrate.state import operations
from vectormigrate.state.operations import StoredOperation


async def test_what_a_dead_daemon_was_about_is_interrupted(tmp_path):
    async with site(tmp_path) as here:
        left = StoredOperation("left", "validate", "docs", "key x", "running", "2026-01-01")
        await here.control.database.write(lambda tx: operations.begin(tx, left))
        secret = await here.key("read")
    async with site(tmp_path) as here:
        assert (await here.ask("GET", "/v1/operations/left", key=secret))[1]["state"] == "interrupted"


async def test_what_runs_is_ended_at_a_checkpoint(tmp_path):
    async with slow_world() as given:
        async with site(tmp_path) as here:
            _, operation = await here.ask("POST", "/v1/migrations", {"migration_id": "docs", **given})
            await until(here, "progress")
        async with site(tmp_path) as here:
            ended = (await here.ask("GET", f"/v1/operations/{operation['id']}"))[1]
            assert (ended["state"], ended["result"]["phase"]) == ("succeeded", "backfill")
            words = {"name": "list", "given": {}}
            assert (await ask_owner(here.control.state, COMMAND, "", words))["migrations"]
