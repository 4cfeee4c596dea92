"""What stands between an application and its database: `vectormigrate serve`, in the loop of the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from vectormigrate.daemon.control import Control
from vectormigrate.daemon.control_socket import ask_owner
from vectormigrate.daemon.listeners import Address, Limits
from vectormigrate.daemon.live_terms import LiveSettings
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.daemon.served import MAIN, ListenerSettings, ServeSettings
from vectormigrate.daemon.serving import Service, serve
from vectormigrate.daemon.tasks import SystemClock
from vectormigrate.daemon.telemetry.telemetry import Telemetry
from vectormigrate.daemon.upstream import Target, Timeouts
from vectormigrate.daemon.viewing import Viewer
from vectormigrate.engine.dualwrite.terms import Terms
from vectormigrate.model.errors import GateRefused
from vectormigrate.model.specification import Specification

_LONGEST = 100.0
"""Seconds, more than the quarantine of a request that was not answered."""


@dataclass(frozen=True, slots=True)
class Behind:
    """The vendor's server that a daemon stands in front of."""

    dialect: str
    url: str
    grpc_url: str = ""
    control_url: str = ""
    """Pinecone: where its control plane is."""
    index: str = ""
    two_ports: bool = False
    """The client wants a port for gRPC."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon that serves, by its state file and its address."""

    state: Path
    port: int
    grpc_port: int = 0
    """0 when it is the same."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def ask(self, verb: str, migration: str, **arguments: Any) -> dict[str, Any]:
        """A word to it. Raises what it answers with."""
        answer = await ask_owner(self.state, verb, migration, arguments)
        assert answer is not None, "the daemon is gone"
        return answer

    async def migrate(self, spec: Specification) -> None:
        """Make a migration, and return when all is copied and compared."""
        await self.ask("create", spec.id, specification=msgspec.to_builtins(spec))
        await self.ask("attest", spec.id, by="the test")
        await self.phase(spec.id, "verified")

    async def phase(self, migration: str, wanted: str) -> None:
        """Return when a migration is in this phase."""
        deadline = _now() + _LONGEST
        while (found := self._status(migration)).phase != wanted:
            assert found.phase not in ("failed", "paused"), found
            assert _now() < deadline, found
            await asyncio.sleep(0.02)

    def _status(self, migration: str) -> Any:
        with Viewer.open(self.state) as viewer:
            return viewer.status(migration)

    async def swap(self, verb: str, migration: str) -> None:
        """Cut over or revert, as soon as the gates are open."""
        words = {"no_way_back": False} if verb == "cutover" else {}
        deadline = _now() + _LONGEST
        while True:
            try:
                await self.ask(verb, migration, dry_run=False, **words)
                return
            except GateRefused:
                if _now() > deadline:
                    raise
                await asyncio.sleep(0.05)

    async def settled(self, migration: str) -> None:
        """Return when nothing is owed to the other side any more."""
        deadline = _now() + _LONGEST
        while (
            (told := await self.ask("status", migration))["debt"] or told["in_flight"] or told["unresolved"]
        ):
            assert _now() < deadline, told
            await asyncio.sleep(0.02)


def _now() -> float:
    return asyncio.get_running_loop().time()


@asynccontextmanager
async def in_process(folder: Path, behind: Behind) -> AsyncIterator[Daemon]:
    """Serve in this loop for as long as the block runs."""
    terms = Terms(coalesce=0.01, provisional_after=0.02, delete_confirmation=0.1, retry_longest=0.2)
    listener = ListenerSettings(
        MAIN,
        behind.dialect,
        Address(host="127.0.0.1"),
        Target.parse(behind.url, "upstream"),
        Address(host="127.0.0.1") if behind.two_ports else None,
        grpc_upstream=Target.parse(behind.grpc_url, "grpc") if behind.grpc_url else None,
        control_upstream=Target.parse(behind.control_url, "control") if behind.control_url else None,
        index=behind.index,
    )
    settings = ServeSettings((listener,), Limits(), Timeouts(), 2.0, "info", 0.0)
    clock = SystemClock()
    service = Service(settings.limits, clock, Telemetry(clock), settings.grace)
    ready: asyncio.Queue[list[str]] = asyncio.Queue()
    state = folder / "state.db"
    control = Control.open(state, secrets=Secrets({}, {"PINECONE_KEY": "key"}))
    async with control, asyncio.TaskGroup() as group:
        serving = serve(
            settings,
            service,
            control,
            LiveSettings(terms=terms),
            lambda told: ready.put_nowait([told[0].address, told[0].grpc_address]),
        )
        group.create_task(serving)
        ports = [int(address.rpartition(":")[2] or 0) for address in await ready.get()]
        try:
            yield Daemon(state, *ports)
        finally:
            service.stop()
