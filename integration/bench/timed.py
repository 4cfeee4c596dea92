"""The program with a watch on its named points: `python -m integration.bench.timed serve ...`, ended by SIGTERM.

When it ends, it writes what it saw as JSON into the file that `VECTORMIGRATE_BENCH_TIMES` names: the seconds of every
commit of the state file, and those that every write waited for its mark.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path

from vectormigrate.cli.main import main
from vectormigrate.model import points

NAME = "VECTORMIGRATE_BENCH_TIMES"


class Watch:
    """Every point that is reached goes by here, in the thread that reached it."""

    def __init__(self) -> None:
        self.commits: list[float] = []
        self.waits: list[float] = []
        self._begun = 0.0
        self._registered: dict[object, float] = {}

    def __call__(self, point: str) -> None:
        match point:
            case "journal.begun":
                self._begun = time.perf_counter()
            case "journal.committed":
                self.commits.append(time.perf_counter() - self._begun)
            case "write.registered":
                self._registered[asyncio.current_task()] = time.perf_counter()
            case "write.marked":
                self.waits.append(time.perf_counter() - self._registered.pop(asyncio.current_task()))


if __name__ == "__main__":
    watch = Watch()
    points.ARMED.append(watch)
    try:
        code = main(sys.argv[1:])
    finally:
        Path(os.environ[NAME]).write_text(json.dumps({"commits": watch.commits, "waits": watch.waits}))
    sys.exit(code)
