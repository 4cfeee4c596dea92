"""Lengths of vectors that a target stores at length one: noted beside the record, so that the way back has them.

Only on request, because the note is a payload key that an application sees. A vector that has length one anyway, as far as the
store looks, has no note. What comes back is the direction as stored times the length: right to the rounding of float32,
not to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from .batch import Column, DenseColumn
from .record import Payload

LENGTHS = "_vm_norm"
"""Payload key: an object of vector names to lengths."""
_ONE = 1e-6
"""How far the square of a length may be from one for Qdrant to leave the vector as it is (`is_length_zero_or_normalized`)."""


def noted(columns: Mapping[str, Column], names: Sequence[str], count: int) -> list[dict[str, float]]:
    """For each of `count` records, the lengths of those vectors that will not be stored as they are."""
    notes: list[dict[str, float]] = [{} for _ in range(count)]
    for name in names:
        column = columns.get(name)
        if not isinstance(column, DenseColumn):
            continue
        squares = np.einsum("ij,ij->i", column.values, column.values, dtype=np.float64)
        for row in np.flatnonzero((np.abs(squares - 1.0) > _ONE) & (squares > 0) & np.isfinite(squares)):
            notes[int(row)][name] = float(np.sqrt(squares[row]))
    return notes


def restored(columns: Mapping[str, Column], payloads: Sequence[Payload]) -> dict[str, Column]:
    """The columns with every vector at the length that its record's payload notes."""
    found = dict(columns)
    for row, payload in enumerate(payloads):
        note = payload.get(LENGTHS)
        if not isinstance(note, dict):
            continue
        for name, length in note.items():
            column = found.get(name)
            if isinstance(column, DenseColumn):
                if column is columns[name]:
                    found[name] = column = replace(column, values=column.values.copy())
                column.values[row] *= length
    return found
