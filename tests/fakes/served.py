"""`vectormigrate serve` and `emulate` as processes, and a socket that is held for them as a supervisor holds it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Self

_HOLDING = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1',"
    " LISTEN_FDNAMES=sys.argv[2]); os.execv(sys.executable, [sys.executable, '-m', 'vectormigrate', *sys.argv[3:]])"
)


@dataclass
class Ended:
    """What a process left behind."""

    code: int
    out: str
    err: str


class ServedProcess:
    """One process. `address` is there as soon as it serves."""

    def __init__(
        self,
        directory: Path,
        *words: str,
        held: socket.socket | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        command = [sys.executable, "-m", "vectormigrate", *words]
        if held is not None:
            command = [sys.executable, "-c", _HOLDING, str(held.fileno()), "held", *words]
        self._process = subprocess.Popen(
            command,
            env={
                **os.environ,
                "VECTORMIGRATE_STATE": str(directory / "state.db"),
                "VECTORMIGRATE_ADDR": "off",
                "HOME": str(directory),
                **(environ or {}),
            },
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=() if held is None else (held.fileno(),),
        )
        self.pid = self._process.pid
        assert self._process.stderr is not None
        self.first_line = self._process.stderr.readline()

    @property
    def port(self) -> int:
        """Of the first listener."""
        found = re.search(r" at (?:\S+):(\d+)", self.first_line)
        assert found, self.first_line + (self._process.communicate()[1] or "")
        return int(found[1])

    def line(self) -> str:
        """The next line of standard error."""
        assert self._process.stderr is not None
        return self._process.stderr.readline()

    def tell(self, number: Signals) -> None:
        self._process.send_signal(number)

    def end(self, number: Signals = Signals.SIGTERM) -> Ended:
        """Send a signal and wait for the end."""
        self._process.send_signal(number)
        return self.wait()

    def wait(self) -> Ended:
        out, err = self._process.communicate(timeout=30)
        return Ended(self._process.returncode, out, self.first_line + err)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()
