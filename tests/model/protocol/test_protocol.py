"""The protocol of one id holds, and no guard of it is there for nothing.

Small scenarios only; `integration/test_model.py` walks the large ones.
"""

from pathlib import Path

import pytest

from . import cutover, predicate, rollback
from .catalogue import REMOVALS, SMALL, described
from .explore import explore
from .protocol import OneId
from .state import FOREIGN, SET, TARGET, Guard, Scenario


@pytest.mark.parametrize("scenario", SMALL, ids=described)
def test_settled_is_equal_nothing_is_orphaned_and_all_can_settle(scenario):
    walk = explore(OneId(scenario), live=True)
    assert walk.complete, walk.told()
    assert not walk.wrong, walk.told()


@pytest.mark.parametrize("removal", REMOVALS, ids=lambda removal: removal.guard.name.lower())
def test_without_a_guard_a_copy_stays_wrong_or_nobody_owns_it(removal):
    assert removal.copy or removal.orphan
    for orphans, steps in ((False, removal.copy), (True, removal.orphan)):
        walk = explore(OneId(removal.looking_for(orphans=orphans)))
        assert bool(walk.wrong) == (steps is not None), walk.told()
        assert walk.steps <= (steps or 0), walk.told()


def test_every_guard_is_removed_once():
    assert sorted(removal.guard for removal in REMOVALS) == sorted(Guard)


@pytest.mark.parametrize("scenario", {removal.scenario: None for removal in REMOVALS}, ids=described)
def test_with_every_guard_the_same_scenarios_hold(scenario):
    walk = explore(OneId(scenario), live=True)
    assert walk.complete, walk.told()


def test_the_second_form_of_the_wait_needs_hints_off():
    walk = explore(OneId(Scenario(writers=(SET,), page_waits=False, barriers=False)))
    assert "replay takes the hint" in walk.story


def test_the_second_form_of_the_wait_needs_barriers_off():
    walk = explore(OneId(Scenario(writers=(SET,), page_waits=False, hints=False)))
    assert walk.wrong


def test_a_record_that_was_there_before_is_replaced():
    model = OneId(Scenario(writers=(SET,), foreign=True))
    assert model.start()[TARGET] == FOREIGN
    assert explore(model, live=True).complete


def test_the_page_of_the_protocol_tells_what_was_found():
    page = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text()
    told = [line for line in page.splitlines() if line.startswith("|") and line[-3] in "-0123456789"]
    sisters = [removal for room in (predicate, cutover, rollback) for removal in room.REMOVALS]
    found = [removal.row for removal in REMOVALS] + [f"| {guard} | {steps} |" for guard, _, steps in sisters]
    assert [line for line in told if not line.startswith("|---")] == found


def test_nothing_holds_because_it_never_happens():
    happened = set()

    class Listening(OneId):
        def moves(self, state):
            out = super().moves(state)
            happened.update(name for name, _ in out)
            return out

    for scenario in SMALL:
        explore(Listening(scenario), most=20_000)
    for part in (
        "set is marked", "source rejects set", "answer to delete is lost", "late delete reaches the source",
        "replay takes the hint", "clearing replay reads 0", "provisional replay reads 1", "clear is committed",
        "answer to the replay is lost", "target applies late replay of 2", "boot quarantine ends",
        "source-side quarantine ends", "target-side quarantine ends", "the reconciler marks", "the daemon is killed",
        "page 2: intent is committed", "page 1: lists nothing", "page 1: answer is lost", "page 1: worker dies",
        "page 1: lease ends", "page 1: worker gives up, its lease is over", "page 1: late write of 1 lands",
        "page 1: reports an unanswered attempt", "page 1: report is refused", "page 1: intent lapses",
        "page 1: the rest of the close is committed", "the range is scanned again",
    ):  # fmt: skip
        assert part in happened, part
