"""Records as REST writes them, JSON objects, to and from the columns of gRPC.

Whole numbers may come as texts, because JavaScript loses the long ones; sparse vectors as `{"indices", "values"}` or as
an object from index to weight; vectors of bytes as base64.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vectormigrate.model.batch import DenseColumn, SparseColumn, dense_column, sparse_column
from vectormigrate.model.record import Array, SparseVector
from vectormigrate.stores import decimals
from vectormigrate.stores.milvus.pb import common_pb2, schema_pb2

from .fields import write_column, write_ids, write_vectors
from .native import LIKE
from .results import read_keys, read_values, read_vector
from .schema import DYNAMIC, Column, DataType, Layout
from .tokens import ExpressionInvalid

_INTS = frozenset({DataType.Int8, DataType.Int16, DataType.Int32, DataType.Int64})
_DTYPES: dict[int, str] = {
    DataType.FloatVector: "<f4",
    DataType.Float16Vector: "<f2",
    DataType.BFloat16Vector: "<f4",
    DataType.BinaryVector: "u1",
    DataType.Int8Vector: "i1",
}


def write_rows(rows: Sequence[Mapping[str, Any]], layout: Layout) -> list[Any]:
    """Objects as FieldData, only of fields that some of them have. Raises ExpressionInvalid."""
    declared = {column.name: column for column in (layout.key, *layout.fields, *layout.vectors)}
    found = []
    for name, column in declared.items():
        if not any(name in row for row in rows):
            continue
        values = [row.get(name) for row in rows]
        try:
            found.append(_written(column, values, layout))
        except (TypeError, ValueError) as error:
            raise ExpressionInvalid(f"field {name} cannot be read: {error}") from None
    extra = [{name: value for name, value in row.items() if name not in declared} for row in rows]
    if layout.dynamic:
        meta = schema_pb2.FieldData(type=DataType.JSON, field_name=DYNAMIC, is_dynamic=True)
        meta.scalars.json_data.data.extend(map(decimals.dumps, extra))
        found.append(meta)
    elif any(extra):
        name = next(iter(next(filter(None, extra))))
        raise ExpressionInvalid(f"has pass more field without dynamic schema, please check it: {name}")
    return found


def _written(column: Column, values: Sequence[Any], layout: Layout) -> Any:
    if column in layout.vectors:
        if column.type == DataType.SparseFloatVector:
            return write_vectors(column, sparse_column([_sparse(value) for value in values]), len(values))
        rows = [None if value is None else _dense(column, value) for value in values]
        width = column.dim // 8 if column.type == DataType.BinaryVector else column.dim
        return write_vectors(column, dense_column(rows, width=width, dtype=_DTYPES[column.type]), len(values))
    if column == layout.key and None in values:
        raise ValueError("every row wants a key")
    if column.type in _INTS:
        values = [int(value) if isinstance(value, str) else value for value in values]
    return write_column(column, values)


def _dense(column: Column, value: Any) -> Array:
    dtype = _DTYPES[column.type]
    vector = (
        np.frombuffer(base64.b64decode(value), dtype) if isinstance(value, str) else np.asarray(value, dtype)
    )
    width = column.dim // 8 if column.type == DataType.BinaryVector else column.dim
    if vector.shape != (width,):
        raise ValueError(f"vector dimension mismatch, expected vector dim = {column.dim}, got {vector.size}")
    return vector


def _sparse(value: Any) -> SparseVector | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise TypeError("a sparse vector is an object")
    if value.keys() == {"indices", "values"}:
        pairs = sorted(zip(value["indices"], value["values"], strict=True))
    else:
        pairs = sorted((int(index), weight) for index, weight in value.items())
    indices = np.array([index for index, _ in pairs], np.int64)
    return SparseVector(indices, np.array([weight for _, weight in pairs], np.float32))


def write_targets(data: Sequence[Any], column: Column) -> bytes:
    """Query vectors as a serialized PlaceholderGroup. Raises ExpressionInvalid."""
    try:
        if column.type == DataType.SparseFloatVector:
            values = [_pairs(_sparse(value)) for value in data]
        elif column.type == DataType.BFloat16Vector:
            values = [(_dense(column, one).view("<u4") >> 16).astype("<u2").tobytes() for one in data]
        else:
            values = [_dense(column, value).tobytes() for value in data]
    except (TypeError, ValueError) as error:
        raise ExpressionInvalid(str(error)) from None
    group = common_pb2.PlaceholderGroup()
    group.placeholders.add(tag="$0", type=column.type, values=values)
    return bytes(group.SerializeToString())


def _pairs(vector: SparseVector | None) -> bytes:
    if vector is None:
        raise ValueError("a query vector cannot be null")
    pairs = np.empty(len(vector.indices), dtype=[("index", "<u4"), ("value", "<f4")])
    pairs["index"], pairs["value"] = vector.indices, vector.values
    return pairs.tobytes()


def write_key_list(values: Sequence[Any], layout: Layout) -> Any:
    """Keys as an IDs message, numbers perhaps as texts. Raises ExpressionInvalid."""
    try:
        whole = layout.key.type == DataType.Int64
        return write_ids([int(value) if whole else value for value in values], layout)
    except (TypeError, ValueError) as error:
        raise ExpressionInvalid(f"a key cannot be read: {error}") from None


def read_rows(messages: Sequence[Any], rows: int, layout: Layout) -> list[dict[str, Any]]:
    """FieldData of an answer as objects, undeclared keys beside the declared."""
    found: list[dict[str, Any]] = [{} for _ in range(rows)]
    columns = {column.name: column for column in (layout.key, *layout.fields, *layout.vectors)}
    for message in messages:
        if message.is_dynamic:
            for row, text in zip(found, message.scalars.json_data.data, strict=True):
                row.update(decimals.loads(text))
            continue
        column = columns[message.field_name]
        for row, value in zip(found, _values(message, column, rows, layout), strict=True):
            row[column.name] = value
    return found


def _values(message: Any, column: Column, rows: int, layout: Layout) -> list[Any]:
    if column == layout.key:
        return list(read_keys(message.scalars))
    if column not in layout.vectors:
        return read_values(message, column, rows, LIKE)
    held = read_vector(message, column, rows)
    if isinstance(held, SparseColumn):
        vectors = [held.row(row) for row in range(rows)]
        return [
            {
                str(index): weight
                for index, weight in zip(one.indices.tolist(), one.values.tolist(), strict=True)
            }
            for one in vectors
        ]
    assert isinstance(held, DenseColumn)
    if column.type == DataType.BinaryVector:
        return [base64.b64encode(row.tobytes()).decode() for row in held.values]
    return [row.tolist() if held.has(place) else None for place, row in enumerate(held.values)]
