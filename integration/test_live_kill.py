"""A daemon in front of a live source dies thousands of times, at named points and at random, while eight writers write to
few ids and links fail: no acknowledged write is lost, nothing is stale, nothing comes back.

`VECTORMIGRATE_LIVE_KILLS` (1,000) and `VECTORMIGRATE_LIVE_SWAPS` (150) are the numbers of kills, and of cutovers and reverts,
of each of the two pairs. A migration gives about a hundred and thirty; another follows until both are reached, and until
every named point was.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from integration.harness.live.story import Seen, Story
from integration.harness.live.vendors import Milvus, PineconeIndex, Postgres, Qdrant, Target, Vendor
from integration.harness.live.world import QUARANTINE, World
from tests.fakes.milvus import LiteServer
from vectormigrate.cli.demo.postgres import EmbeddedPostgres
from vectormigrate.model.points import POINTS

KILLS = int(os.environ.get("VECTORMIGRATE_LIVE_KILLS", "1000"))
SWAPS = int(os.environ.get("VECTORMIGRATE_LIVE_SWAPS", "150"))
ROUNDS = int(os.environ.get("VECTORMIGRATE_LIVE_ROUNDS", "6"))
SEED = os.environ.get("VECTORMIGRATE_SEED", "1")
RESULTS = Path(__file__).parent / "bench" / "out"


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="vectormigrate-live-", ignore_cleanup_errors=True) as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.mark.timeout(0)
def test_qdrant_to_pgvector(folder: Path) -> None:
    with ExitStack() as stack:
        postgres = EmbeddedPostgres(folder / "postgres", durable=False)
        postgres.start()
        stack.callback(postgres.stop)
        target = Postgres(postgres.dsn)
        stack.callback(target.close)
        asyncio.run(many("qdrant-pgvector", Qdrant, target, folder))


@pytest.mark.timeout(0)
def test_pinecone_to_milvus(folder: Path) -> None:
    with ExitStack() as stack:
        server = LiteServer(folder / "milvus").start()
        stack.callback(server.stop)
        target = Milvus(server.port)
        stack.callback(target.close)
        asyncio.run(many("pinecone-milvus", PineconeIndex, target, folder))


async def many(pair: str, vendor_of: type[Qdrant | PineconeIndex], target: Target, folder: Path) -> None:
    """Stories of one pair, until there were enough kills and swaps and every point was reached."""
    RESULTS.mkdir(exist_ok=True)
    rng = random.Random(f"{SEED}-{pair}")
    seen = Seen()
    began = time.monotonic()
    while seen.kills.total() < KILLS or seen.swaps < SWAPS or (KILLS >= 500 and unreached(seen)):
        number = seen.migrations + 1
        vendor: Vendor = vendor_of(f"docs{number}")
        place = folder / f"{number}"
        place.mkdir()
        async with World.opened(place, vendor, target, rng) as world:
            story = Story(
                world,
                vendor,
                seen,
                rng,
                RESULTS / f"live-kill-{pair}.log",
                lambda: write(pair, seen, time.monotonic() - began),
            )
            try:
                await story.tell(rounds=ROUNDS, commits=number % 3 == 0, workers=1 if number % 4 == 2 else 0)
            except BaseException:
                kept = RESULTS / f"failed-{pair}-{number}"
                shutil.copytree(place, kept, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sock"))
                raise
            finally:
                write(pair, seen, time.monotonic() - began)
        target.drop(vendor.collection)
    assert seen.clean, figures(pair, seen, 0)


def unreached(seen: Seen) -> list[str]:
    """Named points at which no daemon died yet."""
    return sorted(POINTS - seen.kills.keys())


def figures(pair: str, seen: Seen, seconds: float) -> dict[str, Any]:
    """What was seen, as JSON."""
    holds = seen.holds_ms or [0.0]
    return {
        "pair": pair,
        "seed": SEED,
        "kills": seen.kills.total(),
        "kills_by_point": dict(sorted(seen.kills.items())),
        "points_not_reached": unreached(seen),
        "faults": dict(sorted(seen.faults.items())),
        "cutovers_and_reverts": seen.swaps,
        "migrations": seen.migrations,
        "comparisons": seen.comparisons,
        "writes_acknowledged": seen.acknowledged,
        "writes_of_unknown_outcome": seen.unknown,
        "lost": seen.lost,
        "stale": seen.stale,
        "resurrected": seen.resurrected,
        "acknowledged_writes_lost": seen.unexplained,
        "left_behind_rollbacks": seen.left,
        "hold_ms": {
            "p50": float(np.quantile(holds, 0.5)),
            "p99": float(np.quantile(holds, 0.99)),
            "max": max(holds),
        },
        "quarantine_s": QUARANTINE,
        "seconds": seconds,
    }


def write(pair: str, seen: Seen, seconds: float) -> None:
    """Keep the figures so far."""
    (RESULTS / f"live-kill-{pair}.json").write_text(json.dumps(figures(pair, seen, seconds), indent=2))
