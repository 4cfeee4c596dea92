"""The slot's content as the server sends it, over a replication connection: straight from libpq, blocking.

Not by the functions that look into a slot: each look decodes the log anew from the oldest transaction that is open, and
next to one that stays open for minutes a look takes seconds. psycopg has no replication protocol, but libpq needs
none: the messages are those of COPY in both directions ("Streaming Replication Protocol" in PostgreSQL's manual).

Nobody answers the server between two reads. After `wal_sender_timeout` it ends the connection, and the next read opens
another: whatever was not acknowledged comes again.
"""

from __future__ import annotations

import select
import struct
import time
from collections import deque
from collections.abc import Callable, Sequence

import psycopg
from psycopg import pq

from vectormigrate.stores.pgvector.names import literal, quote

from .pgoutput import Decoder, Transaction

_DATA = struct.Struct(">cqqq")
_KEEPALIVE = struct.Struct(">cqqb")
_STATUS = struct.Struct(">cqqqqb")
_BUSY = "55006"
PATIENCE = 5.0
"""Seconds that the server gets to notice that an earlier reader of the slot is gone."""
_BREATH = 0.02


class Stream:
    """One open stream. `position` is how far the server has come, `committed` what it told and nobody took yet."""

    def __init__(self, dsn: str, slot: str, publication: str, key: Sequence[str], most: int) -> None:
        """Open it. Raises psycopg.Error, with 55006 when somebody else reads the slot."""
        options = f"proto_version '1', publication_names {literal(quote(publication))[1:]}"
        command = f"START_REPLICATION SLOT {quote(slot)} LOGICAL 0/0 ({options})".encode()
        self._pgconn = _started(f"{dsn} replication=database".encode(), command)
        self._decoder = Decoder(key, most)
        self._waiting = select.poll()
        self._waiting.register(self._pgconn.socket, select.POLLIN)
        self._acknowledged = 0
        self.position = 0
        self.committed: deque[Transaction] = deque()
        self._keys = 0
        """What came since the last `take`."""

    def read(self, target: int, limit: int, seconds: float) -> bool:
        """Take what is there. True when everything up to the position `target` is taken; False when before that there
        are `limit` keys, or some and no more for the moment, or the time is up. Raises psycopg.Error when the
        connection is lost.
        """
        deadline = time.monotonic() + seconds
        self._report(asking=self.position < target)
        while self._keys < limit:
            size, data = self._pgconn.get_copy_data(1)
            if size > 0:
                self._take(bytes(data))
            elif size < 0:
                raise self._lost()
            elif self.position >= target:
                return True
            elif time.monotonic() > deadline or (not self._wait() and self.committed):
                return False
        return False

    def take(self, wanted: Callable[[Transaction], bool]) -> list[tuple[Transaction, bool]]:
        """Those of `committed` that are wanted, each with whether everything before it is taken; the others stay."""
        taken: list[tuple[Transaction, bool]] = []
        left: deque[Transaction] = deque()
        for found in self.committed:
            if wanted(found):
                taken.append((found, not left))
            else:
                left.append(found)
        self.committed, self._keys = left, 0
        return taken

    def acknowledge(self, end: int) -> None:
        """Let the server forget the log up to `end`."""
        self._acknowledged = max(self._acknowledged, end)
        self._report(asking=False)

    def close(self) -> None:
        self._pgconn.finish()

    def _wait(self) -> bool:
        """Wait a moment for the server, and ask it when it says nothing. Whether it said something."""
        said = bool(self._waiting.poll(_BREATH * 1000))
        if not said:
            self._report(asking=True)
        self._pgconn.consume_input()
        return said

    def _take(self, message: bytes) -> None:
        if message[:1] == b"k":
            _, self.position, _, _ = _KEEPALIVE.unpack(message)
            return
        found = self._decoder.feed(message[_DATA.size :])
        if found is not None:
            self.committed.append(found)
            self._keys += len(found.keys)

    def _report(self, *, asking: bool) -> None:
        """Say how far we are, and ask the server how far it is: it answers behind all that it has told before."""
        held = self._acknowledged
        self._pgconn.put_copy_data(_STATUS.pack(b"r", held, held, held, 0, asking))
        self._pgconn.flush()

    def _lost(self) -> psycopg.Error:
        result = self._pgconn.get_result()
        if result is not None and result.status == pq.ExecStatus.FATAL_ERROR:
            return psycopg.errors.error_from_result(result)
        return psycopg.OperationalError("the replication connection is lost")


def _started(dsn: bytes, command: bytes) -> pq.abc.PGconn:
    deadline = time.monotonic() + PATIENCE
    while True:
        pgconn = pq.PGconn.connect(dsn)
        if pgconn.status != pq.ConnStatus.OK:
            pgconn.finish()
            raise psycopg.OperationalError("the server does not take a replication connection")
        result = pgconn.exec_(command)
        if result.status == pq.ExecStatus.COPY_BOTH:
            return pgconn
        error = psycopg.errors.error_from_result(result)
        pgconn.finish()
        if error.sqlstate != _BUSY or time.monotonic() > deadline:
            raise error
        time.sleep(_BREATH)
