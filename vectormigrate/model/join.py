"""Several batches of one collection as one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .batch import Batch, Column, DenseColumn, Mask, MultiColumn, SparseColumn
from .record import Array


def joined(batches: Sequence[Batch]) -> Batch:
    """The records of all, in order. A vector that a batch has no column for is absent from its records."""
    if len(batches) == 1:
        return batches[0]
    names = list(dict.fromkeys(name for batch in batches for name in batch.vectors))
    return Batch(
        [one for batch in batches for one in batch.ids],
        {name: _column([(batch.vectors.get(name), len(batch)) for batch in batches]) for name in names},
        [payload for batch in batches for payload in batch.payload or [{}] * len(batch)],
        _partitions(batches),
    )


def _partitions(batches: Sequence[Batch]) -> list[str | None] | None:
    if all(batch.partition is None for batch in batches):
        return None
    return [one for batch in batches for one in batch.partition or [None] * len(batch)]


def _column(parts: Sequence[tuple[Column | None, int]]) -> Column:
    like = next(column for column, _ in parts if column is not None)
    present = _present(parts)
    match like:
        case DenseColumn():
            width, dtype = like.values.shape[1], like.values.dtype
            values = [
                column.values if isinstance(column, DenseColumn) else np.zeros((count, width), dtype)
                for column, count in parts
            ]
            return DenseColumn(np.concatenate(values), present)
        case SparseColumn():
            held = [column for column, _ in parts if isinstance(column, SparseColumn)]
            return SparseColumn(
                _edges([column.indptr if isinstance(column, SparseColumn) else n for column, n in parts]),
                np.concatenate([column.indices for column in held]),
                np.concatenate([column.values for column in held]),
                present,
            )
        case MultiColumn():
            rows = [column.values for column, _ in parts if isinstance(column, MultiColumn)]
            return MultiColumn(
                _edges([column.offsets if isinstance(column, MultiColumn) else n for column, n in parts]),
                np.concatenate(rows),
                present,
            )


def _present(parts: Sequence[tuple[Column | None, int]]) -> Mask | None:
    if all(column is not None and column.present is None for column, _ in parts):
        return None
    masks = [
        np.zeros(count, np.bool_)
        if column is None
        else np.ones(count, np.bool_)
        if column.present is None
        else column.present
        for column, count in parts
    ]
    return np.concatenate(masks)


def _edges(parts: Sequence[Array | int]) -> Array:
    """Offsets of the joined rows; a number stands for so many empty ones."""
    lengths = [np.zeros(part, np.int64) if isinstance(part, int) else np.diff(part) for part in parts]
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(lengths), dtype=np.int64)])
