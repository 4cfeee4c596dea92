"""The file: one writer connection in a thread of its own, and read connections that are lent out job by job.

apsw lets go of the interpreter while SQLite works, so readers and the writer run at the same time. Writes that wait
together are committed together: each is whole or not there, and whoever waits for one is told when the disk has it.
Opening never changes a file: no pragma that is stored in it is ever set, and a reader opens it read-only unless SQLite
must first roll back what a crashed writer left.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import apsw
import sqlite_vec

from .errors import no_file, translate

T = TypeVar("T")

_READERS = 4
_NEW_PAGE = 16_384
"""Bytes of a page in a file that we make. A row with a vector takes kilobytes: of SQLite's 4,096 it leaves a quarter
empty, and every row is a write of its own.
"""
_CACHE_KIB = 16_384
"""Of the writer, so that batches stay in memory until they are committed."""
_GROUP = 16
"""Most writes that share a commit, which waits for the disk several times however much it holds."""
_LOOK, _LONGEST_LOOK, _LOOKS = 0.0005, 0.05, 50
"""Seconds between looks at a lock that somebody else holds, at first and at most, and how many looks are of one length.
Two processes that copy into one file take turns every few milliseconds; SQLite's own waiting sleeps up to 100.
"""


class Database:
    """One SQLite file, opened when it is first needed."""

    def __init__(self, path: Path, timeout: float) -> None:
        self.path = path
        self._timeout = timeout
        self._writer: apsw.Connection | None = None
        self._waiting: deque[_Write] = deque()
        self._idle: list[apsw.Connection] = []
        self._lock = threading.Lock()
        self._write_thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-write")
        self._read_threads = ThreadPoolExecutor(_READERS, thread_name_prefix="sqlite-read")

    @property
    def exists(self) -> bool:
        return self.path.exists()

    def start_read(self, job: Callable[[apsw.Connection], T], collection: str = "") -> asyncio.Future[T]:
        """Begin a read in a thread; the future may be awaited later, and must be in the end."""
        return asyncio.get_running_loop().run_in_executor(self._read_threads, self._read, job, collection)

    async def read(self, job: Callable[[apsw.Connection], T], collection: str = "") -> T:
        """Run a job over a read connection, all its statements seeing the same state of the file."""
        return await self.start_read(job, collection)

    async def write(
        self, job: Callable[[apsw.Connection], T], collection: str = "", *, make: bool = False
    ) -> T:
        """Run a job in a transaction of the writer: committed whole, or not at all. `make` allows a new file."""
        write = _Write(job, collection, make)
        self._waiting.append(write)
        self._write_thread.submit(self._write_waiting)
        result: T = await asyncio.wrap_future(write.done)
        return result

    async def close(self) -> None:
        """Wait for what runs, then close every connection; repeatable."""
        await asyncio.to_thread(self._close)

    def _read(self, job: Callable[[apsw.Connection], T], collection: str) -> T:
        try:
            try:
                return self._attempt(self._borrow(collection), job)
            except apsw.ReadOnlyError:
                # A writer has crashed since that connection was opened: a new one may roll back what it left.
                return self._attempt(self._open_reader(), job)
        except (apsw.Error, UnicodeDecodeError) as error:
            raise translate(error, str(self.path), collection) from None

    def _attempt(self, connection: apsw.Connection, job: Callable[[apsw.Connection], T]) -> T:
        usable = True
        try:
            connection.execute("BEGIN")
            try:
                return job(connection)
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
        except apsw.ReadOnlyError:
            usable = False
            raise
        finally:
            if usable:
                self._give_back(connection)
            else:
                connection.close()

    def _write_waiting(self) -> None:
        """Do what waits, and what comes while that is done, in one transaction. Nothing may be left: it went with another."""
        group: list[_Write] = []
        failure: Exception | None = None
        connection: apsw.Connection | None = None
        try:
            while self._waiting and len(group) < _GROUP:
                write = self._waiting.popleft()
                if not write.done.set_running_or_notify_cancel():
                    continue  # nobody waits for it any more
                group.append(write)
                connection = self._open_writer(write.collection, write.make)
                if not connection.in_transaction:
                    connection.execute("BEGIN IMMEDIATE")
                write.run(connection)
            if connection is not None:
                connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 everyone who waits is told
            failure = error
            if connection is not None and connection.in_transaction:
                connection.execute("ROLLBACK")
        for write in group:
            write.settle(failure, self.path)

    def _borrow(self, collection: str) -> apsw.Connection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        if not self.exists:
            raise no_file(str(self.path), collection)
        return self._open_reader()

    def _give_back(self, connection: apsw.Connection) -> None:
        with self._lock:
            self._idle.append(connection)

    def _open_reader(self) -> apsw.Connection:
        connection = self._open(apsw.SQLITE_OPEN_READONLY)
        try:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        except (apsw.ReadOnlyError, apsw.CantOpenError):
            # A hot journal, or a WAL file without its index: only a connection that may write can read this file.
            connection.close()
            connection = self._open(apsw.SQLITE_OPEN_READWRITE)
            connection.execute("PRAGMA query_only = ON")
        return connection

    def _open_writer(self, collection: str, make: bool) -> apsw.Connection:
        if self._writer is None:
            if not make and not self.exists:
                raise no_file(str(self.path), collection)
            self._writer = self._open(apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if make else 0))
            self._writer.execute("PRAGMA synchronous = FULL")
            self._writer.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            # What a savepoint could have to undo is kept beside the file, by default in one on the disk: a fifth more to write.
            self._writer.execute("PRAGMA temp_store = MEMORY")
            # Counts only before the first table of a new file.
            self._writer.execute(f"PRAGMA page_size = {_NEW_PAGE}")
        return self._writer

    def _open(self, flags: int) -> apsw.Connection:
        connection = apsw.Connection(str(self.path), flags=flags)
        connection.set_busy_handler(_patience(self._timeout))
        connection.enable_load_extension(True)
        connection.load_extension(sqlite_vec.loadable_path())
        connection.enable_load_extension(False)
        return connection

    def _close(self) -> None:
        self._read_threads.shutdown(wait=True)
        self._write_thread.shutdown(wait=True)
        with self._lock:
            open_connections = [*self._idle, *([self._writer] if self._writer else [])]
            self._idle.clear()
            self._writer = None
        for connection in open_connections:
            connection.close()


def _patience(timeout: float) -> Callable[[int], bool]:
    """Tells SQLite, which has found a lock taken so many times, whether to look again; sleeps before it says yes."""
    deadline = 0.0

    def look_again(tries: int) -> bool:
        nonlocal deadline
        now = time.monotonic()
        if tries == 0:
            deadline = now + timeout
        if now >= deadline:
            return False
        time.sleep(min(_LOOK * (1 + tries // _LOOKS), _LONGEST_LOOK))
        return True

    return look_again


@contextmanager
def savepoint(connection: apsw.Connection) -> Iterator[None]:
    """Undo what was done inside when it fails, and only that. A full disk may make SQLite undo the whole transaction, which
    apsw's own `with connection` does not expect: it hides the error behind one of its own.
    """
    connection.execute("SAVEPOINT inner")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK TO inner")
            connection.execute("RELEASE inner")
        raise
    connection.execute("RELEASE inner")


class _Write:
    """One job on its way through the writer's thread."""

    def __init__(self, job: Callable[[apsw.Connection], Any], collection: str, make: bool) -> None:
        self.collection = collection
        self.make = make
        self.done: Future[Any] = Future()
        self._job = job
        self._result: Any = None
        self._error: Exception | None = None

    def run(self, connection: apsw.Connection) -> None:
        """Do the job. When it fails, only its own changes are undone; raises when SQLite has undone all of them."""
        try:
            with savepoint(connection):
                self._result = self._job(connection)
        except Exception as error:
            if not connection.in_transaction:
                raise
            self._error = error

    def settle(self, failure: Exception | None, path: Path) -> None:
        """Tell whoever waits how it ended; `failure` is that of the whole transaction."""
        error = self._error or failure
        if isinstance(error, apsw.Error | UnicodeDecodeError):
            error = translate(error, str(path), self.collection)
        if error is None:
            self.done.set_result(self._result)
        else:
            self.done.set_exception(error)
