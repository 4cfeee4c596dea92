"""Facades on their listeners, from the first bind to the last answer: what `serve` and `emulate` have in common.

`serve` routes each listener's requests through the live migrations of a state file; `emulate` stands one on a store. The order at the end is
the point: nothing more is accepted, what is under way is answered, and only then is what stands behind it closed.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from functools import partial

from vectormigrate.engine.dualwrite.router import Router
from vectormigrate.model.clock import Clock
from vectormigrate.model.errors import ConfigInvalid, UsageError
from vectormigrate.model.points import reached
from vectormigrate.stores import registry
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.facade import Reached
from vectormigrate.stores.front import Front, Standing
from vectormigrate.stores.raw import Upstream

from .activation import Notifier
from .announced import Listening
from .control import Control
from .hosting import Host
from .listeners import Address, Application, Limits, Listener, Tls
from .live_terms import LiveSettings
from .passages import Passage
from .served import ListenerSettings, ServeSettings
from .supervisor import Supervisor
from .telemetry.messenger import Messenger
from .telemetry.telemetry import Telemetry
from .upstream import DialledUpstream

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Served:
    """One front, whose API it is asked by, and where."""

    name: str
    dialect: str
    front: Front
    listen: Address
    grpc_listen: Address | None = None
    advertise: str = ""
    index: str = ""
    behind: str = ""
    """What answers, for people."""
    tls: Tls | None = None
    control: Upstream | None = None
    """The vendor's server for what concerns no collection in particular, where it is another."""


@dataclass(frozen=True, slots=True)
class Own:
    """An application of our own, beside the facades."""

    name: str
    application: Application
    listen: Address
    limits: Limits
    tls: Tls | None = None
    needed: bool = True
    """Nothing is served when its address cannot be had; otherwise the rest is."""


OpenOwn = Callable[[Host, Supervisor], AbstractAsyncContextManager[Sequence[Own]]]
"""Builds what stands on a host, for as long as that hosts."""
OnReady = Callable[[Sequence[Listening]], None]


@dataclass(slots=True)
class Service:
    """What runs until it is told to stop."""

    limits: Limits
    clock: Clock
    telemetry: Telemetry
    grace: float
    """Seconds for which requests under way may go on after `stop`."""
    inherited: Mapping[str, socket.socket] = field(default_factory=dict)
    notifier: Notifier | None = None
    messenger: Messenger | None = None
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _reload: asyncio.Event = field(default_factory=asyncio.Event)
    _listeners: list[Listener] = field(default_factory=list)

    def stop(self) -> None:
        """End, at leisure."""
        self._stopping.set()

    @property
    def stopping(self) -> bool:
        """Whether it is to end."""
        return self._stopping.is_set()

    def reload(self) -> None:
        """Read certificates again, soon; what cannot be used is told in the log, and what was read before stays."""
        self._reload.set()

    async def _reload_when_asked(self) -> None:
        while True:
            await self._reload.wait()
            self._reload.clear()
            for listener in self._listeners:
                try:
                    await listener.reload()
                except ConfigInvalid as error:
                    logger.warning("the certificates that were read before are shown on: %s", error.message)

    async def run(self, served: Sequence[Served], on_ready: OnReady, own: Sequence[Own] = ()) -> bool:
        """Serve until `stop`; whether everything under way was answered by then. Raises UsageError for an address."""
        async with Supervisor() as supervisor, AsyncExitStack() as stack:
            facades = [self._listener(supervisor, one.name, self.limits) for one in served]
            others = [self._listener(supervisor, one.name, one.limits) for one in own]
            self._listeners = [*facades, *others]
            drained: list[bool] = []
            stack.push_async_callback(self._drain, self._listeners, supervisor, drained)
            told = [await self._listen(one, at) for one, at in zip(served, facades, strict=True)]
            for one, at in zip(own, others, strict=True):
                told += await self._listen_own(one, at)
            supervisor.spawn_lasting(self._reload_when_asked(), name="certificates")
            on_ready(told)
            reached("start.serving")
            if self.notifier is not None:
                self.notifier.ready(f"serving at {', '.join(one.address for one in told)}")
                supervisor.spawn_lasting(self.notifier.watch(), name="watchdog")
            await self._stopping.wait()
            reached("stop.asked")
            if self.notifier is not None:
                self.notifier.stopping("answering what is under way")
        return all(drained)

    def _listener(self, supervisor: Supervisor, name: str, limits: Limits) -> Listener:
        turned_away = partial(self.telemetry.strangers.turned_away, name)
        return Listener(supervisor.spawn, limits, self.inherited, turned_away)

    async def _listen(self, served: Served, listener: Listener) -> Listening:
        address = listener.bind(served.listen)
        url = served.advertise or _url(address, served.tls)
        facade = registry.build_facade(
            served.dialect,
            self.telemetry.front(served.name, served.front),
            self.clock,
            Reached(url, served.index, control=served.control),
        )
        alone = await listener.start(
            self.telemetry.facade(served.name, facade), served.grpc_listen, served.tls
        )
        return Listening(
            served.name,
            served.dialect,
            str(address),
            "" if alone is None else str(alone),
            url,
            served.behind,
        )

    async def _listen_own(self, own: Own, listener: Listener) -> list[Listening]:
        try:
            address = listener.bind(own.listen)
        except UsageError as error:
            if own.needed:
                raise
            logger.warning("%s is not served: %s", own.name, error.message)
            return []
        await listener.start_application(own.application, own.tls)
        return [Listening(own.name, own.name, str(address), "", _url(address, own.tls), "this daemon")]

    async def _drain(
        self, listeners: Sequence[Listener], supervisor: Supervisor, drained: list[bool]
    ) -> None:
        async with asyncio.TaskGroup() as group:
            ends = [group.create_task(listener.drain(self.grace)) for listener in listeners]
        drained += [end.result() for end in ends]
        reached("stop.drained")
        if not all(drained):
            logger.warning(
                "%d requests were not answered within %g s",
                sum(one.under_way for one in listeners),
                self.grace,
            )
            supervisor.abandon()


async def serve(
    settings: ServeSettings,
    service: Service,
    control: Control,
    live: LiveSettings,
    on_ready: OnReady,
    open_own: OpenOwn | None = None,
) -> bool:
    """Serve every listener, with the live migrations of the state file behind them, until the service is stopped; whether
    everything under way was answered.
    """
    async with AsyncExitStack() as stack:
        passages: dict[str, Passage] = {}
        controls: dict[str, Upstream] = {}
        for one in settings.listeners:
            upstream = None
            if one.upstream is not None:
                dialled = await stack.enter_async_context(
                    DialledUpstream(one.upstream, one.grpc_upstream, settings.timeouts, one.ca)
                )
                upstream = service.telemetry.upstream(one.name, dialled)
            if one.control_upstream is not None:
                controls[one.name] = await stack.enter_async_context(
                    DialledUpstream(one.control_upstream, None, settings.timeouts, one.ca)
                )
            front = Router(upstream, random.Random())  # noqa: S311 shares of requests, no secrets
            passages[one.name] = Passage(one.name, one.dialect, upstream, front)
        supervisor = await stack.enter_async_context(Supervisor())
        supervisor.spawn_lasting(service.telemetry.watch_loop(), name="loop lag")
        if service.messenger is not None:
            service.messenger.start(supervisor.spawn_lasting)
            stack.push_async_callback(service.messenger.close)
        host = await stack.enter_async_context(
            control.hosting(passages, supervisor, live, service.telemetry, service.messenger)
        )
        if settings.status_every:
            supervisor.spawn_lasting(host.tell_status(settings.status_every), name="telling the status")
        own: Sequence[Own] = ()
        if open_own is not None:
            own = await stack.enter_async_context(open_own(host, supervisor))
        served = [
            _served(one, passages[one.name].router, controls.get(one.name)) for one in settings.listeners
        ]
        return await service.run(served, on_ready, own)


def _url(address: Address, tls: Tls | None) -> str:
    return f"{'http' if tls is None else 'https'}://{address}"


def _served(listener: ListenerSettings, front: Front, control: Upstream | None) -> Served:
    upstream = listener.upstream
    return Served(
        listener.name,
        listener.dialect,
        front,
        listener.listen,
        listener.grpc_listen,
        listener.advertise,
        listener.index,
        f"{upstream.scheme}://{upstream.authority}{upstream.prefix}"
        if upstream
        else "migrations of this daemon",
        listener.tls,
        control,
    )


async def emulate(
    dialect: str,
    endpoint: Endpoint,
    listen: Address,
    service: Service,
    on_ready: OnReady,
    *,
    grpc_listen: Address | None = None,
    index: str = "",
    advertise: str = "",
) -> bool:
    """Serve a vendor's API over one store until the service is stopped."""
    async with registry.open_store(endpoint) as store:
        await store.info()
        behind = f"the {endpoint.kind} store"
        front = Standing(registry.disguised(dialect, store))
        one = Served(dialect, dialect, front, listen, grpc_listen, advertise, index, behind)
        return await service.run([one], on_ready)
