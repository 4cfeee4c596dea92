from tests.fakes.clock import FakeClock
from vectormigrate.api.ratelimit import IDLE, MOST, Limiter


def limiter(**words):
    clock = FakeClock()
    return clock, Limiter(60, 3, clock.monotonic, **words)


def test_a_bucket_is_emptied_and_filled_again():
    clock, limit = limiter()
    assert [limit.take("a") for _ in range(5)] == [0, 0, 0, 1.0, 1.0]
    assert limit.refused("a") == 2
    assert limit.take("b") == 0
    clock.advance(0.5)
    assert limit.take("a") == 0.5
    clock.advance(0.5)
    assert limit.take("a") == 0
    assert limit.refused("a") == 0
    clock.advance(100)
    assert [limit.take("a") for _ in range(4)] == [0, 0, 0, 1.0]


def test_to_look_takes_nothing():
    clock, limit = limiter()
    assert limit.wait("a") == 0
    assert len(limit) == 0
    for _ in range(3):
        limit.take("a")
    assert limit.wait("a") == limit.wait("a") == 1.0
    clock.advance(1)
    assert limit.wait("a") == 0
    assert limit.refused("nobody") == 0


def test_a_hundred_thousand_names_take_the_room_of_ten_thousand():
    _, limit = limiter()
    for number in range(100_000):
        assert limit.take(f"name {number}") == 0
    assert len(limit) == MOST


def test_who_was_longest_away_is_forgotten_first():
    clock, limit = limiter(most=2)
    for name in ("a", "b", "a", "c"):
        limit.take(name)
        clock.advance(0.01)
    assert [limit.take("a") for _ in range(2)][1] > 0
    assert len(limit) == 2


def test_the_idle_are_forgotten():
    clock, limit = limiter()
    limit.take("a")
    clock.advance(IDLE + 1)
    limit.take("b")
    assert len(limit) == 1


def test_several_at_once_are_let_through_together_or_not_at_all():
    clock, limit = limiter()
    assert limit.at_once == 3
    assert limit.take("a", 2) == 0
    assert limit.take("a", 2) == limit.wait("a", 2) == 1.0
    assert limit.refused("a") == 1
    assert limit.take("a") == 0
    clock.advance(3)
    assert limit.take("a", 3) == 0
    assert limit.take("a") == 1.0
