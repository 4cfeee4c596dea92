"""The table of phases, as a graph."""

from __future__ import annotations

import pytest

from vectormigrate.model.errors import IllegalTransition
from vectormigrate.model.phase import FINAL, TRANSITIONS, Phase, check_transition


def reachable(start: Phase) -> set[Phase]:
    seen, todo = {start}, [start]
    while todo:
        fresh = TRANSITIONS[todo.pop()] - seen
        seen |= fresh
        todo += fresh
    return seen


def test_every_phase_is_in_the_table_and_can_be_reached():
    assert TRANSITIONS.keys() == set(Phase)
    assert reachable(Phase.CREATED) == set(Phase)


@pytest.mark.parametrize("phase", sorted(set(Phase) - FINAL))
def test_every_phase_that_is_not_final_has_a_way_out_and_a_way_to_give_up(phase: Phase):
    assert TRANSITIONS[phase]
    assert reachable(phase) & {Phase.ROLLED_BACK, Phase.ABORTED}


def test_what_is_final_is_final():
    assert {Phase.COMMITTED, Phase.ROLLED_BACK, Phase.ABORTED} == FINAL


def test_nobody_moves_to_where_it_is():
    assert not any(phase in onward for phase, onward in TRANSITIONS.items())


@pytest.mark.parametrize("current", Phase)
@pytest.mark.parametrize("wanted", Phase)
def test_exactly_the_moves_of_the_table_are_allowed(current: Phase, wanted: Phase):
    if wanted in TRANSITIONS[current]:
        check_transition(current, wanted)
        return
    with pytest.raises(IllegalTransition) as caught:
        check_transition(current, wanted)
    assert current in caught.value.message
    assert wanted in caught.value.message
    assert ("final" in caught.value.hint) == (current in FINAL)


def test_a_migration_that_wrote_nothing_is_aborted_and_one_that_did_is_rolled_back():
    assert Phase.ABORTED in TRANSITIONS[Phase.PREFLIGHT]
    assert Phase.ABORTED not in TRANSITIONS[Phase.BACKFILL]
