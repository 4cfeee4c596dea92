"""Both protocols of one vendor's server behind the `Upstream` port."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from vectormigrate.stores.raw import HttpRequest, HttpResponse, RpcCall, RpcReply, Upstream

from .http import HttpUpstream
from .rpc import RpcUpstream
from .target import Target, Timeouts


class DialledUpstream(Upstream):
    """Made inside the running loop; an async context manager, or close it. Nothing is dialled before the first request."""

    def __init__(
        self,
        http: Target,
        rpc: Target | None = None,
        timeouts: Timeouts | None = None,
        ca: Path | None = None,
    ) -> None:
        """`rpc` is where gRPC is spoken, if it is not where HTTP is. Raises ConfigInvalid when `ca` cannot be used."""
        timeouts = timeouts or Timeouts()
        self._http = HttpUpstream(http, timeouts, ca)
        self._rpc = RpcUpstream(rpc or http, timeouts, ca)

    async def send(self, request: HttpRequest, *, stream: bool = False) -> HttpResponse:
        return await self._http.send(request, stream=stream)

    async def call(self, call: RpcCall) -> RpcReply:
        return await self._rpc.call(call)

    async def close(self) -> None:
        """Close every connection; repeatable."""
        try:
            await self._http.close()
        finally:
            await self._rpc.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
