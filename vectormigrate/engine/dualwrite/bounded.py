"""The source's server as marked writes see it: no answer is waited for longer than half of a quarantine.

What may be answered late may be applied late, and a process that dies knows nothing of what it had sent: the quarantine
behind its next start has to be longer than any write that ends well. Reads, and writes that nobody marks, are bounded by
the upstream alone.
"""

from __future__ import annotations

import asyncio

from vectormigrate.model.errors import Unresolved
from vectormigrate.stores.raw import HttpRequest, HttpResponse, RpcCall, RpcReply, Upstream


class Bounded(Upstream):
    """Another upstream, given up behind so many seconds."""

    def __init__(self, upstream: Upstream, seconds: float) -> None:
        self._upstream = upstream
        self._seconds = seconds

    async def send(self, request: HttpRequest, *, stream: bool = False) -> HttpResponse:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._upstream.send(request, stream=stream)
        except TimeoutError:
            raise self._late() from None

    async def call(self, call: RpcCall) -> RpcReply:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._upstream.call(call)
        except TimeoutError:
            raise self._late() from None

    def _late(self) -> Unresolved:
        return Unresolved(
            f"the source did not answer a write within {self._seconds:g} s",
            hint="`write-timeout` of [live] rules it; let --quarantine be at least twice as long",
        )
