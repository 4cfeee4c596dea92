"""The records of the benchmark: float32 vectors with a payload of mixed types, made the same on every machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

DIM = 768
CHUNK = 5000

Row = tuple[str, bytes, str, int, float, bool, str]
"""id, vector, title, number, score, ok, meta as JSON text."""


def chunks(records: int) -> Iterator[tuple[npt.NDArray[np.float32], list[Row]]]:
    """Vectors of shape (n, 768) and their rows, `CHUNK` at a time, in key order."""
    rng = np.random.default_rng(7)
    for start in range(0, records, CHUNK):
        count = min(CHUNK, records - start)
        vectors = rng.standard_normal((count, DIM), dtype=np.float32)
        yield vectors, [_row(start + row, vectors[row]) for row in range(count)]


def _row(number: int, vector: npt.NDArray[np.float32]) -> Row:
    meta: dict[str, Any] = {"section": number % 17, "tags": ["a", "b"], "source": {"page": number // 40}}
    return (
        f"doc-{number:08d}",
        vector.tobytes(),
        f"paragraph {number} of the handbook, about thing {number % 997}",
        number * 1_000_003,
        number / 7,
        number % 2 == 0,
        json.dumps(meta),
    )
