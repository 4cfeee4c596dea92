"""What the proxy is measured against and with: a stub of Qdrant, and the barest proxy that the same libraries make.

Each runs as a process of its own: `python -m integration.bench.passing stub PORT DISTANCE` or `bare PORT UPSTREAM_PORT`.
Nothing here is ours: a figure is worth what it is compared with.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

import aiohttp
import uvicorn
import uvloop
from yarl import URL

from integration.bench.library import COLLECTION, POINTS, bare_points, described, points

_WRITTEN = b'{"result":{"operation_id":7,"status":"completed"},"status":"ok","time":0.000512}'
_FOUND = (
    b'{"result":{"points":['
    + b",".join(
        b'{"id":%d,"version":3,"score":0.9%d,"payload":{"title":"a title of a document","n":%d}}' % (n, n, n)
        for n in range(10)
    )
    + b']},"status":"ok","time":0.000512}'
)


def _scroll(asked: dict[str, Any]) -> bytes:
    first, most = asked.get("offset", 0), asked.get("limit", 10)
    ids = range(first, min(first + most, POINTS))
    following = str(ids.stop) if ids.stop < POINTS else "null"
    return b'{"points":%b,"next_page_offset":%b}' % (_written(ids, asked), following.encode())


def _retrieve(asked: dict[str, Any]) -> bytes:
    return _written([one for one in asked["ids"] if one < POINTS], asked)


def _written(ids: range | list[int], asked: dict[str, Any]) -> bytes:
    return points(ids) if asked.get("with_vector") else bare_points(ids)


_BELOW = f"/collections/{COLLECTION}"
_READS: dict[str, Callable[[dict[str, Any]], bytes]] = {
    f"POST {_BELOW}/points/scroll": _scroll,
    f"POST {_BELOW}/points": _retrieve,
    f"POST {_BELOW}/points/count": lambda _: b'{"count":%d}' % POINTS,
    "GET /aliases": lambda _: b'{"aliases":[]}',
    "GET /collections": lambda _: b'{"collections":[{"name":"%b"}]}' % COLLECTION.encode(),
}
"""What a migration reads beside the load, by method and path: answered as by a Qdrant that holds the library."""


class Stub(asyncio.Protocol):
    """Answers writes and searches at once, reading no more of them than lengths; and what a migration asks."""

    def __init__(self, distance: str) -> None:
        self._reads = _READS | {f"GET {_BELOW}": lambda _: described(distance)}
        self._buffer = bytearray()
        self._wanted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._buffer and len(self._buffer) >= self._wanted:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._buffer[:end]).lower()
            length = 0
            at = head.find(b"content-length:")
            if at >= 0:
                length = int(head[at + 15 :].split(b"\r\n", 1)[0])
            self._wanted = end + 4 + length
            if len(self._buffer) < self._wanted:
                return
            body = self._answer(bytes(self._buffer[:end]), end + 4)
            self._transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
                + body
            )
            del self._buffer[: self._wanted]
            self._wanted = 0

    def _answer(self, head: bytes, body: int) -> bytes:
        if head.startswith(b"PUT"):
            return _WRITTEN
        method, path, _ = head.split(b" ", 2)
        if path == b"/":
            return b'{"title":"qdrant - vector search engine","version":"1.19.0"}'
        read = self._reads.get(f"{method.decode()} {path.partition(b'?')[0].decode()}")
        if read is None:
            return _FOUND
        asked = json.loads(self._buffer[body : self._wanted] or b"null")
        return b'{"result":%b,"status":"ok","time":0.000512}' % read(asked)


async def stub(port: int, distance: str) -> None:
    """Serve for ever."""
    server = await asyncio.get_running_loop().create_server(lambda: Stub(distance), "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


class Bare:
    """An ASGI application that passes requests on: no journal, no decoding, no limits."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}"
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope, receive, send) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        query = scope["query_string"].decode()
        url = URL(f"{self._base}{scope['raw_path'].decode()}{'?' + query if query else ''}", encoded=True)
        headers = [
            (name.decode(), value.decode())
            for name, value in scope["headers"]
            if name not in (b"host", b"connection", b"content-length", b"transfer-encoding")
        ]
        async with self._session.request(
            scope["method"], url, data=body, headers=headers, allow_redirects=False
        ) as response:
            answer = await response.read()
            await send(
                {"type": "http.response.start", "status": response.status, "headers": response.raw_headers}
            )
        await send({"type": "http.response.body", "body": answer})


def bare(port: int, upstream: int) -> None:
    """Serve for ever."""
    config = uvicorn.Config(
        Bare(upstream),
        port=port,
        http="httptools",
        loop="uvloop",
        lifespan="off",
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,
    )
    print("ready", flush=True)
    uvicorn.Server(config).run()


if __name__ == "__main__":
    what, own, other = sys.argv[1:]
    if what == "stub":
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(stub(int(own), other))
    else:
        bare(int(own), int(other))
