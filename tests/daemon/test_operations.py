import asyncio

import pytest

from tests.fakes.clock import FakeClock
from vectormigrate.daemon.operations import Operations
from vectormigrate.daemon.supervisor import Supervisor
from vectormigrate.model.access import Principal, Scope
from vectormigrate.model.documents import Events
from vectormigrate.model.errors import GateRefused, UsageError
from vectormigrate.state.database import Database

WHO = Principal("key ab", Scope.OPERATE, "rest")


@pytest.fixture
async def operations(tmp_path):
    database = Database.open(tmp_path / "state.db")
    async with Supervisor() as supervisor:
        yield Operations(database, supervisor, FakeClock())
    database.close()


async def test_an_operation_runs_to_its_end(operations):
    go_on = asyncio.Event()

    async def work():
        await go_on.wait()
        return Events([], 3)

    begun = await operations.start("validate", "docs", WHO, work)
    assert (begun.command, begun.actor, begun.state) == ("validate", "key ab", "running")
    assert operations.get(begun.id).state == "running"
    go_on.set()
    ended = await operations.finished(begun.id)
    assert (ended.state, ended.result, ended.error) == ("succeeded", {"events": [], "after": 3}, None)
    assert await operations.finished(begun.id) == ended
    assert operations.page("docs", 5, 0).operations == [ended]
    await operations.settled()


async def test_what_goes_wrong_is_kept(operations, caplog):
    async def refused():
        raise GateRefused("not yet", hint="wait")

    async def broken():
        raise ValueError("secret")

    ended = await operations.finished((await operations.start("migrate", "a", WHO, refused)).id)
    assert (ended.state, ended.error) == (
        "failed",
        {"code": "gate_refused", "message": "not yet", "retryable": False, "hint": "wait"},
    )
    ended = await operations.finished((await operations.start("migrate", "a", WHO, broken)).id)
    assert ended.error["message"] == "something that was not foreseen"
    assert "secret" in caplog.text
    with pytest.raises(UsageError):
        operations.get("none")
