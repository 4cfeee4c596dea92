from datetime import UTC, datetime

import pytest

from vectormigrate.model.schedule import schedule

MONDAY = 5
"""Of January 2026."""


def at(day, hour, minute=0):
    return datetime(2026, 1, MONDAY + day, hour, minute, tzinfo=UTC)


def test_a_window_holds_its_beginning_and_not_its_end():
    office = schedule("09:00-17:30")
    assert [office.holds(at(2, *time)) for time in ((8, 59), (9, 0), (17, 29), (17, 30))] == [
        False,
        True,
        True,
        False,
    ]


def test_a_night_belongs_to_the_day_on_which_it_begins():
    nights = schedule("fri 22:00-06:00")
    assert nights.holds(at(4, 23))
    assert nights.holds(at(5, 5, 59))
    assert not nights.holds(at(4, 5))
    assert not nights.holds(at(5, 23))
    assert schedule("sun 22:00-06:00").holds(at(0, 1))


def test_any_of_several_windows_is_enough():
    quiet = schedule("Mon-Fri 20:00-07:00, sat-sun 00:00-24:00")
    assert [quiet.holds(at(day, 12)) for day in range(7)] == [False] * 5 + [True] * 2
    assert quiet.holds(at(5, 0))
    assert not quiet.holds(at(0, 6))  # nobody named the night from Sunday
    assert quiet.holds(at(6, 23, 59))


def test_days_go_over_the_end_of_the_week():
    assert [schedule("sat-mon 00:00-24:00").holds(at(day, 1)) for day in range(7)] == [
        True,
        False,
        False,
        False,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("at night", "HH:MM-HH:MM"),
        ("9:00-10:00", "HH:MM-HH:MM"),
        ("", "HH:MM-HH:MM"),
        ("10:00-24:01", "from 00:00 to 24:00"),
        ("10:60-11:00", "from 00:00 to 24:00"),
        ("10:00-10:00", "different"),
        ("24:00-10:00", "different"),
        ("son 10:00-11:00", "days among mon"),
        ("mon-xxx 10:00-11:00", "days among mon"),
    ],
)
def test_what_is_no_schedule_is_said(text, says):
    with pytest.raises(ValueError, match=says):
        schedule(text)
