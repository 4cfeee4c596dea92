import asyncio
import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import apsw
import pytest

from vectormigrate.model.errors import (
    StateBroken,
    StateError,
    StateFull,
    StateLocked,
    StateMissing,
    StateNewer,
    VectormigrateError,
)
from vectormigrate.state.database import Database, Reader


def insert(text):
    def work(tx):
        tx.execute("INSERT INTO audit (migration_id, at, verb) VALUES ('m', '', ?)", (text,))
        return text

    return work


def verbs(reader):
    return [
        row[0]
        for row in reader.read(lambda tx: tx.execute("SELECT verb FROM audit ORDER BY number").fetchall())
    ]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


async def test_many_writers_share_commits_and_each_gets_its_own_result(database):
    commits = []
    database._connection.set_commit_hook(lambda: bool(commits.append(1)))
    gate = threading.Event()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(database.write(lambda tx: gate.wait()))
        rest = [tasks.create_task(database.write(insert(f"w{number}"))) for number in range(100)]
        await asyncio.sleep(0)  # all are queued behind the first
        gate.set()
    assert first.result()
    assert [task.result() for task in rest] == [f"w{number}" for number in range(100)]
    assert len(verbs(database)) == 100
    assert len(commits) <= 3
    assert (database.groups.sum, database.groups.count) == (101, database.commits.count)


async def test_how_long_a_commit_takes_is_known_while_it_does(database):
    begun, gate = threading.Event(), threading.Event()

    def hold(tx):
        begun.set()
        gate.wait()

    assert database.stuck_for == 0.0
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(database.write(hold))
        await asyncio.to_thread(begun.wait)
        assert database.stuck_for > 0.0
        gate.set()
    assert database.stuck_for == 0.0


async def test_a_writer_that_fails_stands_alone(database):
    def fails(tx):
        insert("half")(tx)
        raise KeyError("mine")

    gate = threading.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(database.write(lambda tx: gate.wait()))
        before = tasks.create_task(database.write(insert("before")))
        failing = tasks.create_task(self_contained(database.write(fails)))
        after = tasks.create_task(database.write(insert("after")))
        await asyncio.sleep(0)
        gate.set()
    assert isinstance(failing.result(), KeyError)
    assert (before.result(), after.result()) == ("before", "after")
    assert verbs(database) == ["before", "after"]


async def self_contained(work):
    """The exception instead of its raising, so that a task group goes on."""
    try:
        return await work
    except (VectormigrateError, KeyError, asyncio.CancelledError) as error:
        return error


async def test_a_waiter_that_was_cancelled_hinders_nobody(database):
    gate = threading.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(database.write(lambda tx: gate.wait()))
        cancelled = tasks.create_task(self_contained(database.write(insert("gone"))))
        other = tasks.create_task(database.write(insert("other")))
        await asyncio.sleep(0)
        cancelled.cancel()
        gate.set()
    assert other.result() == "other"
    assert "other" in verbs(database)


WRITE_AND_TELL = """
import asyncio, pathlib, sys, time
from vectormigrate.state.database import Database
async def main():
    database = Database.open(pathlib.Path(sys.argv[1]))
    await database.write(lambda tx: tx.execute("INSERT INTO audit (migration_id, at, verb) VALUES ('m','','told')"))
    print("durable", flush=True)
    time.sleep(60)
asyncio.run(main())
"""


def test_what_was_written_survives_kill_9_and_the_lock_dies_with_its_owner(path):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE_AND_TELL, str(path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "durable\n"
        before = path.read_bytes()
        with pytest.raises(StateLocked, match=f"process {process.pid}") as refused:
            Database.open(path)
        assert refused.value.exit_code == 7
        assert path.read_bytes() == before
        reader = Reader(path)  # looking works beside the owner
        assert verbs(reader) == ["told"]
        reader.close()
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    database = Database.open(path)
    assert verbs(database) == ["told"]
    database.close()


async def test_every_commit_is_synced(database):
    assert database._connection.pragma("synchronous") == 2
    assert database._connection.pragma("journal_mode") == "wal"


async def test_readers_see_the_last_commit_and_cannot_write(database):
    reader = Reader(database.path)
    try:
        assert verbs(reader) == []
        await database.write(insert("one"))
        assert verbs(reader) == verbs(database) == ["one"]
        for looker in (reader, database):
            with pytest.raises(StateError):
                looker.read(insert("two"))
        assert verbs(reader) == ["one"]
    finally:
        reader.close()


async def test_a_full_disk_fails_all_that_share_the_commit_and_nothing_is_half_written(database):
    await database.write(insert("kept"))
    pages = database.read(lambda tx: tx.pragma("page_count"))
    await database.write(lambda tx: tx.pragma("max_page_count", pages + 2))
    gate = threading.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(self_contained(database.write(lambda tx: gate.wait())))
        small = tasks.create_task(self_contained(database.write(insert("small"))))
        large = tasks.create_task(self_contained(database.write(insert("x" * 100_000))))
        await asyncio.sleep(0)
        gate.set()
    assert isinstance(large.result(), StateFull)
    assert isinstance(small.result(), StateFull)
    assert verbs(database) == ["kept"]
    await database.write(lambda tx: tx.pragma("max_page_count", 10_000))
    assert await database.write(insert("again")) == "again"  # it goes on once there is room


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk takes root")
async def test_a_disk_that_is_really_full(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this root may not mount")
    try:
        database = Database.open(disk / "state.db")
        while True:
            error = await self_contained(database.write(insert("x" * 100_000)))
            if error is not None and not isinstance(error, str):
                break
        assert isinstance(error, StateFull)
        held = verbs(database)
        assert 0 < len(held) < 20
        database.close()
        again = Database.open(disk / "state.db")
        assert verbs(again) == held
        again.close()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_newer_file_is_refused_untouched(path):
    Database.open(path).close()
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", 999)
    connection.close()
    before = path.read_bytes()
    for door in (Database.open, Reader):
        with pytest.raises(StateNewer, match="version 999"):
            door(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", [0, 1, 999])
def test_a_sqlite_file_of_somebody_else_is_refused_untouched(path, version):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (a)")
        connection.execute(f"PRAGMA user_version={version}")
    connection.close()
    before = path.read_bytes()
    for door in (Database.open, Reader):
        with pytest.raises(StateBroken, match="not a state file of vectormigrate"):
            door(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_untouched(path):
    path.write_text("vectormigrate.toml or so\n" * 100)
    before = path.read_bytes()
    for door in (Database.open, Reader):
        with pytest.raises(StateBroken, match="not a state file, or is damaged"):
            door(path)
    assert path.read_bytes() == before


async def test_a_truncated_file_is_told_as_broken(path):
    database = Database.open(path)
    for _ in range(50):
        await database.write(insert("x" * 1000))
    database.close()
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    before = path.read_bytes()
    for door in (Database.open, Reader):
        with pytest.raises(StateBroken, match="damaged"):
            door(path)
    assert path.read_bytes() == before


def test_an_empty_file_becomes_ours_but_there_is_nothing_to_look_at(path):
    path.touch()
    with pytest.raises(StateMissing, match="holds nothing yet"):
        Reader(path)
    Database.open(path).close()
    Reader(path).close()


def test_a_file_that_is_not_there_cannot_be_looked_at(path):
    with pytest.raises(StateMissing, match="does not exist"):
        Reader(path)
    assert not path.exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="cannot be used"):
        Database.open(tmp_path / "file" / "state.db")


def test_two_names_of_one_file_are_one_file(tmp_path, path):
    owned = Database.open(path)
    (tmp_path / "link.db").symlink_to(path)
    with pytest.raises(StateLocked):
        Database.open(tmp_path / "link.db")
    owned.close()


async def test_a_closed_file_takes_nothing_and_can_be_opened_again(path):
    database = Database.open(path)
    async with asyncio.TaskGroup() as tasks:
        queued = tasks.create_task(database.write(insert("queued")))
        await asyncio.sleep(0)
        database.close()
    database.close()
    assert queued.result() == "queued"  # closing commits what was waiting
    with pytest.raises(StateError, match="closed"):
        await database.write(insert("late"))
    again = Database.open(path)
    assert verbs(again) == ["queued"]
    again.close()


async def test_what_is_owed_is_committed_with_whatever_comes_next_and_not_without(database):
    database.owe(insert("owed"))

    def fails(tx):
        raise apsw.FullError("the disk is full")

    with pytest.raises(StateFull):
        await database.write(fails)
    assert verbs(database) == []
    await database.write(insert("next"))
    await database.write(insert("another"))
    assert verbs(database) == ["owed", "next", "another"]


async def test_a_reader_by_another_name_of_the_file_can_tell_it_too(tmp_path, path):
    database = Database.open(path)
    (tmp_path / "link.db").symlink_to(path)
    reader = Reader(tmp_path / "link.db")
    assert reader.owned()
    database.close()
    reader.close()


def test_a_look_keeps_nobody_from_owning_the_file(path, monkeypatch):
    Database.open(path).close()
    looking = os.open(f"{path}.lock", os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr(time, "sleep", lambda _: os.close(looking))
    Database.open(path).close()


async def test_a_reader_can_tell_that_a_process_owns_the_file(path):
    database = Database.open(path)
    reader = Reader(path)
    assert reader.owned()
    database.close()
    assert not reader.owned()
    lock = path.with_name(path.name + ".lock")
    lock.write_text(f"{os.getpid()}\n")  # of one that was killed, and another process has its number now
    assert not reader.owned()
    lock.unlink()
    assert not reader.owned()
    reader.close()


async def test_what_takes_long_is_asked_aside_and_holds_up_nobody(database):
    await database.write(insert("one"))
    gate = threading.Event()

    def work(tx):
        assert gate.wait(30)
        return tx.execute("SELECT verb FROM audit").fetchall()

    async with asyncio.TaskGroup() as group:
        asked = group.create_task(database.aside(work))
        await database.write(insert("two"))  # the loop and the writer go on meanwhile
        gate.set()
    assert [verb for (verb,) in asked.result()] == ["one", "two"]


async def test_all_who_ask_for_the_gap_flag_share_it_and_it_is_given_back_with_the_file(path):
    """Each knows only the names that it wrote itself: two would take down each other's."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    database = Database.open(path)
    await database.gap.up("a")
    await database.gap.up("b")
    await database.gap.down("a")
    database.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    again = Database.open(path)
    try:
        assert again.gap.read() == ["b"]
    finally:
        again.close()
