"""Lengths of vectors that a target stores at length one: noted beside the record, so that the way back has them.

Only on request, because the note is a payload key that an application sees. A vector that has length one anyway, as far as the
store looks, has no note. What comes back is the direction as stored times the length: right to the rounding of float32,
not to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from .batch import Column, DenseColumn, MultiColumn
from .record import Array, Payload

LENGTHS = "_vm_norm"
"""Payload key: an object of vector names to lengths, to a list of them for a multi-vector."""
_ONE = 1e-6
"""How far the square of a length may be from one for Qdrant to leave the vector as it is (`is_length_zero_or_normalized`)."""


def noted(columns: Mapping[str, Column], names: Sequence[str], count: int) -> list[dict[str, Any]]:
    """For each of `count` records, the lengths of those vectors that will not be stored as they are: a number, or for a
    multi-vector a list of one a token.
    """
    notes: list[dict[str, Any]] = [{} for _ in range(count)]
    for name in names:
        match columns.get(name):
            case DenseColumn() as column:
                lengths = _lengths(column.values)
                for row in np.flatnonzero(lengths != 1.0):
                    notes[int(row)][name] = float(lengths[row])
            case MultiColumn() as column:
                lengths = _lengths(column.values)
                for place, (start, stop) in enumerate(pairwise(column.offsets.tolist())):
                    if (lengths[start:stop] != 1.0).any():
                        notes[place][name] = lengths[start:stop].tolist()
            case _:
                pass
    return notes


def _lengths(values: Array) -> Array:
    """The length of each row; 1 where it will be stored as it is."""
    squares = np.einsum("ij,ij->i", values, values, dtype=np.float64)
    changed = (np.abs(squares - 1.0) > _ONE) & (squares > 0) & np.isfinite(squares)
    return np.where(changed, np.sqrt(squares), 1.0)


def restored(columns: Mapping[str, Column], payloads: Sequence[Payload]) -> dict[str, Column]:
    """The columns with every vector at the length that its record's payload notes."""
    found = dict(columns)
    for row, payload in enumerate(payloads):
        note = payload.get(LENGTHS)
        if not isinstance(note, dict):
            continue
        for name, length in note.items():
            column = found.get(name)
            if isinstance(column, DenseColumn | MultiColumn):
                if column is columns[name]:
                    found[name] = column = replace(column, values=column.values.copy())
                _lengthen(column, row, length)
    return found


def _lengthen(column: DenseColumn | MultiColumn, row: int, length: Any) -> None:
    if isinstance(column, DenseColumn):
        column.values[row] *= length
        return
    tokens = slice(int(column.offsets[row]), int(column.offsets[row + 1]))
    column.values[tokens] *= np.asarray(length, column.values.dtype)[:, None]
