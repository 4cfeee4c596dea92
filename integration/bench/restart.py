"""`make bench WHAT=restart`: how long a daemon that was killed takes to answer again, a million marks in its journal.

From the start of the process to the first answered query, imports and all; and, without any marks, what of it is theirs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import Request, urlopen

import psutil

from integration.bench.library import COLLECTION
from integration.bench.proxy import OUT, fsync, machine
from integration.bench.subjects import ID, LIVE, Stage, spent_by, wait_until
from vectormigrate.state import journal
from vectormigrate.state.database import Database

_PAGE = 10_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--marks", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vectormigrate-bench-")))
        folder.chmod(0o755)
        subject = Stage(stack, folder, "Dot", "sqlite").serve(LIVE)
        [process] = subject.processes
        command = process.cmdline()
        process.kill()
        process.wait()
        assert subject.state is not None
        found: dict[str, Any] = {
            "fsync_ms": fsync(folder),
            "without": starts(command, subject.port, asked.rounds),
        }
        asyncio.run(owe(subject.state, asked.marks))
        found["with"] = starts(command, subject.port, asked.rounds)
    stamp = datetime.now(UTC)
    document = {"at": stamp.isoformat(), "machine": machine(), "arguments": vars(asked), **found}
    print(json.dumps(document, indent=2))
    OUT.mkdir(exist_ok=True)
    (OUT / f"restart-{stamp:%Y%m%dT%H%M%S}.json").write_text(json.dumps(document, indent=2))


def starts(command: list[str], port: int, rounds: int) -> dict[str, Any]:
    """Seconds of each start, and of the processor; every one ends as suddenly as the one before."""
    took, spent = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: answers(port), "nobody answers", look=0.005)
            took.append(time.perf_counter() - began)
            spent.append(spent_by(psutil.Process(process.pid)))
        finally:
            process.kill()
            process.wait()
    return {"median_s": median(took), "longest_s": max(took), "cpu_s": median(spent), "seconds": took}


def answers(port: int) -> bool:
    """Whether a query is answered."""
    asked = Request(
        f"http://127.0.0.1:{port}/collections/{COLLECTION}/points/query",
        b"{}",
        {"content-type": "application/json"},
    )
    try:
        with urlopen(asked, timeout=10) as response:
            return bool(response.status == 200)
    except OSError:
        return False


async def owe(state: Path, marks: int) -> None:
    """Mark so many ids that nobody wrote."""
    database = Database.open(state)
    for start in range(0, marks, _PAGE):
        ids = [f"i:{one}" for one in range(start, min(start + _PAGE, marks))]
        at = datetime.now(UTC).isoformat()
        await database.write(
            lambda tx, ids=ids, at=at, start=start: journal.mark(  # type: ignore[misc] # defaults bind them
                tx, ID, ids, epoch=0, sequence=start + 1, reason="write", at=at
            )
        )
    database.close()


if __name__ == "__main__":
    main()
