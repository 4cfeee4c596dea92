import os
import stat

import pytest

from vectormigrate.state import gap
from vectormigrate.state.gap import GapFlag


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state.db"


@pytest.fixture
def flag(state):
    made = GapFlag(state)
    yield made
    made.close()


def again(state):
    """What another process finds."""
    other = GapFlag(state)
    try:
        return other.read()
    finally:
        other.close()


def test_nobody_is_named_at_first(flag, state):
    assert flag.read() == []
    assert again(state) == []


def test_whoever_is_named_is_named_for_every_later_process(flag, state):
    flag.raise_for("b")
    flag.raise_for("a")
    flag.raise_for("b")
    assert again(state) == ["a", "b"]
    flag.clear("b")
    flag.clear("b")
    assert again(state) == ["a"]


def test_it_needs_no_room_that_it_does_not_have_from_the_start(flag, state):
    path = state.with_name("state.db.gap")
    before = path.stat().st_size
    for number in range(100):
        flag.raise_for(f"migration-{number}")
    assert path.stat().st_size == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for number in range(100):
        flag.clear(f"migration-{number}")
    assert flag.read() == []


def test_it_is_flushed_before_it_counts_and_quick_when_it_is_up(flag, monkeypatch):
    flushed = []
    monkeypatch.setattr(os, "fsync", flushed.append)
    flag.raise_for("a")
    assert len(flushed) == 1
    flag.raise_for("a")
    assert len(flushed) == 1


def test_a_disk_that_does_not_even_take_that_is_told_each_time(flag, monkeypatch):
    def fail(_):
        raise OSError("input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    for _ in range(2):
        with pytest.raises(OSError, match="input/output"):
            flag.raise_for("a")


def test_more_than_it_holds_is_told_and_changes_nothing(flag, state):
    flag.raise_for("a")
    with pytest.raises(OSError, match="do not fit"):
        flag.raise_for("x" * gap._SIZE)
    assert again(state) == ["a"]
