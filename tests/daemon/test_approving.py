"""Verbs that wait for an approval."""

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.world import World
from vectormigrate.daemon.approving import approved, check_approved
from vectormigrate.model.errors import GateRefused
from vectormigrate.state import approvals, migrations
from vectormigrate.state.database import Database


@pytest.fixture
async def database(tmp_path):
    owned = Database.open(tmp_path / "state.db")
    spec = World(tmp_path / "unused.db", approval=("migrate", "rollback")).spec
    await owned.write(lambda tx: migrations.create(tx, spec, at="now"))
    yield owned
    owned.close()


async def approve(database, step):
    await database.write(lambda tx: approvals.approve(tx, "move", step, at="now", by="ada"))


def state(database, step):
    return {one.step: one.state for one in database.read(approvals.every)}[step]


async def test_what_waits_is_refused_with_what_to_say_and_pending(database):
    with pytest.raises(GateRefused, match="migrate of 'move' waits for approval") as caught:
        await check_approved(database, "move", "migrate", FakeClock())
    assert caught.value.hint == "`vectormigrate approve move migrate`, then `vectormigrate resume move`"
    assert (state(database, "migrate"), state(database, "rollback")) == ("pending", "created")
    await approve(database, "migrate")
    await check_approved(database, "move", "migrate", FakeClock())
    await check_approved(database, "move", "cutover", FakeClock())


async def test_an_approval_is_spent_by_a_step_that_was_taken_and_by_no_other(database):
    await approve(database, "rollback")
    with pytest.raises(ZeroDivisionError):
        async with approved(database, "move", "rollback", FakeClock()):
            raise ZeroDivisionError
    assert state(database, "rollback") == "approved"
    async with approved(database, "move", "rollback", FakeClock()):
        pass
    assert state(database, "rollback") == "created"
    with pytest.raises(GateRefused):
        async with approved(database, "move", "rollback", FakeClock()):
            raise AssertionError("it waits anew")


async def test_parts_take_a_step_together_on_the_approval_of_their_whole(database):
    await approve(database, "rollback")
    async with approved(database, "move", "rollback", FakeClock()):
        for part in ("move:a", "move:b"):
            async with approved(database, part, "rollback", FakeClock()):
                assert state(database, "rollback") == "approved"
    assert state(database, "rollback") == "created"
    with pytest.raises(GateRefused):
        async with approved(database, "move:a", "rollback", FakeClock()):
            raise AssertionError("it waits anew")
