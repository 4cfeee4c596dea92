"""Migrations of several parts, from created to rolled back, over real stores."""

import asyncio
from dataclasses import replace

import apsw
import pytest

from tests.fakes.tables import asked, fill, held, tables
from vectormigrate.daemon.control import Control
from vectormigrate.daemon.control_socket import ask_owner
from vectormigrate.daemon.foreseeing import plan
from vectormigrate.daemon.secrets import Literal, Secrets, key
from vectormigrate.daemon.tasks import SystemClock
from vectormigrate.daemon.viewing import Viewer
from vectormigrate.daemon.whole import Whole
from vectormigrate.model.division import Division
from vectormigrate.model.errors import (
    FinishedWithFindings,
    GateRefused,
    MigrationExists,
    TargetNotEmpty,
    Unreachable,
    UsageError,
)
from vectormigrate.model.events import PhaseChanged, Progress, Warned
from vectormigrate.model.phase import Phase
from vectormigrate.state import levers

KNOWN = Secrets({}, {})
PARTS = ["many:docs-a", "many:docs-b", "many:docs-c"]


@pytest.fixture
def spec(tmp_path):
    fill(tmp_path / "old.db", **{"docs-a": 20, "docs-b": 30, "docs-c": 10, "other": 5})
    return asked(tmp_path)


@pytest.fixture
def world(tmp_path, spec):
    return tmp_path


def owning(world, on_event=lambda event: None):
    return Control.open(world / "state.db", secrets=KNOWN, on_event=on_event)


async def test_from_created_to_rolled_back(world, spec):
    seen = []
    assert [part.source_count for part in (await plan(spec, KNOWN)).parts] == [20, 30, 10]
    async with owning(world, seen.append) as control:
        assert (await control.create(spec)).phase is Phase.CREATED
        status = await control.run("many")
        assert (status.phase, status.copied, status.total) == (Phase.VERIFIED, 60, 60)
        assert [part.migration_id for part in status.parts] == PARTS
        report = await control.validate("many", sample_size=None, full=True)
        assert (report.ok, report.compared, len(report.parts)) == (True, 60, 3)
        assert (await control.rollback("many", dry_run=True)).deleted == 60
        undone = await control.rollback("many", dry_run=False)
        assert (undone.left, undone.collection_dropped) == (0, True)
        with pytest.raises(GateRefused, match="every part of 'many' is over"):
            await control.run("many")
    with Viewer.open(world / "state.db") as viewer:
        assert viewer.status("many").phase is Phase.ROLLED_BACK
        assert viewer.report("many") == report
        assert viewer.specification("many") == spec
    assert tables(world / "new.db") == {}
    told = [
        (event.done, event.total) for event in seen if isinstance(event, Progress) and event.work == "parts"
    ]
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3), (0, 3), (1, 3), (2, 3)]


async def test_the_same_again_is_nothing_new_and_other_settings_are_refused(world, spec):
    async with owning(world) as control:
        first = await control.create(spec)
        fill(world / "old.db", **{"docs-d": 1})
        assert await control.create(spec) == first
        with pytest.raises(MigrationExists):
            await control.create(asked(world, place="{name}_v2", collections=("docs-*",)))


async def test_one_part_alone(world, spec):
    async with owning(world) as control:
        await control.create(spec)
        assert (await control.run("many:docs-b")).copied == 30
        assert (await control.validate("many:docs-b", sample_size=None, full=True)).ok
        whole = await control.run("many")
        assert (whole.phase, whole.copied) == (Phase.VERIFIED, 60)
        await control.rollback("many:docs-b", dry_run=False)
    assert tables(world / "new.db") == {"docs-a": 20, "docs-c": 10}


async def test_an_id_is_compared_in_its_part(world, spec):
    async with owning(world) as control:
        await control.create(spec)
        await control.run("many")
        assert (await control.validate("many:docs-a", ids=["1"])).compared == 1
        with pytest.raises(UsageError, match="which part"):
            await control.validate("many", ids=["1"])


async def test_every_part_is_made_again_what_its_source_is(world, spec):
    async with owning(world) as control:
        await control.create(spec)
        await control.run("many:docs-a")
        with pytest.raises(GateRefused, match="2 parts of 'many' are not verified, many:docs-b for one"):
            await control.repair("many", dry_run=False)
        await control.run("many")
        with apsw.Connection(str(world / "new.db")) as connection:
            connection.execute('DELETE FROM "docs-b" WHERE id < 4')
        assert (await control.repair("many", dry_run=True)).missing > 0
        status = await control.repair("many", dry_run=False)
        assert (status.phase, status.findings) == (Phase.VERIFIED, 0)
    assert tables(world / "new.db")["docs-b"] == 30


async def test_a_part_that_fails_does_not_keep_the_others(world, spec):
    async with owning(world) as control:
        await control.create(spec)
        fill(world / "new.db", **{"docs-b": 1})
        with pytest.raises(TargetNotEmpty, match="part many:docs-b: the target collection already holds 1"):
            await control.run("many")
    with Viewer.open(world / "state.db") as viewer:
        status = viewer.status("many")
    assert [part.phase for part in status.parts] == ["verified", "failed", "verified"]
    assert (status.phase, status.copied) == (Phase.FAILED, 30)
    assert status.error.startswith("many:docs-b: target_not_empty")


class Away:
    """Verbs over stores that cannot be reached."""

    def __init__(self):
        self.tried = []

    async def run(self, part):
        self.tried.append(part)
        raise Unreachable("away")


async def test_what_would_keep_every_part_from_going_on_ends_the_run(world, spec):
    verbs = Away()
    async with owning(world) as control:
        await control.create(spec)
        whole = Whole(verbs, control.database, spec, KNOWN, SystemClock(), lambda event: None)
        with pytest.raises(Unreachable):
            await whole.run()
    assert verbs.tried == PARTS[:1]


async def test_a_stop_ends_behind_the_part_under_way_and_a_new_process_goes_on(world, spec):
    def stop_at_the_second(event):
        if (
            isinstance(event, PhaseChanged)
            and event.migration_id == PARTS[1]
            and event.after is Phase.BACKFILL
        ):
            control.stop()

    async with owning(world, stop_at_the_second) as control:
        await control.create(spec)
        status = await control.run("many")
    assert [part.phase for part in status.parts] == ["verified", "backfill", "created"]
    assert status.phase is Phase.BACKFILL
    async with owning(world) as control:
        assert (await control.run("many")).phase is Phase.VERIFIED
    assert tables(world / "new.db") == {"docs-a": 20, "docs-b": 30, "docs-c": 10}


async def test_a_pause_of_what_nothing_runs_rests_the_parts_under_way(world, spec):
    def stop(event):
        if isinstance(event, PhaseChanged) and event.after is Phase.BACKFILL:
            control.stop()

    async with owning(world, stop) as control:
        await control.create(spec)
        with pytest.raises(GateRefused, match="no part of 'many' is under way"):
            await control.pause("many")
        await control.run("many")
        status = await control.pause("many")
        assert [part.phase for part in status.parts] == ["paused", "created", "created"]
        assert status.phase is Phase.PAUSED
    async with owning(world) as control:
        assert (await control.run("many")).phase is Phase.VERIFIED


async def test_parts_that_come_are_told_and_taken_in(world, spec):
    seen = []

    def add(event):
        if (
            isinstance(event, PhaseChanged)
            and event.after is Phase.VERIFIED
            and event.migration_id == PARTS[2]
        ):
            fill(world / "old.db", **{"docs-d": 4})

    async with owning(world, add) as control:
        await control.create(spec)
        with pytest.raises(FinishedWithFindings, match="not in the migration: many:docs-d"):
            await control.run("many")
        report = await control.validate("many", sample_size=None, full=True)
        assert not report.ok
        assert "not in the migration: many:docs-d" in report.statement
    async with owning(world, seen.append) as control:
        assert (await control.run("many")).copied == 64
        assert (await control.validate("many", sample_size=None, full=True)).ok
    assert [event.message for event in seen if isinstance(event, Warned)] == [
        "parts have come to the source, and are taken in: many:docs-d"
    ]


async def test_a_rollback_that_is_stopped_tells_what_is_left_and_goes_on(world, spec):
    def stop(event):
        if isinstance(event, PhaseChanged) and event.after is Phase.ROLLED_BACK:
            control.stop()

    async with owning(world, stop) as control:
        await control.create(spec)
        await control.run("many")
        report = await control.rollback("many", dry_run=False)
        assert (report.deleted, report.left, len(report.parts)) == (10, 50, 1)
    async with owning(world) as control:
        assert (await control.rollback("many", dry_run=False)).left == 0
    assert tables(world / "new.db") == {}


async def test_what_was_set_of_the_whole_goes_for_a_part_that_comes(world, spec):
    async with owning(world) as control:
        await control.create(spec)
        await control.adjust("many", {"batch_size": 3})
        fill(world / "old.db", **{"docs-d": 4})
        assert (await control.run("many")).copied == 64
        kept = control.database.read(
            lambda tx: [levers.get(tx, one).batch_size for one in ("many:docs-d", "many")]
        )
    assert kept == [3, 3]


async def test_a_part_whose_source_is_gone_does_not_keep_the_others(world, spec):
    async with owning(world) as control:
        await control.create(replace(spec, division=Division(("docs-a", "docs-b", "docs-c"))))
        await control.run("many:docs-a")
        held(world / "old.db", 'DROP TABLE "docs-a"')
        assert (await control.run("many")).phase is Phase.VERIFIED


async def test_a_part_that_rests_is_no_proof(world, spec):
    def pause(event):
        if isinstance(event, Progress) and event.migration_id == PARTS[1] and not asking:
            asking.append(asyncio.ensure_future(control.halt(PARTS[1], pause=True)))

    asking = []
    async with owning(world, pause) as control:
        await control.create(replace(spec, max_rate=200.0))
        status = await control.run("many")
        await asking[0]
    assert [part.phase for part in status.parts] == ["verified", "paused", "verified"]
    with Viewer.open(world / "state.db") as viewer:
        assert viewer.report("many") is None


async def test_a_part_that_was_taken_back_is_in_no_report(world, spec):
    async with owning(world) as control:
        await control.create(spec)
        await control.run("many:docs-a")
        await control.rollback("many:docs-a", dry_run=False)
        assert (await control.run("many")).phase is Phase.VERIFIED
        report = await control.validate("many", sample_size=None, full=True)
    assert (report.ok, [part.migration_id for part in report.parts]) == (True, PARTS[1:])


async def test_a_part_that_was_not_copied_proves_nothing(world, spec):
    async with owning(world) as control:
        await control.create(spec)
        with pytest.raises(GateRefused, match="no part with anything to compare"):
            await control.validate("many", sample_size=10, full=False)
        await control.run("many:docs-a")
        report = await control.validate("many", sample_size=10, full=False)
    assert (report.ok, len(report.parts)) == (False, 1)
    assert report.statement.endswith("2 parts were not compared")


async def test_shares_of_a_collection_are_whole_together(world):
    spec = asked(world, "docs-b", value_of="lang", into={"de": "west", "fr": "west"})
    async with owning(world) as control:
        await control.create(spec)
        assert (await control.run("many")).copied == 30
        assert (await control.validate("many", sample_size=None, full=True)).ok
        fill(world / "old.db", **{"docs-b": 3})
        held(world / "old.db", "UPDATE \"docs-b\" SET lang = 'it' WHERE id >= 30")
        report = await control.validate("many", sample_size=None, full=True)
    assert tables(world / "new.db") == {"en": 10, "west": 20}
    assert report.statement.endswith("3 records of the source are in no part")
    assert not report.ok


async def test_a_rollback_of_what_never_began_leaves_nothing_to_go_on_with(world, spec):
    async with owning(world) as control:
        await control.create(spec)
        await control.run("many:docs-a")
        await control.rollback("many", dry_run=False)
    with Viewer.open(world / "state.db") as viewer:
        assert [part.phase for part in viewer.status("many").parts] == ["rolled_back", "aborted", "aborted"]


async def test_what_only_this_run_knows_of_the_whole_opens_every_part(world, spec):
    hidden = replace(spec, source=replace(spec.source, url=str(world / "nowhere.db")))
    known = Secrets({key(hidden.source): Literal(url=spec.source.url)}, {})
    assert (await plan(hidden, known)).source_count == 60
    async with Control.open(world / "state.db", secrets=known) as control:
        await control.create(hidden)
        assert (await control.run("many")).copied == 60


async def test_another_shell_pauses_the_whole(world, spec):
    asking = []

    def begun(event):
        if isinstance(event, Progress) and event.work == "backfill" and not asking:
            asking.append(asyncio.ensure_future(ask_owner(world / "state.db", "pause", "many")))

    async with owning(world, begun) as control:
        await control.create(replace(spec, max_rate=100.0))
        status = await control.run("many")
        (asked_for,) = asking
        assert (await asked_for)["phase"] == status.phase == "paused"
        assert [part.phase for part in status.parts] == ["paused", "created", "created"]
        with pytest.raises(GateRefused, match="does not run 'many'"):
            await control.halt("many", pause=True)
