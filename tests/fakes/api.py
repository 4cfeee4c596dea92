"""A daemon with its API, in this process: real state file, real sockets, a clock that the test moves."""

from __future__ import annotations

import json
import shutil
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import apsw
import numpy as np
import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.wire import connected
from tests.fakes.world import World
from vectormigrate.api.opening import opened
from vectormigrate.daemon.api_served import LIMITS, ApiSettings
from vectormigrate.daemon.chronicle import Chronicle
from vectormigrate.daemon.config import Config
from vectormigrate.daemon.control import Control
from vectormigrate.daemon.listeners import Address, Listener
from vectormigrate.daemon.live_terms import LiveSettings
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.daemon.supervisor import Supervisor
from vectormigrate.daemon.tasks import SystemClock
from vectormigrate.daemon.telemetry.telemetry import Telemetry

NEEDS_CURL = pytest.mark.skipif(
    shutil.which("curl") is None,
    reason="curl is not installed (Debian: curl): the command lines of earlier documents cannot be run as they stand",
)
KEY = "the key of the configuration"
HERE = Address(host="127.0.0.1")


def settings(**words):
    """Settings of an API that limits nobody."""
    given = {
        "listen": HERE,
        "everywhere": False,
        "asked_for": True,
        "key": KEY,
        "tls": None,
        "hosts": frozenset({"migrations.test"}),
        "per_minute": 1e6,
        "burst": 1_000_000,
        "audit_log": None,
    }
    return ApiSettings(**{**given, **words})


@dataclass
class Site:
    """What a test has to do with."""

    address: Address
    api: object
    control: Control
    clock: FakeClock
    chronicle: Chronicle
    listener: Listener
    parts: object = field(init=False)

    def __post_init__(self):
        self.parts = self.api.parts

    @property
    def url(self):
        return f"http://{self.address}"

    async def raw(self, method, path, body=b"", *headers, host=b"localhost"):
        """One request on a connection of its own, with exactly these headers."""
        async with connected(self.address) as wire:
            lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: " + host, *headers]
            await wire.send(b"\r\n".join([*lines, b"Content-Length: %d" % len(body)]) + b"\r\n\r\n" + body)
            return await wire.answer()

    async def ask(self, method, path, body=None, *headers, key=KEY):
        """One request with a key, and JSON both ways: the status and the document."""
        sent = b"" if body is None else json.dumps(body).encode()
        answer = await self.raw(
            method,
            path,
            sent,
            b"Authorization: Bearer " + key.encode(),
            b"Content-Type: application/json",
            *headers,
        )
        return answer.status, json.loads(answer.body or b"null")

    async def rpc(self, method, params=None, *, key=KEY):
        """A call of JSON-RPC."""
        return await self.ask(
            "POST", "/", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}, key=key
        )

    async def finished(self, operation):
        """An operation when it has ended."""
        return await self.parts.dispatcher.operations.finished(operation["id"])

    async def key(self, scope, **words):
        """A new key of that scope."""
        _, made = await self.ask("POST", "/v1/keys", {"scope": scope, **words})
        return made["secret"]

    async def audit(self):
        """Every row of the audit, oldest first."""
        _, log = await self.ask("GET", "/v1/audit?limit=10000")
        return log["rows"][::-1]


@asynccontextmanager
async def site(directory, *, config=None, limits=LIMITS, tls=None, mounts=(), secrets=None, **words):
    """A daemon that hosts no live migration."""
    clock = FakeClock()
    chronicle = Chronicle(clock)
    known = secrets or Secrets({}, {})
    given = settings(**words)
    async with (
        Control.open(directory / "state.db", secrets=known, on_event=chronicle.tell) as control,
        Supervisor() as supervisor,
        control.hosting({}, supervisor, LiveSettings(), Telemetry(SystemClock())) as host,
        opened(given, control, host, supervisor, chronicle, clock, known, config or Config(), mounts) as api,
    ):
        listener = Listener(supervisor.spawn, limits)
        address = listener.bind(given.listen)
        await listener.start_application(api.application, tls)
        try:
            yield Site(address, api, control, clock, chronicle, listener)
        finally:
            await listener.drain(1.0)


def two_stores(directory, records=30):
    """The arguments that move a table of one SQLite file to another."""
    connection = apsw.Connection(str(directory / "old.db"))
    connection.execute("CREATE TABLE docs (id INTEGER PRIMARY KEY, title TEXT, embedding BLOB)")
    vectors = np.random.default_rng(5).standard_normal((records, 8)).astype("f4")
    rows = [(row, f"title {row}", vector.tobytes()) for row, vector in enumerate(vectors)]
    connection.executemany("INSERT INTO docs VALUES (?, ?, ?)", rows)
    connection.close()
    given = {"quarantine": 0}
    for side, name in (("source", "old.db"), ("target", "new.db")):
        given |= {f"{side}_type": "sqlite", f"{side}_url": str(directory / name), f"{side}_index": "docs"}
    return given


@asynccontextmanager
async def slow_world(records=500, seconds=0.1):
    """The arguments that move a collection to a store which takes its time for every request: there is time to say stop."""
    world = World("unused.db")
    await world.fill(range(records))
    world.target.faults.latency = seconds
    given = {"quarantine": 0, "batch_size": 5}
    for side in ("source", "target"):
        ref = getattr(world.spec, side)
        given |= {f"{side}_type": "memory", f"{side}_url": ref.url, f"{side}_index": ref.collection}
    try:
        yield given
    finally:
        world.close()


async def until(site, kind):
    """Wait for the first event of a kind."""
    async with aclosing(site.chronicle.follow(0, None, beat=30)) as events:
        async for event in events:
            if event is not None and event.kind == kind:
                return
