"""HTTP/1.1 by uvicorn's protocol: one subclass that peeks, limits and holds bodies together, one application behind it.

uvicorn's `Server` is not used: it takes the process's signals, cancels what is under way when its patience ends and
cannot hand a connection on. What is used is its protocol over httptools, and its state of connections and tasks.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import ssl
from collections.abc import Callable

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from .application import Application
from .limits import Limits
from .splice import PREFACE

HandOn = Callable[[asyncio.Transport, bytes], None]
"""Takes over a connection that speaks HTTP/2, with its first bytes."""
TurnedAway = Callable[[str, str], None]
"""Told of a connection that never came to be a request, by the reason, and the address where it is known. Reasons: `no_http`,
`head` (too large), `slow` (its head never came), `tls` (no handshake), `crowded` (a connection too many).
"""


_protocol = logging.getLogger(f"{__name__}.protocol")
_protocol.setLevel(logging.ERROR)
"""uvicorn warns of whoever speaks no HTTP or is one too many, a line each: a scan of ports must not fill the log. We count them."""

_LAST_REQUESTS = 0.25
"""Seconds that idle connections get, when draining, to be told by the answer to one more request that they end: a
request that meets a closing connection is lost to its client, however idle the connection looked.
"""
_LOOK_AGAIN = 0.02
_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
_NO_UPGRADE = b"\r\nTrailer:"
"""As long, of one connection too, and asks for nothing."""
_END = b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_TOO_LARGE_HEAD = b"HTTP/1.1 431 Request Header Fields Too Large" + _END
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout" + _END


def unheard(reason: str, address: str) -> None:
    """A `TurnedAway` that nobody listens to."""


class HttpServer:
    """Serves one application on sockets that are given to it."""

    def __init__(
        self,
        application: Application,
        limits: Limits,
        hand_on: HandOn | None,
        turned_away: TurnedAway = unheard,
    ) -> None:
        self._application = application
        self._limits = limits
        self._hand_on = hand_on
        self._turned_away = turned_away
        self._state = ServerState()
        self._servers: list[asyncio.AbstractServer] = []
        self._secured: list[socket.socket] = []
        """What is spoken at these is TLS."""
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

    async def start(self, bound: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Accept from a socket, which is the server's from now on."""
        if tls is not None:
            self._secured.append(bound)
            bound = bound.dup()  # what is accepted with other certificates later comes from the same queue
        self._servers.append(await self._accept(bound, tls))

    async def _accept(self, bound: socket.socket, tls: ssl.SSLContext | None) -> asyncio.AbstractServer:
        loop = asyncio.get_running_loop()
        make = loop.create_unix_server if bound.family == socket.AF_UNIX else loop.create_server
        patience = None if tls is None else self._limits.handshake
        door = self._door if tls is None else self._secured_door
        return await make(
            door, sock=bound, backlog=self._limits.backlog, ssl=tls, ssl_handshake_timeout=patience
        )

    async def secure(self, tls: ssl.SSLContext) -> None:
        """Take other certificates for connections from now on; nobody is refused meanwhile."""
        before, self._servers = self._servers, [await self._accept(one.dup(), tls) for one in self._secured]
        for server in before:
            server.close()

    def _door(self) -> _Door:
        return _Door(self._config, self._state, self._limits, self._hand_on, self._turned_away)

    def _secured_door(self) -> _Door:
        """Nobody tells the protocol behind it of a handshake that failed: who has not come in by the time that one may take did not."""
        door = self._door()
        door.expect(self._limits.handshake)
        return door

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
        for bound in self._secured:
            bound.close()

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


def _without_upgrade(data: bytes) -> bytes:
    """The first head in here without the wish for another protocol, which a server may leave unanswered (RFC 9110, 7.8). Java's
    own client wishes for h2c with every request, curl with `--http2`; the parser would throw such a request's body away.
    """
    end = data.find(b"\r\n\r\n") + 1 or len(data)
    return _UPGRADE.sub(_NO_UPGRADE, data[:end]) + data[end:] if _UPGRADE.search(data, 0, end) else data


class _TooLargeHead(Exception):
    """The head of a request is over the limit."""


class _Door(HttpToolsProtocol):
    """One connection. Bodies are held together instead of being passed on in pieces of 64 KiB: every request is read
    whole anyway, and a task that wakes for each piece costs more than the pieces.
    """

    def __init__(
        self,
        config: Config,
        state: ServerState,
        limits: Limits,
        hand_on: HandOn | None,
        turned_away: TurnedAway,
    ) -> None:
        super().__init__(config, state, {})
        self.logger = _protocol
        self._limits = limits
        self._turned_away = turned_away
        self._expected: asyncio.TimerHandle | None = None
        """Ends the time in which a handshake must be over."""
        self._hand_on = hand_on
        self._first: bytes | None = None if hand_on is None else b""
        """What arrived before it was clear what is spoken; None from then on."""
        self._head: int | None = 0
        """Bytes of a head that is not complete; None inside a body."""
        self._suspect = False
        """What arrives may hold a whole head that is too large."""
        self._pieces: list[bytes] = []
        self._size = 0
        """Of the pieces of a body that is not complete."""
        self._arriving = False
        """A request has begun and is not whole."""
        self._deadline: asyncio.TimerHandle | None = None

    def expect(self, within: float) -> None:
        """Somebody connects, and has so many seconds to agree on TLS."""
        loop = asyncio.get_running_loop()
        self._expected = loop.call_later(within, self._turned_away, "tls", "")

    def _turn_away(self, reason: str) -> None:
        self._turned_away(reason, self.client[0] if self.client else "")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._expected is not None:
            self._expected.cancel()
        super().connection_made(transport)  # type: ignore[arg-type] # of a stream, as every one here
        self.app_state = {"connection": self.transport}
        if len(self.connections) > self._limits.connections:
            self.limit_concurrency = 0  # of this connection alone: those that were there before are served on
            self._turn_away("crowded")
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
        self._suspect = (self._head or 0) + len(data) > self._limits.head
        super().data_received(data if self._arriving and self._head is None else _without_upgrade(data))
        if self._head is not None:
            self._head += len(data)
            if self._head > self._limits.head and not self.transport.is_closing():
                self._refuse_head()
        if self._arriving and self._deadline is None:
            self._deadline = self.loop.call_later(self._limits.arrival, self._give_up)

    def _give_up(self) -> None:
        """What drips in byte by byte holds a connection for nothing."""
        self._deadline = None
        if not self.transport.is_closing():
            if self._head is not None:
                self._turn_away("slow")
            if self._head is not None or not self.cycle.response_started:
                self.transport.write(_TOO_SLOW)
            self.transport.close()

    def _arrived(self) -> None:
        self._arriving = False
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        super().connection_lost(exc)

    def _leave(self, data: bytes) -> None:
        assert self._hand_on is not None
        self._unset_keepalive_if_required()
        self.connections.discard(self)
        self._hand_on(self.transport, data)

    def on_message_begin(self) -> None:
        self._head = 0
        self._pieces = []
        self._size = 0
        self._arriving = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head = None
        if self._suspect and self._told() > self._limits.head:
            self._refuse_head()
            raise _TooLargeHead  # ends the parsing of what came with it
        super().on_headers_complete()

    def _told(self) -> int:
        """Bytes of the head that was just read, about."""
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse_head(self) -> None:
        self._turn_away("head")
        self.transport.write(_TOO_LARGE_HEAD)
        self.transport.close()

    def send_400_response(self, msg: str) -> None:
        if not self.transport.is_closing():  # it was told 431
            self._turn_away("no_http")
            super().send_400_response(msg)

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)
        self._size += len(body)
        if self._size > self._limits.body and not self.cycle.response_complete:
            self._hand_over()
            self.flow.pause_reading()
            self.cycle.message_event.set()

    def on_message_complete(self) -> None:
        self._arrived()
        if self._pieces and not self.cycle.response_complete:
            self._hand_over()
        super().on_message_complete()

    def _hand_over(self) -> None:
        """What arrived, for `receive`, which copies a bytearray and hands bytes on as they are."""
        self.cycle.body = b"".join(self._pieces)  # type: ignore[assignment] # read by `receive` alone
        self._pieces = []
        self._size = 0
