"""A target that is dead, a hundred times slower, or throttles: what an application sees of it through the daemon, beside
direct access to the source at the same time.

Two equal loads at a fixed rate, half writes and half reads: one through the daemon to the collection under migration, one
straight to another collection of the same source server. First with a healthy target, then with each ailment for
`VECTORMIGRATE_SECONDS` (600), after which both sides must come to be equal again. The daemon's memory is sampled.
`VECTORMIGRATE_RATE` (100) is the requests a second of each load. `VECTORMIGRATE_AILMENT` is the one ailment to try; figures
of several runs are kept in one file.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import uvloop
from qdrant_client import QdrantClient

from integration.harness.live.link import Fault
from integration.harness.live.load import Answers, Load, encoded
from integration.harness.live.vendors import Contents, Postgres, Qdrant, Target
from integration.harness.live.world import World
from vectormigrate.cli.demo.postgres import EmbeddedPostgres

SECONDS = float(os.environ.get("VECTORMIGRATE_SECONDS", "600"))
AILMENT = os.environ.get("VECTORMIGRATE_AILMENT", "")
RATE = float(os.environ.get("VECTORMIGRATE_RATE", "100"))
RECORDS = 2000
SLOWER = 100
ORDINARY = 0.005
"""Seconds that this target takes for an answer, about."""
RESULTS = Path(__file__).parent / "bench" / "out"
AILMENTS = {"healthy": Fault.NONE, "dead": Fault.REFUSED, "slow": Fault.SLOW, "throttling": Fault.THROTTLED}


class QdrantTarget(Target):
    """Another Qdrant, which can be made to answer 429."""

    kind = "qdrant"

    def __init__(self, port: int) -> None:
        self.port = port

    def url(self, port: int) -> str:
        return f"http://127.0.0.1:{port}"

    def read(self, collection: str) -> Contents | None:
        return Qdrant(collection).read(self.port)

    def drop(self, collection: str) -> None:
        QdrantClient(url=self.url(self.port), check_compatibility=False).delete_collection(collection)

    def close(self) -> None:
        return


@pytest.mark.timeout(0)
@pytest.mark.parametrize("kind", ["pgvector", "qdrant"])
def test_a_target_that_fails_is_not_seen(kind: str) -> None:
    """Throttling is a matter of HTTP: over Qdrant. Dead and slow are over Postgres."""
    with tempfile.TemporaryDirectory(prefix="vectormigrate-live-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        folder.chmod(0o755)
        with uvloop_runner() as runner:
            if kind == "qdrant":
                runner.run(over_qdrant(folder))
            else:
                with EmbeddedPostgres(folder / "postgres", durable=False) as server:
                    target = Postgres(server.dsn)
                    runner.run(compare(folder, target, ("healthy", "dead", "slow")))
                    target.close()


def uvloop_runner() -> asyncio.Runner:
    """The load must cost little beside what is measured."""
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


async def over_qdrant(folder: Path) -> None:
    """Start a second server, and compare."""
    vendor, rng = Qdrant("docs"), random.Random(1)
    place = folder / "target"
    place.mkdir()
    async with World.opened(place, vendor, QdrantTarget(1), rng) as other:
        await compare(folder, QdrantTarget(other.source_port), ("healthy", "throttling"))


async def compare(folder: Path, target: Target, ailments: tuple[str, ...]) -> None:
    """Both loads under each ailment."""
    ailments = tuple(name for name in ailments if AILMENT in ("", name) or name == "healthy")
    vendor, beside = Qdrant("docs"), Qdrant("beside")
    async with World.opened(folder, vendor, target, random.Random(1)) as world:
        world.timeout = 10.0
        for one in (vendor, beside):
            await fill(world, one)
        daemon = await world.start(vendor)
        assert await world.serves()
        assert await world.run(*world.migration("m", vendor)) == 0
        assert isinstance(await world.ask("attest", "m", by="test"), dict)
        await until(world, lambda found: found["gates"] and all(gate["open"] for gate in found["gates"]))
        process = psutil.Process(daemon.pid)
        figures = {name: await under(world, AILMENTS[name], (vendor, beside), process) for name in ailments}
    print(json.dumps(figures, indent=2))
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"availability-{target.kind}.json"
    before = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**before, "target": target.kind, "rate": RATE, **figures}, indent=2))
    healthy = figures["healthy"]["daemon"]
    for name, found in figures.items():
        assert found["daemon"]["success"] >= found["direct"]["success"] == 1.0, name
        # What the machine's other work does to a p99 shows in direct access as well.
        noise = 3 * max(found["direct"]["p99_ms"] - figures["healthy"]["direct"]["p99_ms"], 5.0)
        assert found["daemon"]["p99_ms"] < 1.5 * healthy["p99_ms"] + noise, name
        assert found["memory_grown_mb"] < 30, name


async def fill(world: World, vendor: Qdrant) -> None:
    """Records to write to."""
    for request in vendor.create():
        assert await world.send(request, port=world.source_port) == "ok"
    for start in range(0, RECORDS, 200):
        part = vendor.upsert({one: one for one in range(start, start + 200)})
        assert await world.send(part, port=world.source_port) == "ok"


def requests(vendor: Qdrant) -> list[bytes]:
    """Writes and reads in turn, of ids all over the collection."""
    rng = random.Random(2)
    made = []
    for number in range(RECORDS):
        made.append(encoded(vendor.upsert({rng.randrange(RECORDS): number + RECORDS}), {}))
        made.append(encoded(vendor.fetch([rng.randrange(RECORDS) for _ in range(5)]), {}))
    return made


async def under(
    world: World, ailment: Fault, vendors: tuple[Qdrant, Qdrant], process: psutil.Process
) -> dict[str, Any]:
    """Figures of both loads and of the daemon's memory, and the time that the two sides need to be equal again."""
    world.to_target.latency = 2 * SLOWER * ORDINARY / 2  # a uniform delay, each way
    loads = [
        Load(port, requests(vendor), RATE, 32)
        for port, vendor in zip((world.port, world.source_port), vendors, strict=True)
    ]
    memory: list[float] = []
    world.to_target.set(ailment)
    seconds = min(SECONDS, 30.0 if AILMENT else 120.0) if ailment is Fault.NONE else SECONDS
    async with asyncio.TaskGroup() as group:
        for load in loads:
            group.create_task(load.run(seconds))
        for _ in range(int(seconds)):
            memory.append(process.memory_info().rss / 2**20)
            await asyncio.sleep(1.0)
    through, direct = (load.answers for load in loads)
    found = await world.ask("status", "m")
    debt = found["debt"] if isinstance(found, dict) else None
    world.to_target.set(Fault.NONE)
    caught_up = await until(world, lambda found: not (found["debt"] or found["unresolved"] or found["gap"]))
    source = await asyncio.to_thread(vendors[0].read, world.source_port)
    target = await asyncio.to_thread(world.target.read, vendors[0].collection)
    assert source == target
    warm = memory[len(memory) // 5 :]
    return {
        "seconds": seconds,
        "daemon": figures_of(through, seconds),
        "direct": figures_of(direct, seconds),
        "owed_at_the_end": debt,
        "caught_up_s": round(caught_up, 1),
        "memory_mb": {"least": round(min(warm), 1), "most": round(max(warm), 1)},
        "load_average": round(os.getloadavg()[1], 1),
        "memory_grown_mb": round(float(np.median(warm[-10:]) - np.median(warm[:10])), 1),
    }


def figures_of(answers: Answers, seconds: float) -> dict[str, Any]:
    """Of one load."""
    return answers.figures(seconds) | {"statuses": {str(one): n for one, n in answers.statuses.items()}}


async def until(world: World, done: Any) -> float:
    """Wait until the status is such; the seconds that it took."""
    began = asyncio.get_running_loop().time()
    while True:
        found = await world.ask("status", "m")
        spent = asyncio.get_running_loop().time() - began
        if isinstance(found, dict) and done(found):
            return spent
        assert spent < 180, found
        await asyncio.sleep(0.1)
