"""HTTP/1.1 by uvicorn's protocol: one subclass that peeks, limits and holds bodies together, one application behind it.

uvicorn's `Server` is not used: it takes the process's signals, cancels what is under way when its patience ends and
cannot hand a connection on. What is used is its protocol over httptools, and its state of connections and tasks.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from vectormigrate.model.errors import VectormigrateError
from vectormigrate.stores.facade import Facade
from vectormigrate.stores.raw import HttpRequest, HttpResponse

from .limits import Limits
from .splice import PREFACE

logger = logging.getLogger(__name__)

Receive = Callable[[], Coroutine[Any, Any, Any]]
Send = Callable[[Any], Coroutine[Any, Any, None]]
HandOn = Callable[[asyncio.Transport, bytes], None]
"""Takes over a connection that speaks HTTP/2, with its first bytes."""

_LAST_REQUESTS = 0.25
"""Seconds that idle connections get, when draining, to be told by the answer to one more request that they end: a
request that meets a closing connection is lost to its client, however idle the connection looked.
"""
_LOOK_AGAIN = 0.02
_CLOSE = (b"connection", b"close")
_BODILESS = (204, 304)
_TOO_LARGE_HEAD = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)


class HttpServer:
    """Serves one facade on sockets that are given to it."""

    def __init__(self, facade: Facade, limits: Limits, hand_on: HandOn | None) -> None:
        self._application = _Application(facade, limits)
        self._limits = limits
        self._hand_on = hand_on
        self._state = ServerState()
        self._servers: list[asyncio.AbstractServer] = []
        self._config = Config(
            self._application,
            http=HttpToolsProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
        )
        self._config.load()

    async def start(self, bound: socket.socket) -> None:
        """Accept from a socket, which is the server's from now on."""
        loop = asyncio.get_running_loop()
        make = loop.create_unix_server if bound.family == socket.AF_UNIX else loop.create_server
        self._servers.append(await make(self._door, sock=bound, backlog=self._limits.backlog))

    def _door(self) -> _Door:
        return _Door(self._config, self._state, self._limits, self._hand_on)

    @property
    def under_way(self) -> int:
        """Requests that are being answered, those of clients that hung up included."""
        return len(self._state.tasks)

    @property
    def connections(self) -> int:
        """Open connections, those handed on not counted."""
        return len(self._state.connections)

    def stop_accepting(self) -> None:
        """Leave new connections in the sockets' queues, where whoever inherits them finds them."""
        for server in self._servers:
            server.close()

    async def drain(self) -> None:
        """Return when every request is answered and every connection closed. Cancelled, it leaves the rest as it is."""
        self.stop_accepting()
        self._application.draining = True
        loop = asyncio.get_running_loop()
        patient_until = loop.time() + _LAST_REQUESTS
        while self._state.connections or self._state.tasks:
            if loop.time() > patient_until:
                for connection in tuple(self._state.connections):
                    connection.shutdown()  # closes it when idle; its answer ends it otherwise
            await asyncio.sleep(_LOOK_AGAIN)


class _Door(HttpToolsProtocol):
    """One connection. Bodies are held together instead of being passed on in pieces of 64 KiB: every request is read
    whole anyway, and a task that wakes for each piece costs more than the pieces.
    """

    def __init__(self, config: Config, state: ServerState, limits: Limits, hand_on: HandOn | None) -> None:
        super().__init__(config, state, {})
        self._limits = limits
        self._hand_on = hand_on
        self._first: bytes | None = None if hand_on is None else b""
        """What arrived before it was clear what is spoken; None from then on."""
        self._head: int | None = 0
        """Bytes of a head that is not complete; None inside a body."""
        self._pieces: list[bytes] = []
        self._size = 0
        """Of the pieces of a body that is not complete."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type] # of a stream, as every one here
        self.app_state = {"connection": self.transport}
        if len(self.connections) > self._limits.connections:
            self.limit_concurrency = 0  # of this connection alone: those that were there before are served on
        self.timeout_keep_alive = self._limits.idle  # type: ignore[assignment] # a number for the loop's timer
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def data_received(self, data: bytes) -> None:
        if self._first is not None:
            data = self._first + data
            if data.startswith(PREFACE):
                self._leave(data)
                return
            if PREFACE.startswith(data):
                self._first = data
                return
            self._first = None
        super().data_received(data)
        if self._head is not None:
            self._head += len(data)
            if self._head > self._limits.head and not self.transport.is_closing():
                self.transport.write(_TOO_LARGE_HEAD)
                self.transport.close()

    def _leave(self, data: bytes) -> None:
        assert self._hand_on is not None
        self._unset_keepalive_if_required()
        self.connections.discard(self)
        self._hand_on(self.transport, data)

    def on_message_begin(self) -> None:
        self._head = 0
        self._pieces = []
        self._size = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head = None
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)
        self._size += len(body)
        if self._size > self._limits.body and not self.cycle.response_complete:
            self._hand_over()
            self.flow.pause_reading()
            self.cycle.message_event.set()

    def on_message_complete(self) -> None:
        if self._pieces and not self.cycle.response_complete:
            self._hand_over()
        super().on_message_complete()

    def _hand_over(self) -> None:
        """What arrived, for `receive`, which copies a bytearray and hands bytes on as they are."""
        self.cycle.body = b"".join(self._pieces)  # type: ignore[assignment] # read by `receive` alone
        self._pieces = []
        self._size = 0


class _TooLarge(Exception):
    """The body of a request is over the limit."""


class _Application:
    """One facade as an ASGI application."""

    def __init__(self, facade: Facade, limits: Limits) -> None:
        self._facade = facade
        self._limits = limits
        self.draining = False
        """Set: every answer ends its connection."""

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        try:
            body = await _whole(receive, self._limits)
        except _TooLarge:
            told = _plain(413, f"the request is larger than {self._limits.body} bytes", _CLOSE)
            await self._answer(scope, told, send)
            return
        if body is None:
            return
        request = HttpRequest(
            scope["method"], scope["raw_path"].decode("ascii"), scope["query_string"], scope["headers"], body
        )
        try:
            response = await self._facade.http(request)
        except Exception:  # a facade answers what is foreseen itself
            logger.exception("%s %s has no answer", request.method, request.path)
            response = _plain(500, "internal error")
        await self._answer(scope, response, send)

    async def _answer(self, scope: Mapping[str, Any], response: HttpResponse, send: Send) -> None:
        bodiless = response.status in _BODILESS
        headers = list(response.headers)
        if bodiless:
            headers = [pair for pair in headers if pair[0] != b"content-length"]
        elif response.stream is None and scope["method"] != "HEAD" and not _has_length(headers):
            headers.append((b"content-length", b"%d" % len(response.body)))
        if self.draining:
            headers.append(_CLOSE)
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        if response.stream is not None and not await _passed_on(
            response.stream, scope["state"]["connection"], send
        ):
            return
        await send({"type": "http.response.body", "body": b"" if bodiless else response.body})


async def _whole(receive: Receive, limits: Limits) -> bytes | None:
    """The body, or None when its sender went away before its end. Raises _TooLarge behind the end of such a one."""
    message = await receive()
    body: bytes | None = message.get("body")
    if body is None or (len(body) <= limits.body and not message["more_body"]):
        return body
    with suppress(TimeoutError):
        async with asyncio.timeout(limits.patience):
            while message.get("more_body"):
                message = await receive()
    raise _TooLarge


async def _passed_on(stream: AsyncIterator[bytes], connection: asyncio.Transport, send: Send) -> bool:
    """Pass on what arrives until its end, or until nobody is there to take it; False when it broke off."""
    try:
        async for piece in stream:
            if connection.is_closing():
                return False
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    except VectormigrateError as error:
        logger.warning("an answer broke off: %s", error.message)
        connection.close()  # before its end, which is how the client learns of it
        return False
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
    return True


def _has_length(headers: list[tuple[bytes, bytes]]) -> bool:
    return any(name == b"content-length" for name, _ in headers)


def _plain(status: int, text: str, *headers: tuple[bytes, bytes]) -> HttpResponse:
    return HttpResponse(
        status, ((b"content-type", b"text/plain; charset=utf-8"), *headers), text.encode() + b"\n"
    )
