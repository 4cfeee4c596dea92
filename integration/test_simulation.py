"""Ten thousand seeded stories of the live engine over simulated databases, network, disk and time; and every guard of
the protocol taken out, to see that the stories would notice.

Writes what was told to `integration/simulation/out/`; a run worth keeping is copied to `integration/simulation/figures/`.
A seed that fails tells the same story again: `tests.simulation.live.story.tell(SEED)`. Some twenty minutes on two cores.
In the environment: FIRST and SEEDS, the seeds to tell; MINUTES, after which no more are begun; PROCESSES. Runs add up: each
is a row of `runs.json` with its seeds and the commit of the engine that it told them of, and `stories` is their sum.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import fields
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.live.story import tell
from vectormigrate.engine.dualwrite.terms import Guards

OUT = Path(__file__).parent / "simulation" / "out"
FIRST = int(os.environ.get("FIRST", "0"))
SEEDS = int(os.environ.get("SEEDS", "10000"))
MINUTES = float(os.environ.get("MINUTES", "inf"))
CHUNK = 50
PROCESSES = int(os.environ.get("PROCESSES", "2"))
BUDGET = 2000
"""Seeds within which a missing guard must be noticed."""


def told(first: int) -> dict[str, Any]:
    """Tell a chunk of seeds; what was seen in all, and which went wrong."""
    seen: Counter[str] = Counter()
    wrong = []
    for seed in range(first, first + CHUNK):
        try:
            world = tell(seed)
        except Exception as error:  # noqa: BLE001 reported with its seed
            wrong.append((seed, str(error)[:300]))
            continue
        seen["writes acknowledged"] += world.history.acknowledged
        seen["kills"] += world.kills
        seen["orderly restarts"] += world.restarts
        seen["swaps of roles"] += world.watch.held.revision
        seen[f"ended {world.watch.held.phase}"] += 1
        seen["simulated seconds"] += round(world.clock.monotonic() - 1000)
    return {"seen": seen, "wrong": wrong}


def missed(guard: str) -> dict[str, Any]:
    """Tell stories without one guard until one shows it."""
    began = time.process_time()
    for seed in range(BUDGET):
        try:
            tell(seed, guards=Guards(**{guard: False}))
        except Exception as error:  # noqa: BLE001 what it says is the finding
            text = str(error)
            named = re.match(r"((?:I|IP)\d+(?:, (?:I|IP)\d+)*)", text)
            return {
                "guard taken out": guard,
                "seeds needed": seed + 1,
                "example seed": seed,
                "violated": named[1] if named else type(error).__name__,
                "as seen": text.partition(": {")[0][:120],
                "seconds": round(time.process_time() - began, 1),
            }
    return {"guard taken out": guard, "seeds needed": None, "seconds": round(time.process_time() - began, 1)}


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as executor:
        yield executor


def write(name: str, rows: list[dict[str, Any]]) -> None:
    """One table, as JSON and for people."""
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"{name}.json").write_text(json.dumps(rows, indent=1) + "\n")
    lines = [" | ".join(rows[0]), " | ".join("---" for _ in rows[0])]
    lines += [
        " | ".join(f"{value:,}" if isinstance(value, int) else str(value) for value in row.values())
        for row in rows
    ]
    (OUT / f"{name}.md").write_text("".join(f"| {line} |\n" for line in lines))


def engine() -> str:
    """The commit of the engine whose stories are told."""
    asked = ("git", "log", "-1", "--format=%h", "--", "vectormigrate")
    return subprocess.run(
        asked, capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent
    ).stdout.strip()


def before() -> list[dict[str, Any]]:
    """Runs whose seeds are not told again by this one."""
    kept = OUT / "runs.json"
    runs: list[dict[str, Any]] = json.loads(kept.read_text()) if kept.exists() else []
    return [
        run for run in runs if run["first seed"] + run["seeds"] <= FIRST or run["first seed"] >= FIRST + SEEDS
    ]


def chunks(pool: ProcessPoolExecutor) -> Iterator[dict[str, Any]]:
    """What was seen in each chunk of seeds, in order, until all are told or the time is over."""
    began = time.monotonic()
    waiting: deque[Future[dict[str, Any]]] = deque()
    for first in range(FIRST, FIRST + SEEDS, CHUNK):
        if len(waiting) >= 2 * PROCESSES:
            yield waiting.popleft().result()
        if time.monotonic() - began > 60 * MINUTES:
            break
        waiting.append(pool.submit(told, first))
    yield from (chunk.result() for chunk in waiting)


def test_the_protocol_holds(pool: ProcessPoolExecutor) -> None:
    began = time.monotonic()
    seen: Counter[str] = Counter()
    wrong: list[tuple[int, str]] = []
    runs = before()
    for number, found in enumerate(chunks(pool), 1):
        seen.update(found["seen"])
        wrong += found["wrong"]
        told = {"seeds": number * CHUNK, "violations": len(wrong), **dict(sorted(seen.items()))}
        write("runs", [*runs, {"engine": engine(), "first seed": FIRST, **told}])
        total = Counter(told)
        for run in runs:
            total.update({name: count for name, count in run.items() if name not in {"engine", "first seed"}})
        write("stories", [{"counted": name, "number": count} for name, count in total.items()])
        if number % 10 == 0 or found["wrong"]:
            told_in = time.monotonic() - began
            print(
                f"{number * CHUNK:,} seeds, {len(wrong)} wrong, {told_in:.0f} s", found["wrong"], flush=True
            )
    assert wrong == []


def test_every_missing_guard_is_noticed(pool: ProcessPoolExecutor) -> None:
    rows = list(pool.map(missed, [one.name for one in fields(Guards)]))
    for row in rows:
        print(row, flush=True)
    write("guards", [row for row in rows if row["seeds needed"]])
    assert [row["guard taken out"] for row in rows if row["seeds needed"] is None] == []
