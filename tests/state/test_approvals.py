"""Steps that wait."""

from dataclasses import replace

import pytest

from tests.fakes.world import World
from tests.state.conftest import AT
from vectormigrate.model.documents import Approval
from vectormigrate.state import approvals, audit, migrations, views


@pytest.fixture
async def file(database, tmp_path):
    for name, steps in (("one", ("cutover", "commit")), ("two", ("cutover",)), ("free", ())):
        spec = replace(World(tmp_path / "none.db", approval=steps).spec, id=name)
        await database.write(lambda tx, spec=spec: migrations.create(tx, spec, at=AT))

    async def run(function, *arguments, **options):
        return await database.write(lambda tx: function(tx, *arguments, **options))

    return run


async def test_a_step_waits_until_it_is_approved_of_and_then_for_one_go(file):
    assert await file(approvals.ask, "one", "revert", at="now")
    assert not await file(approvals.ask, "one", "cutover", at="asked")
    assert not await file(approvals.ask, "one", "cutover", at="asked again")
    assert await file(approvals.every, "one") == [
        Approval("one", "commit", "created", AT, ""),
        Approval("one", "cutover", "pending", "asked", ""),
    ]
    given = await file(approvals.approve, "one", "cutover", at="later", by="ada")
    assert given == [Approval("one", "cutover", "approved", "later", "ada")]
    assert await file(approvals.ask, "one", "cutover", at="go")
    await file(approvals.used, "one", "cutover", at="done")
    assert not await file(approvals.ask, "one", "cutover", at="once more")


async def test_one_may_be_approved_of_before_anybody_asks(file):
    await file(approvals.approve, "one", "commit", at="now", by="ada")
    assert await file(approvals.ask, "one", "commit", at="now")
    assert await file(approvals.approve, "one", "commit", at="now", by="ada") == []  # it is already


async def test_everything_that_is_pending_at_once_of_one_migration_or_of_all(file):
    for name, step in (("one", "cutover"), ("two", "cutover")):
        await file(approvals.ask, name, step, at="now")
    assert [one.migration_id for one in await file(approvals.approve, "two", "", at="now", by="ada")] == [
        "two"
    ]
    given = await file(approvals.approve, "", "", at="now", by="eve")
    assert [(one.migration_id, one.step) for one in given] == [("one", "cutover")]
    states = {(one.migration_id, one.step): one.state for one in await file(approvals.every)}
    assert states == {
        ("one", "cutover"): "approved",
        ("two", "cutover"): "approved",
        ("one", "commit"): "created",
    }


async def test_a_part_waits_for_what_its_whole_waits_for(file):
    assert not await file(approvals.ask, "one:part", "cutover", at="now")
    assert [one.state for one in await file(approvals.every, "one")] == ["created", "pending"]
    await file(approvals.create, "one:part", ("cutover",), at="now")
    assert await file(approvals.every, "one:part") == []


async def test_who_approved_is_in_the_audit_and_the_status_tells_what_waits(file, database):
    await file(approvals.ask, "one", "cutover", at="now")
    status = database.read(lambda tx: views.status(tx, "one"))
    assert status.approvals == {"commit": "created", "cutover": "pending"}
    await file(approvals.approve, "one", "", at="2026-01-01T00:00:00+00:00", by="ada")
    (row,) = [
        one for one in database.read(lambda tx: audit.latest(tx, "one", 10, 0)) if one["verb"] == "approve"
    ]
    assert (row["detail"], row["actor"]) == ("cutover", "ada")
