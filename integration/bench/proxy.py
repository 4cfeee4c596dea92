"""`make bench WHAT=proxy`: what a request costs through `vectormigrate serve`, as ratios of one run; table and JSON.

Measured are a forwarded query (768 numbers as JSON) and a captured upsert (100 x 768), at one connection, at saturation
and at half of what the slowest of our daemons can take, against the barest proxy of the same libraries (`passing.py`),
direct access and, where the machine has it, nginx. The load `bytes` is the upsert's own bytes sent as a read: through
the daemons of `subjects.py` the upsert then splits into forward, decode, mark and replay.

CPU is utime + stime of the proxy's process, a request, and what is replayed later is waited for and counted; that of the
process that reads and decodes beside it has a column of its own. All subjects take turns, round after round: on a shared machine only ratios within a run mean something. CPU is the least of the
rounds, which a neighbour can only raise; rates and latencies are medians.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import NamedTuple

from integration.bench.subjects import BARE, LIVE, MARKING, READING, Stage, Subject
from integration.bench.traffic import Traffic, as_read, drive, query, upserts

OUT = Path(__file__).parent / "out"


@dataclass(frozen=True, slots=True)
class Figures:
    """One subject under one load."""

    subject: str
    load: str
    connections: int
    rate: float
    """Requests a second that were answered."""
    cpu_us: float
    """Microseconds of the proxy's CPU a request."""
    beside_us: float
    """And of the processes that work beside it."""
    p50_ms: float
    p99_ms: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=16, help="at saturation and half of it")
    parser.add_argument("--loads", default=",".join(LOADS), help="of these")
    parser.add_argument("--target", default="sqlite", help="memory, sqlite or pgvector")
    parser.add_argument(
        "--distance", default="Dot", help="Cosine: every replay reads back, for the source normalises"
    )
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vectormigrate-bench-")))
        folder.chmod(0o755)
        fsync_ms = fsync(folder)
        print(
            f"fsync of this disk: {fsync_ms:.2f} ms; {asked.rounds} rounds of {asked.seconds:g} s; {machine()}"
        )
        subjects = start(Stage(stack, folder, asked.distance, asked.target))
        figures = []
        for load in asked.loads.split(","):
            figures += measure(subjects, load, LOADS[load](), asked.seconds, asked.rounds, asked.connections)
            print_table([one for one in figures if one.load.startswith(load)])
    OUT.mkdir(exist_ok=True)
    stamp = datetime.now(UTC)
    path = OUT / f"proxy-{stamp:%Y%m%dT%H%M%S}.json"
    document = {
        "at": stamp.isoformat(),
        "machine": machine(),
        "fsync_ms": fsync_ms,
        "arguments": vars(asked),
        "figures": [asdict(one) for one in figures],
    }
    path.write_text(json.dumps(document, indent=2))
    print(f"written to {path}")


LOADS: dict[str, Callable[[], list[bytes]]] = {
    "query": query,
    "bytes": lambda: as_read(100),
    "upsert": lambda: upserts(100),
    "single": lambda: upserts(1),
}


def start(stage: Stage) -> list[Subject]:
    """Everything that takes part."""
    nginx = stage.nginx()
    if nginx is None:
        print("nginx is not on this machine (Debian: apt-get install nginx): left out")
    others = [stage.direct(), stage.bare(), *([nginx] if nginx else [])]
    return [*others, *(stage.serve(name) for name in (READING, MARKING, LIVE))]


def measure(
    subjects: Sequence[Subject],
    load: str,
    requests: Sequence[bytes],
    seconds: float,
    rounds: int,
    connections: int,
) -> list[Figures]:
    """One connection, then saturation, then half of what saturated the slowest of ours."""

    def turns(connections: int, rate: float | None = None) -> Runs:
        return _turns(
            subjects,
            rounds,
            lambda one: drive(one.port, requests, connections=connections, seconds=seconds, rate=rate),
        )

    alone, full = turns(1), turns(connections)
    ours = [name for name in full if name in (READING, MARKING, LIVE)]
    half = min(median(traffic.rate for _, traffic in full[name]) for name in ours) / 2
    paced = turns(connections, half)
    loads = (
        (f"{load}, one", alone, 1),
        (f"{load}, full", full, connections),
        (f"{load}, half", paced, connections),
    )
    return [_figures(one.name, name, many, runs[one.name]) for name, runs, many in loads for one in subjects]


class Spent(NamedTuple):
    """CPU seconds of one round."""

    own: float
    beside: float


Runs = dict[str, list[tuple[Spent, Traffic]]]
"""By subject, each round."""


def _turns(subjects: Sequence[Subject], rounds: int, run: Callable[[Subject], Traffic]) -> Runs:
    runs: Runs = {subject.name: [] for subject in subjects}
    for number in range(rounds):
        # Forwards and backwards, so that nobody always comes behind the same neighbour.
        for subject in subjects if number % 2 else reversed(subjects):
            before, beside = subject.cpu(), subject.beside()
            traffic = run(subject)
            subject.settle()
            spent = Spent(subject.cpu() - before, subject.beside() - beside)
            runs[subject.name].append((spent, traffic))
    return runs


def _figures(subject: str, load: str, connections: int, runs: list[tuple[Spent, Traffic]]) -> Figures:
    return Figures(
        subject,
        load,
        connections,
        median(traffic.rate for _, traffic in runs),
        min(spent.own / traffic.answered for spent, traffic in runs) * 1e6,
        min(spent.beside / traffic.answered for spent, traffic in runs) * 1e6,
        median(traffic.quantile(0.5) for _, traffic in runs),
        median(traffic.quantile(0.99) for _, traffic in runs),
    )


def print_table(figures: list[Figures]) -> None:
    """Figures, and beside each its ratio to the bare pass-through."""
    print(
        f"\n{'load':<14}{'subject':<20}{'rate/s':>9}{'cpu us':>9}{'':>7}{'beside':>9}{'p50 ms':>9}{'':>7}{'p99 ms':>9}"
    )
    for one in figures:
        bare = next(other for other in figures if (other.subject, other.load) == (BARE, one.load))

        def ratio(value: float, base: float) -> str:
            return f"{value / base:>6.2f}x" if base else f"{'':>7}"

        print(
            f"{one.load:<14}{one.subject:<20}{one.rate:>9.0f}{one.cpu_us:>9.0f}{ratio(one.cpu_us, bare.cpu_us)}"
            f"{one.beside_us:>9.0f}{one.p50_ms:>9.3f}{ratio(one.p50_ms, bare.p50_ms)}{one.p99_ms:>9.3f}{ratio(one.p99_ms, bare.p99_ms)}"
        )


def machine() -> str:
    """What this ran on, and how busy that is."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def fsync(folder: Path) -> float:
    """Milliseconds of one, at the median."""
    took = []
    with (folder / "fsync").open("wb") as file:
        for _ in range(50):
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began)
    return median(took) * 1000


if __name__ == "__main__":
    main()
