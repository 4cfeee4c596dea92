import pytest

from tests.fakes.clock import FakeClock
from vectormigrate.engine.drift import Drift


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def drift(clock):
    return Drift(clock)


def due_after(drift, clock, seconds):
    """Whether it is due so many seconds later, and not a moment earlier."""
    clock.advance(seconds - 0.1)
    early = drift.due()
    clock.advance(0.1)
    return not early and drift.due()


def test_it_looks_soon_and_then_every_five_minutes(drift, clock):
    assert due_after(drift, clock, 5)
    assert not drift.differ(3, 3)
    assert due_after(drift, clock, 300)


def test_a_difference_is_believed_when_it_is_the_same_at_the_next_look_which_is_soon(drift, clock):
    assert due_after(drift, clock, 5)
    assert not drift.differ(3, 4)
    assert due_after(drift, clock, 5)
    assert drift.differ(3, 4)


def test_what_is_believed_is_said_once(drift, clock):
    drift.differ(3, 4)
    assert drift.differ(3, 4)
    assert not drift.differ(3, 4)


def test_another_difference_starts_anew(drift):
    assert [drift.differ(3, 4), drift.differ(3, 5), drift.differ(4, 5), drift.differ(4, 5)] == [
        False,
        False,
        False,
        True,
    ]


def test_agreement_in_between_forgets_it(drift):
    assert [drift.differ(3, 4), drift.differ(4, 4), drift.differ(3, 4)] == [False, False, False]


def test_a_look_that_was_missed_comes_soon_again_while_something_is_suspected(drift, clock):
    clock.advance(5)
    assert drift.due()
    drift.differ(3, 4)
    clock.advance(5)
    assert drift.due()  # and the look could not be taken: something was owed
    assert due_after(drift, clock, 5)
