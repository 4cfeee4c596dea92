"""Load: raw HTTP on kept connections, as fast as they answer or at a rate; every latency is kept.

At a rate, the clock of a request starts when it was due and not when a connection was free for it: a proxy that
stalls is charged for everybody who waited.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, cycle, repeat

import numpy as np
import uvloop

from integration.bench.library import COLLECTION, DIM, POINTS, points


@dataclass(frozen=True, slots=True)
class Traffic:
    """One run. Latencies in seconds, sorted."""

    latencies: np.ndarray
    seconds: float
    answered: int
    """Requests, those of the warm-up included, which are not in the latencies."""

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds

    def quantile(self, share: float) -> float:
        """Milliseconds."""
        return float(np.quantile(self.latencies, share)) * 1000


def query() -> Iterator[bytes]:
    """A search for a vector of 768 numbers, as Qdrant's client sends it."""
    vector = np.random.default_rng(1).standard_normal(DIM).round(8).tolist()
    body = json.dumps({"query": vector, "limit": 10, "with_payload": True}).encode()
    return repeat(_request("POST", f"/collections/{COLLECTION}/points/query", body))


def upserts(size: int) -> Iterator[bytes]:
    """So many points a request, each with a vector of 768 numbers; they write the whole library over and over."""
    return cycle([_upsert(range(start, start + size)) for start in range(0, POINTS, size)])


def inserts(size: int) -> Iterator[bytes]:
    """The same of points that were never written before."""
    return (_upsert(range(start, start + size)) for start in count(POINTS, size))


def as_read(size: int) -> Iterator[bytes]:
    """The very bytes of such an upsert, sent where nothing is written: what passing them on costs, and no more."""
    body = b'{"points":%b}' % points(range(size))
    return repeat(_request("POST", f"/collections/{COLLECTION}/points/search", body))


def _upsert(ids: range) -> bytes:
    return _request("PUT", f"/collections/{COLLECTION}/points?wait=true", b'{"points":%b}' % points(ids))


def _request(method: str, path: str, body: bytes) -> bytes:
    head = (
        f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:6333\r\naccept: */*\r\naccept-encoding: gzip, deflate\r\n"
        f"connection: keep-alive\r\nuser-agent: python-client/1.20.0 python/3.11.7\r\napi-key: a-key-of-some-length\r\n"
        f"content-length: {len(body)}\r\ncontent-type: application/json\r\n\r\n"
    )
    return head.encode() + body


class _Client(asyncio.Protocol):
    """One connection with at most one request under way."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._buffer = b""
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._load.free(self)

    def ask(self, due: float) -> None:
        self._due = due
        self._transport.write(next(self._load.requests))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        if not head.startswith(b"http/1.1 200"):
            raise RuntimeError(f"answered {self._buffer[:300]!r}")
        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(self._buffer) < end + 4 + length:
            return
        self._buffer = b""
        self._load.latencies.append(time.perf_counter() - self._due)
        self._load.free(self)


class _Load:
    """The state of one run: idle connections, and requests that are due and have none."""

    def __init__(self, requests: Iterator[bytes], rate: float | None) -> None:
        self.requests = requests
        self.latencies: list[float] = []
        self._rate = rate
        self._idle: deque[_Client] = deque()
        self._waiting: deque[float] = deque()
        self._over = False

    def free(self, client: _Client) -> None:
        if self._over:
            return
        if self._rate is None:
            client.ask(time.perf_counter())
        elif self._waiting:
            client.ask(self._waiting.popleft())
        else:
            self._idle.append(client)

    async def run(self, port: int, connections: int, seconds: float) -> Traffic:
        loop = asyncio.get_running_loop()
        pairs = [
            await loop.create_connection(lambda: _Client(self), "127.0.0.1", port) for _ in range(connections)
        ]
        await asyncio.sleep(0.2)  # to get warm
        warm = len(self.latencies)
        self.latencies.clear()
        began = time.perf_counter()
        if self._rate is None:
            await asyncio.sleep(seconds)
        else:
            await self._pace(began, seconds)
        took = time.perf_counter() - began
        latencies, self.latencies = self.latencies, []
        self._over = True
        for transport, _ in pairs:
            transport.abort()
        await asyncio.sleep(0)
        return Traffic(np.sort(np.array(latencies)), took, warm + len(latencies))

    async def _pace(self, began: float, seconds: float) -> None:
        assert self._rate is not None
        number = 0
        while (now := time.perf_counter()) < began + seconds:
            while (due := began + number / self._rate) <= now:
                number += 1
                if self._idle:
                    self._idle.popleft().ask(due)
                else:
                    self._waiting.append(due)
            await asyncio.sleep(max(0.0, due - time.perf_counter()))


def drive(
    port: int, requests: Iterator[bytes], *, connections: int, seconds: float, rate: float | None = None
) -> Traffic:
    """Ask for so many seconds, one of these requests after the other; `rate` is requests a second, None as fast as the connections answer."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_Load(requests, rate).run(port, connections, seconds))
