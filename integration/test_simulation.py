"""Ten thousand seeded stories of the live engine over simulated databases, network, disk and time; and every guard of
the protocol taken out, to see that the stories would notice.

Writes what was told to `integration/simulation/out/`; a run worth keeping is copied to `integration/simulation/figures/`.
A seed that fails tells the same story again: `tests.simulation.live.story.tell(SEED)`. Some twenty minutes on two cores;
SEEDS=1000 in the environment for fewer.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import fields
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.live.story import tell
from vectormigrate.engine.dualwrite.terms import Guards

OUT = Path(__file__).parent / "simulation" / "out"
SEEDS = int(os.environ.get("SEEDS", "10000"))
CHUNK = 50
PROCESSES = 2
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


def test_the_protocol_holds(pool: ProcessPoolExecutor) -> None:
    began = time.monotonic()
    seen: Counter[str] = Counter()
    wrong: list[tuple[int, str]] = []
    chunks = [pool.submit(told, first) for first in range(0, SEEDS, CHUNK)]
    for number, chunk in enumerate(as_completed(chunks), 1):
        found = chunk.result()
        seen.update(found["seen"])
        wrong += found["wrong"]
        row = {"seeds": number * CHUNK, "violations": len(wrong), **dict(sorted(seen.items()))}
        write("stories", [{"counted": name, "number": count} for name, count in row.items()])
        if number % 10 == 0:
            told_in = time.monotonic() - began
            print(f"{number * CHUNK:,} seeds, {len(wrong)} wrong, {told_in:.0f} s", flush=True)
    assert sorted(wrong) == []


def test_every_missing_guard_is_noticed(pool: ProcessPoolExecutor) -> None:
    rows = list(pool.map(missed, [one.name for one in fields(Guards)]))
    for row in rows:
        print(row, flush=True)
    write("guards", [row for row in rows if row["seeds needed"]])
    assert [row["guard taken out"] for row in rows if row["seeds needed"] is None] == []
