"""Makes processes of the program in milliseconds: this one has imported it all and forks, once a daemon.

A daemon that starts by itself spends a second of CPU on imports and nothing else that a kill could hit; two thousand kills
would be mostly that. The child runs the program's own `main` on its own command line, environment and log, from the first
argument on; only the imports are shared. It talks in lines of JSON: asked {"argv", "environ", "log"} it answers {"made"},
and tells {"ended", "status"} of each that ended. When its input ends it kills them all.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

_KINDS = ("memory", "milvus", "pgvector", "pinecone", "qdrant", "sqlite")


@dataclass(eq=False)
class Made:
    """One process."""

    pid: int
    log: Path
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    status: int = 0
    """As `os.waitpid` has it."""

    @property
    def alive(self) -> bool:
        return not self.ended.is_set()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if self.alive:
            with suppress(ProcessLookupError):  # it ended, and we did not hear of it yet
                os.kill(self.pid, number)

    def limit(self, size: int) -> None:
        """Let no file of it grow beyond so many bytes; -1 lifts it."""
        if self.alive:
            with suppress(ProcessLookupError):
                _, most = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
                resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (most if size < 0 else size, most))

    def killed_at(self) -> str:
        """The named point at which it died; "" for none."""
        words = self.log.read_text(errors="replace").rpartition("killed at ")[2].split()
        return words[0] if words and "killed at " in self.log.read_text(errors="replace") else ""


class Forge:
    """The parent of all daemons of a test. An async context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[int, Made] = {}
        self._waiting: asyncio.Queue[Made] = asyncio.Queue()
        self._count = 0

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "integration.harness.live.forge"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "GRPC_ENABLE_FORK_SUPPORT": "0"},
        )
        self._listening = asyncio.create_task(self._listen())
        await self._waiting.get()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        await self._listening

    async def make(self, *argv: str, **environ: str) -> Made:
        """Start the program with these arguments."""
        self._count += 1
        log = self._folder / f"log-{self._count % 50}.txt"
        log.write_text("")
        assert self._process.stdin is not None
        asked = {"argv": argv, "environ": environ, "log": str(log)}
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        made = await self._waiting.get()  # the very one that hears of its end, which may have come by now
        made.log = log
        return made

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            told = json.loads(line)
            if "made" in told:
                made = self._made[told["made"]] = Made(told["made"], self._folder)
                self._waiting.put_nowait(made)
            else:
                made = self._made.pop(told["ended"])
                made.status = told["status"]
                made.ended.set()


def _child(asked: dict[str, object]) -> int:
    log = os.open(str(asked["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.closerange(3, 64)
    os.environ.update(asked["environ"])  # type: ignore[call-overload] # of texts
    from vectormigrate.cli.main import main

    return main(list(asked["argv"]))  # type: ignore[call-overload] # of texts


def _fork(line: bytes) -> int:
    pid = os.fork()
    if pid:
        return pid
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    code = 70
    try:
        code = _child(json.loads(line))
    except SystemExit as error:
        code = int(error.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _say(**words: int) -> None:
    os.write(1, json.dumps(words).encode() + b"\n")


def _reap(alive: set[int]) -> None:
    while alive:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        alive.discard(pid)
        _say(ended=pid, status=status)


def _main() -> None:
    for module in ("cli.serve", "cli.emulate", "cli.migrate", "cli.output"):
        importlib.import_module(f"vectormigrate.{module}")
    for kind in _KINDS:
        importlib.import_module(f"vectormigrate.stores.{kind}.store")
    for kind in ("pinecone", "qdrant"):
        importlib.import_module(f"vectormigrate.stores.{kind}.facade")
    gc.freeze()
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    alive: set[int] = set()
    _say(made=0)
    _make(read, alive)
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


def _make(ends: int, alive: set[int]) -> None:
    """Fork for every line, tell of every end, until there is no more input."""
    pending = b""
    while True:
        ready, _, _ = select.select([0, ends], [], [])
        if ends in ready:
            os.read(ends, 4096)
            _reap(alive)
        if 0 not in ready:
            continue
        data = os.read(0, 65536)
        if not data:
            return
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            pid = _fork(line)
            alive.add(pid)
            _say(made=pid)


if __name__ == "__main__":
    _main()
