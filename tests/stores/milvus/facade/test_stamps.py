"""Stamps grow, whatever the clock does."""

from __future__ import annotations

from datetime import timedelta

from tests.fakes.clock import FakeClock
from vectormigrate.stores.milvus.facade.stamps import Stamps


def test_a_stamp_is_milliseconds_and_a_count():
    clock = FakeClock()
    stamps = Stamps(clock)
    first = stamps.take()
    assert first >> 18 == int(clock.now().timestamp() * 1000)
    assert stamps.take() == first + 1
    assert stamps.take(5) == first + 2
    assert stamps.take() == first + 7


def test_a_clock_that_goes_back_is_not_followed():
    class Back(FakeClock):
        def now(self):
            self.calls = getattr(self, "calls", 0) + 1
            return super().now() - timedelta(hours=self.calls)

    stamps = Stamps(Back())
    given = [stamps.take() for _ in range(3)]
    assert given == sorted(set(given))
