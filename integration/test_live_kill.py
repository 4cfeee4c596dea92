"""A daemon in front of a live source dies thousands of times, at named points and at random, while eight writers write to
few ids and links fail: no acknowledged write is lost, nothing is stale, nothing comes back.

`VECTORMIGRATE_LIVE_KILLS` (1,000) and `VECTORMIGRATE_LIVE_SWAPS` (150) are the numbers of kills, and of cutovers and reverts,
of each of the two pairs. A migration of `VECTORMIGRATE_LIVE_ROUNDS` (6) gives about a hundred and thirty; another follows
until both are reached, and until every named point was. `VECTORMIGRATE_LIVE_MINUTES` ends it earlier, behind the migration
that is under way then. What is in `integration/bench/out` is gone on with: figures of several runs add up, each with its
commit.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from integration.harness.cells import engine
from integration.harness.live.story import Seen, Story
from integration.harness.live.vendors import Milvus, PineconeIndex, Postgres, Qdrant, Target, Vendor
from integration.harness.live.world import QUARANTINE, World
from tests.fakes.milvus import LiteServer
from vectormigrate.cli.demo.postgres import EmbeddedPostgres
from vectormigrate.model.points import POINTS

KILLS = int(os.environ.get("VECTORMIGRATE_LIVE_KILLS", "1000"))
SWAPS = int(os.environ.get("VECTORMIGRATE_LIVE_SWAPS", "150"))
ROUNDS = int(os.environ.get("VECTORMIGRATE_LIVE_ROUNDS", "6"))
MINUTES = float(os.environ.get("VECTORMIGRATE_LIVE_MINUTES", "inf"))
SEED = os.environ.get("VECTORMIGRATE_SEED", "1")
RESULTS = Path(__file__).parent / "bench" / "out"
REACHABLE = [point for point in POINTS if not point.startswith("snapshot.")]
"""Snapshots are no target of a live migration; `test_kill.py` kills what writes them."""


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
    figures = Figures(pair)
    seen = figures.seen
    rng = random.Random(f"{SEED}-{pair}-{len(figures.runs)}")
    while figures.wanting and figures.seconds < 60 * MINUTES:
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
                figures.write,
            )
            try:
                await story.tell(rounds=ROUNDS, commits=number % 3 == 0, workers=1 if number % 4 == 2 else 0)
            except BaseException:
                kept = RESULTS / f"failed-{pair}-{number}"
                shutil.copytree(place, kept, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sock"))
                raise
            finally:
                figures.write()
        target.drop(vendor.collection)
    assert seen.clean, figures.document()


class Figures:
    """What was seen of a pair, in this run and those before it, in a file."""

    def __init__(self, pair: str) -> None:
        self._pair = pair
        self._path = RESULTS / f"live-kill-{pair}.json"
        self._began = time.monotonic()
        self.runs: list[dict[str, Any]] = []
        self.seen = Seen()
        if self._path.exists():
            kept = json.loads(self._path.read_text())
            self.runs = kept["runs"]
            self.seen = Seen(**{one.name: kept["seen"][one.name] for one in fields(Seen)})
            self.seen.kills, self.seen.faults = Counter(self.seen.kills), Counter(self.seen.faults)
        self._before = self.seen.kills.total()

    @property
    def seconds(self) -> float:
        """Of this run."""
        return time.monotonic() - self._began

    @property
    def unreached(self) -> list[str]:
        """Named points at which no daemon died yet."""
        return sorted(point for point in REACHABLE if not self.seen.kills[point])

    @property
    def wanting(self) -> bool:
        """Whether there were too few kills or swaps, or a point was not reached."""
        few = self.seen.kills.total() < KILLS or self.seen.swaps < SWAPS
        return few or (KILLS >= 500 and bool(self.unreached))

    def document(self) -> dict[str, Any]:
        """All of it, as JSON."""
        seen = self.seen
        holds = seen.holds_ms or [0.0]
        run = {
            "engine": engine(),
            "seed": SEED,
            "kills": seen.kills.total() - self._before,
            "seconds": round(self.seconds),
            "load": round(os.getloadavg()[0], 1),
        }
        return {
            "pair": self._pair,
            "kills": seen.kills.total(),
            "cutovers_and_reverts": seen.swaps,
            "acknowledged_writes_lost": seen.unexplained,
            "points_not_reached": self.unreached,
            "hold_ms": {
                "p50": float(np.quantile(holds, 0.5)),
                "p99": float(np.quantile(holds, 0.99)),
                "max": max(holds),
            },
            "quarantine_s": QUARANTINE,
            "seen": {one.name: getattr(seen, one.name) for one in fields(Seen)},
            "runs": [*self.runs, run],
        }

    def write(self) -> None:
        """Keep the figures so far."""
        self._path.write_text(json.dumps(self.document(), indent=1))
