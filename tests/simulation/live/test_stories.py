"""Seeded stories: a share of the seeds that the integration tests tell by the thousand, and guards that they must miss.

A seed that fails tells the same story again: `story.tell(SEED)`.
"""

from __future__ import annotations

import pytest

from tests.simulation.live.story import tell, tell_many
from tests.simulation.live.watch import Violation
from vectormigrate.engine.dualwrite.terms import Guards


@pytest.mark.parametrize("first", range(0, 200, 20))
def test_the_protocol_holds(first):
    tell_many(range(first, first + 20))


def test_a_seed_tells_the_same_story_again():
    once, again = tell(77), tell(77)
    assert once.clock.seconds == again.clock.seconds
    assert once.events == again.events
    assert once.target.rows == again.target.rows


@pytest.mark.parametrize(
    ("guard", "seeds"),
    [("mark_first", 5), ("generation", 10), ("in_flight", 10), ("delete_absent", 10), ("fresh_read", 30)],
)
def test_a_missing_guard_is_missed(guard, seeds):
    missing = Guards(**{guard: False})
    with pytest.raises(Violation):
        tell_many(range(seeds), guards=missing)


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_the_protocol_holds_for_a_target_in_two_parts(first):
    tell_many(range(first, first + 20), split=True)


@pytest.mark.parametrize("seed", [213, 1159, 1462])
def test_a_late_delete_of_a_record_that_moved_takes_no_newer_one_away(seed):
    tell(seed, split=True)
