"""Lengths of vectors that a target stores at length one: noted beside the record, so that the way back has them.

A vector that has length one anyway has no note, and a batch of such vectors costs one pass over its numbers. What comes back
is the direction as stored at the length that is noted: within a unit or two in the last place of what it was, not to the
bit. The surprise: what is restored is *set* to its length, not multiplied by it, so that a vector which the target did not
touch after all (Qdrant leaves very short ones as they are) comes back as it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from .batch import Column, DenseColumn, MultiColumn
from .payload_columns import column_of, keys_of
from .record import Array, Payload

LENGTHS = "_vm_norm"
"""Payload key: an object of vector names to lengths, to a list of them for a multi-vector."""
_ONE = 5e-7
"""How far the square of a length may be from one without a note. Qdrant leaves a vector as it is up to 1e-6
(`is_length_zero_or_normalized`); the rest is what its sums, in float32, may be off.
"""

Note = dict[str, Any]


def noted(columns: Mapping[str, Column], names: Sequence[str]) -> dict[int, Note]:
    """By row, the lengths of those vectors that may not be stored as they are: a number, or for a multi-vector a list of one
    a token.
    """
    notes: dict[int, Note] = {}
    for name in names:
        match columns.get(name):
            case DenseColumn(values=values):
                rows, lengths = _other_lengths(values)
                for row, length in zip(rows.tolist(), lengths.tolist(), strict=True):
                    notes.setdefault(row, {})[name] = length
            case MultiColumn(offsets=offsets, values=values):
                tokens, lengths = _other_lengths(values)
                if len(tokens):
                    every = np.ones(len(values))
                    every[tokens] = lengths
                    for row, (start, stop) in enumerate(pairwise(offsets.tolist())):
                        if (every[start:stop] != 1.0).any():
                            notes.setdefault(row, {})[name] = every[start:stop].tolist()
            case _:
                pass
    return notes


def _other_lengths(values: Array) -> tuple[Array, Array]:
    """The rows of another length than one, but for zeros and what is not finite, and their lengths in float64."""
    with np.errstate(all="ignore"):
        floats = values.astype(np.float32, copy=False)
        rows = np.flatnonzero(~(np.abs(np.vecdot(floats, floats) - 1) <= _ONE / 2))
        wide = values[rows].astype(np.float64)
        squares = np.vecdot(wide, wide)
        other = (np.abs(squares - 1.0) > _ONE) & (squares > 0) & np.isfinite(squares)
    return rows[other], np.sqrt(squares[other])


def taken(payloads: Sequence[Payload]) -> bool:
    """Whether some payload has the key of the notes already."""
    return LENGTHS in keys_of(payloads)


def with_notes(payloads: Sequence[Payload], notes: Mapping[int, Note]) -> Sequence[Payload]:
    """The payloads with what is noted of their vectors. None of those given is changed."""
    if not notes:
        return payloads
    made = list(payloads)
    for row, note in notes.items():
        made[row] = {**made[row], LENGTHS: note}
    return made


def restored(columns: Mapping[str, Column], payloads: Sequence[Payload]) -> dict[str, Column]:
    """The columns with every vector at the length that its record's payload notes. A note that is none of ours says nothing."""
    found = dict(columns)
    wanted: dict[str, list[tuple[int, Any]]] = {}
    for row, note in enumerate(column_of(payloads, LENGTHS)):
        for name, length in note.items() if isinstance(note, dict) else ():
            wanted.setdefault(name, []).append((row, length))
    for name, notes in wanted.items():
        column = found.get(name)
        if isinstance(column, DenseColumn | MultiColumn):
            places = dict(place for row, length in notes for place in _places(column, row, length))
            found[name] = _at_lengths(column, places)
    return found


def _places(column: DenseColumn | MultiColumn, row: int, length: Any) -> Iterator[tuple[int, float]]:
    """Which rows of a column's values one note is about, and their lengths; none where it does not fit the column."""
    if isinstance(column, DenseColumn):
        start, lengths = row, [length]
    else:
        start, stop = int(column.offsets[row]), int(column.offsets[row + 1])
        lengths = length if isinstance(length, list) and len(length) == stop - start else []
    for place, one in enumerate(lengths, start):
        # One is the length of a token that was stored as it is, which may be one only nearly.
        if isinstance(one, int | float) and 0 < one < math.inf and one != 1.0:
            yield place, float(one)


def _at_lengths(column: DenseColumn | MultiColumn, places: Mapping[int, float]) -> Column:
    """A copy with these rows of the values at these lengths. In float64, so that nothing is rounded twice."""
    rows = np.fromiter(places.keys(), np.intp, len(places))
    lengths = np.fromiter(places.values(), np.float64, len(places))
    values = column.values.copy()
    with np.errstate(all="ignore"):
        wide = values[rows].astype(np.float64)
        squares = np.vecdot(wide, wide)
        wide *= np.where(squares > 0, lengths / np.sqrt(squares), 1.0)[:, None]
        values[rows] = wide
    return replace(column, values=values)


def agreed(sent: Payload, found: Payload, near: Mapping[str, float]) -> Payload:
    """What was sent, with the note that was found where the two tell of the same lengths: a vector that was restored
    once, and so is rounded, is not as long as it was to the last digit. `near` says by name how far off a length may be, as a
    part of it.
    """
    ours, theirs = sent.get(LENGTHS, {}), found.get(LENGTHS, {})
    if ours == theirs or not (isinstance(ours, dict) and isinstance(theirs, dict)):
        return sent
    if not all(
        _alike(ours.get(one, 1.0), theirs.get(one, 1.0), near.get(one, 0.0)) for one in {*ours, *theirs}
    ):
        return sent
    rest = {key: value for key, value in sent.items() if key != LENGTHS}
    return {**rest, LENGTHS: theirs} if theirs else rest


def _alike(one: Any, other: Any, near: float) -> bool:
    try:
        return np.allclose(one, other, rtol=near, atol=0)
    except (TypeError, ValueError):
        return False  # no lengths, or of another number of tokens
