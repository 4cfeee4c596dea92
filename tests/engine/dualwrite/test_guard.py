from vectormigrate.engine.dualwrite.guard import DeleteGuard


def saw(guard, strange, times=1):
    for _ in range(times):
        guard.saw(strange=strange)


def test_a_share_says_nothing_before_there_were_enough_replays():
    guard = DeleteGuard(0.05)
    saw(guard, True, 49)
    assert not guard.tripped
    saw(guard, True)
    assert guard.tripped


def test_it_trips_above_the_share_and_not_at_it():
    guard = DeleteGuard(0.05)
    saw(guard, False, 95)
    saw(guard, True, 5)
    assert not guard.tripped
    saw(guard, True)
    assert guard.tripped


def test_only_the_last_thousand_count():
    guard = DeleteGuard(0.05)
    saw(guard, True, 60)
    saw(guard, False, 940)
    assert guard.tripped
    saw(guard, False, 10)
    assert not guard.tripped
    saw(guard, False, 2000)
    saw(guard, True, 50)
    assert not guard.tripped


def test_somebody_may_say_that_it_is_true():
    guard = DeleteGuard(0.05)
    saw(guard, True, 100)
    guard.reset()
    assert not guard.tripped
    saw(guard, False, 100)
    assert not guard.tripped
