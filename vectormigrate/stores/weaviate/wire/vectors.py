"""Vectors as bytes: little-endian float32, and for a multi-vector the width of a row before them, as two bytes."""

from __future__ import annotations

import numpy as np

from vectormigrate.model.record import Array

_F32 = np.dtype("<f4")
_WIDTH = np.dtype("<u2")
MAX_DIM = 2**16 - 1


def write_dense(vector: Array) -> bytes:
    """One (dim,) vector as bytes."""
    return np.ascontiguousarray(vector, _F32).tobytes()


def read_dense(raw: bytes) -> Array:
    """A (dim,) float32 array over these bytes. Raises ValueError when they are not whole numbers of floats."""
    return np.frombuffer(raw, _F32)


def write_multi(rows: Array) -> bytes:
    """A (tokens, dim) multi-vector as bytes. Raises ValueError for one without rows, which cannot be told from none."""
    if not len(rows):
        raise ValueError("a multi-vector without a row cannot be held")
    return np.array([rows.shape[1]], _WIDTH).tobytes() + write_dense(rows)


def read_multi(raw: bytes) -> Array:
    """A (tokens, dim) float32 array. Raises ValueError for bytes that are none."""
    if len(raw) < 2 or not (width := int(np.frombuffer(raw[:2], _WIDTH)[0])):
        raise ValueError("a multi-vector says no width")
    return np.frombuffer(raw[2:], _F32).reshape(-1, width)
