"""What of a daemon stands behind its API: keys, audit, events, operations, desk, dispatcher. Nothing of HTTP.

Also what a process that hosts nothing does commands with, over a state file that it owns for a moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

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
from vectormigrate.model.errors import StateError

from .commands import LOOKS
from .dispatch import Dispatcher
from .inherited import Inherited
from .reception import Reception

_LAST = 30.0
"""Seconds for operations under way to come to a checkpoint; beyond, they are ended where they are, as by a crash."""


@dataclass(frozen=True, slots=True)
class Parts:
    """All of it."""

    dispatcher: Dispatcher
    inherited: Inherited
    keyring: Keyring
    trail: Trail
    answers: Answers
    chronicle: Chronicle
    monotonic: Callable[[], float]


@asynccontextmanager
async def assembled(
    settings: ApiSettings | None,
    control: Control,
    host: Host | None,
    supervisor: Supervisor,
    chronicle: Chronicle,
    clock: Clock,
    secrets: Secrets,
    config: Config,
) -> AsyncIterator[Parts]:
    """For as long as the block runs. `settings` is None where no API is served, `host` where nothing is hosted."""
    database = control.database
    keyring = Keyring(database, clock, settings.key if settings else "")
    trail = Trail(database, clock, settings.audit_log if settings else None)
    await trail.copy()
    operations = Operations(database, supervisor, clock)
    await operations.open()
    supervisor.spawn_lasting(chronicle.keep(database), name="chronicle")
    desk = Desk(control, host, keyring, trail, operations, secrets, clock, LOOKS)
    dispatcher = Dispatcher(desk, trail, operations, config)
    if host is not None:
        control.receive = Reception(dispatcher, host.answer).hear
    answers = Answers(database, clock)
    try:
        yield Parts(dispatcher, Inherited(dispatcher), keyring, trail, answers, chronicle, clock.monotonic)
    finally:
        control.receive = None
        control.stop()  # what runs writes its checkpoints before the supervisor ends it
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST):
                await operations.settled()
        with suppress(StateError):
            await trail.settle()
