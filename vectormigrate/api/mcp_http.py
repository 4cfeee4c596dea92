"""MCP over streamable HTTP at /mcp, behind the same guard as everything else: without sessions, any request stands alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp

from vectormigrate.daemon.supervisor import Supervisor
from vectormigrate.model.access import Principal

from .guard import principal_of
from .parts import Parts
from .plan_tokens import PlanTokens
from .tools import Context, Tools


def who_asks(ctx: Context) -> Principal:
    """As the guard let it in."""
    assert ctx.request is not None
    return principal_of(ctx.request.state)


@asynccontextmanager
async def served(parts: Parts, tokens: PlanTokens, supervisor: Supervisor) -> AsyncIterator[ASGIApp]:
    """The application, for as long as the block runs."""
    tools = Tools(parts.dispatcher, parts.inherited, tokens, who_asks, lambda: parts.chronicle.over)
    manager = StreamableHTTPSessionManager(
        app=tools.server(),
        stateless=True,
        # The guard has looked at host and origin, and knows by which names we are reached.
        security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    ready, over = asyncio.Event(), asyncio.Event()

    async def run() -> None:
        # Its scope has to be left by the task that entered it, which need not be ours.
        async with manager.run():
            ready.set()
            await over.wait()

    running = supervisor.spawn(run(), name="mcp")
    await ready.wait()
    try:
        yield StreamableHTTPASGIApp(manager)
    finally:
        over.set()
        await running
