"""HTTP connections to one server: kept, given out one at a time, and dialled apart from what is asked on them.

Connecting and asking are two steps so that what failed in the first was certainly never sent, which no client library
says. Blocking; safe to share between threads.
"""

from __future__ import annotations

import select
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection


class NotSent(Exception):
    """There is no connection: refused, no route, an unknown name, a certificate."""


class NoAnswer(Exception):
    """The request was sent, all or part of it, and no whole answer came."""


class Closed(Exception):
    """`close` was called."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    retry_after: float | None = None
    """Seconds that the server asks us to wait, where it says so in a number."""


class Connections:
    """As many as are in use at once."""

    def __init__(self, host: str, port: int, *, secure: bool, dial_timeout: float) -> None:
        self._host, self._port, self._secure = host, port, secure
        self._dial_timeout = dial_timeout
        self._lock = threading.Lock()
        self._idle: list[HTTPConnection] = []
        self._closed = False

    def exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout: float
    ) -> Answer:
        """One attempt. Raises NotSent, NoAnswer, Closed."""
        connection = self._connection()
        try:
            if connection.sock is not None:
                connection.sock.settimeout(timeout)
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            raw = response.read()
        except (OSError, HTTPException) as error:
            connection.close()
            raise NoAnswer(str(error) or type(error).__name__) from None
        if response.will_close:
            connection.close()
        else:
            self._give_back(connection)
        return Answer(response.status, raw, seconds_of(response.headers.get("retry-after")))

    def _connection(self) -> HTTPConnection:
        """A connection that is up: an idle one that the server has not closed meanwhile, or a new one."""
        while True:
            with self._lock:
                if self._closed:
                    raise Closed
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._dial()
            if not _is_readable(connection):  # readable while nothing was asked: it says that it is closed
                return connection
            connection.close()

    def _dial(self) -> HTTPConnection:
        connection: HTTPConnection
        if self._secure:
            context = ssl.create_default_context()
            connection = HTTPSConnection(self._host, self._port, timeout=self._dial_timeout, context=context)
        else:
            connection = HTTPConnection(self._host, self._port, timeout=self._dial_timeout)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise NotSent(str(error)) from None
        return connection

    def _give_back(self, connection: HTTPConnection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Hang up; repeatable."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


def seconds_of(text: object) -> float | None:
    """A header's seconds; None for anything that is no number."""
    with suppress(TypeError, ValueError):
        return float(str(text))
    return None


def _is_readable(connection: HTTPConnection) -> bool:
    if connection.sock is None:
        return True
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN | select.POLLERR | select.POLLHUP)
    return bool(poll.poll(0))
