"""The live leg of the demonstration: an application with Qdrant's official client goes on writing and reading while its
collection moves to Postgres, through a SIGKILL of the daemon, a cutover, a revert and a rollback.

The Qdrant here is our own emulator, a process of its own, because no Qdrant comes from a package registry; the application
cannot tell, and neither can the daemon.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from .application import RECORDS
from .outcome import Lived
from .process import PATIENCE, CommandLine, StepFailed, child, clean_environment, kill
from .telling import Teller

ID = "live"
COLLECTION = "synsets_live"
RATE = "600"
"""Records a second of the backfill, so slow that a kill lands in the middle of it."""
QUARANTINE = "0.5"
"""Seconds: what a killed daemon had under way here has landed long before."""
_LONGEST = 40.0
"""Seconds for a step that should take a few."""


class LiveStory:
    """One telling of it, in a directory of its own."""

    def __init__(self, work: Path, dsn: str, tell: Teller) -> None:
        work.mkdir()
        self._work = work
        self._dsn = dsn
        self._tell = tell
        self._command = CommandLine(work)
        self._environ = clean_environment(os.environ, work)
        self._searches = 0
        self._ports = _free_port(), _free_port()

    async def run(self) -> Lived:
        """Tell it; raises StepFailed for a step that did not do what it should."""
        source, front = (f"http://127.0.0.1:{port}" for port in self._ports)
        self._tell.title(
            "3. Live: an application on Qdrant's own client, its collection moving to PostgreSQL"
        )
        async with AsyncExitStack() as stack:
            qdrant = await stack.enter_async_context(
                self._started("emulate", "qdrant", "--listen", self._listen_at(0))
            )
            daemon = await stack.enter_async_context(self._daemon(source))
            await self._serves(qdrant, "emulate", 0)
            await self._once("fill", source)
            self._tell.did(f"a Qdrant with {RECORDS:,} of the synsets; the application changes its host name")
            await self._serves(daemon, "serve", 1)
            application = await stack.enter_async_context(self._application(front))
            await self._migrate(source)
            copied = await self._until_copied(RECORDS // 3)
            kill(daemon)
            await daemon.wait()
            again = await stack.enter_async_context(self._daemon(source))
            await self._serves(again, "serve", 1)
            return await self._rest(application, qdrant, copied)

    async def _rest(
        self,
        application: asyncio.subprocess.Process,
        qdrant: asyncio.subprocess.Process,
        copied: int,
    ) -> Lived:
        self._tell.did(f"the daemon killed (SIGKILL) with {copied:,} copied, and started again")
        await self._until(lambda: self._phase() == "verified", "the migration is not verified")
        over = await self._swap("cutover")
        self._tell.did(f"cutover under load: writes were held for {over:.0f} ms")
        await self._answered_by_postgres(qdrant)
        back = await self._swap("revert")
        self._tell.did(f"revert under load: writes were held for {back:.0f} ms")
        found = await self._ended(application)
        report = await self._command.answer("rollback", ID, "--force")
        left = self._left()
        self._tell.did(
            f"rollback: {report['deleted']:,} records deleted, psycopg itself reads {left} of ours"
        )
        self._tell.did(
            f"the application: {found['writes_acknowledged']:,} writes acknowledged, {found['writes_lost']} lost;"
            f" {found['reads']:,} reads, {found['stale']} stale, {found['resurrected']} resurrected;"
            f" {found['searches']:,} searches"
        )
        return Lived(
            found["writes_acknowledged"],
            found["writes_lost"],
            found["stale"],
            found["resurrected"],
            round(over, 1),
            round(back, 1),
            left,
        )

    # Steps.

    async def _migrate(self, source: str) -> None:
        words: tuple[str, ...] = (
            "--source-type",
            "qdrant",
            "--source-url",
            source,
            "--source-index",
            COLLECTION,
        )
        words += ("--target-type", "pgvector", "--target-url", self._dsn, "--target-index", COLLECTION)
        words += ("--mode", "proxied", "--quarantine", QUARANTINE, "--max-rate", RATE, "--batch-size", "50")
        await self._command.answer("migrate", ID, *words)
        await self._command.answer("attest", ID)

    async def _until_copied(self, least: int) -> int:
        await self._until(lambda: self._command.copied(ID) >= least, "the backfill does not begin")
        return self._command.copied(ID)

    async def _swap(self, verb: str) -> float:
        """Cut over or revert, as soon as the gates are open. Returns the milliseconds for which writes were held."""
        deadline = time.monotonic() + _LONGEST
        while True:
            try:
                return float((await self._command.answer(verb, ID, "--yes"))["hold_ms"])
            except StepFailed:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(10 * PATIENCE)

    async def _answered_by_postgres(self, qdrant: asyncio.subprocess.Process) -> None:
        """Stop the Qdrant for a while: the application goes on finding what it searches."""
        qdrant.send_signal(signal.SIGSTOP)
        try:
            before = self._searches
            await self._until(lambda: self._searches > before + 10, "nobody answers in Qdrant's place")
            self._tell.did(
                f"with the Qdrant stopped, {self._searches - before} more searches were answered, by PostgreSQL"
            )
        finally:
            qdrant.send_signal(signal.SIGCONT)

    async def _ended(self, application: asyncio.subprocess.Process) -> dict[str, Any]:
        assert application.stdin is not None
        application.stdin.close()
        await application.wait()
        await self._until(lambda: bool(self._said), "the application says nothing")
        found: dict[str, Any] = json.loads(self._said)
        return found

    def _left(self) -> int:
        """Rows of the table, or 0 when it is gone."""
        with psycopg.connect(self._dsn) as connection:
            there = connection.execute("SELECT to_regclass(%s)", (COLLECTION,)).fetchone()
            if there is None or there[0] is None:
                return 0
            counted = connection.execute(
                sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(COLLECTION))
            )
            row = counted.fetchone()
            return int(row[0]) if row else 0

    def _phase(self) -> str:
        phase = self._command.phase(ID)
        self._tell.progress("copying", self._command.copied(ID), RECORDS)
        return phase

    async def _until(self, done: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + _LONGEST
        while not done():
            if time.monotonic() > deadline:
                raise StepFailed(
                    f"after {_LONGEST:.0f} s {otherwise} (phase {self._command.phase(ID) or 'none'})"
                )
            await asyncio.sleep(PATIENCE)

    # Processes.

    def _daemon(self, source: str) -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
        return self._started(
            "serve",
            "--addr",
            "off",
            "--dialect",
            "qdrant",
            "--listen",
            self._listen_at(1),
            "--upstream",
            source,
        )

    def _started(self, *words: str) -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
        """One of our commands that serves; what it says is not kept."""
        return self._command.running(*words, quiet=True)

    def _listen_at(self, number: int) -> str:
        return f"127.0.0.1:{self._ports[number]}"

    async def _serves(self, process: asyncio.subprocess.Process, verb: str, number: int) -> None:
        """Wait until it does. Raises StepFailed when it ends instead."""
        await self._until(
            lambda: process.returncode is not None or _accepts(self._listen_at(number)),
            f"`vectormigrate {verb}` does not serve",
        )
        if process.returncode is not None:
            raise StepFailed(f"`vectormigrate {verb}` ended with {process.returncode}")

    async def _once(self, verb: str, url: str) -> None:
        words = ["-W", "ignore", "-m", "vectormigrate.cli.demo.application", verb, url, COLLECTION]
        async with child(words, self._work, self._environ) as process:
            _, err = await process.communicate()
        if process.returncode != 0:
            raise StepFailed(f"the application cannot {verb}: {err.decode(errors='replace').strip()[-300:]}")

    @asynccontextmanager
    async def _application(self, url: str) -> AsyncIterator[asyncio.subprocess.Process]:
        words = ["-W", "ignore", "-m", "vectormigrate.cli.demo.application", "live", url, COLLECTION]
        self._said = ""
        async with (
            child(words, self._work, self._environ, silent=True) as process,
            asyncio.TaskGroup() as tasks,
        ):
            listening = tasks.create_task(self._listen(process), name="application")
            try:
                yield process
            finally:
                kill(process)
                await process.wait()
                listening.cancel()

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            if line.strip().isdigit():
                self._searches = int(line)
            else:
                self._said = line.decode()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _accepts(listen: str) -> bool:
    host, _, port = listen.rpartition(":")
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((host, int(port))) == 0
