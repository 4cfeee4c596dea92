"""Known corruptions are planted into a migrated target, by the vendor's own client: a full scan names every one of
them and nothing else; before they are planted it names nothing. Over each ordered pair of real stores.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from integration.harness import runs
from integration.harness.records import Item, item, items
from integration.harness.sides import Side

RECORDS = 3_000
KINDS = ("sqlite", "pgvector", "milvus")
PAIRS = [(source, target) for source in KINDS for target in KINDS if source != target]


def _vector(one: Item, change: Callable[[np.ndarray], np.ndarray]) -> Item:
    values = np.frombuffer(one.vector, np.float32).copy()
    return replace(one, vector=change(values).astype(np.float32).tobytes())


def _meta(one: Item, **changes: object) -> Item:
    return replace(one, meta=json.dumps({**json.loads(one.meta), **changes}, sort_keys=True))


def _without(one: Item, key: str) -> Item:
    held = json.loads(one.meta)
    del held[key]
    return replace(one, meta=json.dumps(held, sort_keys=True))


def _flip_one_bit(values: np.ndarray) -> np.ndarray:
    values.view(np.uint32)[7] ^= 1
    return values


CHANGES: dict[str, Callable[[Item, Item], Item]] = {
    "payload stale by one version": lambda one, _: replace(one, title=one.title + " (before)"),
    "one payload field dropped": lambda one, _: _without(one, "tags"),
    "number became text": lambda one, _: _meta(one, generation="0"),
    "number became a float": lambda one, _: _meta(one, generation=0.5),
    "vector of the neighbour": lambda one, other: replace(one, vector=other.vector),
    "one bit flipped": lambda one, _: _vector(one, _flip_one_bit),
    "scaled by ten": lambda one, _: _vector(one, lambda values: values * 10),
    "precision truncated": lambda one, _: _vector(one, lambda values: values.astype(np.float16)),
}
"""From a record and its neighbour, the record as it is after the corruption."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("source_kind", "target_kind"), PAIRS, ids=lambda kind: kind)
def test_a_full_scan_finds_every_planted_corruption_and_nothing_else(
    source_kind: str, target_kind: str, sides: dict[str, tuple[Side, Side]], tmp_path: Path
) -> None:
    source, target = sides[source_kind][0], sides[target_kind][1]
    for side in (source, target):
        side.drop("old")
        side.drop("new")
    held = items(RECORDS, random.Random(3))
    source.create("old")
    source.put("old", held)
    state = tmp_path / "state.db"
    sides_of = [*source.arguments("source", "old"), *target.arguments("target", "new")]
    runs.run("migrate", "m", *sides_of, "--batch-size", "500", state=state)
    healthy = runs.run("validate", "m", "--full", state=state)
    assert (healthy["ok"], healthy["compared"], healthy["findings"]) == (True, RECORDS, [])

    planted: dict[str, set[str]] = {}
    changed: list[Item] = []
    for number, (name, change) in enumerate(CHANGES.items()):
        rows = [100 + number * 50 + step * 10 for step in range(3)]
        changed += [change(held[row], held[row + 1]) for row in rows]
        planted[name] = {held[row].id for row in rows}
    one, other = held[2000], held[2001]
    changed += [replace(one, id=other.id), replace(other, id=one.id)]
    planted["two ids swapped"] = {one.id, other.id}
    extra = item(5_000_000, 0, random.Random(4))
    target.put("new", [*changed, extra])
    planted["extra"] = {extra.id}
    target.delete("new", [held[2500].id, held[2501].id])
    planted["missing"] = {held[2500].id, held[2501].id}

    done = runs.run("validate", "m", "--full", state=state, exit_code=3)
    found = {str(finding["id"]).removeprefix("s:") for finding in done["findings"]}
    for name, ids in planted.items():
        assert ids <= found, f"{name}: not found: {sorted(ids - found)}"
    assert found == set().union(*planted.values()), "a healthy record was named"
    assert (done["missing"], done["extra"]) == (2, 1)
