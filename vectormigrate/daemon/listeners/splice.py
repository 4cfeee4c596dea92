"""Two connections made one: bytes of a gRPC client on a shared port go to the gRPC server's own socket and back.

gRPC accepts its connections itself and takes none from elsewhere, so a shared port costs it a second hop inside this
process; a port of its own (`grpc_listen`) does not. Measured: 0.03 ms more for a message of 3 kB, 0.13 ms for one of
311 kB (100 x 768). HTTP pays nothing: it is spoken by who accepted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, cast

PREFACE = b"PRI"
"""How HTTP/2 with prior knowledge begins (RFC 9113, 3.4). No method of HTTP/1.1 begins with it."""

_MOMENT = 0.2
"""Seconds for what is on its way to leave."""

Spawn = Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]
"""Runs a coroutine to its end, whoever asked for it."""


class Splices:
    """The joined connections of one listener."""

    def __init__(self, path: str, spawn: Spawn) -> None:
        """`path` is the Unix socket at which the server accepts."""
        self._path = path
        self._spawn = spawn
        self._open: set[asyncio.Transport] = set()
        self._none = asyncio.Event()

    def join(self, client: asyncio.Transport, first: bytes) -> None:
        """Join a client, whose first bytes were read already, to the server; returns at once."""
        client.pause_reading()
        inward = _Half(self)
        inward.connection_made(client)
        client.set_protocol(inward)
        _ = self._spawn(self._join(inward, client, first))

    async def _join(self, inward: _Half, client: asyncio.Transport, first: bytes) -> None:
        loop = asyncio.get_running_loop()
        try:
            server, _ = await loop.create_unix_connection(lambda: _Half(self, client), self._path)
        except OSError:  # it is being closed: the client sees what it would see of a server that is gone
            client.close()
            return
        if client.is_closing():
            server.close()
            return
        inward.peer = server
        server.write(first)
        client.resume_reading()

    def opened(self, transport: asyncio.Transport) -> None:
        """One of a pair is there."""
        self._open.add(transport)
        self._none.clear()

    def closed(self, transport: asyncio.Transport) -> None:
        """One of a pair is gone."""
        self._open.discard(transport)
        if not self._open:
            self._none.set()

    async def close(self) -> None:
        """End what is still joined, when what is on its way has left or after a moment."""
        for transport in tuple(self._open):
            transport.close()
        if self._open:
            with suppress(TimeoutError):
                async with asyncio.timeout(_MOMENT):
                    await self._none.wait()
        for transport in tuple(self._open):
            transport.abort()
        await asyncio.sleep(0)  # the loop tells their protocols


class _Half(asyncio.Protocol):
    """One direction: what arrives here leaves at `peer`, no faster than that takes it."""

    def __init__(self, splices: Splices, peer: asyncio.Transport | None = None) -> None:
        self._splices = splices
        self._own: asyncio.Transport | None = None
        self.peer = peer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._own = cast(asyncio.Transport, transport)  # uvloop's is one without saying so
        self._splices.opened(self._own)

    def data_received(self, data: bytes) -> None:
        if self.peer is not None:
            self.peer.write(data)

    def eof_received(self) -> bool:
        if self.peer is not None and not self.peer.is_closing():
            if not self.peer.can_write_eof():  # TLS has no half that is closed
                self.peer.close()
                return False
            self.peer.write_eof()
        return True

    def pause_writing(self) -> None:
        if self.peer is not None and not self.peer.is_closing():
            self.peer.pause_reading()

    def resume_writing(self) -> None:
        if self.peer is not None and not self.peer.is_closing():
            self.peer.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._own is not None:
            self._splices.closed(self._own)
        if self.peer is not None:
            self.peer.close()
