"""What of a day cannot be told on a clock that is a number: a daemon as a process, and the processes and sockets around it. A
collector of spans, an application, assistants, a configuration file and its signal; all of them on loopback.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import apsw
import numpy as np
from aiohttp import web

from tests.fakes.served import ServedProcess

RECORDS = 300
_DIM = 8
_HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "assistant", "version": "1"},
}


class Collector:
    """Takes spans, and counts the requests that bring them; it can die and come back at the same address."""

    def __init__(self) -> None:
        self.requests = 0
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Be there."""
        application = web.Application()
        application.router.add_post("/v1/traces", self._take)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def die(self) -> None:
        """Be gone, connections and all."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _take(self, request: web.Request) -> web.Response:
        await request.read()
        self.requests += 1
        return web.Response(content_type="application/x-protobuf")

    async def hears(self) -> None:
        """Wait for more spans."""
        before = self.requests
        async with asyncio.timeout(60):
            while self.requests <= before:
                await asyncio.sleep(0.05)


def make_source(path: Path) -> None:
    """A collection in SQLite."""
    rng = np.random.default_rng(5)
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE docs (id INTEGER PRIMARY KEY, title TEXT, embedding BLOB)")
    connection.executemany(
        "INSERT INTO docs VALUES (?, ?, ?)",
        [
            (one, f"record {one}", rng.normal(size=_DIM).astype(np.float32).tobytes())
            for one in range(RECORDS)
        ],
    )
    connection.close()


class Daemon:
    """`vectormigrate serve`, and what is asked of it."""

    def __init__(self, folder: Path, collector: Collector, session: aiohttp.ClientSession) -> None:
        self.folder = folder
        self.file = folder / "vectormigrate.toml"
        self.key_file = folder / "api.key"
        self.key = ""
        self._session = session
        self.rotate("the first key of this day")
        self.configure("info")
        environ = {
            "VECTORMIGRATE_ADDR": "",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        }
        self.process = ServedProcess(folder, "serve", environ=environ)
        self.url = f"http://127.0.0.1:{self.process.port}"
        self.api = self.said(r"(http://127\.0\.0\.1:\d+)")

    def said(self, pattern: str) -> str:
        """The first group of the next line that is like this."""
        while line := self.process.line():
            if found := re.search(pattern, line):
                return found[1]
        raise AssertionError(f"it never said {pattern}")

    def configure(self, level: str) -> None:
        """Write its configuration."""
        self.file.write_text(
            f'[api]\naddr = "127.0.0.1:0"\napi_key_file = "{self.key_file}"\napi_rate = 1000000\napi_burst = 100000\n'
            f'[listeners.app]\ndialect = "neutral"\nlisten = "127.0.0.1:0"\n[serve]\nlog_level = "{level}"\n'
        )

    def rotate(self, key: str) -> None:
        """Write another key into the file that holds it."""
        self.key = key
        self.key_file.write_text(key)
        self.key_file.chmod(0o600)

    async def reload(self, pattern: str) -> str:
        """Have it read its configuration again; what it said of it."""
        self.process.tell(signal.SIGHUP)
        return await asyncio.to_thread(self.said, f"({pattern}.*)")

    async def ask(self, method: str, path: str, body: object = None, *, key: str = "") -> tuple[int, Any]:
        """Its API: the status and the document."""
        headers = {"Authorization": f"Bearer {key or self.key}"}
        async with self._session.request(method, f"{self.api}{path}", json=body, headers=headers) as answer:
            raw = await answer.read()
            return answer.status, json.loads(raw) if "json" in answer.content_type else raw

    async def scrape(self) -> bytes:
        """As Prometheus has it."""
        status, text = await self.ask("GET", "/metrics")
        assert status == 200
        return bytes(text)

    async def migrate(self) -> None:
        """Move the collection, and wait until it is verified."""
        make_source(self.folder / "old.db")
        sides = {
            f"{side}_{name}": value
            for side, file in (("source", "old.db"), ("target", "new.db"))
            for name, value in (("type", "sqlite"), ("url", str(self.folder / file)), ("index", "docs"))
        }
        body = {"migration_id": "move", "mode": "proxied", "quarantine": 0, **sides}
        status, told = await self.ask("POST", "/v1/migrations", body)
        assert status in (200, 202), told
        async with asyncio.timeout(120):
            while (await self.phase()) != "passthrough":
                await asyncio.sleep(0.1)
            assert (await self.ask("POST", "/v1/migrations/move/attest", {"by": "an operator"}))[0] == 200
            while (await self.phase()) != "verified":
                await asyncio.sleep(0.1)

    async def phase(self) -> str:
        """Where the migration is; "" before it is anywhere."""
        status, found = await self.ask("GET", "/v1/migrations/move")
        return str(found["phase"]) if status == 200 else ""

    async def application(self) -> None:
        """Write and read, for ever; everything must be answered as it should be."""
        version = 0
        while True:
            version += 1
            one = version % RECORDS
            record = {
                "id": one,
                "vectors": {"embedding": [version] * _DIM},
                "payload": {"title": str(version)},
            }
            await self._through("PUT", "records", {"records": [record]})
            await self._through("POST", "records/fetch", {"ids": [one]})
            await asyncio.sleep(0.01)

    async def _through(self, method: str, path: str, body: object) -> None:
        async with self._session.request(method, f"{self.url}/collections/docs/{path}", json=body) as answer:
            assert answer.status == 200, await answer.text()


async def assistant_that_dies(daemon: Daemon) -> None:
    """One of a shell: `vectormigrate mcp` as a process that is killed while its tool is at work."""
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(daemon.folder)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "vectormigrate", "mcp", "--state", str(daemon.folder / "state.db")),
        env=environ,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None

    def say(document: dict[str, Any]) -> None:
        assert process.stdin is not None
        process.stdin.write(json.dumps({"jsonrpc": "2.0", **document}).encode() + b"\n")

    say({"id": 1, "method": "initialize", "params": _HELLO})
    async with asyncio.timeout(60):
        assert b"vectormigrate" in await process.stdout.readline()
    say({"method": "notifications/initialized"})
    say({"id": 2, "method": "tools/call", "params": _comparison()})
    await process.stdin.drain()
    await _begun(daemon, 1)
    process.kill()
    await process.wait()


async def assistant_that_hangs_up(daemon: Daemon) -> None:
    """One of the network: its connection is cut behind its call."""
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": _comparison()}
    body = json.dumps(call).encode()
    host = daemon.api.removeprefix("http://")
    head = (
        f"POST /mcp HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {daemon.key}\r\n"
        "Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n"
        f"MCP-Protocol-Version: {_HELLO['protocolVersion']}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    address, _, port = host.partition(":")
    with socket.create_connection((address, int(port))) as wire:
        wire.sendall(head.encode() + body)
        await _begun(daemon, 2)


def _comparison() -> dict[str, Any]:
    return {"name": "validate", "arguments": {"migration_id": "move", "full": True}}


async def _begun(daemon: Daemon, count: int) -> None:
    async with asyncio.timeout(60):
        while len(await operations(daemon)) < count:
            await asyncio.sleep(0.01)


async def operations(daemon: Daemon) -> list[str]:
    """States of the comparisons that were asked for."""
    _, found = await daemon.ask("GET", "/v1/operations")
    return [one["state"] for one in found["operations"] if one["command"] == "validate"]


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[Daemon, Collector]]:
    """All of it, with the application at work; the daemon ends in good order."""
    collector = Collector()
    await collector.start()
    try:
        async with aiohttp.ClientSession() as session:
            daemon = await asyncio.to_thread(Daemon, folder, collector, session)
            with daemon.process:
                await daemon.migrate()
                application = asyncio.get_running_loop().create_task(daemon.application())
                try:
                    yield daemon, collector
                    assert not application.done(), "the application was answered otherwise than it should be"
                finally:
                    application.cancel()
                    with suppress(asyncio.CancelledError):
                        await application
                assert (await asyncio.to_thread(daemon.process.end)).code == 143
    finally:
        await collector.die()
