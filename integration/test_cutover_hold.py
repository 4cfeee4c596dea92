"""How long a cutover holds writes at about a thousand a second, and how far the other side trails meanwhile.

`VECTORMIGRATE_SWAPS` (200) cutovers and reverts in a row, a second apart, Qdrant's API in front of pgvector. `hold_ms` is what
the daemon says of each; the longest wait of the clients, whose clocks start when a request was due, is beside it. The lag
is the age of the oldest mark, looked at ten times a second for half a minute before.
`VECTORMIGRATE_RATE` (1000) is what is offered; what was carried is in the figures.
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
import pytest

from integration.harness.live.load import Load, encoded
from integration.harness.live.vendors import Postgres, Qdrant
from integration.harness.live.world import World
from integration.test_availability import RECORDS, fill, until, uvloop_runner
from vectormigrate.cli.demo.postgres import EmbeddedPostgres

SWAPS = int(os.environ.get("VECTORMIGRATE_SWAPS", "200"))
RATE = float(os.environ.get("VECTORMIGRATE_RATE", "1000"))
LAG_SECONDS = float(os.environ.get("VECTORMIGRATE_LAG_SECONDS", "30"))
RESULTS = Path(__file__).parent / "bench" / "out"


@pytest.mark.timeout(0)
def test_a_swap_holds_writes_for_less_than_anybody_notices() -> None:
    with tempfile.TemporaryDirectory(prefix="vectormigrate-live-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        folder.chmod(0o755)
        with EmbeddedPostgres(folder / "postgres", durable=False) as server, uvloop_runner() as runner:
            target = Postgres(server.dsn)
            figures = runner.run(measured(folder, target))
            target.close()
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "cutover-hold.json").write_text(json.dumps(figures, indent=2))
    print(json.dumps(figures, indent=2))
    assert figures["failed"] == 0
    assert figures["cutover"]["hold_p99_ms"] < 300
    assert figures["revert"]["hold_p99_ms"] < 300
    assert figures["lag_p99_s"] < 1


async def measured(folder: Path, target: Postgres) -> dict[str, Any]:
    """Swap under load, and say what it was like."""
    vendor = Qdrant("docs")
    async with World.opened(folder, vendor, target, random.Random(1)) as world:
        world.timeout = 10.0
        await fill(world, vendor)
        await world.start(vendor)
        assert await world.serves()
        assert await world.run(*world.migration("m", vendor)) == 0
        assert isinstance(await world.ask("attest", "m", by="test"), dict)
        await until(world, lambda found: all(gate["open"] for gate in found["gates"]))
        rng = random.Random(2)
        writes = [
            encoded(vendor.upsert({rng.randrange(RECORDS): RECORDS + number}), {}) for number in range(4000)
        ]
        load = Load(world.port, writes, RATE)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(load.run(10**6))
            await asyncio.sleep(3)
            load.take()
            lags = await lagging(world)
            steady = load.take()
            swaps, refusals, seconds = await swapping(world, load)
            swapped = load.take()
            running.cancel()
        await until(world, lambda found: not (found["debt"] or found["unresolved"]))
        source = await asyncio.to_thread(vendor.read, world.source_port)
        assert source == await asyncio.to_thread(target.read, vendor.collection)
    return {
        "offered": RATE,
        "fsync_of_target": False,
        "load_average": round(os.getloadavg()[1], 1),
        "lag_p50_s": float(np.quantile(lags, 0.5)),
        "lag_p99_s": float(np.quantile(lags, 0.99)),
        "lag_max_s": max(lags),
        "steady": steady.figures(LAG_SECONDS),
        "swaps": len(swaps["cutover"]) + len(swaps["revert"]),
        "refusals": refusals,
        "swapping": swapped.figures(seconds),
        "failed": sum(n for status, n in (steady.statuses + swapped.statuses).items() if status != 200),
        **{
            verb: {
                "hold_p50_ms": float(np.quantile(held, 0.5)),
                "hold_p99_ms": float(np.quantile(held, 0.99)),
                "hold_max_ms": max(held),
            }
            for verb, held in swaps.items()
        },
    }


async def lagging(world: World) -> list[float]:
    """Samples of the lag in a steady state, in seconds."""
    lags = []
    for _ in range(int(LAG_SECONDS * 10)):
        found = await world.ask("status", "m")
        assert isinstance(found, dict), found
        lags.append(float(found["lag_seconds"]))
        await asyncio.sleep(0.1)
    return lags


async def swapping(world: World, load: Load) -> tuple[dict[str, list[float]], int, float]:
    """There and back; milliseconds of each way, attempts that were refused, and the seconds it all took."""
    held: dict[str, list[float]] = {"cutover": [], "revert": []}
    refusals = 0
    began = asyncio.get_running_loop().time()
    for number in range(SWAPS):
        verb: str = "revert" if number % 2 else "cutover"
        words = {} if number % 2 else {"no_way_back": False}
        while not isinstance(found := await world.ask(verb, "m", dry_run=False, **words), dict):
            refusals += 1
            print(verb, found)
            assert refusals < 10 * SWAPS
            await asyncio.sleep(0.2)
        held[verb].append(found["hold_ms"])
        await asyncio.sleep(1.0)
    return held, refusals, asyncio.get_running_loop().time() - began
