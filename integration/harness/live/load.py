"""Requests at a rate, whatever the answers do: raw HTTP on kept connections, every latency kept.

The clock of a request starts when it was due and not when a connection was free for it, so that a daemon that stalls is
charged for everybody who waited.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from .vendors import Request

_PATIENCE = 20.0
"""Seconds for which answers are waited for at the end."""


def encoded(request: Request, headers: dict[str, str]) -> bytes:
    """A request as it is on the wire."""
    body = json.dumps(request.body).encode()
    words = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"{request.method} {request.path} HTTP/1.1\r\nhost: localhost\r\n{words}"
    return f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


@dataclass
class Answers:
    """What came of a load."""

    latencies: list[float] = field(default_factory=list)
    """Seconds, of those that were answered 2xx."""
    statuses: Counter[int] = field(default_factory=Counter)
    """0: the connection ended without an answer, or there was none in time."""

    @property
    def share(self) -> float:
        """Of the requests that succeeded."""
        return len(self.latencies) / max(1, self.statuses.total())

    def quantile(self, share: float) -> float:
        """Milliseconds."""
        return float(np.quantile(self.latencies, share)) * 1000 if self.latencies else float("nan")

    def figures(self, seconds: float) -> dict[str, float]:
        """As JSON."""
        return {
            "rate": round(self.statuses.total() / seconds, 1),
            "success": self.share,
            "p50_ms": round(self.quantile(0.5), 2),
            "p99_ms": round(self.quantile(0.99), 2),
            "max_ms": round(self.quantile(1.0), 2),
        }


class _Connection(asyncio.Protocol):
    """At most one request under way."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._buffer = b""
        self._due: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none
        self._load.free(self)

    def ask(self, request: bytes, due: float) -> None:
        self._due = due
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(rest) < length or self._due is None:
            return
        self._buffer = b""
        due, self._due = self._due, None
        self._load.answered(due, int(head[9:12]))
        self._load.free(self)

    def connection_lost(self, error: Exception | None) -> None:
        if self._due is not None:
            self._load.answered(self._due, 0)
        self._load.lost(self)


class Load:
    """One stream of requests to one port."""

    def __init__(self, port: int, requests: Sequence[bytes], rate: float, connections: int = 64) -> None:
        self._port = port
        self._requests = requests
        self._rate = rate
        self._connections = connections
        self._idle: deque[_Connection] = deque()
        self._waiting: deque[tuple[bytes, float]] = deque()
        self._asked = 0
        self._missing = connections
        self._over = False
        self.answers = Answers()

    def take(self) -> Answers:
        """What was answered since the last call."""
        taken, self.answers = self.answers, Answers()
        return taken

    def free(self, connection: _Connection) -> None:
        """It may take a request."""
        if self._waiting:
            connection.ask(*self._waiting.popleft())
        else:
            self._idle.append(connection)

    def answered(self, due: float, status: int) -> None:
        """A request came to its end."""
        self.answers.statuses[status] += 1
        if 200 <= status < 300:
            self.answers.latencies.append(time.perf_counter() - due)

    def lost(self, connection: _Connection) -> None:
        """It has ended; another takes its place."""
        if connection in self._idle:
            self._idle.remove(connection)
        self._missing += 1

    async def run(self, seconds: float) -> None:
        """Ask for so long."""
        began, number = time.perf_counter(), 0
        while (now := time.perf_counter()) < began + seconds:
            await self._connect()
            while (due := began + number / self._rate) <= now:
                request = self._requests[number % len(self._requests)]
                number += 1
                if self._idle:
                    self._idle.popleft().ask(request, due)
                else:
                    self._waiting.append((request, due))
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
        self._asked += number
        await self._end()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        while self._missing:
            self._missing -= 1
            try:
                await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._port)
            except OSError:
                self._missing += 1
                await asyncio.sleep(0.02)
                return

    async def _end(self) -> None:
        deadline = time.perf_counter() + _PATIENCE
        while len(self._idle) + self._missing < self._connections and time.perf_counter() < deadline:
            await asyncio.sleep(0.02)
        for connection in list(self._idle):
            connection.transport.abort()
