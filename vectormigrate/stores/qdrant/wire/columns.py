"""Vectors of points, one after the other, into the columns of a batch; as bytes, so that no number is boxed.

Qdrant speaks of every dense vector in 32-bit floats, whatever it stores; a column has the element type of its field,
into which those floats go exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from vectormigrate.model.batch import (
    Column,
    DenseColumn,
    Mask,
    MultiColumn,
    sparse_column,
)
from vectormigrate.model.collection import VectorField, VectorKind
from vectormigrate.model.record import Array, SparseVector


class ColumnBuilder:
    """Takes the vectors of one field, row by row, and gives the column of them all."""

    def __init__(self, field: VectorField) -> None:
        self._field = field
        self._rows: list[int] = []
        self._dense: list[bytes | memoryview] = []
        self._tokens: list[int] = []
        self._sparse: list[SparseVector] = []

    @property
    def field(self) -> VectorField:
        return self._field

    def dense(self, row: int, floats: bytes | memoryview) -> None:
        """A dense vector as little-endian 32-bit floats. Raises ValueError for a wrong kind or dimension."""
        self._expect(VectorKind.DENSE)
        self._check_size(len(floats), 1)
        self._rows.append(row)
        self._dense.append(floats)

    def multi(self, row: int, floats: bytes | memoryview, tokens: int) -> None:
        """A multi-vector, its `tokens` vectors one behind the other."""
        self._expect(VectorKind.MULTI)
        self._check_size(len(floats), tokens)
        self._rows.append(row)
        self._dense.append(floats)
        self._tokens.append(tokens)

    def sparse(self, row: int, vector: SparseVector) -> None:
        """A sparse vector, its indices in any order. Raises ValueError for an index given twice."""
        self._expect(VectorKind.SPARSE)
        self._rows.append(row)
        self._sparse.append(ascending(vector))

    def _expect(self, kind: VectorKind) -> None:
        if self._field.kind is not kind:
            raise ValueError(f"vector {self._field.name!r} is {self._field.kind}, and a {kind} one was given")

    def _check_size(self, size: int, tokens: int) -> None:
        width = self._field.dim or 0
        if size != 4 * width * tokens:
            given = size // 4 // max(tokens, 1)
            raise ValueError(f"Vector dimension error: expected dim: {width}, got {given}")

    def column(self, count: int) -> Column:
        """The column of `count` rows; rows that were not given have no vector."""
        present: Mask | None = None
        if len(self._rows) != count:
            present = np.zeros(count, np.bool_)
            present[self._rows] = True
        match self._field.kind:
            case VectorKind.DENSE:
                return self._dense_column(count, present)
            case VectorKind.MULTI:
                return self._multi_column(count, present)
            case VectorKind.SPARSE:
                held = dict(zip(self._rows, self._sparse, strict=True))
                return sparse_column([held.get(row) for row in range(count)])

    def _floats(self) -> Array:
        width = self._field.dim or 0
        values = np.frombuffer(b"".join(self._dense), "<f4").reshape(-1, width)
        return values.astype(self._field.element.dtype, copy=False)

    def _dense_column(self, count: int, present: Mask | None) -> DenseColumn:
        values = self._floats()
        if present is None:
            return DenseColumn(values)
        full = np.zeros((count, values.shape[1]), values.dtype)
        full[self._rows] = values
        return DenseColumn(full, present)

    def _multi_column(self, count: int, present: Mask | None) -> MultiColumn:
        lengths = np.zeros(count, np.int64)
        lengths[self._rows] = self._tokens
        return MultiColumn(np.concatenate([[0], np.cumsum(lengths)]), self._floats(), present)


def ascending(vector: SparseVector) -> SparseVector:
    """The same sparse vector, its indices in order. Raises ValueError for an index given twice."""
    indices = vector.indices
    if len(indices) < 2 or bool((indices[1:] > indices[:-1]).all()):
        return vector
    order = np.argsort(indices, kind="stable")
    indices = indices[order]
    if bool((indices[1:] == indices[:-1]).any()):
        raise ValueError("indices of a sparse vector must be unique")
    return SparseVector(indices, vector.values[order])


def build_columns(builders: Iterable[ColumnBuilder], count: int) -> dict[str, Column]:
    """The columns of a batch of `count` records."""
    return {builder.field.name: builder.column(count) for builder in builders}


def builders_of(fields: Sequence[VectorField]) -> dict[str, ColumnBuilder]:
    """A builder for each vector field, by name."""
    return {field.name: ColumnBuilder(field) for field in fields}


def floats_of(values: Array) -> Array:
    """Rows as Qdrant is told them: contiguous little-endian 32-bit floats."""
    return np.ascontiguousarray(values, "<f4")
