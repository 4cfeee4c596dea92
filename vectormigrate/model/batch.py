"""Many records as columns: the unit of movement.

A dense column is one `(n, dim)` array in the element type that the store holds; no number is ever boxed into
a Python float on the way. Ids and payloads are lists of the same length. All columns of a batch have its
length; a record that lacks a vector has False in `present`, and its row in `values` is zeros and means nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .collection import VectorField, VectorKind
from .errors import RecordRefused
from .payload_columns import take_payloads
from .record import Array, Payload, Record, RecordId, SparseVector, id_text

Mask: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class DenseColumn:
    """Dense vectors: `values` (n, dim) float32, float16 or int8; or (n, dim / 8) uint8 when the field's element is
    binary, most significant bit first (numpy's `packbits`). `present` is None when every record has one.
    """

    values: Array
    present: Mask | None = None

    def take(self, rows: Array) -> DenseColumn:
        """The rows that an index or mask array picks."""
        return DenseColumn(self.values[rows], None if self.present is None else self.present[rows])

    def slice(self, start: int, stop: int) -> DenseColumn:
        """Rows start to stop, as a view."""
        return DenseColumn(
            self.values[start:stop], None if self.present is None else self.present[start:stop]
        )

    def has(self, row: int) -> bool:
        return self.present is None or bool(self.present[row])

    @property
    def nbytes(self) -> int:
        return int(self.values.nbytes)


@dataclass(frozen=True, slots=True, eq=False)
class SparseColumn:
    """Sparse vectors as CSR: row i is `indices[indptr[i]:indptr[i + 1]]` (int64, ascending, 0-based) with the
    float32 `values` beside them; `indptr` is int64 of length n + 1. A present but empty vector is legal.
    """

    indptr: Array
    indices: Array
    values: Array
    present: Mask | None = None

    def take(self, rows: Array) -> SparseColumn:
        wanted = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        spans = [slice(int(self.indptr[row]), int(self.indptr[row + 1])) for row in wanted]
        indptr = np.zeros(len(spans) + 1, dtype=np.int64)
        np.cumsum([span.stop - span.start for span in spans], out=indptr[1:])
        empty = np.empty(0, dtype=np.int64)
        return SparseColumn(
            indptr,
            np.concatenate([empty, *(self.indices[span] for span in spans)]),
            np.concatenate([empty.astype(np.float32), *(self.values[span] for span in spans)]),
            None if self.present is None else self.present[wanted],
        )

    def slice(self, start: int, stop: int) -> SparseColumn:
        low, high = int(self.indptr[start]), int(self.indptr[stop])
        return SparseColumn(
            self.indptr[start : stop + 1] - low,
            self.indices[low:high],
            self.values[low:high],
            None if self.present is None else self.present[start:stop],
        )

    def has(self, row: int) -> bool:
        return self.present is None or bool(self.present[row])

    def row(self, row: int) -> SparseVector:
        span = slice(int(self.indptr[row]), int(self.indptr[row + 1]))
        return SparseVector(self.indices[span], self.values[span])

    @property
    def nbytes(self) -> int:
        return int(self.indices.nbytes + self.values.nbytes)


@dataclass(frozen=True, slots=True, eq=False)
class MultiColumn:
    """Multi-vectors: record i is `values[offsets[i]:offsets[i + 1]]` of the (total, dim) array; `offsets` is int64."""

    offsets: Array
    values: Array
    present: Mask | None = None

    def take(self, rows: Array) -> MultiColumn:
        wanted = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        parts = [self.values[int(self.offsets[row]) : int(self.offsets[row + 1])] for row in wanted]
        offsets = np.zeros(len(parts) + 1, dtype=np.int64)
        np.cumsum([len(part) for part in parts], out=offsets[1:])
        return MultiColumn(
            offsets,
            np.concatenate([self.values[:0], *parts]),
            None if self.present is None else self.present[wanted],
        )

    def slice(self, start: int, stop: int) -> MultiColumn:
        low, high = int(self.offsets[start]), int(self.offsets[stop])
        return MultiColumn(
            self.offsets[start : stop + 1] - low,
            self.values[low:high],
            None if self.present is None else self.present[start:stop],
        )

    def has(self, row: int) -> bool:
        return self.present is None or bool(self.present[row])

    def row(self, row: int) -> Array:
        return self.values[int(self.offsets[row]) : int(self.offsets[row + 1])]

    @property
    def nbytes(self) -> int:
        return int(self.values.nbytes)


Column: TypeAlias = DenseColumn | SparseColumn | MultiColumn


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Records as columns. `payload` is one dict a record, perhaps as `PayloadColumns`, and never changed in place;
    `partition` is None when the collection has none.

    An ids-only batch (`scan(..., content=Content.IDS)`) has no columns and `payload` of empty dicts.
    """

    ids: list[RecordId]
    vectors: Mapping[str, Column] = field(default_factory=dict)
    payload: Sequence[Payload] = field(default_factory=list)
    partition: list[str | None] | None = None
    faults: Mapping[int, str] = field(default_factory=dict)
    """Rows that hold something which is not what it should be, with what it is: to be refused, and written nowhere."""

    def __len__(self) -> int:
        return len(self.ids)

    def slice(self, start: int, stop: int) -> Batch:
        """Records start to stop; arrays are views."""
        stop = min(stop, len(self.ids))
        return Batch(
            self.ids[start:stop],
            {name: column.slice(start, stop) for name, column in self.vectors.items()},
            self.payload[start:stop],
            None if self.partition is None else self.partition[start:stop],
            {row - start: fault for row, fault in self.faults.items() if start <= row < stop},
        )

    def take(self, rows: Sequence[int]) -> Batch:
        """The records at these positions, in this order; arrays are copies."""
        index = np.asarray(rows, dtype=np.int64)
        return Batch(
            [self.ids[row] for row in rows],
            {name: column.take(index) for name, column in self.vectors.items()},
            take_payloads(self.payload, rows) if self.payload else [],
            None if self.partition is None else [self.partition[row] for row in rows],
            {place: self.faults[row] for place, row in enumerate(rows) if row in self.faults}
            if self.faults
            else {},
        )

    def with_ids(self, ids: list[RecordId]) -> Batch:
        """The same records under other ids, in the same order."""
        if len(ids) != len(self.ids):
            raise ValueError(f"{len(ids)} ids for {len(self.ids)} records")
        return replace(self, ids=ids)

    @property
    def nbytes(self) -> int:
        """Bytes of the vector columns plus 200 a record for the rest: what batching by bytes goes by."""
        return sum(column.nbytes for column in self.vectors.values()) + 200 * len(self.ids)

    def record(self, row: int) -> Record:
        """One record, its arrays as views. Raises RecordRefused for one with a fault: it would not be whole."""
        if row in self.faults:
            raise RecordRefused(self.faults[row], ids=(id_text(self.ids[row])[:200],))
        dense: dict[str, Array] = {}
        sparse: dict[str, SparseVector] = {}
        multi: dict[str, Array] = {}
        for name, column in self.vectors.items():
            if not column.has(row):
                continue
            match column:
                case DenseColumn():
                    dense[name] = column.values[row]
                case SparseColumn():
                    sparse[name] = column.row(row)
                case MultiColumn():
                    multi[name] = column.row(row)
        return Record(
            self.ids[row],
            dense,
            sparse,
            multi,
            self.payload[row] if self.payload else {},
            None if self.partition is None else self.partition[row],
        )

    def records(self) -> Iterator[Record]:
        """Each record in turn: for tests, reports and small batches, not for the hot path."""
        return (self.record(row) for row in range(len(self.ids)))


def dense_column(
    rows: Sequence[Array | None], *, width: int, dtype: npt.DTypeLike = np.float32
) -> DenseColumn:
    """Build a dense column out of one array a record, None where the record has none. `width` is values a row."""
    values = np.zeros((len(rows), width), dtype=dtype)
    present = np.ones(len(rows), dtype=np.bool_)
    for row, vector in enumerate(rows):
        if vector is None:
            present[row] = False
        else:
            values[row] = vector
    return DenseColumn(values, None if present.all() else present)


def sparse_column(rows: Sequence[SparseVector | None]) -> SparseColumn:
    """Build a sparse column out of one sparse vector a record, None where the record has none."""
    indptr = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum([0 if row is None else len(row.indices) for row in rows], out=indptr[1:])
    held = [row for row in rows if row is not None]
    present = np.array([row is not None for row in rows], dtype=np.bool_)
    return SparseColumn(
        indptr,
        np.concatenate([np.empty(0, np.int64), *(np.asarray(row.indices, np.int64) for row in held)]),
        np.concatenate([np.empty(0, np.float32), *(np.asarray(row.values, np.float32) for row in held)]),
        None if present.all() else present,
    )


def multi_column(
    rows: Sequence[Array | None], *, width: int, dtype: npt.DTypeLike = np.float32
) -> MultiColumn:
    """Build a multi-vector column out of one (tokens, width) array a record, None where the record has none."""
    offsets = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum([0 if row is None else len(row) for row in rows], out=offsets[1:])
    present = np.array([row is not None for row in rows], dtype=np.bool_)
    held = [np.asarray(row, dtype) for row in rows if row is not None]
    return MultiColumn(
        offsets, np.concatenate([np.empty((0, width), dtype), *held]), None if present.all() else present
    )


def batch_of_records(
    records: Sequence[Record], fields: Sequence[VectorField], *, partitioned: bool = False
) -> Batch:
    """Records as columns, one for each vector field; a record without that vector has none in it."""
    return Batch(
        [record.id for record in records],
        {field.name: _column_of(records, field) for field in fields},
        [record.payload for record in records],
        [record.partition for record in records] if partitioned else None,
    )


def _column_of(records: Sequence[Record], field: VectorField) -> Column:
    width = field.row_width or 0
    match field.kind:
        case VectorKind.DENSE:
            dense = [record.dense.get(field.name) for record in records]
            return dense_column(dense, width=width, dtype=field.element.dtype)
        case VectorKind.SPARSE:
            return sparse_column([record.sparse.get(field.name) for record in records])
        case VectorKind.MULTI:
            multi = [record.multi.get(field.name) for record in records]
            return multi_column(multi, width=width, dtype=field.element.dtype)
