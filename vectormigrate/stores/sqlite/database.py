"""The file: one writer connection in a thread of its own, and read connections that are lent out job by job.

apsw lets go of the interpreter while SQLite works, so readers and the writer run at the same time. Opening never
changes a file: no pragma that is stored in it is ever set, and a reader opens it read-only unless SQLite must first
roll back what a crashed writer left.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
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
_CACHE_KIB = 8_192
"""Of the writer, so that a batch stays in memory until it is committed."""


class Database:
    """One SQLite file, opened when it is first needed."""

    def __init__(self, path: Path, timeout: float) -> None:
        self.path = path
        self._timeout = timeout
        self._writer: apsw.Connection | None = None
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

    def write(
        self, job: Callable[[apsw.Connection], T], collection: str = "", *, make: bool = False
    ) -> Coroutine[Any, Any, T]:
        """Run a job in one transaction of the writer: committed whole, or not at all. `make` allows a new file."""
        return self._in_writer(job, collection, make)

    async def close(self) -> None:
        """Wait for what runs, then close every connection; repeatable."""
        await asyncio.to_thread(self._close)

    async def _in_writer(self, job: Callable[[apsw.Connection], T], collection: str, make: bool) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._write_thread, self._write, job, collection, make)

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

    def _write(self, job: Callable[[apsw.Connection], T], collection: str, make: bool) -> T:
        try:
            connection = self._open_writer(collection, make)
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = job(connection)
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
        except (apsw.Error, UnicodeDecodeError) as error:
            raise translate(error, str(self.path), collection) from None
        return result

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
            # Counts only before the first table of a new file.
            self._writer.execute(f"PRAGMA page_size = {_NEW_PAGE}")
        return self._writer

    def _open(self, flags: int) -> apsw.Connection:
        connection = apsw.Connection(str(self.path), flags=flags)
        connection.set_busy_timeout(int(self._timeout * 1000))
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
