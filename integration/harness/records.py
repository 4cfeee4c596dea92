"""The records that the kill tests move, and how two sides are told to be equal: bytes of vectors, values of payload."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

import numpy as np

DIM = 48


@dataclass(frozen=True, slots=True)
class Item:
    """One record, in neutral values: `vector` is float32 bytes."""

    id: str
    vector: bytes
    title: str
    number: int
    score: float
    ok: bool
    meta: str
    """JSON text with sorted keys."""


def item(number: int, generation: int, rng: random.Random) -> Item:
    """The record of that number, as it is at that generation."""
    vector = np.random.default_rng(rng.getrandbits(63)).normal(size=DIM).astype(np.float32)
    meta = {
        "generation": generation,
        "tags": ["\u03b1", "b"],
        "nested": {"big": 2**53 + number if number % 3 else number},
    }
    return Item(
        f"doc-{number:07d}",
        vector.tobytes(),
        f"title {number} \u2013 {generation}",
        number * 1_000_003,
        number / 7,
        number % 2 == 0,
        json.dumps(meta, sort_keys=True),
    )


def items(count: int, rng: random.Random) -> list[Item]:
    """The first `count` records."""
    return [item(number, 0, rng) for number in range(count)]


def canonical(values: Any) -> str:
    """JSON with sorted keys, of text or of values."""
    return json.dumps(json.loads(values) if isinstance(values, str | bytes) else values, sort_keys=True)


@dataclass(frozen=True, slots=True)
class Difference:
    """How a target differs from what it should hold."""

    missing: int
    extra: int
    mismatched: int


def difference(wanted: dict[str, Item], found: dict[str, Item]) -> Difference:
    """Compare two sides record by record, bit for bit."""
    return Difference(
        len(wanted.keys() - found.keys()),
        len(found.keys() - wanted.keys()),
        sum(wanted[one] != found[one] for one in wanted.keys() & found.keys()),
    )
