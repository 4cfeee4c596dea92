import asyncio
import os
import stat
import threading

import pytest

from vectormigrate.model.errors import StateError
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


async def test_whoever_is_named_is_named_for_every_later_process(flag, state):
    await flag.up("b")
    flag.raise_for("a")
    await flag.up("b")
    assert again(state) == ["a", "b"]
    await flag.down("b")
    await flag.down("b")
    assert again(state) == ["a"]
    await flag.up("b")
    assert again(state) == ["a", "b"]


async def test_it_needs_no_room_that_it_does_not_have_from_the_start(flag, state):
    path = state.with_name("state.db.gap")
    before = path.stat().st_size
    for number in range(100):
        flag.raise_for(f"migration-{number}")
    assert path.stat().st_size == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for number in range(100):
        await flag.down(f"migration-{number}")
    assert flag.read() == []


async def test_it_is_flushed_before_it_counts_and_quick_when_it_is_up(flag, monkeypatch):
    flushed = []
    monkeypatch.setattr(os, "fsync", flushed.append)
    await flag.up("a")
    assert len(flushed) == 1
    await flag.up("a")
    assert len(flushed) == 1


async def test_a_disk_that_does_not_even_take_that_is_told_each_time(flag, monkeypatch):
    def fail(_):
        raise OSError("input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    for _ in range(2):
        with pytest.raises(StateError, match="input/output"):
            await flag.up("a")


async def test_a_disk_that_is_stuck_stops_nobody_else(flag, monkeypatch, state):
    """All writes that wait for the flag wait for one flush; those that give up end it for none."""
    stuck, flushed, real = threading.Event(), [], os.fsync

    def flush(descriptor):
        flushed.append(descriptor)
        assert stuck.wait(30)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", flush)
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(flag.up("a")) for _ in range(3)]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await flag.up("a")
        assert not any(task.done() for task in waiting)
        stuck.set()
    assert (len(flushed), again(state)) == (1, ["a"])
    await flag.down("a")
    assert again(state) == []


async def test_a_flag_that_nobody_waited_for_to_the_end_can_be_taken_down(flag, monkeypatch, state):
    stuck, real = threading.Event(), os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (stuck.wait(30), real(descriptor)))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await flag.up("a")
    stuck.set()
    await flag.down("a")
    assert again(state) == []
    await flag.up("a")
    assert again(state) == ["a"]


async def test_more_than_it_holds_is_told_and_changes_nothing(flag, state):
    await flag.up("a")
    with pytest.raises(StateError, match="do not fit"):
        await flag.up("x" * gap._SIZE)
    assert again(state) == ["a"]
