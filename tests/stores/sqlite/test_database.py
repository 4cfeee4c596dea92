"""Opening changes nothing, locks end in time, and what a crash left is mended before it is read."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable

import apsw
import pytest

from vectormigrate.model.errors import CollectionMissing, StoreBroken, StoreDown, Unreachable
from vectormigrate.stores.sqlite.database import Database, savepoint


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "d.db"
    connection = apsw.Connection(str(path))
    connection.execute("create table t(a); insert into t values (1)")
    connection.close()
    return path


@pytest.fixture
async def database(path):
    opened = Database(path, timeout=0.05)
    yield opened
    await opened.close()


def rows(connection: apsw.Connection) -> list:
    return connection.execute("select a from t order by a").fetchall()


def add_two(connection: apsw.Connection) -> None:
    connection.execute("insert into t values (2)")


@pytest.mark.parametrize("mode", ["delete", "wal"])
async def test_reading_leaves_the_file_as_it_is(path, mode):
    connection = apsw.Connection(str(path))
    connection.execute(f"pragma journal_mode = {mode}")
    connection.close()
    before = path.read_bytes()
    database = Database(path, timeout=1)
    assert await database.read(rows) == [(1,)]
    await database.close()
    assert path.read_bytes() == before
    assert [
        entry.name for entry in path.parent.iterdir() if "wal" not in entry.name and "shm" not in entry.name
    ] == ["d.db"]


async def test_readers_cannot_write(database):
    with pytest.raises(Exception, match="cannot be written"):
        await database.read(add_two)


async def test_a_failed_write_leaves_nothing(database):
    def fail(connection):
        add_two(connection)
        raise KeyError("half way")

    with pytest.raises(KeyError):
        await database.write(fail)
    assert await database.read(rows) == [(1,)]
    await database.write(add_two)
    assert await database.read(rows) == [(1,), (2,)]


async def test_a_locked_file_is_down_for_now(database, path):
    other = apsw.Connection(str(path))
    other.execute("begin exclusive")
    for call in (lambda: database.write(add_two, "t"), lambda: database.read(rows, "t")):
        with pytest.raises(StoreDown, match="locked") as caught:
            await call()
        assert caught.value.retryable
    other.execute("rollback")
    await database.write(add_two)
    assert await database.read(rows) == [(1,), (2,)]
    other.close()


async def test_a_full_disk_is_down_and_nothing_is_half_written(database, path):
    await database.write(lambda connection: connection.execute("pragma max_page_count = 2"))

    def much(connection):
        connection.executemany("insert into t values (?)", [(bytes(4000),)] * 100)

    with pytest.raises(StoreDown, match="full"):
        await database.write(much)
    assert await database.read(rows) == [(1,)]


async def test_a_file_that_is_no_database_is_told(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("these are notes, and not a database at all" * 50)
    database = Database(path, timeout=1)
    with pytest.raises(StoreBroken, match="not an SQLite database"):
        await database.read(rows)
    await database.close()


async def test_a_missing_file_is_missing_until_it_may_be_made(tmp_path):
    database = Database(tmp_path / "new.db", timeout=1)
    with pytest.raises(CollectionMissing, match="does not exist"):
        await database.read(rows, "t")
    with pytest.raises(CollectionMissing, match="does not exist"):
        await database.write(add_two, "t")
    assert not database.exists
    await database.write(lambda connection: connection.execute("create table t(a)"), make=True)
    assert await database.read(rows) == []
    await database.close()
    await database.close()


async def test_a_missing_folder_cannot_be_opened(tmp_path):
    database = Database(tmp_path / "nowhere" / "new.db", timeout=1)
    with pytest.raises(Unreachable):
        await database.write(add_two, make=True)
    await database.close()


@pytest.mark.parametrize("earlier", [False, True])
async def test_what_a_killed_writer_left_is_rolled_back_by_the_next_reader(path, earlier):
    """Whether or not the reader was connected before it crashed."""
    database = Database(path, timeout=1)
    if earlier:
        assert await database.read(rows) == [(1,)]
    script = """
        import apsw, os, signal, sys
        connection = apsw.Connection(sys.argv[1])
        connection.execute("pragma cache_size = 5; begin immediate")
        for _ in range(300):
            connection.execute("insert into t values (zeroblob(3000))")
        os.kill(os.getpid(), signal.SIGKILL)
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.with_name("d.db-journal").stat().st_size > 0
    assert await database.read(rows) == [(1,)]
    with pytest.raises(Exception, match="cannot be written"):
        await database.read(add_two)
    await database.close()


async def test_a_new_file_has_pages_for_vectors_and_an_old_one_keeps_its_own(path, tmp_path):
    def page_size(connection: apsw.Connection) -> int:
        return connection.execute("pragma page_size").fetchall()[0][0]

    def make(connection: apsw.Connection) -> None:
        connection.execute("create table made(a)")

    for file, size in ((path, 4096), (tmp_path / "new.db", 16384)):
        database = Database(file, timeout=1)
        await database.write(make, make=True)
        await database.close()
        reader = apsw.Connection(str(file))
        assert page_size(reader) == size
        reader.close()


class Held:
    """Writes that come while the writer is held up by one before them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._go = threading.Event()
        self.commits = 0

    def _hold(self, connection: apsw.Connection) -> None:
        def count() -> bool:
            self.commits += 1
            return False

        connection.set_commit_hook(count)
        self._go.wait()

    async def all(self, *jobs: Callable[[apsw.Connection], None]) -> list[BaseException | None]:
        """Their errors, the first that of whoever held the writer."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._ended(job)) for job in (self._hold, *jobs)]
            await asyncio.sleep(0)  # now each of them waits
            self._go.set()
        return [task.result() for task in tasks]

    async def _ended(self, job: Callable[[apsw.Connection], None]) -> BaseException | None:
        try:
            await self._database.write(job, "t")
        except (KeyError, StoreDown) as error:
            return error
        return None


def fail(connection: apsw.Connection) -> None:
    connection.execute("insert into t values (3)")
    raise KeyError("half way")


async def test_what_waits_together_is_committed_together(database):
    held = Held(database)
    assert await held.all(add_two, add_two) == [None, None, None]
    assert (held.commits, await database.read(rows)) == (1, [(1,), (2,), (2,)])


async def test_one_that_fails_is_undone_alone(database):
    _, error, *others = await Held(database).all(fail, add_two)
    assert (type(error), others) == (KeyError, [None])
    assert await database.read(rows) == [(1,), (2,)]


async def test_all_are_told_when_nothing_of_them_was_kept(database):
    def much(connection: apsw.Connection) -> None:
        connection.execute("pragma max_page_count = 2")
        connection.executemany("insert into t values (?)", [(bytes(4000),)] * 100)

    errors = await Held(database).all(add_two, much)
    assert [type(error) for error in errors] == [StoreDown] * 3
    assert await database.read(rows) == [(1,)]


async def test_what_nobody_waits_for_any_more_is_not_begun(database):
    go = threading.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(database.write(lambda _: go.wait()))
        unwanted = group.create_task(database.write(add_two))
        await asyncio.sleep(0)  # now both wait
        unwanted.cancel()
        await asyncio.sleep(0)
        go.set()
    assert await database.read(rows) == [(1,)]


async def test_two_that_write_into_one_file_take_turns(path):
    sides = [Database(path, timeout=30) for _ in range(2)]
    async with asyncio.TaskGroup() as group:
        for side in sides * 10:
            group.create_task(side.write(add_two))
    assert len(await sides[0].read(rows)) == 21
    for side in sides:
        await side.close()


def test_a_failure_that_undid_everything_is_raised_as_it_is(path):
    connection = apsw.Connection(str(path))
    connection.execute("begin immediate")

    def lose_everything() -> None:
        with savepoint(connection):
            connection.execute("rollback")
            raise KeyError("the disk is full, say")

    with pytest.raises(KeyError):
        lose_everything()
    connection.close()
