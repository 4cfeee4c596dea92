"""`make bench WHAT=proxy`: what a request costs through `vectormigrate serve`, as ratios of one run; table and JSON.

Measured are a forwarded query (768 numbers as JSON) and a captured upsert (100 x 768), at one connection, at saturation
and at half of what the slowest of our daemons can take, against the barest proxy of the same libraries (`passing.py`),
direct access and, where the machine has it, nginx. The load `bytes` is the upsert's own bytes sent as a read: through
the daemons of `subjects.py` the upsert then splits into forward, decode, mark and replay. An `insert` is an upsert whose ids
nobody wrote before: each needs a mark of its own, where those of the upserts are marked already as long as nothing is replayed.

CPU is utime + stime of the proxy's process, a request, and what is replayed later is waited for and counted; that of the
process that reads and decodes beside it has a column of its own. All subjects take turns, round after round: on a shared
machine only ratios within a run mean something. Each round starts them anew, for what the C library's allocator does with
bodies of a megabyte is settled once in a process' life: the same pass-through takes 740 us for one in most of its lives and
2,070 us in others, with a page fault every two kilobytes. All figures are medians of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import NamedTuple

from integration.bench.subjects import BARE, LIVE, MARKING, READING, Stage, Subject, nginx
from integration.bench.traffic import Traffic, as_read, drive, inserts, query, upserts
from vectormigrate.daemon.runtime import settle_in

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
    cpu_us_rounds: list[float]
    """`cpu_us` of each round."""


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
    settle_in()  # else each body of an insert is a megabyte that the kernel clears anew, and the client is what is measured
    with tempfile.TemporaryDirectory(prefix="vectormigrate-bench-") as folder:
        Path(folder).chmod(0o755)
        fsync_ms = fsync(Path(folder))
    print(f"fsync of this disk: {fsync_ms:.2f} ms; {asked.rounds} rounds of {asked.seconds:g} s; {machine()}")
    figures = []
    if nginx() is None:
        print("nginx is not on this machine (Debian: apt-get install nginx): left out")
    for load in asked.loads.split(","):
        figures += measure(asked, load)
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


LOADS: dict[str, Callable[[], Iterator[bytes]]] = {
    "query": query,
    "bytes": lambda: as_read(100),
    "upsert": lambda: upserts(100),
    "insert": lambda: inserts(100),
    "single": lambda: upserts(1),
}
"""The stub knows no points but its own, so nobody can be asked to replay an insert."""


class Round(NamedTuple):
    """What one subject did in one round."""

    own: float
    """CPU seconds."""
    beside: float
    traffic: Traffic


Rounds = dict[tuple[str, int, str], list[Round]]
"""By load, connections and subject."""


def measure(asked: argparse.Namespace, load: str) -> list[Figures]:
    """One connection, then saturation, then half of what saturated the slowest of ours in that round."""
    requests, rounds = LOADS[load](), Rounds()
    for number in range(asked.rounds):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vectormigrate-bench-")))
            folder.chmod(0o755)
            ours = (READING, MARKING) if load == "insert" else (READING, MARKING, LIVE)
            subjects = start(Stage(stack, folder, asked.distance, asked.target), ours)
            # Forwards and backwards, so that nobody always comes behind the same neighbour.
            turns = _Turns(subjects[::-1] if number % 2 else subjects, requests, asked.seconds, rounds)
            turns.take(f"{load}, one", 1)
            slowest = turns.take(f"{load}, full", asked.connections)
            turns.take(f"{load}, half", asked.connections, slowest / 2)
    return [_figures(subject, name, many, seen) for (name, many, subject), seen in rounds.items()]


@dataclass(frozen=True, slots=True)
class _Turns:
    """The subjects of one round, one behind the other."""

    subjects: Sequence[Subject]
    requests: Iterator[bytes]
    seconds: float
    rounds: Rounds

    def take(self, load: str, connections: int, rate: float | None = None) -> float:
        """Returns the requests a second of the slowest of ours."""
        rates = []
        for subject in self.subjects:
            before, beside = subject.cpu(), subject.beside()
            traffic = drive(
                subject.port, self.requests, connections=connections, seconds=self.seconds, rate=rate
            )
            subject.settle()
            seen = Round(subject.cpu() - before, subject.beside() - beside, traffic)
            self.rounds.setdefault((load, connections, subject.name), []).append(seen)
            if subject.name in (READING, MARKING, LIVE):
                rates.append(traffic.rate)
        return min(rates)


def start(stage: Stage, ours: Sequence[str]) -> list[Subject]:
    """Everything that takes part."""
    program = nginx()
    others = [stage.direct(), stage.bare(), *([stage.nginx(program)] if program else [])]
    return [*others, *(stage.serve(name) for name in ours)]


def _figures(subject: str, load: str, connections: int, rounds: Sequence[Round]) -> Figures:
    spent = [round(1e6 * one.own / one.traffic.answered, 1) for one in rounds]
    return Figures(
        subject,
        load,
        connections,
        median(one.traffic.rate for one in rounds),
        median(spent),
        median(one.beside / one.traffic.answered for one in rounds) * 1e6,
        median(one.traffic.quantile(0.5) for one in rounds),
        median(one.traffic.quantile(0.99) for one in rounds),
        spent,
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
