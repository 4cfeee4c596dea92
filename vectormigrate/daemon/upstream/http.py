"""HTTP/1.1 to the vendor's server by aiohttp's client, with everything that it would do by itself switched off.

aiohttp sends a request again when a kept connection turns out dead, if its method is idempotent, and PUT and DELETE
are. That is right for a reader and wrong for a write that is being watched: the first one may still land. It spares
a request whose body says that it was consumed, so every request that may write has a body here, be it an empty one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
from aiohttp import http_writer
from aiohttp.abc import AbstractStreamWriter
from yarl import URL

from vectormigrate.model.errors import Unreachable, Unresolved
from vectormigrate.model.points import reached
from vectormigrate.stores.raw import HttpRequest, HttpResponse

from .target import Target, Timeouts, certificates

_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
_OWN = frozenset(
    (
        *(
            b"connection",
            b"keep-alive",
            b"proxy-connection",
            b"te",
            b"trailer",
            b"transfer-encoding",
            b"upgrade",
        ),
        *(b"host", b"content-length", b"expect"),
    )
)
"""Headers of one connection (RFC 9110, 7.6.1), and those that the new one has of its own."""
_ANSWERS_OWN = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"trailer", b"transfer-encoding")
)
_READ = 1 << 20
"""Bytes after which reading pauses until they are taken."""

# Head and body leave by one call of the system without being copied into one: by default aiohttp does copy them, for the
# `writelines` of the interpreter's own event loop before Python 3.13.2 knew no end (CVE-2024-12254); uvloop's does.
http_writer.SKIP_WRITELINES = False


class HttpUpstream:
    """One server. Make it inside the running loop; close it."""

    def __init__(self, target: Target, timeouts: Timeouts, ca: Path | None) -> None:
        self._target = target
        self._base = f"{target.scheme}://{target.authority}{target.prefix}"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,  # as many as there are requests, which the listener limits
                keepalive_timeout=timeouts.idle,
                ssl=certificates(ca) if target.secure else False,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            read_bufsize=_READ,
        )
        self._whole = aiohttp.ClientTimeout(total=timeouts.answer, sock_connect=timeouts.connect)
        self._pieces = aiohttp.ClientTimeout(
            total=None, sock_connect=timeouts.connect, sock_read=timeouts.answer
        )

    async def send(self, request: HttpRequest, *, stream: bool = False) -> HttpResponse:
        """`Upstream.send`."""
        path = self._base + request.path
        url = URL(f"{path}?{request.query.decode('latin-1')}" if request.query else path, encoded=True)
        headers = [
            (name.decode("latin-1"), value.decode() if value.isascii() else _text(value))
            for name, value in request.headers
            if name not in _OWN
        ]
        body = None if request.method in _SAFE and not request.body else _Body(request.body)
        try:
            response = await self._session.request(
                request.method,
                url,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=self._pieces if stream else self._whole,
            )
            if stream:
                return HttpResponse(response.status, _headers(response), stream=self._arriving(response))
            async with response:
                answer = HttpResponse(response.status, _headers(response), await response.read())
                reached("write.answered")
                return answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._translated(error) from None

    async def _arriving(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        try:
            async with response:
                async for piece in response.content.iter_any():
                    yield piece
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._translated(error) from None

    def _translated(self, error: Exception) -> Unreachable | Unresolved:
        where = self._target.authority
        if isinstance(
            error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | aiohttp.ClientSSLError
        ):  # there never was a connection
            return Unreachable(f"{where} cannot be reached: {_why(error)}", store=where)
        return Unresolved(f"{where} did not answer: {_why(error)}", store=where)

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()


class _Body(aiohttp.Payload):
    """A request's body in one piece, consumed by being sent."""

    _default_content_type = "application/octet-stream"

    def __init__(self, value: bytes) -> None:
        super().__init__(value)
        self._size = len(value)

    async def write(self, writer: AbstractStreamWriter) -> None:
        self._consumed = True
        await writer.write(self._value)
        reached("write.sent")

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        await self.write(writer)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return str(self._value, encoding, errors)


def _headers(response: aiohttp.ClientResponse) -> list[tuple[bytes, bytes]]:
    found = ((name.lower(), value) for name, value in response.raw_headers)
    return [(name, value) for name, value in found if name not in _ANSWERS_OWN]


def _text(value: bytes) -> str:
    """aiohttp writes headers as UTF-8; what is none goes as Latin-1 did, character by character."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (aiohttp.ClientConnectorCertificateError, "its certificate is not trusted"),
    (aiohttp.ClientConnectorDNSError, "its name cannot be resolved"),
    (aiohttp.ClientSSLError, "it does not speak TLS as expected"),
    (aiohttp.ConnectionTimeoutError, "no connection in time"),
    (TimeoutError, "no answer in time"),
    (aiohttp.ClientPayloadError, "it closed the connection before the end of the answer"),
    (aiohttp.ServerDisconnectedError, "it closed the connection"),
    (ConnectionRefusedError, "it refused the connection"),
)


def _why(error: Exception) -> str:
    """In few words, and never the URL: it may hold what a user typed into a filter."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    for kind, words in _WORDS:
        if isinstance(error, kind) or isinstance(cause, kind):
            return words
    return getattr(cause, "strerror", None) or "the connection broke"
