"""The way to /mcp, which opens at the first knock: MCP's SDK takes longer to load than all the rest of a daemon, and a restart
is waited for.
"""

from __future__ import annotations

import asyncio
import importlib
from contextlib import AsyncExitStack
from typing import Any

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from vectormigrate.daemon.supervisor import Supervisor
from vectormigrate.model.clock import Clock

from .parts import Parts
from .plan_tokens import PlanTokens

PATH = "/mcp"


class McpDoor:
    """An ASGI application; `close` when nothing is asked any more."""

    def __init__(self, parts: Parts, supervisor: Supervisor, clock: Clock) -> None:
        self._parts = parts
        self._supervisor = supervisor
        self._tokens = PlanTokens(clock.monotonic)
        self._opening = asyncio.Lock()
        self._behind: ASGIApp | None = None
        self._stack = AsyncExitStack()

    @property
    def route(self) -> Route:
        """Where it is. Only POST: without sessions nothing would ever come by the stream that a GET asks for, and it would be
        waited for when the daemon ends.
        """
        return Route(PATH, self, methods=["POST"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._opening:
            behind = self._behind or await self._open()
        await behind(scope, receive, send)

    async def _open(self) -> ASGIApp:
        # Beside the loop: requests of applications go on meanwhile.
        http: Any = await asyncio.to_thread(importlib.import_module, "vectormigrate.api.mcp_http")
        served = http.served(self._parts, self._tokens, self._supervisor)
        behind: ASGIApp = await self._stack.enter_async_context(served)
        self._behind = behind
        return behind

    async def close(self) -> None:
        """Shut it."""
        await self._stack.aclose()
