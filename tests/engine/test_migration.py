import asyncio
import hashlib
import hmac
from dataclasses import replace
from uuid import UUID

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.crashing import Zombie, crash, watched
from tests.fakes.killing import MortalFaults
from tests.fakes.world import records
from vectormigrate.engine.validate import run as validating
from vectormigrate.model.collection import FieldType, IdKind
from vectormigrate.model.edits import Edit, Redaction
from vectormigrate.model.errors import (
    FinishedWithFindings,
    GateRefused,
    Overloaded,
    TargetNotEmpty,
    Throttled,
    Unreachable,
    UsageError,
)
from vectormigrate.model.events import PhaseChanged, Progress, Resumed, Retried, Warned
from vectormigrate.model.identity import surrogate
from vectormigrate.model.mapping import MappingOptions
from vectormigrate.model.phase import Phase
from vectormigrate.model.selection import Selection
from vectormigrate.model.snapshot import record_from_bytes
from vectormigrate.model.specification import Existing
from vectormigrate.state.database import Database
from vectormigrate.stores.memory import CAPABILITIES


class Hasty(FakeClock):
    """Every look is a second later than the one before."""

    def monotonic(self):
        self.advance(1)
        return super().monotonic()


def phases(world):
    return [str(event.after) for event in world.told(PhaseChanged)]


async def test_a_migration_passes_all_phases_and_ends_equal(world):
    await world.fill(range(30))
    status = await world.run()
    assert phases(world) == ["preflight", "backfill", "catch_up", "verified"]
    assert (status.phase, status.copied, status.total, status.ranges_done) == (Phase.VERIFIED, 30, 30, 1)
    assert world.equal()
    assert not world.told(Resumed)


async def test_an_empty_source_gives_an_empty_target(world):
    await world.fill([])
    status = await world.run()
    assert (status.phase, status.copied) == (Phase.VERIFIED, 0)
    assert world.held("target") == {}


async def test_once_verified_a_further_run_does_nothing(world):
    await world.fill(range(5))
    await world.run()
    world.target.faults = MortalFaults()
    before = len(world.events)
    assert (await world.run()).phase is Phase.VERIFIED
    assert len(world.events) == before
    assert not world.target.faults.written


async def test_records_added_behind_the_last_key_are_copied_before_it_is_verified(world):
    await world.fill(range(10))
    added = []

    def append_once(event):
        world.events.append(event)
        if isinstance(event, PhaseChanged) and event.after is Phase.CATCH_UP and not added:
            added.append(True)
            table = world.source.tables["docs"]
            for record in records(range(100, 112)).records():
                table.put(record.id, record, 0, 0)

    async with watched(Database.open(world.state), append_once) as control:
        await control.create(world.spec)
        await control.run(world.spec.id)
    assert phases(world) == ["preflight", "backfill", "catch_up", "backfill", "catch_up", "verified"]
    assert world.equal()
    assert world.status.copied == 22


async def test_counts_that_differ_lead_to_a_comparison_that_mends(world):
    await world.fill(range(0, 40, 2))

    def insert_within(event):
        world.events.append(event)
        if isinstance(event, PhaseChanged) and event.after is Phase.CATCH_UP:
            for record in records([7, 9]).records():  # behind every cursor
                world.source.tables["docs"].put(record.id, record, 0, 0)

    async with watched(Database.open(world.state), insert_within) as control:
        await control.create(world.spec)
        await control.run(world.spec.id)
    assert world.status.phase is Phase.VERIFIED
    assert world.equal()


async def test_going_on_compares_what_may_have_changed_behind_the_cursors(world):
    await world.fill(range(30))
    await crash(world, after=15)
    await world.remove([2])
    await world.fill([3], version=5)
    await world.run()
    (resumed,) = world.told(Resumed)
    assert (resumed.already >= 10, resumed.clean) == (True, False)
    assert world.equal()


async def test_a_source_that_is_critically_slow_ends_the_copy_until_somebody_resumes_it(world):
    await world.fill(range(30))
    spec, world.spec = world.spec, replace(world.spec, critical_source_latency=1e-12)
    with pytest.raises(Overloaded, match="which was called critical"):
        await world.run(Hasty())
    status = world.status
    assert (status.phase, status.resume_phase) == (Phase.FAILED, Phase.BACKFILL)
    assert status.error.startswith("overloaded: the source answers in")
    async with watched(Database.open(world.state), world.events.append) as control:
        await control.adjust(spec.id, {"critical_source_latency": 0.0})
        await control.run(spec.id)
    assert world.status.phase is Phase.VERIFIED
    assert world.equal()


async def test_refused_records_fail_the_gate_and_arrive_once_mended(world):
    await world.fill(range(20))
    world.target.faults.refused_ids = frozenset({4, 13})
    with pytest.raises(FinishedWithFindings, match="2 records did not arrive"):
        await world.run()
    status = world.status
    assert (status.phase, status.resume_phase, status.debt, status.dead_letters) == (
        Phase.FAILED,
        Phase.CATCH_UP,
        2,
        2,
    )
    assert world.letters == ["i:13", "i:4"]
    assert len(world.held("target")) == 18
    world.target.faults.refused_ids = frozenset()
    status = await world.run()
    assert (status.phase, status.debt, status.dead_letters) == (Phase.VERIFIED, 0, 0)
    assert world.equal()


async def test_a_refused_record_that_leaves_the_source_is_owed_no_longer(world):
    await world.fill(range(20))
    world.target.faults.refused_ids = frozenset({4})
    with pytest.raises(FinishedWithFindings):
        await world.run()
    await world.remove([4])
    world.target.faults.refused_ids = frozenset()
    assert (await world.run()).dead_letters == 0
    assert world.equal()


async def test_when_everything_is_refused_nothing_is_lost_from_sight(world):
    await world.fill(range(12))
    world.target.faults.refused_ids = frozenset(range(12))
    with pytest.raises(FinishedWithFindings, match="12 records did not arrive"):
        await world.run()
    assert (world.status.dead_letters, world.held("target")) == (12, {})


class At(list):
    """Does something when a phase is reached, once."""

    def __init__(self, phase, action):
        super().__init__()
        self._phase, self._action = phase, action

    def append(self, event):
        super().append(event)
        if isinstance(event, PhaseChanged) and event.after is self._phase and self._action:
            action, self._action = self._action, None
            action()


async def test_what_ends_a_run_is_remembered_with_its_phase(world):
    world.set(max_retries=0)
    await world.fill(range(20))
    world.events = At(Phase.PREFLIGHT, lambda: setattr(world.target.faults, "down", True))
    with pytest.raises(Unreachable):
        await world.run()
    assert (world.status.phase, world.status.resume_phase) == (Phase.FAILED, Phase.PREFLIGHT)
    assert "unreachable: connection refused" in world.status.error
    world.target.faults.down = False
    assert (await world.run()).phase is Phase.VERIFIED
    assert not world.told(Resumed)  # nothing had been copied


async def test_what_ends_before_it_began_can_be_gone_on_with(world):
    world.set(max_retries=0)
    await world.fill(range(20))
    world.target.faults.down = True
    with pytest.raises(Unreachable):
        await world.run()
    world.target.faults.down = False
    assert (await world.run()).phase is Phase.VERIFIED


async def test_what_is_verified_stays_so_while_a_side_is_away(world):
    world.set(max_retries=0)
    await world.fill(range(5))
    await world.run()
    world.target.faults.down = True
    with pytest.raises(Unreachable):
        await world.run()
    assert world.status.phase is Phase.VERIFIED


@pytest.mark.parametrize("phase", [Phase.PREFLIGHT, Phase.BACKFILL, Phase.CATCH_UP])
async def test_requests_to_the_target_are_tried_again(world, phase):
    await world.fill(range(5))
    slow = Throttled("slow down", retry_after=0.01)
    world.events = At(phase, lambda: world.target.faults.next_errors.append(slow))
    assert (await world.run()).phase is Phase.VERIFIED
    assert world.told(Retried)[0].error == "slow down"


async def test_a_target_with_records_is_refused_and_nothing_is_written(world):
    await world.fill(range(5))
    await world.fill([100], side="target")
    before = world.held("target")
    with pytest.raises(TargetNotEmpty, match=r"holds 1 record$"):
        await world.run()
    assert world.held("target") == before
    await world.rollback()
    assert (world.status.phase, world.held("target")) == (Phase.ABORTED, before)


async def test_source_and_target_must_differ(world):
    await world.fill(range(5))
    world.set(target=world.spec.source)
    with pytest.raises(UsageError, match="same collection"):
        await world.run()


async def test_a_stop_leaves_a_checkpoint_no_intent_and_a_clean_session(world):
    await world.fill(range(30))
    async with world.control() as control:
        await control.create(world.spec)
        world.events = Stopping(control, after=10)
        control._on_event = world.events.append
        await control.run(world.spec.id)
    status = world.status
    assert (status.phase, 10 <= status.copied < 30) == (Phase.BACKFILL, True)
    world.events = []
    world.target.faults = MortalFaults()
    await world.run()
    assert world.told(Resumed)[0].clean
    assert not world.told(Warned)  # nothing to wait for
    assert set(world.target.faults.written.values()) == {1}
    assert len(world.target.faults.written) == 30 - status.copied
    assert world.equal()


class Stopping(list):
    """Asks for a stop once so much is copied."""

    def __init__(self, control, after, work="backfill"):
        super().__init__()
        self._control, self._after, self._work = control, after, work

    def append(self, event):
        super().append(event)
        if isinstance(event, Progress) and event.work == self._work and event.done >= self._after:
            self._control.stop()


async def test_a_stop_while_both_sides_are_compared_fails_nothing(world, monkeypatch):
    monkeypatch.setattr(validating, "_RECORDS_A_SPAN", 5)
    await world.fill(range(40))
    await crash(world, after=20)
    async with world.control() as control:
        control._on_event = Stopping(control, 1, "validate").append
        await control.run(world.spec.id)
    assert (world.status.phase, world.status.error) == (Phase.CATCH_UP, "")
    await world.remove([3])
    assert (await world.run()).phase is Phase.VERIFIED
    assert world.equal()


# Requests that may still land.


async def test_a_write_of_a_killed_process_lands_before_anything_is_judged(world):
    await world.fill(range(10))
    Zombie(world)
    await crash(world, after=5)
    assert world.target.late
    await world.remove([0, 1])  # its landing brings them back
    await world.run()
    assert not world.target.late
    assert world.equal()


async def test_the_wait_survives_an_orderly_session_in_between(world):
    await world.fill(range(10))
    Zombie(world)
    await crash(world, after=5)
    async with world.control() as control:
        await control.pause(world.spec.id)
    await world.remove([0, 1])
    await world.run()
    assert not world.target.late
    assert world.equal()


async def test_an_unanswered_attempt_of_this_run_is_waited_for_before_it_is_verified(world):
    await world.fill(range(10))
    Zombie(world)
    await world.run()
    assert not world.target.late


async def test_a_replay_that_was_not_answered_keeps_its_mark_until_it_cannot_land(world):
    world.set(quarantine=0.5)
    await world.fill(range(10))
    world.target.faults.refused_ids = frozenset({3})
    with pytest.raises(FinishedWithFindings):
        await world.run()
    world.target.faults.refused_ids = frozenset()
    Zombie(world)
    await world.run()
    assert not world.target.late
    assert (world.status.debt, world.equal()) == (0, True)


async def test_the_wait_is_the_quarantine_and_ends_when_asked_to_stop(world):
    world.set(quarantine=3600.0)
    await world.fill(range(10))
    world.target.faults.unresolved_next = 1
    async with world.control(FakeClock()) as control:
        await control.create(world.spec)

        def hurry(event):
            if isinstance(event, Warned):
                assert "waiting 3600 s" in event.message
                control.stop()

        control._on_event = hurry
        async with asyncio.timeout(10):
            await control.run(world.spec.id)
    assert world.status.phase is Phase.CATCH_UP


async def test_a_clean_run_waits_for_nothing(world):
    world.set(quarantine=3600.0)
    await world.fill(range(10))
    async with asyncio.timeout(10):
        assert (await world.run()).phase is Phase.VERIFIED


# Records that were there before us.


@pytest.mark.parametrize("existing", [Existing.SKIP, Existing.OVERWRITE])
async def test_foreign_records_are_kept_or_replaced_as_asked(world, existing):
    world.set(existing=existing)
    await world.fill(range(20))
    await world.fill([3, 100], version=9, side="target")
    before = world.held("target")
    status = await world.run()
    assert status.phase is Phase.VERIFIED
    held = world.held("target")
    assert held[100] == before[100]
    assert held[3] == (before[3] if existing is Existing.SKIP else world.held("source")[3])
    assert {one: held[one] for one in range(20) if one != 3} == {
        one: world.held("source")[one] for one in range(20) if one != 3
    }
    report = await world.rollback()
    assert world.held("target") == before
    assert (report.deleted, report.restored) == (19, int(existing is Existing.OVERWRITE))
    assert (report.left, report.foreign_kept, report.foreign_changed) == (0, 2, 0)
    assert not report.collection_dropped


async def test_a_comparison_leaves_records_of_others_alone(world):
    world.set(existing=Existing.SKIP)
    await world.fill(range(20))
    await world.fill([3, 100], version=9, side="target")
    theirs = {one: world.held("target")[one] for one in (3, 100)}
    await crash(world, after=10)
    await world.remove([1, 3])
    await world.run()
    held = world.held("target")
    assert {one: held[one] for one in (3, 100)} == theirs
    assert held.keys() == world.held("source").keys() | {3, 100}


async def test_a_record_that_had_replaced_theirs_gives_it_back_when_the_source_loses_it(world):
    world.set(existing=Existing.OVERWRITE)
    await world.fill(range(20))
    await world.fill([3], version=9, side="target")
    before = world.held("target")
    await crash(world, after=15)
    assert world.held("target")[3] != before[3]
    await world.remove([3])
    assert (await world.run()).phase is Phase.VERIFIED
    assert world.held("target")[3] == before[3]


# Looking.


async def test_there_is_nothing_to_compare_before_the_plan_and_after_the_rollback(world):
    await world.fill(range(5))
    async with world.control() as control:
        await control.create(world.spec)
        with pytest.raises(GateRefused, match="nothing to compare"):
            await control.validate(world.spec.id, sample_size=5, full=False)


async def test_a_validation_finds_what_somebody_changed_and_a_healthy_pair_clean(world):
    await world.fill(range(20))
    await world.run()
    async with world.control() as control:
        assert (await control.validate(world.spec.id, sample_size=None, full=True)).ok
        await world.remove([3], side="target")
        await world.fill([4], version=7, side="target")
        report = await control.validate(world.spec.id, sample_size=None, full=True)
    assert (report.ok, report.missing, report.mismatched, report.extra) == (False, 1, 1, 0)
    assert {row["id"] for row in world.view("findings", 10, 0)} == {"i:3", "i:4"}


async def test_ids_that_the_target_cannot_hold_arrive_under_surrogates_and_are_taken_out_again(world):
    await world.fill([f"doc {one}" for one in range(30)])
    world.target.capabilities = replace(CAPABILITIES, id_kinds=frozenset({IdKind.MIXED}))
    status = await world.run()
    assert (status.phase, status.copied) == (Phase.VERIFIED, 30)
    assert {type(one) for one in world.held("target")} == {UUID}
    async with world.control() as control:
        seen = await control.validate(world.spec.id, sample_size=None, full=True)
    assert (seen.ok, seen.compared, seen.bit_equal) == (True, 30, 30)
    await world.remove(["doc 3"])
    await world.store("target").delete("copy", [surrogate("doc 7", IdKind.MIXED)])
    async with world.control() as control:
        assert not (await control.validate(world.spec.id, sample_size=None, full=True)).ok
    assert {(one["kind"], one["id"]) for one in world.view("findings", 10, 0)} == {
        ("extra", "s:doc 3"),
        ("missing", "s:doc 7"),
    }
    assert (await world.rollback()).left == 0


async def test_only_what_was_chosen_is_moved_compared_and_taken_out(world):
    chosen = Selection({"field": "version", "eq": 1})
    world.set(mapping=MappingOptions(selection=chosen))
    await world.fill(range(20))
    await world.fill(range(5, 9), version=1)
    status = await world.run()
    assert (status.phase, status.total, status.copied) == (Phase.VERIFIED, 4, 4)
    assert list(world.held("target")) == [5, 6, 7, 8]
    await world.fill([6], version=0)  # it belongs no longer
    async with world.control() as control:
        assert not (await control.validate(world.spec.id, sample_size=None, full=True)).ok
    assert [(one["kind"], one["id"]) for one in world.view("findings", 10, 0)] == [("extra", "i:6")]


async def test_edited_values_arrive_and_are_compared_as_edited(world):
    edits = (
        Edit("version", FieldType.TEXT),
        Edit("title", redact=Redaction.HASH),
        Edit("lang", default="en"),
    )
    target = replace(world.spec.target, redact_key="file:" + str(world.state.with_name("key")))
    world.state.with_name("key").write_text("k\n")
    world.set(mapping=MappingOptions(edits=edits), target=target)
    await world.fill(range(12))
    assert (await world.run()).phase is Phase.VERIFIED
    held = record_from_bytes(world.held("target")[3]).payload
    digest = hmac.new(b"k", b'"title 3"', hashlib.sha256).hexdigest()
    assert held == {"version": "0", "title": digest, "lang": "en"}
    async with world.control() as control:
        assert (await control.validate(world.spec.id, sample_size=None, full=True)).ok
