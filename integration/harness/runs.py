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


def command(*arguments: str, state: Path) -> list[str]:
    """The command line of one run."""
    return [sys.executable, "-m", "vectormigrate", *arguments, "--state", str(state), "--json"]


def run(*arguments: str, state: Path, timeout: float = 300.0) -> dict[str, Any]:
    """Run to the end; its document. Raises AssertionError with what it printed when it fails."""
    done = subprocess.run(
        command(*arguments, state=state), capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, (
        f"{arguments}: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    )
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def run_and_kill(*arguments: str, state: Path, after: float) -> bool:
    """Start a run and SIGKILL it after so many seconds. False when it had ended by then."""
    process = subprocess.Popen(
        command(*arguments, state=state), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(30)
        return True
    return False


def moment(rng: random.Random, startup: float, work: float) -> float:
    """A random moment, mostly inside the work and sometimes in the start-up."""
    return rng.uniform(0.05, startup) if rng.random() < 0.15 else startup + rng.uniform(0.0, work)


def startup_seconds(state: Path) -> float:
    """How long the program takes to begin, here and now."""
    began = time.monotonic()
    subprocess.run(command("list", state=state), capture_output=True, check=False)
    return time.monotonic() - began
