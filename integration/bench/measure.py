"""Runs of the program and of the floors, with the time and the peak memory of every process of a run."""

from __future__ import annotations

import json
import mmap
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import apsw
import numpy as np

_WARM, _MOST_WARM = 3 * 2**30, 8 * 2**30
"""Bytes: more than a copy of 100,000 records and what it leaves in the page cache take, and what leaves room for the stores'
files beside it where there are more records.
"""
_COPIED = 2**15
"""Bytes a record: of its vector and its payload, written down several times."""


def warm(records: int = 0) -> None:
    """Have the machine own the memory that the next run will take, and leave it nothing of others to write to the disk.

    A virtual machine borrows memory of its host and gives free pages back within seconds. One that it must borrow again costs 2.7 ms a
    MiB where writing into one that it has costs 0.3: whoever writes first after a pause pays up to a second for 330 MB of
    SQLite, and whoever comes next does not. And a source that was just filled has hundreds of MB that the kernel still
    has to write, for which the first commits of whoever comes next would wait. Called before everything that is timed, the
    floors too.
    """
    os.sync()
    with mmap.mmap(-1, min(max(_WARM, records * _COPIED), _MOST_WARM)) as pages:
        np.frombuffer(pages, np.uint8)[:: mmap.PAGESIZE] = 1


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of the program."""

    wall: float
    """Seconds of the whole process."""
    document: dict[str, Any]
    peak_mb: float
    """Most resident memory that any one process of the run had."""


def floor(verb: str, kind: str, url: str, collection: str, records: int, batch: int) -> float:
    """Seconds of a raw floor."""
    return start_floor(verb, kind, url, collection, records, batch)()


def start_floor(verb: str, kind: str, url: str, collection: str, records: int, batch: int) -> Any:
    """Begin a floor; calling the result waits for its seconds."""
    command = [
        sys.executable,
        "-m",
        "integration.bench.floors",
        verb,
        kind,
        url,
        collection,
        str(records),
        str(batch),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def wait() -> float:
        out, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"floor failed: {command}")
        return float(out.strip().splitlines()[-1])

    return wait


def program(*arguments: str, state: Path) -> Measured:
    """Run the program to its end and watch its processes."""
    command = [sys.executable, "-m", "vectormigrate", *arguments, "--state", str(state), "--json"]
    # Into files: a pipe that nobody empties while the run is watched would stop it behind its first 64 KiB.
    with tempfile.TemporaryFile("w+") as printed, tempfile.TemporaryFile("w+") as told:
        began = time.perf_counter()
        # With its bytecode, as an installed program has it, whatever this shell says.
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        process = subprocess.Popen(command, stdout=printed, stderr=told, text=True, env=environ)
        peaks: dict[int, int] = {}
        while process.poll() is None:
            for pid in _family(process.pid):
                peaks[pid] = max(peaks.get(pid, 0), _high_water(pid))
            time.sleep(0.05)
        wall = time.perf_counter() - began
        printed.seek(0)
        told.seek(0)
        out, err = printed.read(), told.read()
    if process.returncode:
        raise RuntimeError(f"{arguments} ended with {process.returncode}:\n{out[-2000:]}\n{err[-2000:]}")
    return Measured(wall, json.loads(out), max(peaks.values(), default=0) / 1024)


def phase_seconds(state: Path, migration: str, phase: str) -> float:
    """Seconds that a migration spent in a phase, from its own history."""
    connection = apsw.Connection(str(state))
    moves = connection.execute(
        "SELECT at, after FROM audit WHERE migration_id = ? AND verb IN ('create', 'move') ORDER BY number",
        (migration,),
    ).fetchall()
    connection.close()
    seconds = 0.0
    for (at, after), (following, _) in pairwise(moves):
        if after == phase:
            seconds += (datetime.fromisoformat(following) - datetime.fromisoformat(at)).total_seconds()
    return seconds


def _family(pid: int) -> list[int]:
    """A process and all below it, as the kernel lists children: looking at every process of the machine, as psutil does,
    would take a seventh of a core from what is measured.
    """
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        children = " ".join((thread / "children").read_text(encoding="ascii") for thread in threads).split()
    except (FileNotFoundError, ProcessLookupError):
        return [pid]
    return [pid, *(one for child in children for one in _family(int(child)))]


def _high_water(pid: int) -> int:
    """VmHWM in kB: the kernel keeps the peak, so looking now and then misses nothing but the very end."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0
