"""Answers coming back: query results to batches, search results to ids and scores.

Dense vectors are read from the bytes of their message, which for packed numbers is the array itself. The surprise:
servers send the values of a nullable column either all, with stand-ins, or only those that are there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from vectormigrate.model import jsonvalue
from vectormigrate.model.batch import Batch, Column, DenseColumn, Mask, SparseColumn
from vectormigrate.model.collection import Metric
from vectormigrate.model.errors import StoreBroken
from vectormigrate.model.record import Array, Payload, RecordId
from vectormigrate.stores import decimals

from .schema import Column as Field
from .schema import DataType, Layout
from .server import Server


def read_count(results: Any) -> int:
    """The answer to `count(*)`."""
    return int(results.fields_data[0].scalars.long_data.data[0])


def read_ids(results: Any, layout: Layout) -> list[RecordId]:
    """The keys of query results, in the order that the server sent them."""
    for message in results.fields_data:
        if message.field_name == layout.key.name:
            return read_keys(message.scalars)
    return []


def read_batch(results: Any, layout: Layout, server: Server) -> Batch:
    """Query results as records, payload and all. A record with JSON that cannot be read has a fault."""
    messages = {message.field_name: message for message in results.fields_data}
    ids = read_ids(results, layout)
    missing = [name for name in layout.output if name not in messages and name != "$meta"]
    if ids and missing:
        raise StoreBroken(f"milvus left out field {missing[0]!r}", collection=layout.collection)
    payload: list[Payload] = [{} for _ in ids]
    faults: dict[int, str] = {}
    for field in layout.fields if ids else ():
        for row, value in enumerate(read_values(messages[field.name], field, len(ids), server, faults)):
            payload[row][field.name] = value
    _add_dynamic(results.fields_data, payload, faults)
    vectors = {
        field.name: read_vector(messages[field.name], field, len(ids)) for field in layout.vectors if ids
    }
    return Batch(ids, vectors, payload, faults=faults)


def joined(parts: Sequence[Batch]) -> Batch:
    """Batches of one layout as one."""
    held = [part for part in parts if len(part)]
    if len(held) < 2:
        return held[0] if held else Batch([], {}, [])
    vectors = {name: _joined_column([part.vectors[name] for part in held]) for name in held[0].vectors}
    partition = None
    if held[0].partition is not None:
        partition = [name for part in held for name in part.partition or ()]
    starts = np.cumsum([0, *map(len, held)]).tolist()
    faults = {
        start + row: why
        for start, part in zip(starts, held, strict=False)
        for row, why in part.faults.items()
    }
    return Batch(
        [record_id for part in held for record_id in part.ids],
        vectors,
        [payload for part in held for payload in part.payload],
        partition,
        faults,
    )


def _joined_column(columns: Sequence[Column]) -> Column:
    present = None
    if any(column.present is not None for column in columns):
        present = np.concatenate([_present(column) for column in columns])
    values = np.concatenate([column.values for column in columns])
    sparse = [column for column in columns if isinstance(column, SparseColumn)]
    if not sparse:
        return DenseColumn(values, present)
    lengths = np.concatenate([np.diff(column.indptr) for column in sparse])
    indices = np.concatenate([column.indices for column in sparse])
    return SparseColumn(np.concatenate([[0], np.cumsum(lengths)]), indices, values, present)


def _present(column: Column) -> Mask:
    if column.present is not None:
        return column.present
    rows = len(column.indptr) - 1 if isinstance(column, SparseColumn) else len(column.values)
    return np.ones(rows, dtype=np.bool_)


def read_keys(scalars: Any) -> list[RecordId]:
    """Keys, whichever of the two kinds they are of."""
    return list(scalars.string_data.data) or list(scalars.long_data.data)


def _add_dynamic(messages: Sequence[Any], payload: list[Payload], faults: dict[int, str]) -> None:
    for message in messages:
        if not message.is_dynamic:
            continue
        for row, text in enumerate(message.scalars.json_data.data):
            if text and text != b"{}":
                try:
                    payload[row].update(decimals.loads(text))
                except ValueError as error:
                    faults.setdefault(row, f"keys that nobody declared cannot be read: {error}")


def read_values(
    message: Any, field: Field, n: int, server: Server, faults: dict[int, str] | None = None
) -> list[Any]:
    """One payload column of n rows, None where there is nothing. Raises StoreBroken; for JSON that is none only where there are
    no `faults` to note it in, by row.
    """
    valid = list(message.valid_data)
    values: list[Any] = _raw_values(message, field)
    if valid and len(values) != n:
        given = iter(values)
        values = [next(given) if there else None for there in valid]
    elif valid:
        values = [value if there else None for value, there in zip(values, valid, strict=True)]
    if len(values) != n:
        raise StoreBroken(f"milvus sent {len(values)} values of {field.name!r} for {n} records")
    if field.type == DataType.JSON:
        return [_json_or_fault(text, row, field, server, faults) for row, text in enumerate(values)]
    if field.type == DataType.Timestamptz:
        return [None if value is None else datetime.fromisoformat(value) for value in values]
    return values


def _raw_values(message: Any, field: Field) -> list[Any]:
    if field.type == DataType.Array:
        return [_scalars(row) for row in message.scalars.array_data.data]
    return _scalars(message.scalars)


def _scalars(scalars: Any) -> list[Any]:
    slot = scalars.WhichOneof("data")
    return [] if slot is None else list(getattr(scalars, slot).data)


def _json_or_fault(
    text: bytes | None, row: int, field: Field, server: Server, faults: dict[int, str] | None
) -> Any:
    if text is None:
        return None
    try:
        return jsonvalue.loads(text) if server.json_as_text else decimals.loads(text)
    except ValueError as error:
        if server.lite:  # which sends a JSON text, written by another client, without its quotes
            return text.decode()
        if faults is None:
            raise StoreBroken("milvus sent a JSON field that is not JSON") from None
        faults.setdefault(row, f"field {field.name!r} cannot be read: {error}")
        return None


# Vectors.


def read_vector(message: Any, field: Field, n: int) -> Column:
    """One vector column of query results."""
    valid = np.fromiter(message.valid_data, dtype=np.bool_) if len(message.valid_data) else None
    if field.type == DataType.SparseFloatVector:
        return _sparse(message.vectors.sparse_float_vector.contents, valid)
    width = field.dim // 8 if field.type == DataType.BinaryVector else field.dim
    values = _dense(message.vectors, field.type).reshape(-1, width)
    if len(values) != n and valid is not None:
        full = np.zeros((n, width), dtype=values.dtype)
        full[valid] = values
        values = full
    if len(values) != n:
        raise StoreBroken(f"milvus sent {len(values)} vectors of {field.name!r} for {n} records")
    return DenseColumn(values, None if valid is None or valid.all() else valid)


def _dense(vectors: Any, kind: int) -> Array:
    match kind:
        case DataType.FloatVector:
            message = vectors.float_vector
            raw, count = message.SerializeToString(), len(message.data)
            return np.frombuffer(raw, "<f4", count, len(raw) - 4 * count)
        case DataType.Float16Vector:
            return np.frombuffer(vectors.float16_vector, "<f2")
        case DataType.BFloat16Vector:
            return (np.frombuffer(vectors.bfloat16_vector, "<u2").astype("<u4") << 16).view("<f4")
        case DataType.BinaryVector:
            return np.frombuffer(vectors.binary_vector, "u1")
        case _:
            return np.frombuffer(vectors.int8_vector, "i1")


def _sparse(contents: Sequence[bytes], valid: Mask | None) -> SparseColumn:
    if valid is not None and len(contents) != len(valid):
        given = iter(contents)
        contents = [next(given) if there else b"" for there in valid]
    indptr = np.zeros(len(contents) + 1, dtype=np.int64)
    np.cumsum([len(row) // 8 for row in contents], out=indptr[1:])
    pairs = np.frombuffer(b"".join(contents), dtype=[("index", "<u4"), ("value", "<f4")])
    return SparseColumn(
        indptr,
        pairs["index"].astype(np.int64),
        np.ascontiguousarray(pairs["value"]),
        None if valid is None or valid.all() else valid,
    )


# Searches.


def read_matches(data: Any, metric: Metric) -> list[tuple[RecordId, float]]:
    """Search results of one query vector: ids, and scores as `Metric` has them (L2 comes squared)."""
    ids: list[RecordId] = list(data.ids.str_id.data) or list(data.ids.int_id.data)
    scores = np.array(data.scores, dtype=np.float64)
    if metric is Metric.EUCLID:
        scores = np.sqrt(np.maximum(scores, 0.0))
    return [(record_id, float(score)) for record_id, score in zip(ids, scores, strict=True)]
