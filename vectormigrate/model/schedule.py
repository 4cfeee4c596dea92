"""Hours of the week, as people write them: `22:00-06:00`, `mon-fri 20:00-07:00, sat-sun 00:00-24:00`. Always UTC.

A window that ends before it begins goes on over midnight, and belongs to the day on which it begins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WINDOW = re.compile(
    r"(?:(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))?\s+)?"
    r"(?P<from>\d\d:\d\d)\s*-\s*(?P<to>\d\d:\d\d)"
)
_DAY = 24 * 60
"""Minutes."""


@dataclass(frozen=True, slots=True)
class Window:
    """From one minute of the day to another, on some days; 0 is Monday."""

    days: frozenset[int]
    begins: int
    ends: int

    def holds(self, day: int, minute: int) -> bool:
        """Whether that minute of that day is in it."""
        if self.begins < self.ends:
            return day in self.days and self.begins <= minute < self.ends
        evening = day in self.days and minute >= self.begins
        return evening or ((day - 1) % 7 in self.days and minute < self.ends)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Windows; one of them is enough."""

    windows: tuple[Window, ...]

    def holds(self, at: datetime) -> bool:
        """Whether a moment, in UTC, is in one of them."""
        minute = at.hour * 60 + at.minute
        return any(window.holds(at.weekday(), minute) for window in self.windows)


def schedule(text: str) -> Schedule:
    """The schedule that a text means. Raises ValueError, whose text says what would be one."""
    return Schedule(tuple(_window(part.strip().lower()) for part in text.split(",")))


def _window(text: str) -> Window:
    found = _WINDOW.fullmatch(text)
    if found is None:
        raise ValueError("hours as HH:MM-HH:MM, after days (mon-fri) or none, in UTC")
    begins, ends = _minute(found["from"]), _minute(found["to"])
    if begins in (ends, _DAY):
        raise ValueError("hours that begin and end at different times of the day")
    return Window(_days(found["first"], found["last"]), begins, ends)


def _minute(text: str) -> int:
    hours, minutes = map(int, text.split(":"))
    if minutes > 59 or hours * 60 + minutes > _DAY:
        raise ValueError("hours from 00:00 to 24:00")
    return hours * 60 + minutes


def _days(first: str | None, last: str | None) -> frozenset[int]:
    if first is None:
        return frozenset(range(7))
    if first not in _DAYS or (last or first) not in _DAYS:
        raise ValueError(f"days among {', '.join(_DAYS)}")
    begins = _DAYS.index(first)
    count = (_DAYS.index(last or first) - begins) % 7 + 1
    return frozenset((begins + one) % 7 for one in range(count))
