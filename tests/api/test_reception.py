import os
import pwd

import pytest

from tests.fakes.api import two_stores
from vectormigrate.api.reception import Reception, account, shell
from vectormigrate.daemon.control_socket import COMMAND, ask_owner
from vectormigrate.model.access import Scope
from vectormigrate.model.errors import GateRefused, StateFull, UnknownMigration, UsageError


async def test_a_shell_of_this_machine_has_commands_done(here, tmp_path):
    state = here.control.state
    words = {"name": "plan", "given": {"migration_id": "docs", **two_stores(tmp_path)}}
    told = await ask_owner(state, COMMAND, "docs", words)
    assert told["source_count"] == 30
    assert (await ask_owner(state, COMMAND, "", {"name": "list", "given": {}}))["migrations"] == []
    for wrong in ({"name": "serve", "given": {}}, {"name": "list"}, {"given": {}}):
        with pytest.raises(UsageError):
            await ask_owner(state, COMMAND, "", wrong)
    assert ("plan", "socket", shell().name) in [
        (row["verb"], row["way"], row["actor"]) for row in await here.audit()
    ]


async def test_words_to_the_host_are_written_down(here):
    with pytest.raises(UnknownMigration):
        await ask_owner(here.control.state, "pause", "docs", {})
    last = (await here.audit())[-1]
    assert (last["verb"], last["migration_id"], last["outcome"]) == ("pause", "docs", "unknown_migration")


async def test_what_the_host_answers_is_passed_on(here):
    async def answer(verb, migration_id, arguments):
        if verb == "no":
            raise GateRefused("not now")
        return {"verb": verb}

    reception = Reception(here.parts.dispatcher, answer)
    assert await reception.hear("status", "docs", {"deep": {"secret": 1}, "plain": 2}) == {"verb": "status"}
    with pytest.raises(GateRefused):
        await reception.hear("no", "docs", {})
    for _ in range(3):
        await reception.hear("status", "docs", {"plain": 2})  # somebody who watches fills no disk
    rows = await here.audit()
    assert [(row["outcome"], row["arguments"]) for row in rows] == [
        ("ok", '{"plain": 2}'),
        ("begun", ""),
        ("gate_refused", ""),
    ]
    assert shell().scope is Scope.ADMIN


async def test_who_looks_sees_while_the_disk_is_full_and_what_was_done_is_told(here, monkeypatch):
    """Of all moments, this is when somebody must see what is going on."""
    full = StateFull("the disk is full")

    async def note(who, command, outcome, **rest):
        if outcome != "begun" or command == "pause":
            raise full

    async def answer(verb, migration_id, arguments):
        return {"verb": verb}

    monkeypatch.setattr(here.parts.trail, "note", note)
    reception = Reception(here.parts.dispatcher, answer)
    for verb in ("status", "cutover"):
        assert await reception.hear(verb, "docs", {}) == {"verb": verb}
    with pytest.raises(StateFull):
        await reception.hear("pause", "docs", {})


def test_an_account_without_a_name_has_a_number(monkeypatch):
    def nobody(uid):
        raise KeyError(uid)

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert account() == str(os.getuid())
