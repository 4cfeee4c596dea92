"""A clock that a test moves."""

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Both clocks stand still until `advance`."""

    def __init__(self):
        self._seconds = 1000.0

    def now(self):
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self._seconds)

    def monotonic(self):
        return self._seconds

    def advance(self, seconds):
        self._seconds += seconds
