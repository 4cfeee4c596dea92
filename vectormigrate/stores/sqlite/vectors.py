"""BLOBs to vector columns and back, whole columns at a time.

A dense vector is sqlite-vec's raw format: the elements in little-endian order, nothing around them; bits stand least
significant first, which is turned round at this border because a batch has them most significant first. A sparse
vector is its k indices as int64 followed by its k values as float32, a multi-vector its tokens one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from vectormigrate.model.batch import Column, DenseColumn, MultiColumn, SparseColumn
from vectormigrate.model.collection import Element, VectorField, VectorKind
from vectormigrate.model.record import Array

_TURNED = np.packbits(np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little"))
"""Each byte with its bits in the opposite order."""

_SPARSE_ITEM = 12
"""Bytes of one index and its value."""


class MalformedVectorError(Exception):
    """Stored values are no vectors of their column; `reasons` says why, by their places in the page."""

    def __init__(self, reasons: dict[int, str]) -> None:
        super().__init__(f"{len(reasons)} values are no vectors")
        self.reasons = reasons


def row_bytes(field: VectorField) -> int:
    """Bytes of one dense vector, or of one token of a multi-vector."""
    dim = field.dim or 0
    return (dim + 7) // 8 if field.element is Element.BINARY else dim * np.dtype(field.element.dtype).itemsize


def decode(field: VectorField, blobs: Sequence[Any]) -> Column:
    """A column out of one value a row, None where there is none. Raises MalformedVectorError."""
    match field.kind:
        case VectorKind.DENSE:
            return _decode_dense(field, blobs)
        case VectorKind.SPARSE:
            return _decode_sparse(blobs)
        case VectorKind.MULTI:
            return _decode_multi(field, blobs)


def encode(field: VectorField, column: Column | None, rows: int) -> list[Any]:
    """One BLOB a row, None where the record has no such vector. Views, not copies, wherever the column allows."""
    blobs: list[Any] = [None] * rows
    match column:
        case None:
            return blobs
        case DenseColumn():
            blobs = _cut(_stored(field, column.values), np.arange(rows + 1) * row_bytes(field))
        case MultiColumn():
            blobs = _cut(_stored(field, column.values), column.offsets * row_bytes(field))
        case SparseColumn():
            blobs = [_sparse_blob(column, row) for row in range(rows)]
    if column.present is not None:
        blobs = [blob if held else None for blob, held in zip(blobs, column.present.tolist(), strict=True)]
    return blobs


def encode_one(field: VectorField, vector: Array) -> bytes:
    """One dense vector as its BLOB."""
    return bytes(_stored(field, np.asarray(vector, field.element.dtype)))


def from_bytes(field: VectorField, stored: Array) -> DenseColumn:
    """A dense column out of one row of bytes a record."""
    if field.element is Element.BINARY:
        return DenseColumn(_TURNED[stored])
    return DenseColumn(stored.view(field.element.dtype))


def _stored(field: VectorField, values: Array) -> memoryview:
    if field.element is Element.BINARY:
        values = _TURNED[values]
    flat: Any = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
    return memoryview(flat)


def _cut(data: memoryview, edges: Array) -> list[Any]:
    places = edges.tolist()
    return [data[start:stop] for start, stop in pairwise(places)]


def _sparse_blob(column: SparseColumn, row: int) -> bytes:
    held = column.row(row)
    return held.indices.astype("<i8").tobytes() + held.values.astype("<f4").tobytes()


def _array(field: VectorField, data: bytes, width: int) -> Array:
    values = np.frombuffer(data, dtype=field.element.dtype)
    if field.element is Element.BINARY:
        values = _TURNED[values]
    return values.reshape(-1, width) if width else values.reshape(0, 0)


def _decode_dense(field: VectorField, blobs: Sequence[Any]) -> DenseColumn:
    size = row_bytes(field)
    width = size if field.element is Element.BINARY else field.dim or 0
    present = None
    if None in blobs:
        present = np.array([blob is not None for blob in blobs], dtype=np.bool_)
        empty = bytes(size)
        blobs = [empty if blob is None else blob for blob in blobs]
    if set(map(type, blobs)) - {bytes} or set(map(len, blobs)) - {size}:
        raise _malformed(blobs, lambda blob: len(blob) == size, f"of {size} bytes ({field.dim} dimensions)")
    if not size:
        return DenseColumn(np.zeros((len(blobs), width), field.element.dtype), present)
    return DenseColumn(_array(field, b"".join(blobs), width), present)


def _decode_sparse(blobs: Sequence[Any]) -> SparseColumn:
    present, held = _held(blobs)
    if set(map(type, held)) - {bytes} or any(len(blob) % _SPARSE_ITEM for blob in held):
        raise _malformed(held, lambda blob: len(blob) % _SPARSE_ITEM == 0, "of a multiple of 12 bytes")
    counts = [len(blob) // _SPARSE_ITEM for blob in held]
    indptr = np.zeros(len(held) + 1, dtype=np.int64)
    np.cumsum(counts, out=indptr[1:])
    cut = [count * 8 for count in counts]
    indices = b"".join(blob[:place] for blob, place in zip(held, cut, strict=True))
    values = b"".join(blob[place:] for blob, place in zip(held, cut, strict=True))
    return SparseColumn(indptr, np.frombuffer(indices, "<i8"), np.frombuffer(values, "<f4"), present)


def _decode_multi(field: VectorField, blobs: Sequence[Any]) -> MultiColumn:
    size = row_bytes(field)
    width = size if field.element is Element.BINARY else field.dim or 0
    present, held = _held(blobs)
    if set(map(type, held)) - {bytes} or any(len(blob) % size for blob in held):
        raise _malformed(held, lambda blob: len(blob) % size == 0, f"of a multiple of {size} bytes")
    offsets = np.zeros(len(held) + 1, dtype=np.int64)
    np.cumsum([len(blob) // size for blob in held], out=offsets[1:])
    return MultiColumn(offsets, _array(field, b"".join(held), width), present)


def _held(blobs: Sequence[Any]) -> tuple[Array | None, Sequence[Any]]:
    if None not in blobs:
        return None, blobs
    present = np.array([blob is not None for blob in blobs], dtype=np.bool_)
    return present, [b"" if blob is None else blob for blob in blobs]


def _malformed(blobs: Sequence[Any], fits: Any, wanted: str) -> MalformedVectorError:
    reasons: dict[int, str] = {}
    for row, blob in enumerate(blobs):
        if not isinstance(blob, bytes):
            reasons[row] = f"holds {type(blob).__name__} instead of a BLOB {wanted}"
        elif not fits(blob):
            reasons[row] = f"holds {len(blob)} bytes instead of a BLOB {wanted}"
    return MalformedVectorError(reasons)
