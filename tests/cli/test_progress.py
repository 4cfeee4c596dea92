"""What is seen while a command works."""

import io

import pytest

from vectormigrate.cli.progress import Follower, Pace, left
from vectormigrate.model.events import (
    DeadLettered,
    PhaseChanged,
    Progress,
    Resumed,
    Retried,
    Warned,
)
from vectormigrate.model.phase import Phase


class Clock:
    """Seconds that pass when told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def clock():
    return Clock()


def follow(clock, **options):
    return Follower(io.StringIO(), monotonic=clock, **options)


def lines(follower):
    return follower._stream.getvalue().splitlines()


def test_a_line_each_ten_seconds_and_one_at_the_end(clock):
    follower = follow(clock)
    for second in range(24):
        clock.now = 1000 + second
        follower(Progress("docs", "backfill", second * 100, 2300))
    assert lines(follower) == [
        "backfill: 0 of 2,300 (0%)",
        "backfill: 1,000 of 2,300 (43%), 100/s, 13 s left",
        "backfill: 2,000 of 2,300 (87%), 100/s, 3 s left",
        "backfill: 2,300 of 2,300 (100%), 100/s",
    ]


def test_the_end_is_told_once(clock):
    follower = follow(clock)
    for _ in range(3):
        follower(Progress("docs", "backfill", 5, 5))
    assert len(lines(follower)) == 1


def test_an_unknown_total(clock):
    follower = follow(clock)
    follower(Progress("docs", "rollback", 1000, None))
    assert lines(follower) == ["rollback: 1,000"]


def test_the_rate_is_that_of_the_last_seconds():
    pace = Pace()
    for second, done in ((0, 0), (100, 10), (110, 1010), (114, 1410)):
        pace.add(second, done)
    assert pace.rate == 100


def test_quiet_still_warns(clock):
    follower = follow(clock, quiet=True)
    follower(Progress("docs", "backfill", 1, 2))
    follower(Resumed("docs", 3, True))
    follower(Warned("docs", "look out"))
    follower(DeadLettered("docs", "i:3", "too long"))
    assert lines(follower) == ["warning: look out", "warning: refused for good: record i:3: too long"]


def test_a_flood_of_refusals_is_cut_short(clock):
    follower = follow(clock)
    for number in range(30):
        follower(DeadLettered("docs", f"i:{number}", f"record i:{number} is refused: \0"))
    told = lines(follower)
    assert told[0] == "warning: refused for good: record i:0 is refused: \\x00"
    assert len(told) == 11
    assert told[-1] == "warning: more records are refused; all of them: vectormigrate dead-letters docs"


def test_phases_and_retries_are_for_those_who_ask(clock):
    events = [PhaseChanged("docs", Phase.CREATED, Phase.PREFLIGHT), Retried("docs", 2, 1.25, "went away")]
    plain, verbose = follow(clock), follow(clock, verbose=True)
    for event in events:
        plain(event)
        verbose(event)
    assert lines(plain) == []
    assert lines(verbose) == ["phase: created -> preflight", "attempt 2 failed, next in 1.2 s: went away"]


def test_a_bar_on_a_terminal(clock, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    screen = Screen()
    with Follower(screen, monotonic=clock) as follower:
        follower(Progress("docs", "backfill", 0, 2000))
        clock.now += 10
        follower(Progress("docs", "backfill", 1000, 2000))
        follower(Warned("docs", "[red]brackets[/red] stay"))
    told = screen.getvalue()
    assert "1,000 of 2,000 (50%), 100/s, 10 s left" in told
    assert "━" in told
    assert "[red]brackets[/red] stay" in told


def test_no_colour(clock, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    screen = Screen()
    with Follower(screen, colour=False, monotonic=clock) as follower:
        follower(Progress("docs", "backfill", 1, 2))
    assert "\x1b[3" not in screen.getvalue()


@pytest.mark.parametrize(
    ("records", "rate", "told"), [(10, 1, "10 s"), (150, 1, "2:30"), (11_045, 1, "3:04:05"), (1, 1000, "0 s")]
)
def test_time_left(records, rate, told):
    assert left(records, rate) == told


def test_each_part_begins_anew_and_is_named(clock):
    follower = follow(clock)
    for part, total in (("docs:a", 5000), ("docs:b", 10)):
        follower(Progress("docs", "parts", 0 if part == "docs:a" else 1, 2))
        for second in (0, 11):
            clock.now += second
            follower(Progress(part, "backfill", total if second else 0, total))
    told = lines(follower)
    assert [line for line in told if line.startswith("backfill")] == [
        "backfill of docs:a: 5,000 of 5,000 (100%), 455/s",
        "backfill of docs:b: 10 of 10 (100%), 1/s",
    ]
    assert told[0] == "parts: 0 of 2 (0%)"


def test_a_bar_for_the_whole_and_one_for_the_part(clock):
    follower = Follower(Screen(), monotonic=clock, colour=False)
    with follower:
        for part in ("docs:a", "docs:b"):
            follower(Progress("docs", "parts", 0, 2))
            follower(Progress(part, "backfill", 1, 2))
        assert [task.description for task in follower._bars.tasks] == ["parts", "backfill of docs:b"]
