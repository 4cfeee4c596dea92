"""HTTP by hand: a client that sees every byte, and servers that misbehave in a given way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Answer:
    """One answer, taken apart."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: bytes) -> bytes | None:
        return next((value for key, value in self.headers if key == name), None)


class Wire:
    """One connection of a client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def head(self) -> tuple[int, list[tuple[bytes, bytes]]]:
        """Status and headers of the next answer."""
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")
        pairs = (line.partition(b": ") for line in lines)
        return int(first.split()[1]), [(name.lower(), value) for name, _, value in pairs]

    async def answer(self) -> Answer:
        """The next answer, whole."""
        status, headers = await self.head()
        found = dict(headers)
        if found.get(b"transfer-encoding") == b"chunked":
            body = b""
            while size := int(await self.reader.readline(), 16):
                body += await self.reader.readexactly(size)
                await self.reader.readline()
            await self.reader.readline()
        else:
            body = await self.reader.readexactly(int(found.get(b"content-length", 0)))
        return Answer(status, headers, body)

    async def ask(self, method: str, path: str, body: bytes = b"", *headers: bytes) -> Answer:
        """One request with a known length and its answer."""
        lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: here", *headers]
        lines.append(b"Content-Length: %d" % len(body))
        await self.send(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        return await self.answer()

    async def ended(self) -> bool:
        """Whether the other side closes without another byte."""
        try:
            return await self.reader.read(1) == b""
        except ConnectionError:
            return True


@asynccontextmanager
async def connected(address):
    """A client's connection to an address."""
    if address.path:
        reader, writer = await asyncio.open_unix_connection(address.path)
    else:
        reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()


@dataclass
class Raw:
    """What a raw server saw."""

    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    """Heads and bodies, a request each, as far as `Content-Length` tells."""


@asynccontextmanager
async def raw_server(respond: Callable[[asyncio.StreamWriter, Raw], Awaitable[None]], ssl=None):
    """A server that reads requests whole and lets `respond` do what it wants with each."""
    seen = Raw()
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        writers.append(writer)
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = 0
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                seen.requests.append(head + await reader.readexactly(length))
                await respond(writer, seen)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=ssl)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


async def well(writer: asyncio.StreamWriter, _: Raw) -> None:
    """Respond as a server should."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-server: raw\r\n\r\nok")
    await writer.drain()


class Relay:
    """Passes the bytes of any protocol on to a port, and can break every connection at once."""

    def __init__(self, host: str, port: int) -> None:
        self._there = (host, port)
        self._writers: list[asyncio.StreamWriter] = []
        self.port = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._there)
        self._writers += [writer, there_writer]
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pass(reader, there_writer))
            group.create_task(self._pass(there_reader, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(65536):
                writer.write(piece)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    def cut(self) -> None:
        """Reset whatever is connected."""
        for writer in self._writers:
            writer.transport.abort()


@asynccontextmanager
async def relay(address):
    """A relay in front of an address."""
    between = Relay(address.host, address.port)
    server = await asyncio.start_server(between._serve, "127.0.0.1", 0)
    between.port = server.sockets[0].getsockname()[1]
    try:
        yield between
    finally:
        between.cut()
        server.close()
