"""The verbs, over real stores."""

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import replace

import apsw
import numpy as np
import pytest

from tests.fakes.world import World
from vectormigrate.daemon.control import Control, worker_count
from vectormigrate.daemon.control_socket import ask_owner
from vectormigrate.daemon.foreseeing import plan
from vectormigrate.daemon.hosting import Host
from vectormigrate.daemon.live_terms import LiveSettings
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.daemon.supervisor import Supervisor
from vectormigrate.daemon.tasks import SystemClock
from vectormigrate.daemon.telemetry.telemetry import Telemetry
from vectormigrate.daemon.viewing import Viewer
from vectormigrate.model.division import Division
from vectormigrate.model.errors import (
    GateRefused,
    MappingRefused,
    MigrationExists,
    StateFull,
    StateLocked,
    TargetNotEmpty,
    UnknownMigration,
    Unreachable,
)
from vectormigrate.model.events import PhaseChanged, Progress
from vectormigrate.model.mapping import MappingOptions
from vectormigrate.model.phase import Phase
from vectormigrate.model.specification import Mode, Specification, StoreRef

KNOWN = Secrets({}, {})


@pytest.fixture
def spec(tmp_path):
    connection = apsw.Connection(str(tmp_path / "old.db"))
    connection.execute("CREATE TABLE docs (id INTEGER PRIMARY KEY, title TEXT, embedding BLOB)")
    vectors = np.random.default_rng(5).standard_normal((30, 8)).astype("f4")
    rows = [(row, f"title {row}", vector.tobytes()) for row, vector in enumerate(vectors)]
    connection.executemany("INSERT INTO docs VALUES (?, ?, ?)", rows)
    connection.close()
    return Specification(
        "docs",
        StoreRef("sqlite", str(tmp_path / "old.db"), "docs"),
        StoreRef("sqlite", str(tmp_path / "new.db"), "docs"),
        batch_size=7,
    )


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state.db"


async def test_from_created_to_rolled_back(state, spec):
    seen = []
    async with Control.open(state, secrets=KNOWN, on_event=seen.append) as control:
        assert (await control.create(spec)).phase is Phase.CREATED
        assert (await control.run("docs")).phase is Phase.VERIFIED
        assert (await control.validate("docs", sample_size=None, full=True)).ok
        assert (await control.rollback("docs", dry_run=True)).deleted == 30
        report = await control.rollback("docs", dry_run=False)
    assert (report.left, report.collection_dropped) == (0, True)
    with Viewer.open(state) as viewer:
        assert viewer.status("docs").phase is Phase.ROLLED_BACK
        assert viewer.specification("docs") == spec
        assert viewer.report("docs").compared == 30
        assert viewer.mapping("docs").target.name == "docs"
        assert viewer.history("docs")
    moves = [event.after for event in seen if isinstance(event, PhaseChanged)]
    assert moves == [
        Phase.PREFLIGHT, Phase.BACKFILL, Phase.CATCH_UP, Phase.VERIFIED, Phase.ROLLING_BACK, Phase.ROLLED_BACK,
    ]  # fmt: skip


async def test_the_same_again_is_nothing_new_and_other_settings_are_refused(state, spec):
    async with Control.open(state, secrets=KNOWN) as control:
        first = await control.create(spec)
        assert await control.create(spec) == first
        with pytest.raises(MigrationExists):
            await control.create(Specification("docs", spec.source, spec.target, batch_size=8))


async def test_one_owner(state, spec):
    async with Control.open(state, secrets=KNOWN):
        with pytest.raises(StateLocked):
            Control.open(state, secrets=KNOWN)
    async with Control.open(state, secrets=KNOWN):
        pass


def full_for_once():
    times = iter(range(1))

    def work(tx):
        for _ in times:
            raise apsw.FullError("the disk is full")

    return work


async def test_who_serves_begins_on_a_full_disk_and_is_written_down_with_the_first_thing_that_is(state):
    control = Control.open(state, secrets=KNOWN, serving=True)
    control.database.owe(full_for_once())
    async with control:
        assert control.database.read(lambda tx: list(tx.execute("SELECT epoch FROM session"))) == []
        await control.database.write(lambda tx: None)
        (row,) = control.database.read(lambda tx: list(tx.execute("SELECT epoch, clean FROM session")))
        assert row == (control._session.epoch, 0)
    async with Control.open(state, secrets=KNOWN) as control:
        assert control._session.clean_before


async def test_nobody_else_begins_on_a_full_disk(state):
    control = Control.open(state, secrets=KNOWN)
    control.database.owe(full_for_once())
    with pytest.raises(StateFull):
        async with control:
            raise AssertionError("it began")
    Control.open(state, secrets=KNOWN).database.close()


async def test_pause_and_resume(state, spec):
    def stop_when_planned(event):
        if isinstance(event, PhaseChanged) and event.before is Phase.PREFLIGHT:
            control.stop()

    async with Control.open(state, secrets=KNOWN, on_event=stop_when_planned) as control:
        await control.create(spec)
        with pytest.raises(UnknownMigration):
            await control.pause("nope")
        assert (await control.run("docs")).phase is Phase.BACKFILL
        paused = await control.pause("docs")
        assert (paused.phase, paused.resume_phase) == (Phase.PAUSED, Phase.BACKFILL)
    async with Control.open(state, secrets=KNOWN) as control:
        assert (await control.run("docs")).phase is Phase.VERIFIED


async def test_a_stop_reaches_what_is_hosted(state, monkeypatch):
    stopped = []
    monkeypatch.setattr(Host, "stop", lambda host: stopped.append(host))
    telemetry = Telemetry(SystemClock())
    async with (
        Control.open(state, secrets=KNOWN) as control,
        Supervisor() as supervisor,
        control.hosting({}, supervisor, LiveSettings(), telemetry) as host,
    ):
        control.stop()
        assert stopped == [host]


@pytest.fixture
def opened(monkeypatch):
    """Stores are opened while it is set: the command that says a secret takes its time."""
    gate, reach = asyncio.Event(), Secrets.reach
    gate.set()

    async def late(*args):
        await gate.wait()
        return await reach(*args)

    monkeypatch.setattr(Secrets, "reach", late)
    return gate


@asynccontextmanager
async def opening(state, spec, opened):
    """The control of a migration whose run waits for its stores, and that run."""
    async with Control.open(state, secrets=KNOWN) as control:
        await control.create(spec)
        opened.clear()
        running = asyncio.create_task(control.run(spec.id))
        while not control.runs(spec.id):
            await asyncio.sleep(0)
        yield control, running


@pytest.mark.parametrize("division", [False, True])
async def test_nothing_else_is_done_to_what_is_just_being_opened(state, spec, opened, division):
    if division:
        spec = replace(spec, division=Division(collections=("docs",)))
    async with opening(state, spec, opened) as (control, running):
        rolling_back = asyncio.create_task(control.rollback(spec.id, dry_run=False))
        await asyncio.sleep(0.01)
        opened.set()
        with pytest.raises(GateRefused, match="is being worked on"):
            await rolling_back
        assert (await running).phase is Phase.VERIFIED


async def test_a_stop_is_heard_while_the_stores_are_opened(state, spec, opened):
    async with opening(state, spec, opened) as (control, running):
        control.stop()
        opened.set()
        assert (await running).phase is Phase.PREFLIGHT
        assert (await control.run(spec.id)).phase is Phase.PREFLIGHT  # and what is asked for behind it


async def test_a_pause_is_heard_while_the_stores_are_opened(state, spec, opened):
    async with opening(state, spec, opened) as (control, running):
        pausing = asyncio.create_task(control.halt(spec.id, pause=True))
        await asyncio.sleep(0.01)
        opened.set()
        assert (await running).phase is Phase.PAUSED
        assert (await pausing).migration_id == spec.id


async def test_only_what_was_whole_and_stands_still_is_repaired(state, spec):
    async with Control.open(state, secrets=KNOWN) as control:
        await control.create(spec)
        with pytest.raises(GateRefused, match="is created: what is repaired is a copy that was whole once"):
            await control.repair("docs", dry_run=False)
        await control.create(replace(spec, id="live", mode=Mode.PROXIED))
        for dry_run in (True, False):
            with pytest.raises(GateRefused, match="mends by itself"):
                await control.repair("live", dry_run=dry_run)


async def test_plan_writes_nothing(tmp_path, spec):
    before = sorted(tmp_path.iterdir())
    document = await plan(spec, KNOWN)
    assert (document.source_count, document.batches, document.target_exists) == (30, 5, False)
    assert sorted(tmp_path.iterdir()) == before


async def test_a_plan_of_a_live_migration_says_what_is_refused_after_a_cutover(spec):
    live = replace(spec, mode=Mode.PROXIED, mapping=MappingOptions(drop=("title",)))
    assert (await plan(live, KNOWN)).unanswered == ("filters by 'title', left behind",)
    assert (await plan(replace(live, mode=Mode.OFFLINE), KNOWN)).unanswered == ()


async def test_a_strict_plan_raises_what_would_keep_it_from_starting(tmp_path, spec):
    connection = apsw.Connection(str(tmp_path / "new.db"))
    connection.execute("CREATE TABLE docs (id INTEGER PRIMARY KEY, embedding F32_BLOB(8))")
    with pytest.raises(MappingRefused, match="title"):
        await plan(spec, KNOWN, strict=True)
    assert (await plan(spec, KNOWN)).refused
    connection.execute("INSERT INTO docs VALUES (1, zeroblob(32))")
    connection.close()
    dropped = Specification("docs", spec.source, spec.target, MappingOptions(drop=("title",)))
    with pytest.raises(TargetNotEmpty, match=r"1 record$"):
        await plan(dropped, KNOWN, strict=True)


async def test_viewers_see_migrations_by_phase(state, spec):
    async with Control.open(state, secrets=KNOWN) as control:
        await control.create(spec)
        await control.create(Specification("else", spec.source, spec.target))
    with Viewer.open(state) as viewer:
        assert {item.migration_id for item in viewer.list(None, 10, 0)} == {"docs", "else"}
        assert viewer.list("verified", 10, 0) == []
        assert len(viewer.list("created", 1, 0)) == 1
        for look in (viewer.report, viewer.mapping, viewer.history, viewer.status, viewer.specification):
            with pytest.raises(UnknownMigration):
                look("nope")


def test_workers_are_one_a_core_unless_told(spec):
    assert worker_count(spec) >= 1
    assert worker_count(Specification("d", spec.source, spec.target, workers=3)) == 3


# Over memory, with another shell.


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path / "state.db")
    yield made
    made.close()


class Asking(list):
    """Sends a word to the owner from another shell, once, when something is told."""

    def __init__(self, world, tasks, when, verb, ask=ask_owner):
        super().__init__()
        self._ask = ask
        self._world, self._tasks, self._when, self._verb = world, tasks, when, verb
        self.answer = None

    def append(self, event):
        super().append(event)
        if self.answer is None and self._when(event):
            self.answer = self._tasks.create_task(
                self._ask(self._world.state, self._verb, self._world.spec.id)
            )


def copied(event):
    return isinstance(event, Progress) and event.work == "backfill"


async def test_a_pause_from_another_shell_rests_at_a_checkpoint(world):
    await world.fill(range(60))
    async with asyncio.TaskGroup() as tasks:
        world.events = Asking(world, tasks, copied, "pause")
        world.target.faults.latency = 0.005
        status = await world.run()
    answer = world.events.answer.result()
    assert (status.phase, status.resume_phase) == (Phase.PAUSED, Phase.BACKFILL)
    assert (answer["phase"], answer["resume_phase"]) == ("paused", "backfill")
    assert 0 < status.copied < 60
    assert (await world.run()).phase is Phase.VERIFIED
    assert world.equal()


async def test_a_stop_from_another_shell_rests_nowhere(world):
    await world.fill(range(60))
    async with asyncio.TaskGroup() as tasks:
        world.events = Asking(world, tasks, copied, "stop")
        world.target.faults.latency = 0.005
        status = await world.run()
    assert status.phase is Phase.BACKFILL
    assert world.events.answer.result()["phase"] == "backfill"


async def test_a_pause_that_comes_with_the_end_leaves_it_verified(world):
    def verified(event):
        return isinstance(event, PhaseChanged) and event.after is Phase.VERIFIED

    await world.fill(range(10))
    async with world.control() as control:
        await control.create(world.spec)

        def pause_at_the_end(event):
            if verified(event):
                control._runs[world.spec.id].pausing = True  # as the word of another shell does
                control.stop()

        control._on_event = pause_at_the_end
        assert (await control.run(world.spec.id)).phase is Phase.VERIFIED


async def test_another_migration_is_not_what_the_owner_runs(world):
    await world.fill(range(60))

    async def ask(state, verb, _):
        try:
            return await ask_owner(state, verb, "other")
        except GateRefused as error:
            return error

    async with asyncio.TaskGroup() as tasks:
        world.events = Asking(world, tasks, copied, "pause", ask)
        world.target.faults.latency = 0.005
        status = await world.run()
    assert "does not run 'other'" in world.events.answer.result().message
    assert status.phase is Phase.VERIFIED


async def test_settings_that_differ_are_named(world):
    await world.fill([])
    await world.run()
    world.set(batch_size=99)
    with pytest.raises(MigrationExists, match="other settings: batch_size"):
        await world.run()


async def test_an_error_ends_the_session_in_order_and_a_kill_does_not(world):
    await world.fill(range(5))
    world.target.faults.down = True
    world.set(max_retries=0)
    with pytest.raises(Unreachable):
        await world.run()
    async with world.control() as control:
        assert control._session.clean_before
    with pytest.raises(KeyboardInterrupt):
        async with world.control():
            raise KeyboardInterrupt
    async with world.control() as control:
        assert not control._session.clean_before


class Adjusting(list):
    """Events that have two settings changed at the first sign of work."""

    control = None
    asked = ()

    def append(self, event):
        super().append(event)
        if isinstance(event, Progress) and not self.asked:
            changes = ({"batch_size": 1}, {"max_rate": 0.0})
            self.asked = [asyncio.ensure_future(self.control.adjust("move", change)) for change in changes]


async def test_what_is_set_while_it_runs_is_gone_by_at_once(world):
    """At a record an hour it would never end, and with batches of ten it would take four."""
    await world.fill(range(40))
    world.set(max_rate=1 / 3600, batch_size=10)
    world.events = Adjusting()
    async with world.control() as control:
        world.events.control = control
        await control.create(world.spec)
        status = await control.run(world.spec.id)
        await asyncio.gather(*world.events.asked)
    assert (status.phase, status.copied) == (Phase.VERIFIED, 40)
    assert status.batches > 10
    assert status.levers == {"batch_size": 1, "max_rate": 0.0}
    assert world.equal()


async def test_the_rate_is_shared_by_the_workers_that_there_are(world):
    await world.fill(range(60))
    world.set(max_rate=100.0, batch_size=10)
    began = time.monotonic()
    await world.run()
    assert time.monotonic() - began >= 0.25
