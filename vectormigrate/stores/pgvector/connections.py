"""Connections and the threads that use them: psycopg's blocking client, kept off the loop.

A unit of work is a plain function of one connection; it runs in a thread of this pool, in a transaction of its
own, from its first statement to its COMMIT. A failure before the COMMIT left means not applied, one during it
means nobody knows. When the waiting task is cancelled, the statement is cancelled too, and the connection comes
back once its thread is through with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import secrets
import select
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg import pq
from psycopg.adapt import Dumper, PyFormat
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from vectormigrate.model.errors import StoreDown, UsageError
from vectormigrate.stores.base import Endpoint

from . import errors

T = TypeVar("T")
Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

_MAX_THREADS = 8
_CONNECT_TIMEOUT = 10.0
_SETTLE_TIMEOUT = 30.0
_NAP = 0.0004
"""Seconds that a stream may fill up before it is read again. A reader who waits for the socket is woken for every two
or three rows, which costs server and reader a third of their work.
"""
_ROOM = 2**18
"""Bytes of a value that each session is asked for at its beginning. libpq reads into a buffer of 16 KiB, five vectors, which
grows with a message that does not fit and stays so: then a stream is read with fewer and larger looks.
"""
_PREFIX = "vectormigrate"
_PROCESS = secrets.token_hex(4)
"""Tells the connections of this process from those of an earlier one, on this host or another."""
_SESSION = """\
select set_config('DateStyle', 'ISO, YMD', false), set_config('IntervalStyle', 'iso_8601', false),
       set_config('TimeZone', 'UTC', false), set_config('extra_float_digits', '1', false),
       set_config('bytea_output', 'hex', false), set_config('client_min_messages', 'warning', false),
       set_config('synchronous_commit', case current_setting('synchronous_commit')
                  when 'off' then 'on' else current_setting('synchronous_commit') end, false),
       set_config('statement_timeout', {timeout}, false), repeat(' ', {room})
"""
"""What text casts look like must not depend on the role; an acknowledged write is durable whatever the role's default."""


@dataclass(frozen=True, slots=True)
class OnWire:
    """A parameter as the server's type receives it; None for NULL."""

    data: bytes | None
    oid: int


class _OnWireDumper(Dumper):
    """Psycopg asks it for the number of the type, then for the bytes."""

    format = pq.Format.BINARY

    def get_key(self, obj: OnWire, format: PyFormat) -> tuple[type, int]:  # type: ignore[override] # whatever is hashed
        return (OnWire, obj.oid)

    def upgrade(self, obj: OnWire, format: PyFormat) -> _OnWireDumper:
        dumper = _OnWireDumper(OnWire)
        dumper.oid = obj.oid
        return dumper

    def dump(self, obj: OnWire) -> bytes | None:
        return obj.data


class Connections:
    """The threads and idle connections of one store."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._owner = _owner_name(endpoint.owner)
        self._timeout = _timeout(endpoint)
        self.dsn = _dsn(endpoint, f"{_PREFIX}/{self._owner}/{_PROCESS}")
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None

    async def run(self, work: Callable[[Connection], T], *, collection: str = "", patient: bool = False) -> T:
        """Run `work` in a transaction in a thread. `patient` work (an index build) is under no timeout."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="pgvector")
        job = _Job(self, work, collection, patient)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, job)
        except asyncio.CancelledError:
            # Cancelling dials the server once more, which may take its time: not here, on the loop.
            threading.Thread(target=job.cancel, name="pgvector-cancel", daemon=True).start()
            raise

    async def settle(self) -> None:
        """End every session of this owner that belongs to another process, and wait until they are gone."""
        if self._owner:
            await self.run(self._end_strays)

    async def close(self) -> None:
        executor, self._executor = self._executor, None
        if executor is not None:
            await asyncio.to_thread(executor.shutdown, cancel_futures=True)
        self.forget()

    def take(self) -> Connection:
        """An idle connection that is still alive as far as is known, or a new one."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
        try:
            connection = psycopg.connect(self.dsn, cursor_factory=psycopg.RawCursor, prepare_threshold=None)
            connection.adapters.register_dumper(OnWire, _OnWireDumper)
        except psycopg.Error as error:
            raise errors.translate_connect(error, self.dsn) from None
        try:
            connection.execute(_SESSION.format(timeout=f"'{int(self._timeout * 1000)}'", room=_ROOM))
            connection.commit()
        except psycopg.Error as error:
            connection.close()
            raise errors.translate(error) from None
        return connection

    def give_back(self, connection: Connection) -> None:
        """Keep a connection for the next work, unless it is broken or the store is closed."""
        with self._lock:
            if not connection.closed and self._executor is not None:
                self._idle.append(connection)
                return
        connection.close()

    def forget(self) -> None:
        """Close the idle connections: one has just been found dead, and the others were made before it."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _end_strays(self, connection: Connection) -> None:
        strays = (
            "from pg_stat_activity where starts_with(application_name, $1) and application_name <> $2"
            " and pid <> pg_backend_pid()"
        )
        names = [f"{_PREFIX}/{self._owner}/", f"{_PREFIX}/{self._owner}/{_PROCESS}"]
        deadline = time.monotonic() + _SETTLE_TIMEOUT
        while connection.execute(f"select pg_terminate_backend(pid) {strays}", names).fetchall():
            if time.monotonic() > deadline:
                raise StoreDown(
                    "sessions of an earlier run are still open on the server",
                    hint="end them with pg_terminate_backend, then run the command again",
                    store=errors.STORE,
                )
            # The view is a snapshot of the transaction's first look.
            connection.execute("select pg_stat_clear_snapshot()")
            time.sleep(0.02)


class _Job:
    """One unit of work, from taking a connection to giving it back."""

    def __init__(
        self, pool: Connections, work: Callable[[Connection], Any], collection: str, patient: bool
    ) -> None:
        self._pool = pool
        self._work = work
        self._collection = collection
        self._patient = patient
        self._connection: Connection | None = None
        self._lock = threading.Lock()

    def __call__(self) -> Any:
        connection = self._pool.take()
        with self._lock:
            self._connection = connection
        try:
            return self._transact(connection)
        finally:
            with self._lock:
                self._connection = None
            self._pool.give_back(connection)

    def cancel(self) -> None:
        """Ask the server to give up what this job waits for; the job's thread then ends by itself."""
        with self._lock:
            if self._connection is not None:
                with contextlib.suppress(psycopg.Error):
                    self._connection.cancel_safe(timeout=_CONNECT_TIMEOUT)

    def _transact(self, connection: Connection) -> Any:
        try:
            if self._patient:
                connection.execute("set local statement_timeout = 0")
            result = self._work(connection)
        except psycopg.Error as error:
            _roll_back(connection)
            if connection.closed:
                self._pool.forget()
            raise errors.translate(error, collection=self._collection) from None
        except BaseException:
            _roll_back(connection)
            raise
        try:
            connection.commit()
        except psycopg.Error as error:
            _roll_back(connection)
            raise errors.translate_commit(error, collection=self._collection) from None
        return result


def copy_out(connection: Connection, query: str) -> Iterator[memoryview]:
    """The rows of a query as binary COPY sends them, a block each, in libpq's own memory, which is freed with the last
    view of it.

    Straight from libpq: psycopg's own loop costs more for each row than everything else that is done to it. Waiting is
    done here and not inside libpq, whose call would hold the interpreter's lock and stop every other thread.
    """
    pgconn = connection.pgconn
    result = pgconn.exec_(f"copy ({query}) to stdout (format binary)".encode())
    waiting = select.poll()
    waiting.register(pgconn.socket, select.POLLIN)
    dry = 0
    while result.status == pq.ExecStatus.COPY_OUT:
        size, data = pgconn.get_copy_data(1)
        if size > 0:
            dry = 0
            yield data
        elif size == 0:
            # First without waiting: libpq takes in a few rows at a time of what has arrived.
            if dry == 1:
                time.sleep(_NAP)
            elif dry > 1:
                waiting.poll()
            dry += 1
            pgconn.consume_input()
        else:
            # The copy is over; what follows says whether it ended well.
            result = pgconn.get_result() or result
    while pgconn.get_result() is not None:
        pass
    if result.status != pq.ExecStatus.COMMAND_OK:
        if pgconn.status != pq.ConnStatus.OK:
            raise psycopg.OperationalError("the connection is lost")
        raise psycopg.errors.error_from_result(result)


def _roll_back(connection: Connection) -> None:
    try:
        connection.rollback()
    except psycopg.Error:
        connection.close()


def _owner_name(owner: str) -> str:
    """The owner as part of an application name, which the server cuts at 63 bytes of ASCII."""
    if re.fullmatch(r"[A-Za-z0-9_.-]{0,38}", owner):
        return owner
    digest = hashlib.sha256(owner.encode()).hexdigest()[:10]
    return re.sub(r"[^A-Za-z0-9_.-]", "_", owner)[:27] + "." + digest


def _timeout(endpoint: Endpoint) -> float:
    text = endpoint.options.get("timeout", "0")
    try:
        return max(float(text), 0.0)
    except ValueError:
        raise UsageError(f"timeout {text!r} is not a number of seconds", store=errors.STORE) from None


def _dsn(endpoint: Endpoint, application: str) -> str:
    try:
        known = conninfo_to_dict(endpoint.url)
        if not all(port.isdigit() for port in str(known.get("port") or 5432).split(",")):
            raise errors.bad_dsn()
        extra: dict[str, Any] = {
            "application_name": application,
            "connect_timeout": known.get("connect_timeout")
            or max(int(_timeout(endpoint) or _CONNECT_TIMEOUT), 2),
            "keepalives_idle": known.get("keepalives_idle") or 30,
            "tcp_user_timeout": known.get("tcp_user_timeout") or 60_000,
            "client_encoding": "UTF8",
        }
        if endpoint.api_key:
            extra["password"] = endpoint.api_key
        return make_conninfo(endpoint.url, **extra)
    except psycopg.ProgrammingError:
        raise errors.bad_dsn() from None
