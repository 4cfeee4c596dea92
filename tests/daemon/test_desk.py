"""What a daemon does when it is asked; most of it is tried over the wire in `tests/api`."""

import asyncio
import threading
from contextlib import suppress

import pytest

from tests.fakes.api import site, slow_world, two_stores, until
from tests.fakes.tables import fill, tables
from vectormigrate.api.commands import BY_NAME, COMMANDS
from vectormigrate.daemon.desk import Asked, Desk
from vectormigrate.daemon.viewing import Viewer
from vectormigrate.model.access import Principal, Scope
from vectormigrate.model.errors import GateRefused, UnknownMigration, UsageError
from vectormigrate.state.database import Reader

SHELL = Principal("user me", Scope.ADMIN, "socket")


@pytest.fixture
async def here(tmp_path):
    async with site(tmp_path) as found:
        yield found


def test_every_command_that_a_daemon_does_is_a_method():
    assert [one.name for one in COMMANDS if one.scope and not hasattr(Desk, one.name.replace("-", "_"))] == []


async def test_who_looks_keeps_no_request_waiting(here, tmp_path, monkeypatch):
    """Counting a million marks takes a tenth of a second, and a dashboard looks every five."""
    ask, looked = here.parts.dispatcher.ask, []
    begun = await here.parts.dispatcher.begin(
        SHELL, "migrate", {"migration_id": "docs", **two_stores(tmp_path)}
    )
    await here.finished({"id": begun.id})
    monkeypatch.setattr(
        Viewer, "open", lambda state: looked.append(threading.current_thread()) or Viewer(Reader(state))
    )
    for name in ("status", "findings", "dead-letters", "report"):
        await ask(SHELL, name, {"migration_id": "docs"})
    await ask(SHELL, "list", {})
    assert len(looked) == 5
    assert threading.main_thread() not in looked


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


async def test_how_an_offline_migration_goes_is_set_while_it_goes(here):
    ask, begin = here.parts.dispatcher.ask, here.parts.dispatcher.begin
    async with slow_world() as given:
        begun = await begin(SHELL, "migrate", {"migration_id": "docs", **given})
        await until(here, "progress")
        assert (await ask(SHELL, "throttle", {"migration_id": "docs", "max_rate": 0})).levers == {
            "max_rate": 0
        }
        told = await ask(SHELL, "set", {"migration_id": "docs", "change": "batch-size=500"})
        assert told.levers == {"max_rate": 0, "batch_size": 500}
        assert (await here.finished({"id": begun.id})).result["phase"] == "verified"
    held = await ask(SHELL, "throttle", {"migration_id": "docs"})
    assert held.levers == {"max_rate": 0, "batch_size": 500, "throttle_hold": True}
    assert (await ask(SHELL, "unthrottle", {"migration_id": "docs"})).levers == {"batch_size": 500}
    told = await ask(SHELL, "throttle", {"migration_id": "docs"})
    assert told.next_steps == (await ask(SHELL, "status", {"migration_id": "docs"})).next_steps
    await ask(SHELL, "unthrottle", {"migration_id": "docs"})
    shown = await ask(SHELL, "set", {"migration_id": "docs", "change": "batch-size=?"})
    assert (shown.in_force["batch_size"], shown.in_force["throttle_hold"]) == (500, False)


async def test_what_is_under_way_is_not_aborted_and_what_has_written_nothing_is(here, tmp_path):
    ask, begin = here.parts.dispatcher.ask, here.parts.dispatcher.begin
    async with slow_world() as given:
        begun = await begin(SHELL, "migrate", {"migration_id": "docs", **given})
        await until(here, "progress")
        with pytest.raises(GateRefused, match="is being worked on"):
            await ask(SHELL, "abort", {"migration_id": "docs", "dry_run": True})
        await ask(SHELL, "pause", {"migration_id": "docs"})
        await here.finished({"id": begun.id})
    given = {**two_stores(tmp_path), "approval": ["migrate"]}
    with pytest.raises(GateRefused, match="waits for approval"):
        await ask(SHELL, "migrate", {"migration_id": "other", **given})
    status, rehearsed = await here.ask("POST", "/v1/migrations/other/abort", {"dry_run": True})
    assert (status, rehearsed["phase"]) == (200, "created")
    status, told = await here.ask("POST", "/v1/migrations/other/abort", {})
    assert (status, told["phase"]) == (200, "aborted")
    assert ("abort", "ok") in {(row["verb"], row["outcome"]) for row in await here.audit()}


async def test_to_go_without_a_record_wants_a_reason_and_a_refusal(here, tmp_path):
    ask = here.parts.dispatcher.ask
    await ask(SHELL, "migrate", {"migration_id": "docs", **two_stores(tmp_path)})
    for reason in ({}, {"reason": "  "}):
        with pytest.raises(UsageError, match="wants a reason"):
            await ask(SHELL, "waive", {"migration_id": "docs", "record": "i:1", **reason})
    with pytest.raises(GateRefused, match="has not refused a record 'i:1'"):
        await ask(SHELL, "waive", {"migration_id": "docs", "record": "i:1", "reason": "broken"})


async def test_a_step_waits_until_somebody_approves_of_it(here, tmp_path):
    ask = here.parts.dispatcher.ask
    given = {"migration_id": "docs", **two_stores(tmp_path), "approval": ["migrate"]}
    with pytest.raises(GateRefused, match="waits for approval"):
        await ask(SHELL, "migrate", given)
    assert [one.state for one in (await ask(SHELL, "approvals", {"migration_id": "docs"})).approvals] == [
        "pending"
    ]
    (approved,) = (await ask(SHELL, "approve", {"migration_id": "docs", "step": "migrate"})).approvals
    assert (approved.step, approved.state, approved.by) == ("migrate", "approved", SHELL.name)
    assert (await ask(SHELL, "approve", {})).approvals == []
    assert (await ask(SHELL, "resume", {"migration_id": "docs"})).phase == "verified"


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


async def under_way(ask, part):
    """Whether a part is there, and some of it copied."""
    with suppress(UnknownMigration):
        return (await ask(SHELL, "status", {"migration_id": part})).copied > 0


async def test_a_migration_of_several_parts_is_one_to_those_who_ask(here, tmp_path):
    fill(tmp_path / "old.db", **{"docs-a": 20, "docs-b": 400})
    given = {"each_collection": ["docs-*"], "quarantine": 0, "max_rate": 300}
    for side, name in (("source", "old.db"), ("target", "new.db")):
        given |= {f"{side}_type": "sqlite", f"{side}_url": str(tmp_path / name)}
    assert (await here.ask("POST", "/v1/migrations/many/plan", given))[1]["source_count"] == 420
    _, operation = await here.ask("POST", "/v1/migrations/many/migrate", given)
    ask = here.parts.dispatcher.ask
    async with asyncio.timeout(60):
        while not await under_way(ask, "many:docs-b"):
            await asyncio.sleep(0.02)
    assert (await ask(SHELL, "pause", {"migration_id": "many"})).phase == "paused"
    assert (await here.finished(operation)).result["phase"] == "paused"
    parts = (await here.ask("GET", "/v1/migrations/many"))[1]["parts"]
    assert [(part["migration_id"], part["phase"]) for part in parts] == [
        ("many:docs-a", "verified"), ("many:docs-b", "paused"),
    ]  # fmt: skip
    assert (await here.ask("GET", "/v1/migrations/many:docs-a"))[1]["copied"] == 20
    assert (await here.ask("GET", "/v1/migrations/many%3Adocs-a"))[1]["copied"] == 20
    assert [one["migration_id"] for one in (await here.ask("GET", "/v1/migrations"))[1]["migrations"]] == [
        "many"
    ]
    events = (await here.ask("GET", "/v1/migrations/many/events"))[1]["events"]
    assert {"many:docs-a", "many:docs-b"} <= {one["migration_id"] for one in events}
    _, operation = await here.ask("POST", "/v1/migrations/many/rollback")
    assert (await here.finished(operation)).result["left"] == 0
    assert tables(tmp_path / "new.db") == {}
