"""What the load is sent to: the stub, all that can stand before it, and our daemon in each state that costs more.

Every one is a process of its own, so that its CPU can be told apart. The daemons differ in what they do with a write:
one has nothing to migrate, so it only reads which ids a write names; one marks them, its migration waiting to be
attested; one has a migration that is verified, so it marks and replays.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from integration.bench.library import COLLECTION
from vectormigrate.cli.demo.postgres import EmbeddedPostgres
from vectormigrate.model.phase import Phase
from vectormigrate.state import journal, views
from vectormigrate.state.database import Reader

DIRECT, NGINX, BARE = "direct", "nginx", "bare pass-through"
READING, MARKING, LIVE = "serve: decode", "serve: mark", "serve: replay"
ID = "bench"
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to ask."""

    name: str
    port: int
    processes: tuple[psutil.Process, ...]
    """Whose CPU is counted: those between client and server."""
    state: Path | None = None
    """Its state file, if what it is asked leaves work for later."""

    def cpu(self) -> float:
        """Seconds so far, user and system, of all threads."""
        return sum(map(spent_by, self.processes))

    def beside(self) -> float:
        """Seconds of the processes that those have started to work beside them."""
        children = {child for process in self.processes for child in process.children()}
        return sum(map(spent_by, children - set(self.processes)))

    def settle(self) -> None:
        """Wait until what it was asked is done: what is put off costs as well."""
        if self.state is not None:
            reader = Reader(self.state)
            wait_until(lambda: not reader.read(lambda tx: journal.debt(tx, ID)), "marks are left over")
            reader.close()


def spent_by(process: psutil.Process) -> float:
    """Seconds of the processor so far, user and system, of all threads."""
    # What clock_getcpuclockid(3) makes of a process: to the nanosecond, where /proc counts in hundredths of a second.
    return time.clock_gettime((~process.pid << 3) | 2)


def nginx() -> str | None:
    """Its program, where there is one."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


class Stage:
    """The subjects of one run, ended with it."""

    def __init__(self, stack: ExitStack, folder: Path, distance: str, target: str) -> None:
        """`distance` by Qdrant's name; `target` is sqlite, memory or pgvector."""
        self._stack = stack
        self._folder = folder
        self._distance = distance
        self._target = target
        self._passing = [sys.executable, "-m", "integration.bench.passing"]
        self._stub = free_port()
        self._run([*self._passing, "stub", str(self._stub), distance], self._stub)

    def direct(self) -> Subject:
        return Subject(DIRECT, self._stub, ())

    def bare(self) -> Subject:
        port = free_port()
        return Subject(BARE, port, (self._run([*self._passing, "bare", str(port), str(self._stub)], port),))

    def nginx(self, program: str) -> Subject:
        port = free_port()
        config = _nginx(self._folder, port, self._stub)
        process = self._run([program, "-c", str(config), "-p", str(self._folder)], port)
        return Subject(NGINX, port, (process, *process.children()))

    def serve(self, name: str, *, module: str = "vectormigrate", words: tuple[str, ...] = ()) -> Subject:
        """One of our daemons, by the name of what it is to do with a write."""
        port, state = free_port(), self._folder / f"{name.partition(': ')[2]}.db"
        command = [
            sys.executable,
            "-m",
            module,
            "serve",
            "--addr",
            "off",
            "--state",
            str(state),
            "--quiet",
            *words,
        ]
        command += ["--dialect", "qdrant", "--listen", f"127.0.0.1:{port}"]
        process = self._run([*command, "--upstream", f"http://127.0.0.1:{self._stub}"], port)
        if name != READING:
            self._migrate(state)
            _reach(state, Phase.PASSTHROUGH)
        if name == LIVE:
            _command("attest", ID, state=state)
            _reach(state, Phase.VERIFIED)
        return Subject(name, port, (process,), state if name == LIVE else None)

    def _migrate(self, state: Path) -> None:
        _command(
            *("migrate", ID, "--mode", "proxied", "--quarantine", "1"),
            *("--source-type", "qdrant", "--source-url", f"http://127.0.0.1:{self._stub}"),
            *("--source-index", COLLECTION, "--target-type", self._target, "--target-index", COLLECTION),
            *("--target-url", self._target_url(state)),
            state=state,
        )

    def _target_url(self, state: Path) -> str:
        if self._target == "pgvector":
            postgres = EmbeddedPostgres(state.with_suffix(".pg"))
            postgres.start()
            self._stack.callback(postgres.stop)
            return postgres.dsn
        return str(state.with_suffix(".target"))

    def _run(self, command: list[str], port: int) -> psutil.Process:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self._stack.callback(process.wait)
        self._stack.callback(process.terminate)
        wait_until(lambda: process.poll() is not None or _accepts(port), f"{command} does not serve")
        if process.poll() is not None:
            raise RuntimeError(f"did not start: {' '.join(command)}")
        return psutil.Process(process.pid)


def _command(*words: str, state: Path) -> Any:
    command = [sys.executable, "-m", "vectormigrate", *words, "--state", str(state), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{words[0]} ended with {done.returncode}: {done.stdout} {done.stderr}")
    return json.loads(done.stdout)


def _reach(state: Path, phase: Phase) -> None:
    reader = Reader(state)
    wait_until(
        lambda: reader.read(lambda tx: views.status(tx, ID)).phase == phase, f"the phase is never {phase}"
    )
    reader.close()


def wait_until(done: Callable[[], bool], otherwise: str, *, look: float = 0.05) -> None:
    """Look again every so many seconds. Raises RuntimeError after a minute."""
    deadline = time.monotonic() + _PATIENCE
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError(f"after {_PATIENCE:.0f} s {otherwise}")
        time.sleep(look)


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


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
