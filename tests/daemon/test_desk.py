"""What a daemon does when it is asked; most of it is tried over the wire in `tests/api`."""

import asyncio

import pytest

from tests.fakes.api import site, slow_world, two_stores, until
from vectormigrate.api.commands import BY_NAME, COMMANDS
from vectormigrate.daemon.desk import Asked, Desk
from vectormigrate.model.access import Principal, Scope
from vectormigrate.model.errors import GateRefused, UnknownMigration, UsageError

SHELL = Principal("user me", Scope.ADMIN, "socket")


@pytest.fixture
async def here(tmp_path):
    async with site(tmp_path) as found:
        yield found


def test_every_command_that_a_daemon_does_is_a_method():
    assert [one.name for one in COMMANDS if one.scope and not hasattr(Desk, one.name.replace("-", "_"))] == []


async def test_an_offline_migration_is_paused_and_goes_on(here):
    ask, begin = here.parts.dispatcher.ask, here.parts.dispatcher.begin
    async with slow_world() as given:
        begun = await begin(SHELL, "migrate", {"migration_id": "docs", **given})
        await until(here, "progress")
        with pytest.raises(GateRefused, match="is being worked on"):
            await ask(SHELL, "validate", {"migration_id": "docs"})
        paused = await ask(SHELL, "pause", {"migration_id": "docs"})
        assert paused.phase == "paused"
        assert (await here.finished({"id": begun.id})).result["phase"] == "paused"
        assert (await ask(SHELL, "pause", {"migration_id": "docs"})).phase == "paused"


async def test_two_offline_migrations_run_beside_each_other(here, tmp_path):
    given = two_stores(tmp_path)
    async with asyncio.TaskGroup() as group:
        runs = [
            group.create_task(
                here.parts.dispatcher.ask(
                    SHELL, "migrate", {"migration_id": name, **given, "target_url": str(tmp_path / name)}
                )
            )
            for name in ("one", "two")
        ]
    assert [run.result().phase for run in runs] == ["verified", "verified"]


async def test_a_secret_by_value_is_not_for_a_daemon(here, tmp_path):
    given = {
        **two_stores(tmp_path),
        "source_type": "qdrant",
        "source_url": "http://x:1",
        "source_api_key": "sekrit",
    }
    with pytest.raises(UsageError, match="a secret by value is not stored") as refused:
        await here.parts.dispatcher.ask(SHELL, "migrate", {"migration_id": "docs", **given})
    assert "sekrit" not in str(refused.value.as_dict())


async def test_what_is_not_there_is_told_apart_from_what_nobody_hosts(here, tmp_path):
    ask = here.parts.dispatcher.ask
    for name in ("gates", "cutover", "status", "report", "pause", "resume"):
        with pytest.raises(UnknownMigration, match="there is no migration 'none'"):
            await ask(SHELL, name, {"migration_id": "none"})
    await ask(SHELL, "migrate", {"migration_id": "docs", **two_stores(tmp_path)})
    with pytest.raises(UnknownMigration, match="does not host a migration 'docs'"):
        await ask(SHELL, "cutover", {"migration_id": "docs"})
    assert (await ask(SHELL, "doctor", {"migration_id": "docs"})).ok
    assert (await ask(SHELL, "resume", {"migration_id": "docs"})).phase == "verified"


def test_values_are_those_of_the_settings():
    assert Asked(SHELL, "", {}, {}).merged == {}
    assert BY_NAME["status"].scope is Scope.READ
