"""Putting the API together over a daemon that runs: keys, audit, events, operations, desk, dispatcher, application.

The one place that knows all of them. What other rooms mount on the application they hand in here, as routes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.routing import BaseRoute

from vectormigrate.daemon.answers import Answers
from vectormigrate.daemon.api_served import ApiSettings
from vectormigrate.daemon.chronicle import Chronicle
from vectormigrate.daemon.config import Config
from vectormigrate.daemon.control import Control
from vectormigrate.daemon.desk import Desk
from vectormigrate.daemon.hosting import Host
from vectormigrate.daemon.keyring import Keyring
from vectormigrate.daemon.operations import Operations
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.daemon.supervisor import Supervisor
from vectormigrate.daemon.trail import Trail
from vectormigrate.model.clock import Clock

from .app import Api, Parts
from .dispatch import Dispatcher
from .guard import Limits
from .reception import Reception

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
    host: Host | None,
    supervisor: Supervisor,
    chronicle: Chronicle,
    clock: Clock,
    secrets: Secrets,
    config: Config,
    mounts: Sequence[Mount] = (),
) -> AsyncIterator[Opened]:
    """Everything behind the API, also for those who ask by the socket when it is not listened for (`settings` None), and for
    a process that hosts nothing.
    """
    database = control.database
    keyring = Keyring(database, clock, settings.key if settings else "")
    trail = Trail(database, clock, settings.audit_log if settings else None)
    await trail.copy()
    operations = Operations(database, supervisor, clock)
    await operations.open()
    supervisor.spawn_lasting(chronicle.keep(database), name="chronicle")
    desk = Desk(control, host, keyring, trail, operations, secrets)
    dispatcher = Dispatcher(desk, trail, operations, config)
    parts = Parts(dispatcher, keyring, trail, Answers(database, clock), chronicle, clock.monotonic)
    limits = Limits(settings.per_minute, settings.burst, hosts=settings.hosts) if settings else Limits()
    mounted: list[BaseRoute] = []
    if host is not None:
        control.receive = Reception(dispatcher, trail, host.answer).hear
        mounted = [route for mount in mounts for route in mount(host, parts)]
    try:
        yield Opened(Api(parts, limits, mounted), parts)
    finally:
        control.receive = None
        control.stop()  # what runs writes its checkpoints before the supervisor ends it
        await operations.settled()
