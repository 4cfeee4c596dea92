"""Records as columns of a Parquet file, and back: pure, both ways.

| column | holds |
|---|---|
| `id` | an integer as int64; a text or a UUID as text; of a mixed key either as text, its kind in `id_kind` |
| `id.NAME` | each part of a compound key |
| `vector.NAME` (`vector` without a name) | a dense vector as a list of fixed size; bits packed eight a byte |
| `sparse.NAME.indices`, `sparse.NAME.values` | a sparse vector |
| `multi.NAME` | a multi-vector: a list of lists of fixed size |
| `payload` | the payload as JSON text, as `model.jsonvalue` writes it |
| `partition` | where the collection has partitions |

A vector that a record does not have is null. Payloads are text and no columns of their own because a field may be missing,
null, or of another type in each record, and numbers must not change theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa

from vectormigrate.model import jsonvalue
from vectormigrate.model.batch import Batch, Column, DenseColumn, MultiColumn, SparseColumn
from vectormigrate.model.collection import CollectionShape, Element, IdField, IdKind, VectorField, VectorKind
from vectormigrate.model.record import Array, RecordId, ScalarId

PAYLOAD = "payload"
PARTITION = "partition"
_ID = "id"
_ID_KIND = "id_kind"


def id_columns(key: IdField) -> list[str]:
    """The names of the columns that a key is in."""
    if key.kind is IdKind.COMPOUND:
        return [f"{_ID}.{part.name}" for part in key.parts]
    return [_ID, _ID_KIND] if key.kind is IdKind.MIXED else [_ID]


def ids_table(ids: Sequence[RecordId], key: IdField) -> pa.Table:
    """Only the columns of the key."""
    if key.kind is IdKind.COMPOUND:
        parts = [part.kind for part in key.parts]
        rows: list[Any] = [list(column) for column in zip(*ids, strict=True)] if ids else [[] for _ in parts]
        return pa.table(
            [_scalars(row, kind) for row, kind in zip(rows, parts, strict=True)], names=id_columns(key)
        )
    if key.kind is IdKind.MIXED:
        kinds = ["uuid" if isinstance(one, UUID) else "int" for one in ids]
        return pa.table(
            [pa.array(list(map(str, ids)), pa.string()), pa.array(kinds, pa.string())], names=id_columns(key)
        )
    return pa.table([_scalars(ids, key.kind)], names=id_columns(key))


def ids_of(table: pa.Table, key: IdField) -> list[RecordId]:
    """The ids of a table that has the columns of the key."""
    columns = [table.column(name).to_pylist() for name in id_columns(key)]
    if key.kind is IdKind.COMPOUND:
        parts = [_unscalars(column, part.kind) for column, part in zip(columns, key.parts, strict=True)]
        return list(zip(*parts, strict=True))
    if key.kind is IdKind.MIXED:
        return [int(text) if kind == "int" else UUID(text) for text, kind in zip(*columns, strict=True)]
    return list(_unscalars(columns[0], key.kind))


def _scalars(values: Sequence[Any], kind: IdKind) -> pa.Array:
    if kind is IdKind.INT:
        return pa.array(values, pa.int64())
    return pa.array(list(map(str, values)) if kind is IdKind.UUID else values, pa.string())


def _unscalars(values: list[Any], kind: IdKind) -> Iterable[ScalarId]:
    return map(UUID, values) if kind is IdKind.UUID else values


def to_table(batch: Batch, shape: CollectionShape) -> pa.Table:
    """A batch that the shape admits, every column of the shape in it."""
    table = ids_table(batch.ids, shape.id)
    for field in shape.vectors:
        for name, column in _vector_columns(field, batch.vectors.get(field.name), len(batch)):
            table = table.append_column(name, column)
    texts = [jsonvalue.dumps(payload).decode() for payload in batch.payload] if batch.payload else None
    table = table.append_column(PAYLOAD, pa.array(texts or ["{}"] * len(batch), pa.string()))
    if shape.partitions:
        held = batch.partition if batch.partition is not None else [None] * len(batch)
        table = table.append_column(PARTITION, pa.array(held, pa.string()))
    return table


def to_batch(table: pa.Table, shape: CollectionShape) -> Batch:
    """The records of a table; arrays are read-only and may be shared with it."""
    table = table.combine_chunks()
    return Batch(
        ids_of(table, shape.id),
        {field.name: _column(table, field) for field in shape.vectors},
        [jsonvalue.loads(text) for text in table.column(PAYLOAD).to_pylist()],
        table.column(PARTITION).to_pylist() if shape.partitions else None,
    )


def vector_leaves(shape: CollectionShape) -> list[str]:
    """The paths, as Parquet has them, of what compresses better with its bytes split into streams: floats of vectors."""
    below = {VectorKind.DENSE: ".list.element", VectorKind.MULTI: ".list.element.list.element"}
    return [
        _name(field) + below[field.kind]
        for field in shape.vectors
        if field.kind in below and field.element in (Element.FLOAT32, Element.FLOAT16)
    ]


def _name(field: VectorField) -> str:
    prefix = "vector" if field.kind is VectorKind.DENSE else field.kind.value
    return f"{prefix}.{field.name}" if field.name else prefix


def _vector_columns(field: VectorField, column: Column | None, count: int) -> list[tuple[str, pa.Array]]:
    name = _name(field)
    absent = None if column is None or column.present is None else pa.array(~column.present)
    match column:
        case DenseColumn(values):
            return [(name, _fixed(values, absent))]
        case SparseColumn(indptr, indices, values):
            return [
                (f"{name}.indices", _lists(indptr, pa.array(indices, pa.int64()), absent)),
                (f"{name}.values", _lists(indptr, pa.array(values, pa.float32()), absent)),
            ]
        case MultiColumn(offsets, values):
            return [(name, _lists(offsets, _fixed(values, None), absent))]
        case None:
            return [(path, pa.nulls(count, type_)) for path, type_ in _types(field)]


def _types(field: VectorField) -> list[tuple[str, pa.DataType]]:
    """The columns of a vector and what they hold."""
    name = _name(field)
    if field.kind is VectorKind.SPARSE:
        return [(f"{name}.indices", pa.list_(pa.int64())), (f"{name}.values", pa.list_(pa.float32()))]
    row = pa.list_(pa.from_numpy_dtype(np.dtype(field.element.dtype)), field.row_width or 0)
    return [(name, row if field.kind is VectorKind.DENSE else pa.list_(row))]


def _fixed(values: Array, absent: pa.Array | None) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1], mask=absent)


def _lists(edges: Array, values: pa.Array, absent: pa.Array | None) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(edges, pa.int32()), values, mask=absent)


def _column(table: pa.Table, field: VectorField) -> Column:
    name = _name(field)
    match field.kind:
        case VectorKind.DENSE:
            array = _only(table, name)
            present = _present(array)
            values = _rows(array, field)
            if present is not None:  # what stands in their place is no number of anybody's
                values = np.where(present[:, None], values, np.zeros((), values.dtype))
            return DenseColumn(values, present)
        case VectorKind.SPARSE:
            indices, weights = _only(table, f"{name}.indices"), _only(table, f"{name}.values")
            return SparseColumn(
                _edges(indices),
                indices.flatten().to_numpy(zero_copy_only=False),
                weights.flatten().to_numpy(zero_copy_only=False),
                _present(indices),
            )
        case VectorKind.MULTI:
            array = _only(table, name)
            return MultiColumn(_edges(array), _rows(array.flatten(), field), _present(array))


def _only(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    return (
        column.chunk(0)
        if column.num_chunks == 1
        else pa.concat_arrays(column.chunks or [pa.nulls(0, column.type)])
    )


def _present(array: pa.Array) -> Array | None:
    return None if array.null_count == 0 else array.is_valid().to_numpy(zero_copy_only=False)


def _edges(array: pa.Array) -> Array:
    """Where each list begins and ends among the values of all, a null as an empty one."""
    lengths = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


def _rows(array: pa.Array, field: VectorField) -> Array:
    """The lists of fixed size as a (lists, width) array that is read-only; what stands in a null's place is anything.

    Out of the buffer itself: Arrow's own way makes doubles of small integers as soon as one is null.
    """
    width = field.row_width or 0
    if not len(array):
        return np.empty((0, width), field.element.dtype)
    values = array.values
    first = values.offset + array.offset * width
    flat = np.frombuffer(values.buffers()[1], field.element.dtype)
    flat.flags.writeable = False
    return flat[first : first + len(array) * width].reshape(len(array), width)
