"""Putting the API together over a daemon that runs: its parts, the tools, and the application in front of them.

What other rooms mount on the application they hand in here, as routes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.routing import BaseRoute

from vectormigrate.daemon.api_served import ApiSettings
from vectormigrate.daemon.chronicle import Chronicle
from vectormigrate.daemon.config import Config
from vectormigrate.daemon.control import Control
from vectormigrate.daemon.hosting import Host
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.daemon.supervisor import Supervisor
from vectormigrate.model.clock import Clock

from .app import Api
from .guard import Limits
from .mcp_door import McpDoor
from .parts import Parts, assembled

Mount = Callable[[Host, Parts], Sequence[BaseRoute]]
"""What another room adds to the application."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The API of a daemon."""

    application: Api
    parts: Parts


@asynccontextmanager
async def opened(
    settings: ApiSettings | None,
    control: Control,
    host: Host,
    supervisor: Supervisor,
    chronicle: Chronicle,
    clock: Clock,
    secrets: Secrets,
    config: Config,
    mounts: Sequence[Mount] = (),
) -> AsyncIterator[Opened]:
    """Everything, for as long as the block runs; the parts also where no API is served (`settings` None)."""
    limits = Limits(settings.per_minute, settings.burst, hosts=settings.hosts) if settings else Limits()
    async with assembled(settings, control, host, supervisor, chronicle, clock, secrets, config) as parts:
        mounted = [route for mount in mounts for route in mount(host, parts)]
        mcp = McpDoor(parts, supervisor, clock)
        try:
            yield Opened(Api(parts, limits, [*mounted, mcp.route]), parts)
        finally:
            await mcp.close()
