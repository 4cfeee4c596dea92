"""The migrations that a serving process hosts, word by word, over memory stores and a real state file."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import msgspec
import pytest

from tests.fakes.hosted import Site
from tests.fakes.world import SOURCE
from vectormigrate.daemon.hosting import VERBS
from vectormigrate.daemon.tasks import SystemClock
from vectormigrate.model.division import Division
from vectormigrate.model.errors import (
    GateRefused,
    IllegalTransition,
    MigrationExists,
    UnknownMigration,
    Unreachable,
    UsageError,
)
from vectormigrate.model.events import PhaseChanged
from vectormigrate.model.phase import Phase
from vectormigrate.model.specification import Mode
from vectormigrate.model.status import LiveStatus, SwapReport
from vectormigrate.state import approvals, levers, migrations, views, waivers


@pytest.fixture
async def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.world.close()


async def test_a_life_by_words(site):
    async with site.daemon() as host:
        await site.world.fill(range(5))
        document = await host.answer("create", "", {"specification": msgspec.to_builtins(site.world.spec)})
        assert document["migration_id"] == "move"
        await site.until("passthrough")
        assert site.router.concerned() == (SOURCE,)
        document = await host.answer("attest", "move", {"by": "me"})
        assert document["migration_id"] == "move"
        await site.until("verified")

        told = msgspec.convert(await host.answer("status", "move", {}), LiveStatus)
        assert (told.primary, told.debt, told.gap) == ("source", 0, False)
        assert all(gate.open for gate in told.gates)
        told = msgspec.convert(await host.answer("reads", "move", {"share": 0.25}), LiveStatus)
        assert told.reads == 0.25

        report = await host.answer("validate", "move", {"sample_size": 5, "full": False, "seed": 1})
        assert (report["ok"], report["compared"]) == (True, 5)
        report = msgspec.convert(
            await host.answer("cutover", "move", {"dry_run": True, "no_way_back": False}), SwapReport
        )
        assert (report.ok, site.phase) == (True, "verified")
        report = msgspec.convert(
            await host.answer("cutover", "move", {"dry_run": False, "no_way_back": False}), SwapReport
        )
        assert (report.primary, site.phase) == ("target", "reversed")
        await site.put(1, version=9)
        report = msgspec.convert(await host.answer("revert", "move", {"dry_run": False}), SwapReport)
        assert (report.primary, site.phase) == ("source", "verified")
        assert (await site.world.store("source").fetch(SOURCE, [1])).payload[0]["version"] == 9

        report = await host.answer("rollback", "move", {"dry_run": False})
        assert (report["deleted"], site.phase, site.router.concerned()) == (5, "rolled_back", ())


async def test_a_split_is_one_migration_of_one_collection_into_several(site):
    division = Division(value_of="version", into={"0": "old", "7": "spare"}, rest="new")
    site.world.set(division=division, target=replace(site.world.spec.target, collection="{name}"))
    places = "old", "new", "spare"

    def held():
        """Version by id, of each collection."""
        tables = [site.world.target.tables[name] for name in places]
        return [{one.id: one.payload["version"] for one in table.after(None, None, 99)} for table in tables]

    async with site.daemon() as host:
        await site.verified(host)
        assert held() == [dict.fromkeys(range(5), 0), {}, {}]
        again = await host.answer("create", "", {"specification": msgspec.to_builtins(site.world.spec)})
        assert (again["migration_id"], len(again["parts"])) == ("move", 0)
        await site.put(1, version=9)
        await site.put(2, version=7)
        await site.paid()
        assert held() == [{0: 0, 3: 0, 4: 0}, {1: 9}, {2: 7}]
        assert (await host.answer("validate", "move", {"full": True, "sample_size": 5, "seed": 1}))["ok"]
        await host.answer("cutover", "move", {"dry_run": False, "no_way_back": False})
        await site.put(2, 3, version=8)
        store = site.router.reading(SOURCE).store
        assert held() == [{0: 0, 4: 0}, {1: 9, 2: 8, 3: 8}, {}]
        assert await store.count(SOURCE) == 5
    async with site.daemon() as host:
        await site.put(0, version=7)
        assert held() == [{4: 0}, {1: 9, 2: 8, 3: 8}, {0: 7}]
        await site.paid()
        await host.answer("revert", "move", {"dry_run": False})
        source = (await site.world.store("source").fetch(SOURCE, range(5))).payload
        assert [one["version"] for one in source] == [7, 9, 8, 8, 0]
        report = await host.answer("rollback", "move", {"dry_run": False})
        assert (report["deleted"], site.world.target.tables) == (5, {})


async def test_commit_is_the_end(site):
    async with site.daemon() as host:
        await site.verified(host)
        await host.answer("cutover", "move", {"dry_run": False, "no_way_back": False})
        document = await host.answer("commit", "move", {})
        assert (document["phase"], site.phase) == ("committed", "committed")
    async with site.daemon():  # requests still pass to where the records are
        await site.put(7)
        assert 7 in site.world.held("target")
        assert site.marked == 0


async def test_what_is_set_is_gone_by_while_it_copies(site):
    """At a record an hour it would never be verified."""
    site.world.set(max_rate=1 / 3600, batch_size=1)
    async with site.daemon() as host:
        await site.world.fill(range(5))
        await host.answer("create", "", {"specification": msgspec.to_builtins(site.world.spec)})
        await site.until("passthrough")
        await host.answer("attest", "move", {"by": "me"})
        await site.until("backfill")
        await site.database.write(lambda tx: levers.put(tx, "move", {"max_rate": 0.0}, at=""))
        host.adjust("move", anew=False)
        host.adjust("another", anew=False)
        await site.until("verified")


async def test_shadow_reads_of_the_other_direction_are_forgotten(site):
    async with site.daemon() as host:
        await site.verified(host)
        forgot = []
        host._hosted["move"].shadow.forget = lambda: forgot.append(1)
        await host.answer("cutover", "move", {"dry_run": False, "no_way_back": False})
        assert forgot


@pytest.mark.parametrize("verb", sorted(VERBS))
async def test_every_verb_is_about_a_migration_that_is_hosted(site, verb):
    async with site.daemon() as host:
        assert callable(getattr(host, f"_{verb.replace('-', '_')}"))
        with pytest.raises(UnknownMigration, match="does not host a migration 'nope'"):
            await host.answer(verb, "nope", {})


@pytest.mark.parametrize("verb", ["drive", "make_live", "halted", "", "__init__"])
async def test_what_is_no_verb_is_none(site, verb):
    async with site.daemon() as host:
        await site.world.fill(range(5))
        await host.create(site.world.spec)
        with pytest.raises(UsageError, match="unknown word"):
            await host.answer(verb, "move", {})


# Creating.


async def test_two_that_share_a_side_are_not_begun_be_it_at_the_same_moment(site):
    another = replace(site.world.spec, id="another")
    async with site.daemon() as host:
        await site.world.fill(range(5))
        told = await asyncio.gather(
            host.create(site.world.spec),
            host.create(another),
            host.create(site.world.spec),
            return_exceptions=True,
        )
        assert [isinstance(one, GateRefused) for one in told] == [False, True, False]
        assert len(host._hosted) == 1
        await host.answer("attest", "move", {"by": "me"})
        await site.until("verified")
        await site.put(1, version=2)
        assert site.marked == 1
        await host.answer("rollback", "move", {"dry_run": False})
        assert (await host.create(another))["migration_id"] == "another"


async def test_the_same_again_is_the_same_and_another_under_its_id_is_told(site):
    async with site.daemon() as host:
        await site.verified(host)
        assert (await host.create(site.world.spec))["phase"] == "verified"
        with pytest.raises(MigrationExists):
            await host.create(replace(site.world.spec, batch_size=7))


async def test_a_wish_that_cannot_be_had_takes_no_id(site):
    async with site.daemon() as host:
        site.world.source.faults.down = True
        with pytest.raises(Unreachable):
            await host.create(site.world.spec)
        site.world.source.faults.down = False
        await site.verified(host)


async def test_that_absences_are_believed_is_kept_with_who_said_it(site):
    async with site.daemon() as host:
        await site.verified(host)
        host._hosted["move"].live.scheduler.guard.saw(strange=True)
        told = msgspec.convert(await host.answer("allow-deletes", "move", {"by": "ada"}), LiveStatus)
        assert told.migration_id == "move"
        rows = site.database.read(
            lambda tx: list(tx.execute("SELECT detail FROM audit WHERE verb = 'allow-deletes'"))
        )
        assert rows == [("ada",)]


# Pausing.


async def test_a_pause_stops_the_conductor_and_marks_go_on(site):
    async with site.daemon() as host:
        await site.world.fill(range(5))
        await host.create(site.world.spec)
        await site.until("passthrough")
        assert (await host.answer("pause", "move", {}))["phase"] == "paused"
        await site.put(1)
        assert site.marked == 1
        await host.answer("attest", "move", {"by": "me"})
        await host.answer("resume", "move", {})
        await site.until("verified")
    assert [event.after.value for event in site.events if isinstance(event, PhaseChanged)].count(
        "paused"
    ) == 1


async def test_a_pause_that_is_refused_pauses_nothing(site):
    async with site.daemon() as host:
        await site.verified(host)
        with pytest.raises(Exception, match="cannot move to paused"):
            await host.answer("pause", "move", {})
        async with asyncio.timeout(5):  # it tends the migration still
            looked = asyncio.Event()

            async def look():
                looked.set()

            host._hosted["move"].conductor.on_look = look
            host._hosted["move"].conductor._drift._at = 0.0
            await looked.wait()


async def test_a_pause_that_comes_too_late_pauses_nothing(site):
    """The conductor ended what could have been paused while it was waited for."""
    async with site.daemon() as host:
        await site.verified(host)
        hosted = host._hosted["move"]
        validate, judging = hosted.conductor.validate, asyncio.Event()

        async def slowly(**words):
            report = await validate(**words)
            judging.set()
            while hosted.go.is_set():
                await asyncio.sleep(0)
            return report

        hosted.conductor.validate = slowly
        await host._database.write(
            lambda tx: migrations.move(tx, "move", Phase.VERIFIED, Phase.CATCH_UP, at="")
        )
        async with asyncio.timeout(20):
            await judging.wait()
            with pytest.raises(IllegalTransition, match="cannot move to paused"):
                await host.answer("pause", "move", {})
        assert (site.phase, hosted.go.is_set()) == ("verified", True)


# Other processes.


async def test_everything_is_taken_up_before_anything_runs(site):
    async with site.daemon() as host:
        await site.verified(host)
    async with site.daemon(start=False):
        await site.put(1, version=5)
        assert site.marked == 1


async def test_it_goes_on_from_where_it_was(site):
    async with site.daemon() as host:
        await site.world.fill(range(5))
        await host.create(site.world.spec)
        await host.answer("attest", "move", {"by": "me"})
        await site.until("passthrough")
    async with site.daemon():
        await site.until("verified")


async def test_what_rests_is_left_alone(site):
    async with site.daemon() as host:
        await site.world.fill(range(5))
        await host.create(site.world.spec)
        await site.until("passthrough")
        await host.answer("pause", "move", {})
    async with site.daemon() as host:
        assert not host._hosted["move"].go.is_set()
        assert site.router.concerned() == (SOURCE,)


async def test_one_that_copies_nothing_yet_is_aborted_and_leaves_its_lane(site):
    async with site.daemon() as host:
        await site.world.fill(range(5))
        await host.create(site.world.spec)
        await site.until("passthrough")
        await site.put(1, version=2)
        site.world.target.tables.clear()  # whatever became of the target
        assert (await host.answer("abort", "move", {"dry_run": True}))["phase"] == "passthrough"
        assert (host._hosted["move"].go.is_set(), site.router.concerned()) == (True, (SOURCE,))
        assert (await host.answer("abort", "move", {"dry_run": False}))["phase"] == "aborted"
        assert (site.phase, site.router.concerned()) == ("aborted", ())
        assert (await host.answer("abort", "move", {"dry_run": False}))["phase"] == "aborted"
        assert (await site.world.store("source").fetch(SOURCE, [1])).payload[0]["version"] == 2


async def test_an_aborted_one_leaves_an_empty_collection_to_a_rollback(site):
    async with site.daemon() as host:
        await site.world.fill(range(5))
        await host.create(site.world.spec)
        await site.until("passthrough")
        await host.answer("abort", "move", {"dry_run": False})
        assert site.world.held("target") == {}
        assert (await host.answer("rollback", "move", {"dry_run": False}))["collection_dropped"]
        assert (site.phase, site.world.held("target")) == ("aborted", None)


async def test_one_that_was_copied_is_not_aborted_and_goes_on(site):
    async with site.daemon() as host:
        await site.verified(host)
        with pytest.raises(GateRefused, match="cannot be aborted"):
            await host.answer("abort", "move", {"dry_run": False})
        assert (site.phase, host._hosted["move"].go.is_set()) == ("verified", True)


async def test_offline_migrations_and_those_that_are_over_are_nobodys(site):
    async with site.daemon() as host:
        await site.verified(host)
        await host.answer("rollback", "move", {"dry_run": False})
        offline = replace(site.world.spec, id="offline", mode=Mode.OFFLINE)
        await site.database.write(lambda tx: migrations.create(tx, offline, at="2026-01-01T00:00:00+00:00"))
    async with site.daemon() as host:
        assert host._hosted == {}


async def test_an_orderly_end_says_whether_anything_may_still_land(site):
    async with site.daemon() as host:
        assert host.quiet
        await site.verified(host)
        assert host.quiet
        host._hosted["move"].live.lane.ledger.quiet_after = SystemClock().monotonic() + 60
        assert not host.quiet


# Trouble.


async def test_refused_records_are_tried_again_on_a_word(site):
    async with site.daemon() as host:
        await site.verified(host)
        site.world.target.faults.refused_ids = frozenset({7})
        await site.put(7)
        async with asyncio.timeout(5):
            while 7 not in [int(one["id"][2:]) for one in _letters(site)]:
                await asyncio.sleep(0.01)
        site.world.target.faults.refused_ids = frozenset()
        await host.answer("retry", "move", {})
        assert (site.marked, _letters(site)) == (0, [])


async def test_a_cutover_happens_without_a_refused_record_that_somebody_waives(site):
    words = {"dry_run": False, "no_way_back": False}
    async with site.daemon() as host:
        await site.verified(host)
        site.world.target.faults.refused_ids = frozenset({7})
        await site.put(7)
        async with asyncio.timeout(5):
            while not _letters(site):
                await asyncio.sleep(0.01)
        with pytest.raises(GateRefused, match="dead letters: 1 records were refused"):
            await host.answer("cutover", "move", words)
        await site.database.write(
            lambda tx: waivers.waive(tx, "move", ["i:7"], "its vector is broken", at="", by="ada")
        )
        for how in ({"full": True}, {"sample_size": 100, "seed": 1}):
            report = await host.answer("validate", "move", how)
            assert (report["ok"], report["missing"]) == (True, 0), report["statement"]
        assert (await host.answer("cutover", "move", words))["ok"]
        assert (site.marked, 7 in site.world.held("target")) == (0, False)


def _letters(site):
    return site.database.read(lambda tx: views.dead_letters(tx, "move", 10, 0))


class Forbidding:
    """Whoever is asked says no."""

    def __init__(self):
        self.asked = []

    async def ask(self, step, migration_id):
        self.asked.append((step, migration_id))
        raise GateRefused("not on fridays")


async def test_a_swap_that_somebody_forbids_does_not_happen(site):
    site.messenger = Forbidding()
    async with site.daemon() as host:
        await site.verified(host)
        words = {"dry_run": True, "no_way_back": False}
        assert (await host.answer("cutover", "move", words))["ok"]
        assert site.messenger.asked == []  # a dry run asks nobody
        with pytest.raises(GateRefused, match="not on fridays"):
            await host.answer("cutover", "move", {**words, "dry_run": False})
        assert (site.phase, site.messenger.asked) == ("verified", [("cutover", "move")])


class Listening(Forbidding):
    """Whoever is told remembers it."""

    def __init__(self):
        super().__init__()
        self.told = asyncio.Queue()

    def tell(self, happening):
        self.told.put_nowait(happening)


async def test_whoever_wants_to_know_is_told_the_status_of_what_is_under_way(site):
    site.messenger = Listening()
    async with site.daemon() as host:
        await site.verified(host)
        host._supervisor.spawn_lasting(host.tell_status(0.01), name="status")
        async with asyncio.timeout(20):
            one = await site.messenger.told.get()
    assert (one.name, one.migration_id, one.values["phase"]) == ("status", "move", "verified")


async def test_steps_of_a_live_migration_wait_for_their_approval(site):
    site.world.set(approval=("migrate", "cutover", "commit"))
    words = {"dry_run": False, "no_way_back": False}

    async def approve(step):
        await site.database.write(lambda tx: approvals.approve(tx, "move", step, at="", by="ada"))

    async with site.daemon() as host:
        await site.world.fill(range(5))
        await host.create(site.world.spec)
        async with asyncio.timeout(20):
            while host.status("move")["approvals"]["migrate"] != "pending":
                await asyncio.sleep(0.01)
        assert site.phase == "created"
        await approve("migrate")
        await host.answer("resume", "move", {})
        await site.until("passthrough")
        await host.answer("attest", "move", {"by": "ada"})
        await site.until("verified")
        assert (await host.answer("cutover", "move", {**words, "dry_run": True}))["ok"]
        with pytest.raises(GateRefused, match="cutover of 'move' waits"):
            await host.answer("cutover", "move", words)
        await approve("cutover")
        assert (await host.answer("cutover", "move", words))["ok"]
        assert (await host.answer("revert", "move", {"dry_run": False}))["ok"]  # nobody made that one wait
        with pytest.raises(GateRefused, match="waits for approval"):
            await host.answer("cutover", "move", words)
        await approve("cutover")
        await host.answer("cutover", "move", words)
        with pytest.raises(GateRefused, match="commit of 'move' waits"):
            await host.answer("commit", "move", {})
