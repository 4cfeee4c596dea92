"""A facade as an ASGI application: every request read whole, every answer with its length, and what is too large told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any, Protocol

from vectormigrate.model.errors import VectormigrateError
from vectormigrate.stores.facade import Facade
from vectormigrate.stores.raw import HttpRequest, HttpResponse

from .limits import Limits

logger = logging.getLogger(__name__)

_CLOSE = (b"connection", b"close")
_BODILESS = (204, 304)


class Application(Protocol):
    """Whatever answers HTTP at a listener, as ASGI has it; `receive` gives every body in one piece."""

    draining: bool
    """Set when the listener is to end: every answer ends its connection, and streams that would never end do."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""


class _TooLarge(Exception):
    """The body of a request is over the limit."""


class FacadeApplication:
    """One facade as an ASGI application."""

    def __init__(self, facade: Facade, limits: Limits) -> None:
        self._facade = facade
        self._limits = limits
        self.draining = False
        """Set: every answer ends its connection."""

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        try:
            body = await _whole(receive, self._limits)
        except _TooLarge:
            told = _plain(413, f"the request is larger than {self._limits.body} bytes", _CLOSE)
            await self._answer(scope, told, send)
            return
        if body is None:
            return
        path = scope["raw_path"].decode("ascii")
        if not path.startswith("/"):  # `*@elsewhere/` would make another address of a server's
            await self._answer(scope, _plain(400, "the target of a request begins with a slash"), send)
            return
        request = HttpRequest(scope["method"], path, scope["query_string"], scope["headers"], body)
        try:
            response = await self._facade.http(request)
        except Exception:  # a facade answers what is foreseen itself
            logger.exception("%s %s has no answer", request.method, request.path)
            response = _plain(500, "internal error")
        await self._answer(scope, response, send)

    async def _answer(self, scope: Mapping[str, Any], response: HttpResponse, send: Any) -> None:
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


async def _whole(receive: Any, limits: Limits) -> bytes | None:
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


async def _passed_on(stream: AsyncIterator[bytes], connection: asyncio.Transport, send: Any) -> bool:
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
