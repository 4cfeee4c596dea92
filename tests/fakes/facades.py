"""Facades without a vendor: one that answers what a test says, one that passes everything on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import grpc.aio

from vectormigrate.daemon.listeners import Address, Limits, Listener, Tls, TurnedAway, unheard
from vectormigrate.stores.facade import Decision, Endpoint, Facade
from vectormigrate.stores.front import Front
from vectormigrate.stores.raw import Conversation, HttpRequest, HttpResponse, RpcCall, RpcReply

LOOPBACK = Address(host="127.0.0.1")


class Scripted(Facade):
    """Answers with what the two functions give; echoes by default."""

    dialect = "scripted"
    endpoints = (Endpoint("RPC", "/any.Service/Method", Decision.SERVE),)

    def __init__(
        self,
        on_http: Callable[[HttpRequest], Awaitable[HttpResponse]] | None = None,
        on_rpc: Callable[[RpcCall], Awaitable[RpcReply]] | None = None,
    ) -> None:
        self._on_http = on_http
        self._on_rpc = on_rpc
        self.requests: list[HttpRequest] = []
        self.calls: list[RpcCall] = []

    async def http(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        if self._on_http is not None:
            return await self._on_http(request)
        return HttpResponse(200, ((b"x-facade", b"scripted"),), request.body)

    async def rpc(self, call: RpcCall) -> RpcReply:
        self.calls.append(call)
        if self._on_rpc is not None:
            return await self._on_rpc(call)
        return RpcReply(call.request)


class Talking(Scripted, Conversation):
    """Says to every message of a stream what the function gives; each twice by default."""

    streams = frozenset({"/any.Service/Stream"})
    last_words: Sequence[bytes] = ()

    def __init__(
        self, on_message: Callable[[bytes], Awaitable[Sequence[bytes] | RpcReply]] | None = None
    ) -> None:
        super().__init__()
        self._on_message = on_message

    def conversation(self, call: RpcCall) -> Conversation:
        self.calls.append(call)
        return self

    async def heard(self, message: bytes) -> Sequence[bytes] | RpcReply:
        return await self._on_message(message) if self._on_message is not None else [message, message]

    def parting(self) -> Sequence[bytes]:
        return self.last_words


class Plain(Scripted):
    """A vendor without gRPC."""

    endpoints = (Endpoint("GET", "/", Decision.SERVE),)


class Forwarding(Facade):
    """Passes everything on to where its front points."""

    dialect = "forwarding"
    endpoints = (Endpoint("RPC", "/any.Service/Method", Decision.FORWARD),)

    def __init__(self, front: Front, *, stream: bool = False) -> None:
        self._front = front
        self._stream = stream

    async def http(self, request: HttpRequest) -> HttpResponse:
        upstream = self._front.reading(None).upstream
        assert upstream is not None
        return await upstream.send(request, stream=self._stream)

    async def rpc(self, call: RpcCall) -> RpcReply:
        upstream = self._front.reading(None).upstream
        assert upstream is not None
        return await upstream.call(call)


@asynccontextmanager
async def listening(
    facade: Facade,
    *,
    limits: Limits | None = None,
    grpc_listen: Address | None = None,
    tls: Tls | None = None,
    turned_away: TurnedAway = unheard,
):
    """A listener of this facade on a free port, with its addresses; drained behind the block."""
    async with asyncio.TaskGroup() as group:
        listener = Listener(group.create_task, limits, turned_away=turned_away)
        try:
            address = listener.bind(LOOPBACK)
            alone = await listener.start(facade, grpc_listen, tls)
            yield (listener, address) if grpc_listen is None else (listener, address, alone)
        finally:
            await listener.drain(1)


async def called(address, request, **words):
    """One call of a method, whichever it is."""
    async with grpc.aio.insecure_channel(str(address)) as channel:
        return await channel.unary_unary("/any.Service/Method")(request, **words)
