"""What stands before every request: where it comes from, how often, who it is; how much it may bring. And behind: the audit.

Nothing is answered without a good key but GET of the paths in `OPEN`, compared byte for byte with what was sent, so that no
way of writing a path leads past it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vectormigrate.daemon.keyring import Keyring
from vectormigrate.daemon.trail import Trail
from vectormigrate.model.access import Principal
from vectormigrate.model.access import Scope as Rights
from vectormigrate.model.errors import (
    Forbidden,
    RateLimited,
    RequestRefused,
    StateError,
    Unauthorized,
    VectormigrateError,
    WrongKey,
)

from .ratelimit import Limiter

logger = logging.getLogger(__name__)

UNFORESEEN = VectormigrateError("something that was not foreseen", hint="the daemon's log tells more")
OPEN = frozenset({b"/healthz", b"/livez", b"/readyz"})
"""Paths that answer a GET of anybody who comes from the right place."""
PAGE = b"/dashboard/"
"""What is below it needs a key as anything does, and is not counted against what the key may ask."""
REFUSED = "refused"
"""In the state of a request: what the audit is to say of it, when what is behind has not written it down itself."""
_BROWSING = 6
"""So many times as often as a program with the same key may a browser ask, of which each click is several requests. It shows the
key as a password, which is how one is told from the other.
"""
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
"""For every answer that does not say otherwise."""
Shape = Callable[[Scope, VectormigrateError], Response]
"""How a refusal is told at a path."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one may ask of the API."""

    per_minute: float = 100.0
    burst: int = 20
    body: int = 1024 * 1024
    """Bytes."""
    hosts: frozenset[str] = frozenset()
    """Names by which we are reached, in lower case, beside addresses and localhost."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What somebody who was let in may still ask for, where one request asks for several things."""

    limiter: Limiter
    name: str

    @property
    def at_once(self) -> int:
        """At most, the request itself included."""
        return self.limiter.at_once

    def spend(self, more: int) -> None:
        """So many more than the one that the request was counted for, or none of them. Raises RateLimited."""
        if more and self.limiter.take(self.name, more):
            # The request that comes again is counted itself, too.
            raise _too_many(self.limiter.wait(self.name, more + 1))


@dataclass(slots=True)
class _Sending:
    """Sends an answer on with the headers that every one has, and remembers its status."""

    send: Send
    status: int = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message.get("headers", ()))
            present = {name.lower() for name, _ in headers}
            message["headers"] = headers + [pair for pair in _HEADERS if pair[0] not in present]
        await self.send(message)


@dataclass(slots=True)
class _Limited:
    """Reads a body as far as it may go."""

    receive: Receive
    most: int
    read: int = 0

    async def __call__(self) -> Message:
        message = await self.receive()
        self.read += len(message.get("body", b""))
        if self.read > self.most:
            raise _too_large(self.most)
        return message


@dataclass(slots=True)
class Guard:
    """An application behind its door."""

    inner: ASGIApp
    keyring: Keyring
    trail: Trail
    limits: Limits
    shape: Shape
    monotonic: Callable[[], float]
    _strangers: Limiter = field(init=False)
    """By address: those without a good key."""
    _known: Limiter = field(init=False)
    """By key."""
    _browsing: Limiter = field(init=False)
    """By key, as a password."""

    def __post_init__(self) -> None:
        self._strangers = Limiter(self.limits.per_minute, self.limits.burst, self.monotonic)
        self._known = Limiter(self.limits.per_minute, self.limits.burst, self.monotonic)
        self._browsing = Limiter(
            _BROWSING * self.limits.per_minute, _BROWSING * self.limits.burst, self.monotonic
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = _Sending(send)
        try:
            await self._let_in(scope)
            await self.inner(scope, _Limited(receive, self.limits.body), sending)
        except VectormigrateError as error:
            await self._refuse(scope, receive, sending, error)
        except Exception:  # whatever is behind answers what is foreseen itself
            logger.exception("%s %s has no answer", scope["method"], scope["path"][:200])
            await self._refuse(scope, receive, sending, UNFORESEEN)
        await self._note_end(scope, sending.status)

    async def _refuse(
        self, scope: Scope, receive: Receive, sending: _Sending, error: VectormigrateError
    ) -> None:
        if sending.status:
            return  # it has begun to be answered, and breaks off
        await self.shape(scope, error)(scope, receive, sending)

    # Letting in.

    async def _let_in(self, scope: Scope) -> None:
        headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))
        try:
            self._check_place(scope, headers)
            if scope["method"] == "GET" and scope["raw_path"] in OPEN:
                scope["state"]["audited"] = True  # probes come every few seconds, and say nothing
                return
            await self._check_key(scope, headers)
            self._check_size(headers)
        except VectormigrateError as error:
            await self._note_refusal(scope, headers, error)
            raise

    def _check_place(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        """A page of another site may not ask in the name of whoever looks at it."""
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            raise RequestRefused(
                "the request is for another host",
                status=421,
                hint="name it with api_host, if it is one of ours",
            )
        origin = headers.get(b"origin")
        if origin is not None and origin.lower() != scope["scheme"].encode() + b"://" + hosts[0].lower():
            raise Forbidden("the request comes from a page of another site")
        foreign = headers.get(b"sec-fetch-site", b"none") not in (b"none", b"same-origin")
        if foreign and not (headers.get(b"sec-fetch-mode") == b"navigate" and scope["method"] == "GET"):
            raise Forbidden("the request comes from a page of another site")

    def _is_ours(self, host: bytes) -> bool:
        text = host.decode("latin-1").lower()
        name = text.partition("]")[0][1:] if text.startswith("[") else text.partition(":")[0]
        if name == "localhost" or name in self.limits.hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True  # an address is not what a name was made to lead to

    async def _check_key(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        address = scope["client"][0] if scope["client"] else "local"
        if wait := self._strangers.wait(address):
            self._strangers.take(address)
            raise _too_many(wait)
        key = key_of(headers.get(b"authorization"))
        who = self.keyring.open(key, _way(scope["path"])) if key else None
        if who is None:
            self._strangers.take(address)
            raise (
                WrongKey("the key opens nothing")
                if key
                else Unauthorized("a key is needed", hint="send it as: Authorization: Bearer KEY")
            )
        scope["state"]["principal"] = who
        scope["state"]["still"] = lambda: self.keyring.open(key, who.way) is not None
        if scope["method"] == "GET" and scope["raw_path"].startswith(PAGE):
            return  # a page is ten files at once, and they cost nothing
        limiter = self._limiter(headers)
        scope["state"]["allowance"] = Allowance(limiter, who.name)
        before = limiter.refused(who.name)
        if wait := limiter.take(who.name):
            raise _too_many(wait)
        if before > 1:
            await self.trail.note(
                who, "requests", RateLimited.code, detail=f"{before} in a row were turned away"
            )

    def _limiter(self, headers: Mapping[bytes, bytes]) -> Limiter:
        """Of those with a good key."""
        return self._browsing if _kind(headers.get(b"authorization"))[0] == "basic" else self._known

    def _check_size(self, headers: Mapping[bytes, bytes]) -> None:
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self.limits.body:
            raise _too_large(self.limits.body)

    # Writing down.

    async def _note_refusal(
        self, scope: Scope, headers: Mapping[bytes, bytes], error: VectormigrateError
    ) -> None:
        scope["state"]["audited"] = True
        who = scope["state"].get("principal")
        address = scope["client"][0] if scope["client"] else "local"
        if isinstance(error, RateLimited):
            turned_away = (self._limiter(headers), who.name) if who else (self._strangers, address)
            if turned_away[0].refused(turned_away[1]) > 1:
                return  # a flood is one row, not a full disk; how many it was is told when it ends
        who = who or Principal("nobody", Rights.READ, _way(scope["path"]))
        detail = f"from {address}{_masked(headers.get(b'authorization'))}: {error.message}"
        await self._note(who, scope, error.code, detail)

    async def _note_end(self, scope: Scope, status: int) -> None:
        """Of a request that is no command: those are written down by who does them."""
        who = scope["state"].get("principal")
        if who is None or scope["state"].get("audited"):
            return
        if scope["method"] == "GET" and 0 < status < 400:
            with self._written():
                await self.trail.look(who, _called(scope))
        else:
            told = scope["state"].get(REFUSED, "")
            await self._note(who, scope, "ok" if 0 < status < 400 else str(status), told)

    async def _note(self, who: Principal, scope: Scope, outcome: str, detail: str) -> None:
        with self._written():
            await self.trail.note(who, _called(scope), outcome, detail=detail)

    @contextmanager
    def _written(self) -> Iterator[None]:
        """A disk that is full keeps nobody from being answered."""
        try:
            yield
        except StateError as error:
            logger.error("the audit cannot be written: %s", error.message)


def _called(scope: Scope) -> str:
    return f"{scope['method']} {scope['path']}"[:200]


def key_of(authorization: bytes | None) -> str:
    """The key of a header; "" when there is none. A browser asks its user for one, and sends it as a password."""
    kind, text = _kind(authorization)
    match kind:
        case "bearer":
            return text.strip()
        case "basic":
            try:
                name, _, password = base64.b64decode(text, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return ""
            return password or name
        case _:
            return ""


def _kind(authorization: bytes | None) -> tuple[str, str]:
    kind, _, text = (authorization or b"").decode("latin-1").strip().partition(" ")
    return kind.lower(), text


def _masked(authorization: bytes | None) -> str:
    """Enough to see that two attempts were with the same key, and no more."""
    key = key_of(authorization)
    return f" with key #{hashlib.sha256(key.encode()).hexdigest()[:8]}" if key else ""


def _way(path: str) -> str:
    return {"/": "rpc", "/mcp": "mcp"}.get(path, "rest")


def _too_large(most: int) -> RequestRefused:
    return RequestRefused(
        f"the request is larger than {most} bytes", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    )


def _too_many(wait: float) -> RateLimited:
    return RateLimited("too many requests", hint="wait, or have the limit raised", retry_after=wait)


def principal_of(state: Any) -> Principal:
    """Who asks, of a request that was let in."""
    who = state.principal
    assert isinstance(who, Principal)
    return who


def allowance_of(state: Any) -> Allowance:
    """What whoever asks may still ask for, of a request that was let in."""
    allowance = state.allowance
    assert isinstance(allowance, Allowance)
    return allowance
