"""pgvector's four types as binary wire format, whole columns at a time: no number becomes a Python object.

    vector     dim int16, 0 int16, dim float32         halfvec    dim int16, 0 int16, dim float16
    bit        bits int32, bytes                       sparsevec  dim, count, 0 int32, count index int32, count float32

All of it big-endian. Indices on the wire are 0-based (the text form counts from 1), and a zero weight is not
allowed in a `sparsevec`: an explicit zero, which means the same as an absent one, is left out.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from vectormigrate.model.batch import Column, DenseColumn, Mask, SparseColumn
from vectormigrate.model.collection import Element, VectorField, VectorKind
from vectormigrate.model.record import Array, SparseVector

from .copycodec import Fields, Raw

TYPES: dict[str, tuple[VectorKind, Element]] = {
    "vector": (VectorKind.DENSE, Element.FLOAT32),
    "halfvec": (VectorKind.DENSE, Element.FLOAT16),
    "bit": (VectorKind.DENSE, Element.BINARY),
    "sparsevec": (VectorKind.SPARSE, Element.FLOAT32),
}
MAX_SPARSE_DIM = 1_000_000_000
MAX_WEIGHTS = 16_000
"""Of one `sparsevec` (SPARSEVEC_MAX_NNZ)."""
_HEAD = 4
"""Bytes before the numbers of a vector, a halfvec and a bit."""
_SPARSE_HEAD = struct.Struct(">iii")


class MixedDimensions(ValueError):
    """Two vectors of one column have different dimensions. `row` is the first that differs from the rest."""

    def __init__(self, row: int, dim: int, expected: int) -> None:
        super().__init__(f"{dim} dimensions among vectors of {expected}")
        self.row = row


def decode(fields: Fields, field: VectorField) -> Column:
    """A column out of each record's bytes. Raises MixedDimensions."""
    mask = fields.present()
    if field.kind is VectorKind.SPARSE:
        return _decode_sparse(fields.raws(), mask)
    held = fields if mask is None else fields.take(mask)
    element = Element(field.element)
    size = {Element.FLOAT32: 4, Element.FLOAT16: 2, Element.BINARY: 1}[element]
    width = field.row_width
    if width is None:
        width = int(held.stops[0] - held.starts[0] - _HEAD) // size if len(held.starts) else 0
    rows = held.behind(_HEAD).numbers(f">f{size}" if size > 1 else "u1", width)
    if rows is None:
        sizes = fields.stops - fields.starts
        row = int(np.flatnonzero((sizes >= 0) & (sizes != _HEAD + width * size))[0])
        raise MixedDimensions(row, int(sizes[row] - _HEAD) // size, width)
    if mask is None:
        return DenseColumn(rows)
    values = np.zeros((len(mask), width), element.dtype)
    values[mask] = rows
    return DenseColumn(values, mask)


def _decode_sparse(raws: Raw, mask: Mask | None) -> SparseColumn:
    counts = [0 if raw is None else (len(raw) - 12) // 8 for raw in raws]
    indptr = np.zeros(len(raws) + 1, np.int64)
    np.cumsum(counts, out=indptr[1:])
    indices = b"".join([raw[12 : 12 + 4 * n] for raw, n in zip(raws, counts, strict=True) if raw is not None])
    values = b"".join([raw[12 + 4 * n :] for raw, n in zip(raws, counts, strict=True) if raw is not None])
    return SparseColumn(
        indptr,
        np.frombuffer(indices, ">i4").astype(np.int64),
        np.frombuffer(values, ">f4").astype(np.float32),
        mask,
    )


def encode(column: Column, field: VectorField, count: int) -> list[bytes | None]:
    """Each record's bytes; None for a record without this vector."""
    match column:
        case SparseColumn():
            rows: Sequence[bytes] = [encode_one(column.row(row), field) for row in range(count)]
        case _:
            rows = _encode_dense(column.values, field)
    if column.present is None:
        return list(rows)
    return [row if there else None for row, there in zip(rows, column.present.tolist(), strict=True)]


def _encode_dense(values: Array, field: VectorField) -> list[bytes]:
    count, width = values.shape
    if field.element is Element.BINARY:
        head, wire_type = struct.pack(">i", field.dim or width * 8), np.dtype(np.uint8)
    else:
        head, wire_type = struct.pack(">hh", width, 0), np.dtype(field.element.dtype).newbyteorder(">")
    step = len(head) + wire_type.itemsize * width
    wire = np.empty((count, step), np.uint8)
    wire[:, : len(head)] = np.frombuffer(head, np.uint8)
    # The one pass over the numbers: native to big-endian, straight into its place between the heads.
    wire[:, len(head) :].view(wire_type)[:] = values
    data = wire.tobytes()
    return [data[start : start + step] for start in range(0, count * step, step)]


def encode_one(vector: Array | SparseVector, field: VectorField) -> bytes:
    """One vector, as a query sends it."""
    if not isinstance(vector, SparseVector):
        return _encode_dense(np.asarray(vector)[None, :], field)[0]
    kept = vector.values != 0
    indices, values = vector.indices[kept], vector.values[kept]
    head = _SPARSE_HEAD.pack(field.dim or MAX_SPARSE_DIM, len(indices), 0)
    return b"".join((head, indices.astype(">i4").tobytes(), values.astype(">f4").tobytes()))


def fit(column: Column, field: VectorField) -> Column:
    """The column in the element type of the field where that changes no number; as it is otherwise."""
    wanted = field.element.dtype
    if (
        not isinstance(column, DenseColumn)
        or Element.BINARY is field.element
        or column.values.dtype == wanted
        or column.values.dtype == np.uint8
    ):
        return column
    with np.errstate(over="ignore"):
        cast = column.values.astype(wanted)
    same = np.array_equal(cast.astype(column.values.dtype), column.values)
    return DenseColumn(cast, column.present) if same else column
