"""Worker processes that are started before there is work for them, because their start takes longer than planning.

A recruit has loaded its modules and waits on its standard input. Whoever needs a worker takes one; those that nobody
took are killed, which costs nothing: they hold nothing. Light: the front door starts them before anything heavy is
loaded here, so that both load at the same time.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from types import TracebackType
from typing import Self


class Recruits:
    """A context manager: none of those that wait outlives the block."""

    def __init__(self) -> None:
        self._waiting: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.dismiss()

    def enlist(self, number: int) -> None:
        """Start so many more. It is a guess that they are needed: what keeps one from starting is no error yet."""
        with contextlib.suppress(OSError):
            for _ in range(number):
                self._waiting.append(_start())

    def tell(self, data: bytes) -> None:
        """Write the same to all that wait; little enough not to be waited for."""
        for process in self._waiting:
            assert process.stdin is not None
            with contextlib.suppress(OSError):  # it died; nobody takes it
                os.write(process.stdin.fileno(), data)

    def take(self) -> subprocess.Popen[bytes]:
        """A process that waits to be told its job, started now when none does. It is the caller's from here on."""
        while self._waiting:
            process = self._waiting.pop()
            if process.poll() is None:
                return process
            _end(process)
        return _start()

    def dismiss(self) -> None:
        """End those that still wait."""
        while self._waiting:
            _end(self._waiting.pop())


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 this interpreter, with words of our own
        [sys.executable, "-m", "vectormigrate.daemon.worker_process", str(os.getpid())],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # numpy's linear algebra starts a thread a core, which spins for a while, and is never asked for anything.
        env={"OPENBLAS_NUM_THREADS": "1", **os.environ},
        start_new_session=True,  # a Ctrl-C is for the process that owns the state, which tells its workers
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    with process:  # closes its pipes and waits for its end
        pass
