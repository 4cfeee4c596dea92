"""What the simulation found in the engine, each reduced to its shortest story."""

from __future__ import annotations

import pytest

from tests.simulation.live.network import Faults
from tests.simulation.live.world import World
from vectormigrate.model.phase import Phase
from vectormigrate.model.specification import Existing


@pytest.fixture
def installation(tmp_path):
    """Makes a world and brings it to where both sides are kept equal."""
    made = []

    def make(**kinds):
        world = World(tmp_path / "state.db", 1, **kinds)
        made.append(world)
        world.boot()
        world.command("attest", by="somebody")
        assert world.until(Phase.VERIFIED)
        return world

    yield make
    for world in made:
        world.close()


def reversed_roles(world):
    world.command("cutover")
    assert world.until(Phase.REVERSED)
    return world


def test_an_insert_whose_id_was_never_told_is_found(installation):
    world = installation()
    world.source.faults = Faults(unanswered=1.0)
    world.write("add", [])
    world.run(0.05)
    world.settle()
    assert 100 in world.target.rows


def test_so_it_is_behind_a_kill(installation):
    world = installation()
    world.source.faults = Faults(late=1.0)
    world.write("add", [])
    world.run(0.05)
    world.kill()
    world.boot()
    world.settle()
    assert 100 in world.target.rows


def test_an_insert_whose_mark_the_disk_does_not_take_is_answered_and_found(installation):
    world = installation()
    world.source.faults = Faults(slow=1.0)
    world.write("add", [])
    world.run(0.01)
    world.database.full = True
    world.run(2.0)
    world.settle()
    assert 100 in world.target.rows


def test_a_gap_is_not_closed_while_a_predicate_behind_it_may_land(installation):
    world = installation()
    world.write("set", [0, 1])
    world.run(1.0)
    world.database.full = True
    world.source.faults = Faults(last=1.0)
    world.write("predicate", [])
    world.run(0.05)
    world.settle()


def test_a_restart_in_good_order_waits_for_a_predicate_that_was_not_answered(installation):
    world = installation()
    world.write("set", [0, 1])
    world.run(1.0)
    world.source.faults = Faults(last=1.0)
    world.write("predicate", [])
    world.run(0.05)
    world.stop()
    world.boot()
    world.settle()


def test_nothing_reaches_the_source_behind_a_commit(installation):
    world = reversed_roles(installation())
    world.source.faults = Faults(slow=1.0)
    for one in range(8):
        world.write("set", [one], after=0.003 * one)
    world.command("commit", after=0.045)
    world.run(2.0)
    world.settle()
    assert world.phase is Phase.COMMITTED


def test_a_pause_that_is_refused_leaves_the_comparison_to_its_work(installation):
    world = installation()
    world.command("pause")
    world.run(0.5)
    world.write("clear", [])
    world.settle()


def test_a_foreign_record_that_is_not_taken_back_is_owed(installation):
    world = installation(foreign={6: 1006}, existing=Existing.OVERWRITE)
    world.target.faults = Faults(poison=2)
    world.write("delete", [6])
    world.run(1.0)
    assert world.target.rows[6] == -7
    assert world.watch.held.dead == {6}
    world.settle()


def test_a_full_disk_where_a_foreign_record_is_overwritten_ends_no_replay(installation):
    world = installation(foreign={6: 1006}, existing=Existing.OVERWRITE)
    world.write("delete", [6])
    world.run(1.0)
    world.write("set", [6])
    world.run(0.01)
    world.database.full = True
    world.run(1.0)
    world.settle()


def test_a_filter_takes_in_what_listings_do_not_show_yet(installation):
    world = installation(stale=True, barrier=False)
    for one in range(5):
        world.write("set", [one], hinted=True)
    world.run(0.07)
    world.write("predicate", [])
    world.run(0.03)
    world.settle()
    assert not any(value > 0 for value in world.target.rows.values())


def test_a_write_beside_one_that_was_only_accepted_gives_no_hint(installation):
    world = installation(stale=True)
    for _ in range(8):
        world.write("queued", [3])
        world.run(0.002)
        world.write("set", [3], hinted=True)
        world.run(0.5)
    world.settle()


def test_a_resume_does_not_keep_a_pause_waiting(installation):
    world = installation()
    world.command("pause")
    world.command("resume")
    world.command("pause")
    world.run(2.0)
    assert not world.handlers


def test_a_hint_is_not_used_behind_a_request_that_emptied_the_collection(installation):
    world = installation()
    for _ in range(20):
        world.write("set", [2], hinted=True)
        world.write("clear", [], after=0.004)
        world.run(0.21)
    world.settle()


def test_a_record_that_a_hint_leaves_out_is_not_taken_for_deleted(installation):
    world = installation()
    for _ in range(20):
        world.write("delete", [0, 1, 2, 3])
        world.write("set", [0, 1, 2, 3], hinted=True, after=0.02)
        world.run(0.21)
    world.settle()


def test_a_gap_is_not_closed_by_a_comparison_that_does_not_see_yet_what_left_unmarked(installation):
    world = installation(stale=True, barrier=False)
    for _ in range(8):
        world.database.full = True
        world.write("set", [1])
        world.run(0.02)
        world.database.full = False
        world.run(0.73)
        world.write("set", [5])
        world.run(0.2)
    world.settle()


def test_a_late_write_over_a_foreign_record_that_was_put_back_is_undone_by_a_rollback(installation):
    world = reversed_roles(installation(foreign={6: 1006}, existing=Existing.OVERWRITE))
    world.target.faults = Faults(last=1.0)
    world.write("set", [6])
    world.run(0.05)
    world.target.faults = Faults()
    world.write("delete", [6])
    world.run(10.0)
    world.command("revert")
    assert world.until(Phase.VERIFIED)
    world.leave()


def test_behind_a_crash_a_foreign_record_is_not_shown_for_the_one_that_was_to_replace_it(installation):
    world = reversed_roles(installation(foreign={50: 1050}, existing=Existing.OVERWRITE))
    world.target.faults = Faults(lost=1.0)
    world.write("set", [50])
    world.run(0.05)
    world.kill()
    world.target.faults = Faults()
    world.boot()
    world.read([50])
    world.run(1.0)
    world.settle()
