"""Live migrations of several parts in a daemon, word by word, over memory stores and a real state file."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import msgspec
import pytest

from tests.fakes.hosted import Site
from tests.fakes.world import records, shape
from vectormigrate.daemon import crew
from vectormigrate.engine import online
from vectormigrate.model.division import Division
from vectormigrate.model.errors import GateRefused, MigrationExists, TargetNotEmpty, UsageError
from vectormigrate.model.phase import Phase
from vectormigrate.model.status import LiveStatus, MigrationStatus, RollbackReport, SwapReport
from vectormigrate.model.touch import Ids
from vectormigrate.state import approvals, views

COLLECTIONS = ("docs-a", "docs-b", "docs-c")
PARTS = [f"many:{name}" for name in COLLECTIONS]
GO = {"dry_run": False, "no_way_back": False}


class Many(Site):
    """A site with a migration of every collection that is called docs-something."""

    def __init__(self, directory):
        super().__init__(directory)
        spec = self.world.spec
        self.world.spec = replace(
            spec,
            id="many",
            source=replace(spec.source, collection=""),
            target=replace(spec.target, collection="{name}"),
            division=Division(collections=("docs-*",)),
        )

    async def fill(self, *names):
        for name in names:
            await self.world.store().create(shape(name))
            await self.world.store().upsert(name, records(range(5)))

    def status(self):
        return self.database.read(lambda tx: views.status(tx, "many", owned=True))

    async def until_all(self, phase, *, but=()):
        async with asyncio.timeout(20):
            while {part.phase for part in self.status().parts if part.migration_id not in but} != {phase}:
                self._moved.clear()
                await self._moved.wait()

    async def lanes(self, *names):
        async with asyncio.timeout(20):
            while set(self.router.concerned()) != set(names):
                await asyncio.sleep(0)

    async def verified(self, host):
        await self.fill(*COLLECTIONS)
        await host.create(self.world.spec)
        await host.answer("attest", "many", {"by": "me"})
        await self.until_all(Phase.VERIFIED)

    async def write(self, name, *ids, version=1):
        async with self.router.writing({name: [Ids(tuple(ids))]}) as write:
            await write.access.store.upsert(name, records(ids, version))

    async def version(self, side, name, record_id):
        found = await self.world.store(side).fetch(name, [record_id])
        return [one["version"] for one in found.payload]

    def begun(self):
        """Collections of the target that hold records."""
        tables = self.world.target.tables
        return [name for name, table in tables.items() if list(table.after(None, None, 1))]

    def primaries(self):
        return [part.primary for part in self.status().parts]


@pytest.fixture
async def site(tmp_path, monkeypatch):
    monkeypatch.setattr(online, "_LOOK", 0.01)
    monkeypatch.setattr(crew, "_LOOK", 0.01)
    made = Many(tmp_path)
    yield made
    made.world.close()


async def swap(host, verb, **words):
    return msgspec.convert(await host.answer(verb, "many", words), SwapReport)


async def test_a_life_under_one_name(site):
    async with site.daemon() as host:
        await site.fill(*COLLECTIONS, "other")
        told = await host.answer("create", "", {"specification": msgspec.to_builtins(site.world.spec)})
        assert [part["migration_id"] for part in told["parts"]] == PARTS
        await site.lanes(*COLLECTIONS)
        await site.write("docs-b", 1, 9)  # before anything is copied
        told = msgspec.convert(await host.answer("attest", "many", {"by": "me"}), MigrationStatus)
        assert told.attested_by == "me"
        await site.until_all(Phase.VERIFIED)
        assert set(site.world.target.tables) == set(COLLECTIONS)

        live = msgspec.convert(await host.answer("status", "many", {}), LiveStatus)
        assert ([part.migration_id for part in live.parts], live.primary) == (PARTS, "source")
        assert all(gate.open for gate in live.gates)
        assert live.gates[-1].name == "parts"
        assert (await host.answer("reads", "many", {"share": 0.25}))["reads"] == 0.25
        report = await host.answer("validate", "many", {"full": True})
        assert (report["ok"], report["compared"], len(report["parts"])) == (True, 16, 3)

        foreseen = await swap(host, "cutover", dry_run=True, no_way_back=False)
        assert (foreseen.ok, foreseen.dry_run, site.primaries()) == (True, True, ["source"] * 3)
        done = await swap(host, "cutover", **GO)
        assert (done.ok, done.primary, len(done.parts), done.hold_ms is None) == (True, "target", 3, False)
        await site.write("docs-c", 2, version=7)
        assert await site.version("target", "docs-c", 2) == [7]
        with pytest.raises(GateRefused, match="no part of 'many' is left to be cut over"):
            await swap(host, "cutover", **GO)
        with pytest.raises(GateRefused, match="3 parts of 'many', many:docs-a for one"):
            await host.answer("rollback", "many", {"dry_run": False})

        back = await swap(host, "revert", dry_run=False)
        assert (back.primary, [one.migration_id for one in back.parts]) == ("source", PARTS[::-1])
        assert await site.version("source", "docs-c", 2) == [7]
        undone = msgspec.convert(await host.answer("rollback", "many", {"dry_run": False}), RollbackReport)
        assert (undone.left, undone.collection_dropped, len(undone.parts)) == (0, True, 3)
        assert (site.status().phase, site.world.target.tables, site.router.concerned()) == (
            "rolled_back",
            {},
            (),
        )
        with pytest.raises(GateRefused, match="every part of 'many' is over"):
            await host.answer("status", "many", {})


async def test_commit_is_the_end_of_all_of_them(site):
    async with site.daemon() as host:
        await site.verified(host)
        await host.answer("cutover", PARTS[0], GO)
        with pytest.raises(GateRefused, match="2 of its parts are not cut over, many:docs-b for one"):
            await host.answer("commit", "many", {})
        await swap(host, "cutover", **GO)
        told = await host.answer("commit", "many", {"dry_run": True})
        assert told["phase"] == "reversed"
        told = await host.answer("commit", "many", {})
        assert (told["phase"], told["primary"]) == ("committed", "target")
    async with site.daemon():  # requests still pass to where the records are
        await site.write("docs-a", 7)
        assert await site.version("target", "docs-a", 7) == [1]


# One part of them.


async def test_a_part_has_its_own_cutover_and_the_whole_goes_on_with_the_rest(site):
    async with site.daemon() as host:
        await site.verified(host)
        await host.answer("cutover", PARTS[1], GO)
        assert (site.status().primary, site.status().phase) == ("both", Phase.VERIFIED)
        steps = site.status().next_steps
        assert steps[-1] == "vectormigrate revert many"
        assert not any("rollback" in step for step in steps)
        done = await swap(host, "cutover", **GO)
        assert ([one.migration_id for one in done.parts], done.primary) == ([PARTS[0], PARTS[2]], "target")


async def test_a_part_that_cannot_be_cut_over_leaves_all_of_them_as_they_are(site):
    async with site.daemon() as host:
        await site.verified(host)
        await host.answer("rollback", PARTS[2], {"dry_run": False})
        await site.fill("docs-d")
        await host.answer("resume", "many", {})
        await site.until_all(Phase.PASSTHROUGH, but=PARTS[:3])
        foreseen = await swap(host, "cutover", dry_run=True, no_way_back=False)
        closed = [gate for gate in foreseen.gates if not gate.open]
        assert [(gate.name, "many:docs-d: " in gate.reason) for gate in closed] == [("phase", True)]
        with pytest.raises(GateRefused, match="nothing was changed: phase: many:docs-d"):
            await swap(host, "cutover", **GO)
        assert set(site.primaries()) == {"source"}


async def test_a_cutover_that_ends_midway_says_where_each_part_is_and_goes_on(site):
    async with site.daemon() as host:
        await site.verified(host)

        async def forbidden(step, migration_id):
            raise GateRefused(f"{step} of {migration_id} is forbidden")

        conductor = host._hosted[PARTS[1]].conductor
        allowed, conductor.allowed = conductor.allowed, forbidden
        with pytest.raises(GateRefused) as refused:
            await swap(host, "cutover", **GO)
        assert refused.value.message.startswith("part many:docs-b: cutover of many:docs-b is forbidden")
        assert "1 of 3 parts are answered by the target now" in refused.value.message
        assert "`vectormigrate revert many` takes back" in refused.value.hint
        assert site.primaries() == ["target", "source", "source"]
        await site.write("docs-a", 1, version=4)
        await site.write("docs-b", 1, version=4)
        assert (await site.version("target", "docs-a", 1), await site.version("source", "docs-b", 1)) == (
            [4],
            [4],
        )
        conductor.allowed = allowed
        done = await swap(host, "cutover", **GO)
        assert ([one.migration_id for one in done.parts], done.primary) == (PARTS[1:], "target")


async def test_two_such_words_at_once_are_one(site):
    async with site.daemon() as host:
        await site.verified(host)
        told = await asyncio.gather(
            swap(host, "cutover", **GO), swap(host, "cutover", **GO), return_exceptions=True
        )
        assert sorted(isinstance(one, GateRefused) for one in told) == [False, True]
        assert site.primaries() == ["target"] * 3


async def test_one_approval_goes_for_all_parts(site):
    site.world.set(approval=("cutover",))
    async with site.daemon() as host:
        await site.verified(host)
        with pytest.raises(GateRefused, match="cutover of 'many' waits for approval"):
            await swap(host, "cutover", **GO)
        await site.database.write(lambda tx: approvals.approve(tx, "many", "cutover", at="", by="her"))
        assert (await swap(host, "cutover", **GO)).primary == "target"
        await swap(host, "revert", dry_run=False)
        with pytest.raises(GateRefused, match="cutover of 'many' waits for approval"):
            await swap(host, "cutover", **GO)


# What comes, and what is wished.


async def test_what_comes_to_the_source_is_told_bars_the_cutover_and_is_taken_in(site):
    async with site.daemon() as host:
        await site.verified(host)
        await site.fill("docs-d")
        with pytest.raises(GateRefused, match=r"parts: not in the migration yet, and not moved: many:docs-d"):
            await swap(host, "cutover", **GO)
        live = msgspec.convert(await host.answer("status", "many", {}), LiveStatus)
        assert [gate.name for gate in live.gates if not gate.open] == ["parts"]
        report = await host.answer("validate", "many", {"full": True})
        assert (report["ok"], "many:docs-d" in report["statement"]) == (False, True)
        await host.answer("resume", "many", {})
        await site.lanes(*COLLECTIONS, "docs-d")
        await host.answer("attest", "many", {"by": "her"})
        await site.until_all(Phase.VERIFIED)
        assert len((await swap(host, "cutover", **GO)).parts) == 4


async def test_the_same_again_is_nothing_new_and_other_settings_are_refused(site):
    async with site.daemon() as host:
        await site.fill(*COLLECTIONS)
        await host.create(site.world.spec)
        await site.until_all(Phase.PASSTHROUGH)
        assert len((await host.create(site.world.spec))["parts"]) == 3
        with pytest.raises(MigrationExists, match="batch_size"):
            await host.create(replace(site.world.spec, batch_size=7))


async def test_nothing_is_taken_by_a_wish_of_which_one_part_cannot_be_had(site):
    async with site.daemon() as host:
        await site.fill(*COLLECTIONS)
        await site.world.store("target").create(shape("docs-b"))
        await site.world.store("target").upsert("docs-b", records([1]))
        with pytest.raises(TargetNotEmpty, match="part many:docs-b: the target collection already holds 1"):
            await host.create(site.world.spec)
        assert site.database.read(lambda tx: views.each_status(tx)) == []
        assert site.router.concerned() == ()
        lacking = replace(site.world.spec, division=Division(collections=("nope",)))
        with pytest.raises(UsageError, match="no collections called 'nope'"):
            await host.create(lacking)


# Steering.


async def test_dry_runs_say_what_every_part_would_do_and_do_nothing(site):
    async with site.daemon() as host:
        await site.fill(*COLLECTIONS)
        await host.create(site.world.spec)
        await site.until_all(Phase.PASSTHROUGH)
        for verb, words in (("attest", {"by": "me"}), ("pause", {}), ("abort", {}), ("retry", {})):
            told = await host.answer(verb, "many", {**words, "dry_run": True})
            assert {part["phase"] for part in told["parts"]} == {"passthrough"}
            if verb != "abort":
                assert all(f"{part}: " in told["would"] for part in PARTS)
        told = await host.answer("resume", "many", {"dry_run": True})
        assert told["would"] == "nothing would change"
        with pytest.raises(GateRefused, match="part many:docs-a"):
            await host.answer("reads", "many", {"share": 0.5})


async def test_paused_parts_wait_and_go_on_over_a_restart(site):
    async with site.daemon() as host:
        await site.fill(*COLLECTIONS)
        await host.create(site.world.spec)
        await site.until_all(Phase.PASSTHROUGH)
        told = await host.answer("pause", "many", {})
        assert (told["phase"], {part["phase"] for part in told["parts"]}) == ("paused", {"paused"})
        with pytest.raises(GateRefused, match="no part of 'many' is under way"):
            await host.answer("pause", "many", {})
    async with site.daemon() as host:
        await site.write("docs-a", 3, version=2)
        await host.answer("attest", "many", {"by": "me"})
        await host.answer("resume", "many", {})
        await site.until_all(Phase.VERIFIED)
        assert await site.version("target", "docs-a", 3) == [2]


async def test_a_cutover_holds_over_a_restart_part_by_part(site):
    async with site.daemon() as host:
        await site.verified(host)
        await host.answer("cutover", PARTS[0], GO)
    async with site.daemon() as host:
        assert site.primaries() == ["target", "source", "source"]
        await site.until_all(Phase.VERIFIED, but=PARTS[:1])
        await swap(host, "cutover", **GO)
    async with site.daemon() as host:
        assert site.primaries() == ["target"] * 3
        assert (await swap(host, "revert", dry_run=True)).ok
        assert (await swap(host, "revert", dry_run=False)).primary == "source"


async def test_what_never_came_to_its_copy_is_aborted_as_a_whole(site):
    async with site.daemon() as host:
        await site.fill(*COLLECTIONS)
        await host.create(site.world.spec)
        await site.until_all(Phase.PASSTHROUGH)
        await host.answer("pause", "many", {})
        assert (await host.answer("abort", "many", {"dry_run": False}))["phase"] == "aborted"
        assert site.router.concerned() == ()


async def test_one_part_copies_at_a_time(site):
    """And one that waits for its turn can be paused."""
    site.world.set(batch_size=1, max_rate=1 / 3600)
    async with site.daemon() as host:
        await site.fill(*COLLECTIONS)
        await host.create(site.world.spec)
        await site.until_all(Phase.PASSTHROUGH)
        await host.answer("attest", "many", {"by": "me"})
        await site.until_all(Phase.BACKFILL)
        async with asyncio.timeout(20):
            while not (begun := site.begun()):
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert len(begun) == len(site.begun()) == 1
        told = await host.answer("pause", "many", {})
        assert {part["phase"] for part in told["parts"]} == {"paused"}
