"""`make bench WHAT=proxy`: what a request costs through `vectormigrate serve`, as ratios of one run; table and JSON.

Measured are a forwarded query (768 numbers as JSON) and a captured upsert (100 x 768), at one connection and at half of
our own saturation, against the barest proxy of the same libraries (`passing.py`), direct access and, where the machine
has it, nginx. CPU is utime + stime of the proxy's process, a request. All subjects take turns, round after round, and
every figure is the median of its rounds: on a shared machine only ratios within a run mean something.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psutil

from integration.bench.traffic import Traffic, drive, query, upsert

OUT = Path(__file__).parent / "out"
OURS, BARE, DIRECT, NGINX = "vectormigrate", "bare pass-through", "direct", "nginx"
_STARTING = 30.0


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to ask."""

    name: str
    port: int
    processes: tuple[psutil.Process, ...]
    """Whose CPU is counted: those between client and server."""

    def cpu(self) -> float:
        """Seconds so far."""
        return sum(sum(process.cpu_times()[:2]) for process in self.processes)


@dataclass(frozen=True, slots=True)
class Figures:
    """One subject under one load. Medians of the rounds."""

    subject: str
    load: str
    connections: int
    rate: float
    """Requests a second that were answered."""
    cpu_us: float
    """Microseconds of the proxy's CPU a request."""
    p50_ms: float
    p99_ms: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=16, help="at saturation and half of it")
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vectormigrate-bench-")))
        fsync_ms = fsync(folder)
        subjects = start(stack, folder)
        names = ", ".join(subject.name for subject in subjects)
        print(f"{names}; fsync of this disk: {fsync_ms:.2f} ms; {asked.rounds} rounds of {asked.seconds:g} s")
        if all(subject.name != NGINX for subject in subjects):
            print("nginx is not on this machine: left out")
        figures = []
        for load, request in (("query", query()), ("upsert", upsert())):
            figures += measure(subjects, load, request, asked.seconds, asked.rounds, asked.connections)
    print_table(figures)
    OUT.mkdir(exist_ok=True)
    stamp = datetime.now(UTC)
    path = OUT / f"proxy-{stamp:%Y%m%dT%H%M%S}.json"
    document = {
        "at": stamp.isoformat(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "fsync_ms": fsync_ms,
        "figures": [asdict(one) for one in figures],
    }
    path.write_text(json.dumps(document, indent=2))
    print(f"written to {path}")


def measure(
    subjects: Sequence[Subject], load: str, request: bytes, seconds: float, rounds: int, connections: int
) -> list[Figures]:
    """One connection, then saturation, then half of what saturated us."""
    alone = [_turns(subjects, rounds, lambda one: drive(one.port, request, connections=1, seconds=seconds))]
    full = _turns(
        subjects, rounds, lambda one: drive(one.port, request, connections=connections, seconds=seconds)
    )
    half = median(traffic.rate for _, traffic in full[OURS]) / 2
    paced = _turns(
        subjects,
        rounds,
        lambda one: drive(one.port, request, connections=connections, seconds=seconds, rate=half),
    )
    found = []
    for name, runs, many in (
        (f"{load}, one", alone[0], 1),
        (f"{load}, full", full, connections),
        (f"{load}, half", paced, connections),
    ):
        found += [_figures(subject.name, name, many, runs[subject.name]) for subject in subjects]
    return found


Runs = dict[str, list[tuple[float, Traffic]]]
"""By subject: CPU seconds and traffic of each round."""


def _turns(subjects: Sequence[Subject], rounds: int, run: Callable[[Subject], Traffic]) -> Runs:
    runs: Runs = {subject.name: [] for subject in subjects}
    for number in range(rounds):
        # Forwards and backwards, so that nobody always comes behind the same neighbour.
        for subject in subjects if number % 2 else reversed(subjects):
            before = subject.cpu()
            traffic = run(subject)
            runs[subject.name].append((subject.cpu() - before, traffic))
    return runs


def _figures(subject: str, load: str, connections: int, runs: list[tuple[float, Traffic]]) -> Figures:
    return Figures(
        subject,
        load,
        connections,
        median(traffic.rate for _, traffic in runs),
        # The warm-up's requests are in the CPU and not in the count: the same share for everybody.
        median(cpu / len(traffic.latencies) for cpu, traffic in runs) * 1e6,
        median(traffic.quantile(0.5) for _, traffic in runs),
        median(traffic.quantile(0.99) for _, traffic in runs),
    )


def print_table(figures: list[Figures]) -> None:
    """Figures, and beside each its ratio to the bare pass-through."""
    print(f"\n{'load':<14}{'subject':<20}{'rate/s':>9}{'cpu us':>9}{'':>7}{'p50 ms':>9}{'':>7}{'p99 ms':>9}")
    for one in figures:
        bare = next(other for other in figures if (other.subject, other.load) == (BARE, one.load))

        def ratio(value: float, base: float) -> str:
            return f"{value / base:>6.2f}x" if base else f"{'':>7}"

        print(
            f"{one.load:<14}{one.subject:<20}{one.rate:>9.0f}{one.cpu_us:>9.0f}{ratio(one.cpu_us, bare.cpu_us)}"
            f"{one.p50_ms:>9.3f}{ratio(one.p50_ms, bare.p50_ms)}{one.p99_ms:>9.3f}{ratio(one.p99_ms, bare.p99_ms)}"
        )


def start(stack: ExitStack, folder: Path) -> list[Subject]:
    """The stub, and everything that can stand before it."""
    passing = [sys.executable, "-m", "integration.bench.passing"]
    stub_port, bare_port, our_port, nginx_port = (free_port() for _ in range(4))
    _run(stack, [*passing, "stub", str(stub_port)], stub_port)
    bare = _run(stack, [*passing, "bare", str(bare_port), str(stub_port)], bare_port)
    serve = [sys.executable, "-m", "vectormigrate", "serve", "--state", str(folder / "state.db"), "--quiet"]
    serve += ["--dialect", "qdrant", "--listen", f"127.0.0.1:{our_port}"]
    serve += ["--upstream", f"http://127.0.0.1:{stub_port}"]
    ours = _run(stack, serve, our_port)
    subjects = [
        Subject(DIRECT, stub_port, ()),
        Subject(BARE, bare_port, (bare,)),
        Subject(OURS, our_port, (ours,)),
    ]
    program = shutil.which("nginx")
    if program is not None:
        config = _nginx(folder, nginx_port, stub_port)
        nginx = _run(stack, [program, "-c", str(config), "-p", str(folder)], nginx_port)
        subjects.insert(1, Subject(NGINX, nginx_port, (nginx, *nginx.children())))
    return subjects


def _run(stack: ExitStack, command: list[str], port: int) -> psutil.Process:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    deadline = time.monotonic() + _STARTING
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return psutil.Process(process.pid)
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"did not start: {' '.join(command)}") from None
            time.sleep(0.05)


def _nginx(folder: Path, port: int, upstream: int) -> Path:
    """One worker that keeps its connections, as ours does, and holds bodies in memory."""
    path = folder / "nginx.conf"
    path.write_text(f"""
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr error;
events {{ worker_connections 512; }}
http {{
  access_log off; client_max_body_size 64m; client_body_buffer_size 4m; keepalive_requests 1000000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream stub {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://stub; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
""")
    return path


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


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
