"""What the proxy is measured against and with: a stub of Qdrant, and the barest proxy that the same libraries make.

Each runs as a process of its own: `python -m integration.bench.passing stub PORT` or `bare PORT UPSTREAM_PORT`. Nothing
here is ours: a figure is worth what it is compared with.
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp
import uvicorn
import uvloop
from yarl import URL

_WRITTEN = b'{"result":{"operation_id":7,"status":"completed"},"status":"ok","time":0.000512}'
_FOUND = (
    b'{"result":{"points":['
    + b",".join(
        b'{"id":%d,"version":3,"score":0.9%d,"payload":{"title":"a title of a document","n":%d}}' % (n, n, n)
        for n in range(10)
    )
    + b']},"status":"ok","time":0.000512}'
)


class Stub(asyncio.Protocol):
    """Answers every POST as a query and everything else as a write, at once; reads no more than lengths."""

    def __init__(self) -> None:
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
            body = _FOUND if head.startswith(b"post") else _WRITTEN
            self._transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
                + body
            )
            del self._buffer[: self._wanted]
            self._wanted = 0


async def stub(port: int) -> None:
    """Serve for ever."""
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", port)
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
    what, *ports = sys.argv[1:]
    if what == "stub":
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(stub(int(ports[0])))
    else:
        bare(int(ports[0]), int(ports[1]))
