"""Runs of the real program in a process of its own, to its end or until it is killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import apsw


def command(*arguments: str, state: Path) -> list[str]:
    """The command line of one run."""
    return [sys.executable, "-m", "vectormigrate", *arguments, "--state", str(state), "--json"]


def run(*arguments: str, state: Path, timeout: float = 300.0, exit_code: int = 0) -> dict[str, Any]:
    """Run to the end; its document. Raises AssertionError with what it printed when it ends otherwise."""
    done = subprocess.run(
        command(*arguments, state=state), capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == exit_code, (
        f"{arguments}: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    )
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def run_and_kill(*arguments: str, state: Path, rng: random.Random, sign: str, within: float) -> bool:
    """Start a run and SIGKILL it at a random moment. False when it had ended by then.

    One time in six the moment is anywhere in the start-up; else it is within so many seconds of the first sign of
    work: a change of what the SQL expression `sign` says of the state file.
    """
    process = subprocess.Popen(
        command(*arguments, state=state), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    if rng.random() < 1 / 6:
        return not _ends(process, rng.uniform(0.0, 2.0)) and _kill(process)
    before = look(state, sign)
    deadline = time.monotonic() + 120
    while look(state, sign) == before and time.monotonic() < deadline:
        if _ends(process, 0.02):
            return False
    return not _ends(process, rng.uniform(0.0, within)) and _kill(process)


def look(state: Path, sign: str) -> Any:
    """What an SQL expression says of a state file; None when there is nothing to ask yet."""
    if not state.exists():
        return None
    connection = apsw.Connection(str(state), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.set_busy_timeout(5000)
        return connection.execute(f"SELECT {sign}").get
    except apsw.SQLError:
        return None
    finally:
        connection.close()


def _ends(process: subprocess.Popen[bytes], within: float) -> bool:
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill(process: subprocess.Popen[bytes]) -> bool:
    os.kill(process.pid, signal.SIGKILL)
    process.wait(30)
    return True
