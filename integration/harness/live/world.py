"""A source server, a daemon in front of it and a target behind it, with a link that can fail on either way.

The source is a process of its own that is never killed, for it holds memory only. The daemon is killed all the time: its
port stays the same, its state file is all that it leaves.
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.fakes.milvus import free_port
from vectormigrate.daemon.control_socket import ask_owner
from vectormigrate.model.errors import VectormigrateError

from .forge import Forge, Made
from .link import Link
from .vendors import Request, Target, Vendor

QUARANTINE = 2.0
"""T_z of the tests. What keeps a request under way ends far below it: timeouts, and what a late link adds."""
TIMEOUT = 0.5


class World:
    """Everything of one pair. Made by `opened`."""

    def __init__(
        self,
        folder: Path,
        forge: Forge,
        target: Target,
        links: tuple[Link, Link],
        source_port: int,
        session: aiohttp.ClientSession,
    ) -> None:
        self.folder = folder
        self.forge = forge
        self.target = target
        self.to_source, self.to_target = links
        self.source_port = source_port
        self.port = free_port()
        self.session = session
        self.daemon: Made | None = None
        self.state = folder / "s.db"
        self.timeout = TIMEOUT
        """Of every request that a daemon makes, in seconds; as it was when a daemon was started, or a migration made."""

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, folder: Path, vendor: Vendor, target: Target, rng: random.Random
    ) -> AsyncIterator[World]:
        """Start what outlives the daemons."""
        async with AsyncExitStack() as stack:
            forge = await stack.enter_async_context(Forge(folder))
            port = free_port()
            await forge.make(
                *("emulate", vendor.kind, "--store", "memory", "--listen", f"127.0.0.1:{port}"),
                *vendor.emulated(),
            )
            links = Link(port, rng), Link(target.port, rng)
            for link in links:
                await stack.enter_async_context(link)
            session = await stack.enter_async_context(
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=vendor.headers)
            )
            # Else aiohttp sends PUT and DELETE again when a connection ends, and what was refused the second time may
            # have been applied the first. There is no public switch.
            session._retry_connection = False
            world = cls(folder, forge, target, links, port, session)
            await world._up(port)
            try:
                yield world
            finally:
                if world.daemon is not None:
                    world.daemon.signal(signal.SIGKILL)

    # The daemon.

    async def start(self, vendor: Vendor, *, kill_at: str = "", more: tuple[str, ...] = ()) -> Made:
        """Start a daemon; return at once."""
        assert self.daemon is None or not self.daemon.alive
        environ = {"VECTORMIGRATE_KILL_AT": kill_at}
        self.daemon = await self.forge.make(
            *("serve", "--addr", "off", "--state", str(self.state), "--dialect", vendor.kind),
            *("--listen", f"127.0.0.1:{self.port}", "--upstream", f"http://127.0.0.1:{self.to_source.port}"),
            *("--upstream-timeout", str(self.timeout), "--grace", "1", "--retry-longest", "0.5"),
            *("--delete-confirmation", "0.5", "--hold-seconds", "1.5", *vendor.emulated(), *more),
            **environ,
        )
        return self.daemon

    async def serves(self) -> bool:
        """Wait until the daemon answers; False when it died before."""
        assert self.daemon is not None
        while self.daemon.alive:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return True
            except OSError:
                await asyncio.sleep(0.01)
        return False

    async def _up(self, port: int) -> None:
        for _ in range(3000):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            except OSError:
                await asyncio.sleep(0.01)
        raise AssertionError(f"nobody serves at {port}")

    async def kill(self) -> None:
        """SIGKILL."""
        assert self.daemon is not None
        self.daemon.signal(signal.SIGKILL)
        await self.daemon.ended.wait()

    async def ask(self, verb: str, name: str, **arguments: Any) -> dict[str, Any] | VectormigrateError | None:
        """A word to the daemon: its answer, its refusal, or None when it is not there (any more)."""
        try:
            return await ask_owner(self.state, verb, name, arguments, within=60)
        except VectormigrateError as error:
            return error
        except (OSError, ValueError):
            return None

    async def run(self, *argv: str) -> int:
        """Another command, to its end."""
        made = await self.forge.make(*argv, "--state", str(self.state))
        await made.ended.wait()
        return made.status

    def migration(self, name: str, vendor: Vendor, *more: str) -> tuple[str, ...]:
        """The command that makes one."""
        options = [word for one in vendor.options for word in ("--source-option", one)]
        return (
            *("migrate", name, "--mode", "proxied", "--source-type", vendor.kind),
            *("--source-url", f"http://127.0.0.1:{self.to_source.port}", "--source-index", vendor.collection),
            *(
                "--target-type",
                self.target.kind,
                "--target-url",
                self.target.url(self.to_target.port),
                "--target-index",
            ),
            *(vendor.collection, "--quarantine", str(QUARANTINE), "--max-retries", "20"),
            *(
                "--source-option",
                f"timeout={self.timeout}",
                "--target-option",
                f"timeout={self.timeout}",
                *options,
                *more,
            ),
        )

    # Clients.

    async def send(self, request: Request, *, port: int = 0, timeout: float = 2.5) -> str:
        """Ask, at the daemon unless another port is given: "ok", "fail" (not applied), "info" (nobody knows), "refused"
        (no connection)."""
        try:
            async with self.session.request(
                request.method,
                f"http://127.0.0.1:{port or self.port}{request.path}",
                json=request.body,
                timeout=aiohttp.ClientTimeout(total=timeout),
            ) as answer:
                await answer.read()
                if answer.status < 300:
                    return "ok"
                return "fail" if answer.status < 500 and answer.status != 408 else "info"
        except aiohttp.ClientConnectorError:
            return "refused"
        except (aiohttp.ClientError, TimeoutError, OSError):
            return "info"
