"""The state file: open, own, write with group commit, read.

One process owns the file for writing, by a kernel lock that dies with it; one thread of it writes, and commits
once for all that is waiting (an fsync is shared, never skipped: `synchronous=FULL`). Whoever awaits `write` knows
afterwards that its rows are on the disk. Readers have connections of their own, in any process, and see the last
commit. No SQL of the tables is here: each concern has its own module of functions that take the connection.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import apsw

from vectormigrate.model.errors import StateBroken, StateError, StateFull, StateLocked, StateMissing
from vectormigrate.model.measure import SIZES, Histogram
from vectormigrate.model.points import reached

from . import upgrade
from .gap import GapFlag

T = TypeVar("T")
Transaction = apsw.Connection
"""A connection inside a transaction; what the functions of this room take."""

_GROUP = 256
"""Most writes that share one commit."""
_LOOKS, _LOOK = 10, 0.005
"""So often, and so many seconds apart, a lock is tried that may be held for a look only."""


class Database:
    """The owned state file. Open with `Database.open`, close with `close`; one per process and file."""

    def __init__(self, path: Path, connection: apsw.Connection, lock: int) -> None:
        self.path = path
        self._connection = connection
        self._lock = lock
        self._reader = _connect(path, apsw.SQLITE_OPEN_READWRITE)
        self._reader.execute("PRAGMA query_only=ON")
        self.commits = Histogram()
        """Seconds of a commit, its fsync included."""
        self.groups = Histogram(SIZES)
        """Writes that shared one."""
        self._owed: list[Callable[[Transaction], object]] = []
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="state-writer", daemon=True)
        self._thread.start()
        self._closed = False
        self._began: float | None = None
        """When the commit under way began, on the clock of `time.monotonic`."""

    @classmethod
    def open(cls, path: Path) -> Database:
        """Own the file, making or upgrading it. Raises StateLocked, StateNewer, StateBroken, StateFull, StateError."""
        path = path.resolve()
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = _lock(path)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            raise (StateFull if full else StateError)(
                f"the state file {path} cannot be used: {error.strerror}",
                hint="free space on its disk" if full else "choose another with --state FILE",
            ) from None
        try:
            with translated(path):
                connection = _connect(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
                upgrade.check(connection, path, may_be_new=True)
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=FULL")
                upgrade.upgrade(connection)
            return cls(path, connection, lock)
        except BaseException:
            os.close(lock)
            raise

    @property
    def alive(self) -> bool:
        """Whether what is to be written will be: the writer's thread runs."""
        return self._thread.is_alive()

    @property
    def stuck_for(self) -> float:
        """Seconds that the commit under way has taken; 0 when there is none."""
        began = self._began
        return 0.0 if began is None else time.monotonic() - began

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in the writer thread and return its result once it is durable.

        `work` may share its transaction with others, but stands or falls alone: when it raises, only its own
        changes are undone and its exception comes out here. It must be quick and must not touch anything but
        the connection. Raises StateFull when the disk does not take the commit; nothing is half-written then.
        """
        if self._closed:
            raise StateError("the state file is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.put(_Write(work, loop, future))
        return await future

    def owe(self, work: Callable[[Transaction], object]) -> None:
        """Do this in the next transaction, before what that is for; nothing is committed without it."""
        self._owed.append(work)

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Run a short query on this process' read connection, in the calling thread; sees the last commit."""
        with translated(self.path):
            return work(self._reader)

    @cached_property
    def gap(self) -> GapFlag:
        """The flag beside the file, one for all who ask: each knows only the names that it wrote itself. Raises OSError."""
        return GapFlag(self.path)

    async def aside(self, work: Callable[[Transaction], T]) -> T:
        """Run a query that may take long, off the loop and on a connection of its own; sees the last commit."""
        return await asyncio.to_thread(self._aside, work)

    def _aside(self, work: Callable[[Transaction], T]) -> T:
        reader = Reader(self.path)
        try:
            return reader.read(work)
        finally:
            reader.close()

    def close(self) -> None:
        """Commit what is queued, give the file back; repeatable."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        self._thread.join()
        self._reader.close()
        self._connection.close()
        if "gap" in self.__dict__:
            self.gap.close()
        os.ftruncate(self._lock, 0)
        os.close(self._lock)

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group = [first]
            last = False
            while len(group) < _GROUP:
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
                if item is None:
                    last = True
                    break
                group.append(item)
            self._commit(group)
            if last:
                return

    def _commit(self, group: list[_Write]) -> None:
        began = self._began = time.monotonic()
        try:
            with translated(self.path):
                self._connection.execute("BEGIN IMMEDIATE")
                reached("journal.begun")
                try:
                    owed = list(self._owed)
                    for work in owed:
                        work(self._connection)
                    alone = len(group) == 1 and not owed
                    for item in group:
                        item.run(self._connection, alone=alone)
                    reached("journal.committing")
                    self._connection.execute("COMMIT")
                    del self._owed[: len(owed)]
                    reached("journal.committed")
                except BaseException:
                    if not self._connection.get_autocommit():
                        self._connection.execute("ROLLBACK")
                    raise
        except Exception as error:  # noqa: BLE001 every waiter is told; none of the group was committed
            for item in group:
                item.error = error
        self._began = None
        self.commits.observe(time.monotonic() - began)
        self.groups.observe(len(group))
        for item in group:
            item.settle()


class _Write:
    """One piece of work on its way through the writer thread."""

    def __init__(
        self, work: Callable[[Transaction], Any], loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any]
    ) -> None:
        self._work = work
        self._loop = loop
        self._future = future
        self._result: Any = None
        self.error: Exception | None = None

    def run(self, connection: apsw.Connection, *, alone: bool) -> None:
        """Do the work in a savepoint, so that its failure undoes it alone; there is none where it is all that is done. A full
        disk fails the whole group.
        """
        if alone:
            self._result = self._work(connection)
            return
        connection.execute("SAVEPOINT one")
        try:
            self._result = self._work(connection)
        except (apsw.FullError, apsw.IOError, apsw.CorruptError):
            raise  # SQLite may have undone the whole transaction already
        except Exception as error:  # noqa: BLE001 handed to the caller of write
            self.error = error
            connection.execute("ROLLBACK TO one")
        connection.execute("RELEASE one")

    def settle(self) -> None:
        """Tell the waiting coroutine; it may have been cancelled, or its loop be gone, meanwhile."""
        try:
            self._loop.call_soon_threadsafe(self._tell)
        except RuntimeError:
            return

    def _tell(self) -> None:
        if self._future.cancelled():
            return
        if self.error is not None:
            self._future.set_exception(self.error)
        else:
            self._future.set_result(self._result)


class Reader:
    """Looks at a state file, in any process, whether or not somebody owns it."""

    def __init__(self, path: Path) -> None:
        """Raises StateMissing, StateNewer, StateBroken."""
        if not path.exists():
            raise StateMissing(
                f"the state file {path} does not exist", hint="give the right one with --state FILE"
            )
        self._path = path
        with translated(path):
            self._connection = _connect(path, apsw.SQLITE_OPEN_READWRITE)
            upgrade.check(self._connection, path, may_be_new=False)
            upgrade.stand_in(self._connection)
            self._connection.execute("PRAGMA query_only=ON")

    def owned(self) -> bool:
        """Whether some process owns the file: the kernel says so, whatever stands in the lock file of one that was killed."""
        try:
            descriptor = os.open(_lock_path(self._path.resolve()), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except PermissionError:
            return True  # as far as can be told: it is somebody else's
        try:
            fcntl.flock(
                descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB
            )  # for a moment, which an owner to be waits out
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Run a short query; sees the last commit."""
        with translated(self._path):
            return work(self._connection)

    def close(self) -> None:
        """Give the connection back; repeatable."""
        self._connection.close()


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except (apsw.FullError, apsw.IOError) as error:
        raise StateFull(
            f"the state file {path} cannot be written: {error}",
            hint="free space on its disk, then run the same command again; nothing was half-written",
        ) from error
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise StateBroken(
            f"{path} is not a state file, or is damaged: {error}", hint="restore it from a copy"
        ) from error
    except (apsw.CantOpenError, apsw.ReadOnlyError, apsw.BusyError) as error:
        raise StateError(
            f"the state file {path} cannot be opened: {error}",
            hint="check that it is a file, and its rights and those of its folder; or name another with --state FILE",
        ) from error


def _connect(path: Path, flags: int) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=flags)
    connection.set_busy_timeout(10_000)
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


def _lock_path(path: Path) -> str:
    return f"{path}.lock"


def _owns(descriptor: int) -> bool:
    """Take the lock, unless another process owns the file. One that only looks whether it is owned is waited for."""
    for _ in range(_LOOKS):
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(_LOOK)
    return False


def _lock(path: Path) -> int:
    # A lock on a file beside the database: SQLite's own locks must stay free for readers, and closing any
    # descriptor of the database file in this process would drop POSIX locks on it.
    descriptor = os.open(_lock_path(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if not _owns(descriptor):
        owner = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise StateLocked(
            f"the state file {path} is in use by process {owner}",
            hint="look with `vectormigrate status`, or wait until it ends; status, list, findings and report work meanwhile",
        ) from None
    with suppress(OSError):  # for people only, and the disk may be full
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor
