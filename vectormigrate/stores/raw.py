"""Requests and answers of a vendor's own protocol as bytes, and the port to the vendor's own server.

A facade reads and answers these and knows no transport: listening is `daemon.listeners`, dialling is
`daemon.upstream`. Names of headers are lower case; bodies are what was on the wire, never decompressed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]
Metadata: TypeAlias = Sequence[tuple[str, str | bytes]]


@dataclass(slots=True)
class HttpRequest:
    """One HTTP request, its body read whole."""

    method: str
    path: str
    """As sent, still percent-encoded, without the query."""
    query: bytes = b""
    headers: Headers = ()
    body: bytes = b""

    def header(self, name: bytes) -> bytes | None:
        """The first header of that lower-case name."""
        return next((value for key, value in self.headers if key == name), None)


@dataclass(slots=True)
class HttpResponse:
    """One HTTP answer. `stream` is set instead of `body` for an answer that is passed on while it arrives."""

    status: int
    headers: Headers = ()
    body: bytes = b""
    stream: AsyncIterator[bytes] | None = None


@dataclass(slots=True)
class RpcCall:
    """One unary gRPC call, undecoded."""

    method: str
    """"/package.Service/Method"."""
    request: bytes
    metadata: Metadata = ()
    timeout: float | None = None
    """Seconds until the caller gives up; None when it did not say."""


@dataclass(slots=True)
class RpcReply:
    """The answer to a call: `code` is the gRPC status as a number, 0 is OK and only then is there a message."""

    message: bytes = b""
    code: int = 0
    details: str = ""
    initial_metadata: Metadata = ()
    trailing_metadata: Metadata = field(default=())


class Conversation(ABC):
    """One gRPC call that streams both ways, seen from the one who is called."""

    @abstractmethod
    async def heard(self, message: bytes) -> Sequence[bytes] | RpcReply:
        """What is said to the next message of the caller; a reply, whose message is empty, ends the call with its status.

        The next one is read when this was said, and a caller who goes away ends nothing that was begun.
        """

    def parting(self) -> Sequence[bytes]:
        """What is said when this side is about to end: with anything, the caller gets a moment to end the call itself."""
        return ()


class Upstream(ABC):
    """The vendor's own server, asked with the application's own request and credentials."""

    @abstractmethod
    async def send(self, request: HttpRequest, *, stream: bool = False) -> HttpResponse:
        """Send once, never again, and return whatever was answered.

        Raises Unreachable when nothing left, Unresolved when it left and no whole answer came.
        """

    @abstractmethod
    async def call(self, call: RpcCall) -> RpcReply:
        """The same for a gRPC call. A status that the server sent is a reply; a status that the transport made up
        (unavailable before or after it left) raises as `send` does.
        """
