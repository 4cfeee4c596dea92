"""A daemon's parts on a clock that is a number: its host, its keys, its instruments and its messenger, over a state file and
two databases in memory. The application writes and reads through a facade; whatever a daemon depends on can go away.

What stands beside the loop is not here: sockets, processes, the exporter of spans.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from os import statvfs_result
from pathlib import Path
from typing import Any

from tests.fakes.lanes import Gap
from tests.fakes.statefile import MemoryState
from tests.fakes.virtual import LoopClock
from tests.fakes.world import SOURCE, World
from vectormigrate.daemon.hosting import Host
from vectormigrate.daemon.keyring import Keyring
from vectormigrate.daemon.live_terms import LiveSettings
from vectormigrate.daemon.passages import Passage
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.daemon.supervisor import Supervisor
from vectormigrate.daemon.telemetry.happenings import Happening
from vectormigrate.daemon.telemetry.hooks import HookFailed, Hooks
from vectormigrate.daemon.telemetry.messenger import Messenger
from vectormigrate.daemon.telemetry.telemetry import Telemetry, each
from vectormigrate.daemon.telemetry.webhooks import Webhook, WebhookFailed, Webhooks
from vectormigrate.engine.dualwrite.router import Router
from vectormigrate.model.access import Scope
from vectormigrate.model.batch import Batch
from vectormigrate.model.measure import Histogram
from vectormigrate.model.specification import Mode
from vectormigrate.state import api_keys, sessions
from vectormigrate.state.api_keys import StoredKey
from vectormigrate.stores import registry
from vectormigrate.stores.facade import Facade, Reached
from vectormigrate.stores.raw import HttpRequest

RECORDS = 300
_THINKS = 10.0
"""Seconds between two writes of the application."""


class State(MemoryState):
    """With what a scrape asks of a state file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.commits, self.groups = Histogram(), Histogram()
        self.gap = Gap()
        self.alive = True


@dataclass(frozen=True, slots=True)
class Scripts(Hooks):
    """One executable for every event."""

    failing: Callable[[], bool]

    def of(self, name: str) -> list[Path]:
        return [Path(name)]

    async def call(self, happening: Happening) -> int:
        if self.failing():
            raise HookFailed(f"{happening.name} exited with 1")
        return 1


class Receiver(Webhooks):
    """One receiver, that is away when it is told to be."""

    def __init__(self, clock: LoopClock) -> None:
        super().__init__([Webhook("on-call", "http://127.0.0.1:1/", "", ())], clock, asyncio.sleep)
        self.away = False

    async def send(self, receiver: Webhook, happening: Happening) -> None:
        if self.away:
            await asyncio.sleep(30.0)
            raise WebhookFailed("the webhook on-call did not take it")


class Site:
    """One installation. `start` and `end` begin and end its process; its files and databases outlive them."""

    def __init__(self, directory: Path) -> None:
        self.clock = LoopClock()
        self.world = World("unused.db", mode=Mode.PROXIED, quarantine=60.0, batch_size=50)
        self.state = State(directory / "state.db")
        self.receiver = Receiver(self.clock)
        self.hooks_fail = False
        self.free = 0.8
        """Share of the disk of the state file."""
        self.key = ""
        """What Prometheus has in its file."""
        self.host: Host | None = None
        self.telemetry: Telemetry | None = None
        self._facade: Facade | None = None
        self._end: asyncio.Future[bool] | None = None
        self._process: asyncio.Task[None] | None = None
        for side in (self.world.source, self.world.target):
            side.faults.clock = self.clock.monotonic

    def statvfs(self, _: object) -> statvfs_result:
        """What the disk says of itself."""
        blocks = 2**20
        free = int(blocks * self.free)
        return statvfs_result((4096, 4096, blocks, free, free, 0, 0, 0, 0, 255))

    # The process.

    async def start(self) -> None:
        """Begin to serve."""
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        self._end = loop.create_future()
        self._process = loop.create_task(self._serve(ready, self._end))
        await ready
        if not self.key:
            self.key, _ = await self.keyring.create(Scope.READ, "prometheus", None)

    async def end(self, *, killed: bool = False) -> None:
        """Drain, or die."""
        assert self._end is not None
        assert self._process is not None
        self.host = None
        self._end.set_result(killed)
        await self._process

    async def _serve(self, ready: asyncio.Future[None], end: asyncio.Future[bool]) -> None:
        session = await self.state.write(lambda tx: sessions.begin(tx, at=self.clock.now().isoformat()))
        telemetry = Telemetry(self.clock)
        router = Router(None, random.Random(1))
        hooks = Scripts(Path(), 1.0, {}, lambda: self.hooks_fail)
        messenger = Messenger(hooks, self.receiver, telemetry)
        self.keyring = Keyring(self.state, self.clock)  # type: ignore[arg-type] # the state file without its threads
        async with AsyncExitStack() as stack:
            supervisor = await stack.enter_async_context(Supervisor())
            host = Host(
                self.state,  # type: ignore[arg-type] # the same
                session,
                Secrets(),
                {"app": Passage("app", "neutral", None, router)},
                supervisor,
                self.clock,
                each(messenger.on_event, telemetry.on_event),
                LiveSettings(),
                telemetry,
                messenger,
            )
            await host.open()
            host.start()
            messenger.start(supervisor.spawn_lasting)
            supervisor.spawn_lasting(telemetry.watch_loop(), name="loop")
            facade = registry.build_facade(
                "neutral", telemetry.front("app", router), self.clock, Reached("http://app")
            )
            self._facade, self.telemetry = telemetry.facade("app", facade), telemetry
            self.host = host
            ready.set_result(None)
            if await end:
                supervisor.abandon()
            else:
                await host.close()
        self._facade = None

    # What is asked of it.

    async def word(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """As an operator says it."""
        assert self.host is not None
        return await self.host.answer(verb, self.world.spec.id, arguments)

    async def scrape(self) -> bytes | None:
        """As Prometheus has it; None when nobody answers, or not to this key."""
        if self.host is None or self.keyring.open(self.key, "http") is None:
            return None
        return await self.host.numbers()

    async def until(self, phase: str) -> None:
        """Wait for a phase."""
        async with asyncio.timeout(3600):
            while self.phase != phase:
                await asyncio.sleep(1.0)

    @property
    def phase(self) -> str:
        """Where the migration is."""
        assert self.host is not None
        return str(self.host.status(self.world.spec.id)["phase"])

    async def settled(self) -> None:
        """Wait until nothing is owed."""
        async with asyncio.timeout(3600):
            while (await self.word("status"))["debt"]:
                await asyncio.sleep(1.0)

    def close(self) -> None:
        """Take everything down."""
        self.state.close()
        self.world.close()

    # The application.

    async def application(self) -> None:
        """Write, read and think, for ever; an error is what it is."""
        chance = random.Random(2)
        version = 0
        while True:
            version += 1
            one = chance.randrange(RECORDS)
            record = {"id": one, "vectors": {"v": [1.0, version, 1.0, 2.0]}, "payload": {"version": version}}
            await self.ask("PUT", f"/collections/{SOURCE}/records", {"records": [record]})
            await self.ask("POST", f"/collections/{SOURCE}/records/fetch", {"ids": [one]})
            await asyncio.sleep(_THINKS)

    async def ask(self, method: str, path: str, body: dict[str, Any]) -> int:
        """One request through the facade: its status, 0 when nobody serves."""
        facade = self._facade
        if facade is None:
            return 0
        return (await facade.http(HttpRequest(method, path, body=json.dumps(body).encode()))).status

    async def write(self, one: int) -> None:
        """One record, through the facade."""
        record = {"id": one, "vectors": {"v": [1.0, 1.0, 1.0, 2.0]}, "payload": {"version": 1}}
        assert await self.ask("PUT", f"/collections/{SOURCE}/records", {"records": [record]}) == 200

    async def add_key(self, key_id: str, *, made: float, ends: float) -> None:
        """A key of some seconds ago, that opens something for some more."""
        at = [(self.clock.now() + timedelta(seconds=one)).isoformat() for one in (-made, ends)]
        stored = StoredKey(key_id, bytes(32), Scope.OPERATE, key_id, at[0], at[1], None)
        await self.state.write(lambda tx: api_keys.add(tx, stored))

    # What happens past everybody.

    async def take_away(self, ids: Iterable[int]) -> Batch:
        """Records of the source are not there any more; what they were."""
        gone = list(ids)
        held = await self.world.store().fetch(SOURCE, gone)
        await self.world.remove(gone)
        return held

    async def give_back(self, held: Batch) -> None:
        """They are there again, but for those that were written anew since."""
        store = self.world.store()
        anew = set((await store.fetch(SOURCE, list(held.ids))).ids)
        await store.upsert(SOURCE, held.take([row for row, one in enumerate(held.ids) if one not in anew]))

    async def alter(self, one: int) -> None:
        """A record of the target is another."""
        await self.world.fill([one], version=-1, side="target")
