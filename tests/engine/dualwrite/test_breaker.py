from vectormigrate.engine.dualwrite.breaker import Breaker
from vectormigrate.model.errors import Throttled, Unreachable

GONE = Unreachable("gone")


def test_there_is_room_for_as_many_as_it_may_be():
    breaker = Breaker(8, 30.0)
    assert [breaker.room(running, 0.0) for running in (0, 5, 8, 9)] == [8, 3, 0, 0]


def test_each_failure_halves_what_may_be_under_way_down_to_one():
    breaker = Breaker(8, 30.0)
    breaker.failed(GONE, 0.0)
    assert breaker.room(0, 0.0) == 4
    breaker.failed(GONE, 0.0)
    assert breaker.room(0, 0.0) == 2
    for _ in range(5):
        breaker.failed(GONE, 0.0)
    assert breaker.room(0, 1000.0) == 1  # a probe


def test_it_comes_back_by_one_a_round_and_never_beyond_its_most():
    breaker = Breaker(8, 30.0)
    for _ in range(3):
        breaker.failed(GONE, 0.0)
    breaker.worked()
    assert breaker.room(0, 100.0) == 2
    answered = 1
    while breaker.room(0, 100.0) < 8:
        breaker.worked()
        answered += 1
    assert 8 < answered < 40  # a round of n answers gives one more
    for _ in range(50):
        breaker.worked()
    assert breaker.room(0, 100.0) == 8


def test_three_failures_in_a_row_open_it_once_and_an_answer_closes_it_once():
    breaker = Breaker(8, 30.0)
    assert [breaker.failed(GONE, 0.0) for _ in range(4)] == [False, False, True, False]
    assert (breaker.open, breaker.error, breaker.failures) == (True, GONE, 4)
    assert [breaker.worked(), breaker.worked()] == [True, False]
    assert (breaker.open, breaker.error, breaker.failures) == (False, None, 0)


def test_a_success_between_them_starts_the_row_anew():
    breaker = Breaker(8, 30.0)
    for _ in range(5):
        breaker.failed(GONE, 0.0)
        breaker.failed(GONE, 0.0)
        breaker.worked()
    assert not breaker.open


def test_while_open_it_probes_less_and_less_often_up_to_the_longest():
    breaker = Breaker(8, 30.0)
    waits = []
    now = 0.0
    for _ in range(12):
        breaker.failed(GONE, now)
        waits.append(breaker.wait(now))
        now += waits[-1]
    assert waits[:2] == [0.0, 0.0]  # not open yet: only fewer at once
    assert waits[2:6] == [2.0, 4.0, 8.0, 16.0]
    assert waits[-1] == 30.0
    assert breaker.room(0, now - 0.001) == 0
    assert breaker.room(0, now) == 1


def test_what_the_secondary_asks_for_is_waited_for_even_when_it_is_not_down():
    breaker = Breaker(8, 30.0)
    breaker.failed(Throttled("less", retry_after=7.0), 100.0)
    assert (breaker.open, breaker.wait(100.0), breaker.room(0, 106.9)) == (False, 7.0, 0)
    assert breaker.room(0, 107.0) == 4
    breaker.failed(GONE, 101.0)
    assert breaker.wait(101.0) == 6.0  # a later failure does not shorten it
