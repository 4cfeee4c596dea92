"""What passes one listener, timed at its three seams: the facade, the way to the databases, the vendor's own server.

Each seam is the port that it already is, with a measuring stand-in around it; neither facades nor engine know. What one
request spent is kept in a context variable, which the tasks that it starts inherit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Self, TypeVar

from vectormigrate.model.measure import Histogram
from vectormigrate.model.query import Match, Query
from vectormigrate.model.touch import Touch
from vectormigrate.stores.facade import Facade
from vectormigrate.stores.front import Access, Front, Write
from vectormigrate.stores.raw import Conversation, HttpRequest, HttpResponse, RpcCall, RpcReply, Upstream

T = TypeVar("T")

Now = Callable[[], float]

_REFUSED_RPC = frozenset({3, 5, 6, 7, 9, 11, 12, 16})
"""gRPC statuses that blame the caller."""
_OK, _THROTTLED_RPC = 0, 8


@dataclass(slots=True)
class _Spent:
    """On one request so far, in seconds."""

    operation: str = "other"
    source: float = 0.0


_spent: ContextVar[_Spent] = ContextVar("spent")


@dataclass(slots=True)
class Traffic:
    """Of one listener."""

    listener: str
    requests: defaultdict[tuple[str, str], Histogram] = field(default_factory=lambda: defaultdict(Histogram))
    """Seconds by ("read", "write" or "other"; "ok", "refused", "throttled" or "failed")."""
    added: defaultdict[str, Histogram] = field(default_factory=lambda: defaultdict(Histogram))
    """Seconds of a request that were not waiting for the source, by operation."""
    source: Histogram = field(default_factory=Histogram)
    """Seconds that the vendor's own server took."""
    mark: Histogram = field(default_factory=Histogram)
    """Seconds from the wish to write to the durable mark; waiting at the fence of a cutover is in it."""
    in_flight: int = 0
    trace: Callable[[], str] = str
    """The id of the trace that the request at hand belongs to, as 32 hexadecimal digits; empty when it is not traced."""

    def passed(self, spent: _Spent, outcome: str, seconds: float) -> None:
        """One request was answered."""
        self.requests[spent.operation, outcome].observe(seconds, self.trace())
        self.added[spent.operation].observe(max(0.0, seconds - spent.source))


class MeasuredFacade(Facade):
    """A facade, timed from the whole request to the whole answer, or to the head of one that arrives in pieces."""

    def __init__(self, inner: Facade, traffic: Traffic, now: Now) -> None:
        self.dialect = inner.dialect
        self.endpoints = inner.endpoints
        self.streams = inner.streams
        self._inner = inner
        self._traffic = traffic
        self._now = now

    async def http(self, request: HttpRequest) -> HttpResponse:
        with _Timed(self._traffic, self._now) as timed:
            response = await self._inner.http(request)
            timed.outcome = of_status(response.status)
            return response

    async def rpc(self, call: RpcCall) -> RpcReply:
        with _Timed(self._traffic, self._now) as timed:
            reply = await self._inner.rpc(call)
            timed.outcome = of_code(reply.code)
            return reply

    def conversation(self, call: RpcCall) -> Conversation:
        return _MeasuredConversation(self._inner.conversation(call), self._traffic, self._now)


class _MeasuredConversation(Conversation):
    """Each message and what is said to it is a request."""

    def __init__(self, inner: Conversation, traffic: Traffic, now: Now) -> None:
        self._inner = inner
        self._traffic = traffic
        self._now = now

    async def heard(self, message: bytes) -> Sequence[bytes] | RpcReply:
        with _Timed(self._traffic, self._now) as timed:
            said = await self._inner.heard(message)
            timed.outcome = of_code(said.code) if isinstance(said, RpcReply) else "ok"
            return said

    def parting(self) -> Sequence[bytes]:
        return self._inner.parting()


class _Timed:
    """Around one request, in its own task."""

    def __init__(self, traffic: Traffic, now: Now) -> None:
        self.outcome = "failed"
        self._traffic = traffic
        self._now = now
        self._spent = _Spent()

    def __enter__(self) -> Self:
        _spent.set(self._spent)
        self._traffic.in_flight += 1
        self._began = self._now()
        return self

    def __exit__(self, *_: object) -> None:
        self._traffic.in_flight -= 1
        self._traffic.passed(self._spent, self.outcome, self._now() - self._began)


class MeasuredFront(Front):
    """The way to the databases: says of a request whether it reads or writes, and times its mark."""

    def __init__(self, inner: Front, traffic: Traffic, now: Now) -> None:
        self._inner = inner
        self._traffic = traffic
        self._now = now

    def reading(self, collection: str | None) -> Access:
        _reads()
        return self._inner.reading(collection)

    def primary(self, collection: str | None) -> Access:
        return self._inner.primary(collection)

    async def read(
        self, collection: str | None, ask: Callable[[Access], Awaitable[T]], *, anywhere: bool = True
    ) -> T:
        _reads()
        return await self._inner.read(collection, ask, anywhere=anywhere)

    def concerned(self) -> Sequence[str]:
        return self._inner.concerned()

    def moved(self) -> Sequence[str]:
        return self._inner.moved()

    def known_as(self, name: str) -> str:
        return self._inner.known_as(name)

    def writing(
        self, touched: Mapping[str, Sequence[Touch]], *, size: int = 0
    ) -> AbstractAsyncContextManager[Write]:
        return self._writing(touched, size)

    @asynccontextmanager
    async def _writing(self, touched: Mapping[str, Sequence[Touch]], size: int) -> AsyncIterator[Write]:
        spent = _spent.get(None)
        if spent is not None:
            spent.operation = "write"
        began = self._now()
        async with self._inner.writing(touched, size=size) as write:
            self._traffic.mark.observe(self._now() - began)
            yield write

    def observed(
        self, collection: str, seconds: float, found: Callable[[], tuple[Query, Sequence[Match]] | None]
    ) -> None:
        self._inner.observed(collection, seconds, found)


def _reads() -> None:
    spent = _spent.get(None)
    if spent is not None and spent.operation == "other":
        spent.operation = "read"


class MeasuredUpstream(Upstream):
    """The vendor's own server."""

    def __init__(self, inner: Upstream, traffic: Traffic, now: Now) -> None:
        self._inner = inner
        self._traffic = traffic
        self._now = now

    async def send(self, request: HttpRequest, *, stream: bool = False) -> HttpResponse:
        began = self._now()
        try:
            return await self._inner.send(request, stream=stream)
        finally:
            self._took(self._now() - began)

    async def call(self, call: RpcCall) -> RpcReply:
        began = self._now()
        try:
            return await self._inner.call(call)
        finally:
            self._took(self._now() - began)

    def _took(self, seconds: float) -> None:
        self._traffic.source.observe(seconds)
        spent = _spent.get(None)
        if spent is not None:
            spent.source += seconds


def of_status(status: int) -> str:
    """What an HTTP status says about a request."""
    if status < 400:
        return "ok"
    if status == 429:
        return "throttled"
    return "refused" if status < 500 else "failed"


def of_code(code: int) -> str:
    """What a gRPC status says about a call."""
    if code == _OK:
        return "ok"
    if code == _THROTTLED_RPC:
        return "throttled"
    return "refused" if code in _REFUSED_RPC else "failed"
