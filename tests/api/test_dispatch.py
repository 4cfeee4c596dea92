import pytest

from vectormigrate.api.dispatch import LOCAL_DOOR, Note, row
from vectormigrate.model.access import Principal, Scope
from vectormigrate.model.errors import Forbidden, StateFull, UnknownMigration, UsageError

READER = Principal("key reader", Scope.READ, "rest")
ADMIN = Principal("key admin", Scope.ADMIN, "rest")
SHELL = Principal("user me", Scope.ADMIN, LOCAL_DOOR)


async def test_looking_is_written_down_behind_and_changing_before(here):
    dispatcher = here.parts.dispatcher
    await dispatcher.ask(READER, "list", {})
    await dispatcher.ask(ADMIN, "keys", {"action": "create", "label": "x"})
    assert [(row["verb"], row["outcome"]) for row in await here.audit()] == [
        ("list", "ok"),
        ("keys", "begun"),
        ("keys", "ok"),
    ]


async def test_a_command_that_changes_something_by_one_of_its_arguments_looks_without_it(here):
    for given in ({}, {"retry": True}):
        with pytest.raises(UnknownMigration):
            await here.parts.dispatcher.ask(ADMIN, "dead-letters", {"migration_id": "docs", **given})
    assert [row["outcome"] for row in await here.audit()] == [
        "unknown_migration",
        "begun",
        "unknown_migration",
    ]


async def test_what_is_refused_is_written_down_with_who_asked(here):
    dispatcher = here.parts.dispatcher
    with pytest.raises(Forbidden, match="for the scope operate, and this key has read"):
        await dispatcher.ask(READER, "pause", {"migration_id": "docs"})
    with pytest.raises(UsageError):
        await dispatcher.ask(ADMIN, "plan", {"migration_id": "docs", "source_api_key": "secret", "limit": 1})
    with pytest.raises(UnknownMigration):
        await dispatcher.ask(ADMIN, "status", {"migration_id": "docs"})
    with pytest.raises(UsageError):
        await dispatcher.begin(ADMIN, "migrate", {"migration_id": "no such id"})
    rows = await here.audit()
    assert [(row["actor"], row["outcome"], row["migration_id"]) for row in rows] == [
        ("key reader", "forbidden", "docs"),
        ("key admin", "usage", "docs"),
        ("key admin", "unknown_migration", "docs"),
        ("key admin", "usage", "no such id"),
    ]
    assert "secret" not in str(rows)


async def test_nothing_is_begun_for_a_migration_that_is_not_there(here):
    for name in ("validate", "rollback", "resume", "pause"):
        with pytest.raises(UnknownMigration):
            await here.parts.dispatcher.begin(ADMIN, name, {"migration_id": "docs"})
    assert {row["outcome"] for row in await here.audit()} == {"unknown_migration"}
    status, problem = await here.ask("POST", "/v1/migrations/docs/validate", {})
    assert (status, problem["code"]) == (404, "unknown_migration")
    status, answer = await here.rpc("stop_migration", {"migration_id": "docs"})
    assert (status, answer["error"]["code"]) == (400, -32603)


async def test_a_shell_of_this_machine_may_name_its_files(here, tmp_path):
    given = {"migration_id": "docs", "source_type": "qdrant", "source_url": "http://127.0.0.1:1"}
    given |= {"source_index": "a", "target_type": "memory", "target_index": "b"}
    given["source_api_key"] = f"file:{tmp_path / 'none'}"
    with pytest.raises(UsageError, match="cannot be read"):
        await here.parts.dispatcher.ask(SHELL, "plan", given)
    with pytest.raises(Forbidden):
        await here.parts.dispatcher.ask(ADMIN, "plan", given)


async def test_what_nobody_foresaw_is_written_down(here):
    async def break_off():
        raise ValueError("secret")

    with pytest.raises(ValueError, match="secret"):
        await here.parts.dispatcher.noted(Note(ADMIN, "odd", "", {}), break_off, changes=False)
    (last,) = await here.audit()
    assert (last["verb"], last["outcome"], last["detail"]) == ("odd", "unforeseen", "ValueError")


def test_only_what_a_daemon_does_is_a_command_here():
    assert row("status").name == "status"
    for name in ("serve", "demo", "nothing"):
        with pytest.raises(UsageError):
            row(name)


async def test_a_full_disk_forbids_what_changes_and_hides_nothing_that_was_done(here, monkeypatch, caplog):
    dispatcher, trail = here.parts.dispatcher, here.parts.trail
    written, full = [], StateFull("the disk is full")

    async def note(who, command, outcome, **rest):
        written.append((command, outcome))
        if (command, outcome) != takes:
            raise full

    monkeypatch.setattr(trail, "note", note)
    takes = ("keys", "begun")
    assert (await dispatcher.ask(READER, "list", {})).migrations == []
    with pytest.raises(UnknownMigration):
        await dispatcher.ask(READER, "status", {"migration_id": "docs"})
    with pytest.raises(Forbidden):
        await dispatcher.ask(READER, "pause", {"migration_id": "docs"})
    assert (await dispatcher.ask(ADMIN, "keys", {"action": "create"})).secret
    takes = None
    before = len(here.parts.keyring.every())
    with pytest.raises(StateFull):
        await dispatcher.ask(ADMIN, "keys", {"action": "create"})
    assert len(here.parts.keyring.every()) == before
    assert "the audit cannot be written: the disk is full (list: ok)" in caplog.text
