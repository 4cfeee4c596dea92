"""Chance is seeded; requests meet what was asked for, in turn."""

from __future__ import annotations

import pytest

from vectormigrate.model.errors import StoreDown, Throttled, Unreachable
from vectormigrate.stores.memory import Faults


def test_nothing_happens_unless_asked_for():
    faults = Faults()
    faults.check_request()
    assert faults.refuses("a") is None
    assert not faults.loses_answer()


def test_being_down_comes_before_everything_else():
    faults = Faults(down=True)
    faults.next_errors.append(StoreDown("full"))
    with pytest.raises(Unreachable):
        faults.check_request()
    faults.down = False
    with pytest.raises(StoreDown):
        faults.check_request()
    faults.check_request()


def test_throttling_is_a_share_of_the_requests_and_says_how_long():
    def throttled(seed: int) -> list[tuple[int, float | None]]:
        faults = Faults(seed=seed, throttle_rate=0.25, retry_after=2.5)
        hit = []
        for request in range(400):
            try:
                faults.check_request()
            except Throttled as error:
                hit.append((request, error.retry_after))
        return hit

    assert 60 < len(throttled(1)) < 140
    assert {seconds for _, seconds in throttled(1)} == {2.5}
    assert throttled(1) == throttled(1) != throttled(2)


def test_a_share_of_the_records_is_refused_and_always_the_same_ones():
    faults = Faults(seed=3, refused_rate=0.1)
    refused = [record_id for record_id in range(2000) if faults.refuses(record_id)]
    assert 140 < len(refused) < 260
    assert refused == [record_id for record_id in range(2000) if faults.refuses(record_id)]
    error = faults.refuses(refused[0])
    assert error is not None
    assert error.ids == (f"i:{refused[0]}",)


def test_given_ids_are_refused():
    faults = Faults(refused_ids=frozenset({"bad", 5}))
    assert [record_id for record_id in ("bad", "5", 5, "good") if faults.refuses(record_id)] == ["bad", 5]


def test_answers_are_lost_so_many_times_then_by_rate():
    faults = Faults(seed=1, unresolved_next=2)
    assert [faults.loses_answer() for _ in range(4)] == [True, True, False, False]
    faults.unresolved_rate = 0.5
    lost = [faults.loses_answer() for _ in range(200)]
    assert 70 < sum(lost) < 130
