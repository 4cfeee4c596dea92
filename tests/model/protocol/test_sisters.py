"""Predicate, cutover and rollback hold, and none of their guards is there for nothing."""

from dataclasses import replace

import pytest

from . import cutover, predicate, rollback
from .cutover import Cutover
from .explore import explore
from .predicate import Predicate
from .rollback import Rollback

SISTERS = {Predicate: predicate, Cutover: cutover, Rollback: rollback}


def named(value):
    return getattr(value, "name", getattr(value, "__name__", ""))


@pytest.mark.parametrize(
    ("model", "scenario"),
    [(model, scenario) for model, room in SISTERS.items() for scenario in room.HOLDS],
    ids=named,
)
def test_nothing_goes_wrong_and_all_can_settle(model, scenario):
    walk = explore(model(scenario), live=True)
    assert walk.complete, walk.told()
    assert not walk.wrong, f"{scenario}\n{walk.told()}"


@pytest.mark.parametrize(
    ("model", "guard", "scenario", "steps"),
    [(model, *removal) for model, room in SISTERS.items() for removal in room.REMOVALS],
    ids=named,
)
def test_without_a_guard_something_does(model, guard, scenario, steps):
    assert not explore(model(scenario)).wrong
    walk = explore(model(replace(scenario, without=frozenset({guard}))))
    assert walk.wrong
    assert walk.steps <= steps, walk.told()


@pytest.mark.parametrize("room", SISTERS.values(), ids=named)
def test_every_guard_is_removed_once(room):
    assert [guard for guard, _, _ in room.REMOVALS] == list(room.Guard)
