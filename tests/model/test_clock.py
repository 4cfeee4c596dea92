"""The protocol is met by the clock that the tests use."""

from __future__ import annotations

from datetime import UTC

from tests.fakes.clock import FakeClock
from vectormigrate.model.clock import Clock


def test_a_clock_tells_the_time_in_utc_and_never_goes_back():
    clock: Clock = FakeClock()
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()
