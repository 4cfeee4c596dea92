"""`serve`: the configuration, the state file and the signals around `daemon.serving`.

Its loop is uvloop's, the fastest there is for what a proxy does; every other command runs on the interpreter's own.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from vectormigrate import __version__
from vectormigrate.api.dashboard import dashboard
from vectormigrate.api.observing import observing
from vectormigrate.api.opening import Mount, opened
from vectormigrate.daemon import api_served, killing, logs, serving
from vectormigrate.daemon import config as configuration
from vectormigrate.daemon.activation import Notifier, inherited
from vectormigrate.daemon.announced import Listening
from vectormigrate.daemon.api_served import ApiSettings
from vectormigrate.daemon.chronicle import Chronicle, kind_of
from vectormigrate.daemon.control import Control
from vectormigrate.daemon.hosting import Host
from vectormigrate.daemon.keyring import Keyring
from vectormigrate.daemon.live_terms import settle_live
from vectormigrate.daemon.runtime import settle_in
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.daemon.served import ServeSettings, settle
from vectormigrate.daemon.serving import Own, Service
from vectormigrate.daemon.signals import Stop, stopping
from vectormigrate.daemon.supervisor import Supervisor
from vectormigrate.daemon.tasks import SystemClock
from vectormigrate.daemon.telemetry.happenings import Happening
from vectormigrate.daemon.telemetry.health import Health
from vectormigrate.daemon.telemetry.messenger import Messenger
from vectormigrate.daemon.telemetry.notices import hooks_of, webhooks_of
from vectormigrate.daemon.telemetry.telemetry import Telemetry, each
from vectormigrate.daemon.telemetry.tracing import traces_of
from vectormigrate.daemon.telemetry.webhooks import Webhooks
from vectormigrate.model.clock import Clock
from vectormigrate.model.errors import UsageError
from vectormigrate.model.events import (
    DeadLettered,
    DeletesStopped,
    Event,
    GapOpened,
    Progress,
    SecondaryDown,
    Warned,
    WorkerLost,
)
from vectormigrate.model.telling import sentence

from .call import Answer, Call
from .documents import ServeEnded
from .doors import own

logger = logging.getLogger(__name__)
_TROUBLE = (Warned, DeadLettered, WorkerLost, SecondaryDown, DeletesStopped, GapOpened)


def serve(call: Call) -> Answer:
    """Serve until a signal says otherwise."""
    settings = settle(call.merged, call.config)
    api = api_served.settle(call.merged, call.environ)
    if call.value("check"):
        hooks_of(call.merged, call.environ)
        webhooks_of(call.config, call.environ)
        told = [
            f"{one.name}: {one.dialect} at {one.listen}, to {one.upstream.authority if one.upstream else 'nobody else'}"
            for one in settings.listeners
        ]
        names = [one.name for one in settings.listeners]
        return Answer({"listeners": names, "ok": True}, text="\n".join([*told, "can be served"]))
    with logs.logging_to(call.err, settings.log_level, call.value("log-format")):
        return on_uvloop(_serve(call, settings, api))


def on_uvloop(main: Coroutine[Any, Any, Answer]) -> Answer:
    """Run a command to its end."""
    settle_in()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


async def _serve(call: Call, settings: ServeSettings, api: ApiSettings | None) -> Answer:
    if not settings.listeners:
        call.remark("no listener is configured: only migrations that are captured run")
    killing.arm(call.environ, os.getpid())
    clock = SystemClock()
    sockets = inherited(call.environ)
    notifier = Notifier(call.environ, clock)
    traces = traces_of(call.environ)
    telemetry = Telemetry(clock, traces)
    receivers = Webhooks(webhooks_of(call.config, call.environ), clock, asyncio.sleep)
    messenger = Messenger(hooks_of(call.merged, call.environ), receivers, telemetry)
    service = Service(settings.limits, clock, telemetry, settings.grace, sockets, notifier, messenger)
    chronicle = Chronicle(clock)
    keyrings: list[Keyring] = []
    try:
        async with own(call, {}, each(_tell, chronicle.tell, messenger.on_event), serving=True) as control:
            sources = {one.name: one.upstream for one in settings.listeners if one.upstream is not None}
            health = Health(control.database, sources, lambda: service.stopping, clock)
            async with reloading(lambda: _reload(call, settings, notifier, service, keyrings)):
                return await until_stopped(
                    call,
                    service,
                    lambda ready: serving.serve(
                        settings,
                        service,
                        control,
                        settle_live(call.merged),
                        ready,
                        partial(
                            _open_api,
                            call,
                            api,
                            control,
                            chronicle,
                            clock,
                            [observing(health), dashboard],
                            keyrings,
                        ),
                    ),
                    on_ready=lambda: messenger.tell(Happening("startup", "", {"version": __version__})),
                )
    finally:
        if traces is not None:
            await asyncio.to_thread(traces.close)
        notifier.close()
        for one in sockets.values():
            one.close()


@asynccontextmanager
async def _open_api(
    call: Call,
    settings: ApiSettings | None,
    control: Control,
    chronicle: Chronicle,
    clock: Clock,
    mounts: Sequence[Mount],
    keyrings: list[Keyring],
    host: Host,
    supervisor: Supervisor,
) -> AsyncIterator[list[Own]]:
    """Our own API in front of what is hosted."""
    secrets = Secrets({}, call.environ)
    async with opened(
        settings, control, host, supervisor, chronicle, clock, secrets, call.config, mounts
    ) as api:
        if settings is None:
            yield []
            return
        keyrings.append(api.parts.keyring)
        for line in settings.warnings:
            call.warn(line)
        keyless = api.parts.keyring.empty
        listen = settings.address(keyless=keyless)
        if keyless:
            call.warn(
                "there is no key to the API yet: it answers nobody; make one with: vectormigrate keys create"
            )
        elif settings.tls is None and not listen.loopback:
            call.warn(f"the API at {listen} is served without TLS: who can listen on the way sees the keys")
        yield [Own("api", api.application, listen, api_served.LIMITS, settings.tls, settings.asked_for)]


async def until_stopped(
    call: Call,
    service: Service,
    run: Callable[[serving.OnReady], Awaitable[bool]],
    *,
    say: Callable[[Listening], str] | None = None,
    on_ready: Callable[[], None] = lambda: None,
) -> Answer:
    """Run a service until the first signal and answer with how it ended; the second signal leaves at once."""
    listening: list[Listening] = []

    def ready(listeners: Sequence[Listening]) -> None:
        listening.extend(listeners)
        for one in listeners:
            call.remark((say or _line)(one))
        on_ready()

    def ask(number: signal.Signals) -> None:
        name = "Ctrl-C" if number is signal.SIGINT else number.name
        call.remark(f"{name}: answering what is under way; once more leaves at once")
        service.stop()

    stop: Stop
    with stopping(ask) as stop:
        drained = await run(ready)
    return Answer(ServeEnded(listening, drained), stop.exit_code or 0)


def _tell(event: Event) -> None:
    if not isinstance(event, Progress):
        level = logging.WARNING if isinstance(event, _TROUBLE) else logging.INFO
        said = {"migration": event.migration_id, "kind": kind_of(event)}
        logger.log(level, "%s: %s", event.migration_id, sentence(event), extra=said)


def _line(one: Listening) -> str:
    if one.dialect == "api":
        return f"api: at {one.url}"
    alone = f", gRPC alone at {one.grpc_address}" if one.grpc_address else ""
    return f"{one.name}: {one.dialect} at {one.address}{alone}, in front of {one.behind}"


@asynccontextmanager
async def reloading(reload: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """While the block runs, SIGHUP calls `reload`, beside whatever is served; one that comes meanwhile, once more behind it."""
    asked = asyncio.Event()

    async def whenever_asked() -> None:
        while True:
            await asked.wait()
            asked.clear()
            await reload()

    loop = asyncio.get_running_loop()
    async with Supervisor() as supervisor:
        supervisor.spawn_lasting(whenever_asked(), name="configuration")
        loop.add_signal_handler(signal.SIGHUP, asked.set)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGHUP)


async def _reload(
    call: Call, running: ServeSettings, notifier: Notifier, service: Service, keyrings: Sequence[Keyring]
) -> None:
    """Read the file again and take over what can change while serving. What cannot be used changes nothing."""
    notifier.reloading()
    try:
        # Beside the loop: a `command:` may take half a minute to say its secret, and applications are not to wait for it.
        fresh, api = await asyncio.to_thread(_settled_again, call)
        logs.set_level(fresh.log_level)
        if (fresh.listeners, fresh.limits, fresh.timeouts) != (
            running.listeners,
            running.limits,
            running.timeouts,
        ):
            call.warn("listeners and limits have changed in the configuration; they change with a restart")
        if api is not None:
            for keyring in keyrings:
                keyring.configure(api.key)
        service.reload()
        call.remark(f"configuration read again; log level {fresh.log_level}")
    except UsageError as error:
        call.warn(f"the configuration cannot be used, and nothing was changed: {error.message}")
    notifier.ready("serving")


def _settled_again(call: Call) -> tuple[ServeSettings, ApiSettings | None]:
    path, profile = call.config.path, call.merged["profile"]
    chosen = str(profile.value or "") if profile.layer != "file" else ""  # the file may name another by now
    loaded = configuration.load(Path(path), call.environ, chosen) if path else configuration.Config()
    flags = {name: given for name, given in call.merged.items() if given.layer == "flag"}
    merged = configuration.merge(call.command.all_settings, {}, call.environ, loaded) | flags
    return settle(merged, loaded), api_served.settle(merged, call.environ)
