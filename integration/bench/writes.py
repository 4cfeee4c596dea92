"""`make bench WHAT=writes`: single-point writes at a steady rate through a verified migration; table and JSON.

What is carried of the rate that is offered, how old the oldest mark is meanwhile (looked at 50 times a second in the
state file, as `gates` does), how long a commit takes and how long a write waits for its mark.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from integration.bench.proxy import OUT, fsync, machine
from integration.bench.subjects import ID, LIVE, Stage, Subject
from integration.bench.timed import NAME
from integration.bench.traffic import drive, upserts
from vectormigrate.state import journal
from vectormigrate.state.database import Reader

_LOOK = 0.02


class Lag(threading.Thread):
    """Looks at the oldest mark until stopped."""

    def __init__(self, state: Path) -> None:
        super().__init__()
        self._state = state
        self._over = threading.Event()
        self.seconds: list[float] = []

    def run(self) -> None:
        reader = Reader(self._state)
        while not self._over.wait(_LOOK):
            oldest = reader.read(lambda tx: journal.first_seen(tx, ID, 1))
            ages = [(datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds() for _, at in oldest]
            self.seconds.append(max([0.0, *ages]))
        reader.close()

    def stop(self) -> None:
        self._over.set()
        self.join()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rates", default="250,500,1000", help="writes a second")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--target", default="sqlite", help="memory, sqlite or pgvector")
    parser.add_argument("--distance", default="Dot", help="Cosine: every replay reads back")
    asked = parser.parse_args()
    print(f"{machine()}, {asked.seconds:g} s each, source {asked.distance}, target {asked.target}")
    found = [measure(asked, float(rate)) for rate in asked.rates.split(",")]
    OUT.mkdir(exist_ok=True)
    stamp = datetime.now(UTC)
    path = OUT / f"writes-{stamp:%Y%m%dT%H%M%S}.json"
    path.write_text(
        json.dumps(
            {"at": stamp.isoformat(), "machine": machine(), "arguments": vars(asked), "figures": found},
            indent=2,
        )
    )
    print(f"written to {path}")


def measure(asked: argparse.Namespace, rate: float) -> dict[str, Any]:
    """One daemon under one rate."""
    with tempfile.TemporaryDirectory(prefix="vectormigrate-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        times = folder / "times.json"
        os.environ[NAME] = str(times)
        with ExitStack() as stack:
            stage = Stage(stack, folder, asked.distance, asked.target)
            subject = stage.serve(LIVE, module="integration.bench.timed")
            found = _under(subject, rate, asked.seconds, asked.connections)
        seen = json.loads(times.read_text())
        found |= {
            "commit_ms": _quantiles(seen["commits"], 1000),
            "mark_ms": _quantiles(seen["waits"], 1000),
            "marks_a_commit": len(seen["waits"]) / len(seen["commits"]),
            "fsync_ms": fsync(folder),
        }
    print(", ".join(f"{key} {_shown(value)}" for key, value in found.items()), flush=True)
    return found


def _under(subject: Subject, rate: float, seconds: float, connections: int) -> dict[str, Any]:
    assert subject.state is not None
    lag = Lag(subject.state)
    before, beside = subject.cpu(), subject.beside()
    lag.start()
    try:
        traffic = drive(subject.port, upserts(1), connections=connections, seconds=seconds, rate=rate)
    finally:
        lag.stop()
    subject.settle()
    return {
        "offered": rate,
        "carried": traffic.rate,
        "cpu_us": (subject.cpu() - before) / traffic.answered * 1e6,
        "beside_us": (subject.beside() - beside) / traffic.answered * 1e6,
        "latency_ms": {"p50": traffic.quantile(0.5), "p99": traffic.quantile(0.99)},
        "lag_s": _quantiles(lag.seconds, 1),
    }


def _quantiles(values: Sequence[float], unit: float) -> dict[str, float]:
    return {f"p{share}": float(np.percentile(values, share)) * unit for share in (50, 99)}


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "/".join(f"{one:.3g}" for one in value.values())
    return f"{value:.4g}"


if __name__ == "__main__":
    main()
