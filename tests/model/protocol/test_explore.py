"""The walk itself, over models small enough to count by hand."""

from dataclasses import dataclass

import pytest

from .explore import explore


@dataclass
class Counter:
    """Counts up by one or by two to a limit, where it rests."""

    limit: int = 6
    bad: int | None = None
    trap: int | None = None

    def start(self):
        return 0

    def moves(self, state):
        if state == self.trap:
            return []
        return [(f"+{step}", state + step) for step in (1, 2) if state + step <= self.limit]

    def wrong(self, state):
        return "bad number" if state == self.bad else ""

    def settled(self, state):
        return state == self.limit


def test_every_state_is_visited_once():
    walk = explore(Counter(6), live=True)
    assert (walk.states, walk.complete, walk.wrong) == (7, True, "")
    assert walk.told() == "7 states, complete, nothing wrong"


def test_the_story_to_a_wrong_state_is_the_shortest():
    walk = explore(Counter(6, bad=5))
    assert walk.story == ("+1", "+2", "+2")
    assert not walk.complete
    assert walk.told().splitlines()[0] == "bad number, after 3 steps:"


def test_a_wrong_start_has_an_empty_story():
    walk = explore(Counter(6, bad=0))
    assert (walk.wrong, walk.steps) == ("bad number", 0)


def test_a_walk_can_be_stopped():
    walk = explore(Counter(1000), most=10, live=True)
    assert 10 <= walk.states <= 12
    assert not walk.complete
    assert not walk.wrong


@pytest.mark.parametrize(("live", "found"), [(True, "no settled state can be reached any more"), (False, "")])
def test_a_dead_end_is_wrong_if_liveness_is_asked_for(live, found):
    walk = explore(Counter(6, trap=4), live=live)
    assert walk.wrong == found
    assert walk.complete
    assert walk.steps == (2 if live else 0)


def test_ways_back_are_followed_as_often_as_needed():
    class Ladder(Counter):
        """Up by one as far as the limit; settled only at 1, to which each leads down by one."""

        def moves(self, state):
            return [("up", state + 1)][: state < self.limit] + [("down", state - 1)][: state > 1]

        def settled(self, state):
            return state == 1

    assert explore(Ladder(50), live=True).told() == "51 states, complete, nothing wrong"
