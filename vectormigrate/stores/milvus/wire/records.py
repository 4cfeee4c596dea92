"""Records going in: what Milvus alone refuses is found here, row by row, and the rest becomes an Upsert request.

`stores.admission` has passed the records before: ids, dimensions, types of declared fields are right.

A request is bytes. Its small parts are messages, serialized; a dense column is appended to them from its array
with nothing but a tag and a length before it, which is what protobuf's packed numbers are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from vectormigrate.model import jsonvalue
from vectormigrate.model.batch import Batch, DenseColumn, SparseColumn
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.record import Array, RecordId
from vectormigrate.stores import decimals
from vectormigrate.stores.milvus.pb import milvus_pb2, schema_pb2

from .schema import Column, DataType, Layout
from .server import Server

_INT_BITS = {DataType.Int8: 8, DataType.Int16: 16, DataType.Int32: 32, DataType.Int64: 64}
SLOTS: dict[int, str] = {
    DataType.Bool: "bool_data",
    DataType.Int8: "int_data",
    DataType.Int16: "int_data",
    DataType.Int32: "int_data",
    DataType.Int64: "long_data",
    DataType.Float: "float_data",
    DataType.Double: "double_data",
    DataType.String: "string_data",
    DataType.VarChar: "string_data",
    DataType.Text: "string_data",
    DataType.Timestamptz: "string_data",
    DataType.Geometry: "geometry_wkt_data",
    DataType.JSON: "json_data",
}
_DTYPES: dict[int, str] = {
    DataType.FloatVector: "<f4",
    DataType.Float16Vector: "<f2",
    DataType.BinaryVector: "u1",
    DataType.Int8Vector: "i1",
}
_VECTOR_SLOTS: dict[int, str] = {
    DataType.FloatVector: "float_vector",
    DataType.Float16Vector: "float16_vector",
    DataType.BinaryVector: "binary_vector",
    DataType.Int8Vector: "int8_vector",
}
_INTERNAL_TO_LITE = frozenset({"_seq", "_partition"})
_NEVER_RETURNED = 2**63 - 1


@dataclass(slots=True)
class Encoded:
    """A batch, encoded: its values by column, and what is wrong with the rows that cannot go."""

    batch: Batch
    columns: dict[str, list[Any]]
    meta: list[bytes]
    faults: dict[int, str] = field(default_factory=dict)


class _Bad(ValueError):
    """A value that the column cannot hold."""


def never_returned(ids: Sequence[RecordId], server: Server) -> dict[int, str]:
    """The rows of records that this server would take and never show again, with why."""
    if server.lite or _NEVER_RETURNED not in ids:
        return {}
    fault = f"milvus counts a record of id {_NEVER_RETURNED} and never returns it"
    return {row: fault for row, one in enumerate(ids) if one == _NEVER_RETURNED}


def encode(batch: Batch, layout: Layout, server: Server) -> Encoded:
    """Encode the payload of a batch and find its bad rows. Raises Unsupported for what concerns all records."""
    encoded = Encoded(batch, {column.name: [] for column in layout.fields}, [])
    for column in layout.vectors:
        given = batch.vectors[column.name]
        if not isinstance(given, SparseColumn) and column.type not in _DTYPES:
            raise Unsupported(
                f"vector {column.name!r} is of a type that is only read", collection=layout.collection
            )
    encoded.faults.update(never_returned(batch.ids, server))
    rows = _Rows(layout, server)
    for row in range(len(batch)):
        fault = rows.append(encoded, batch.payload[row] if batch.payload else {})
        if fault:
            encoded.faults.setdefault(row, fault)
    return encoded


# Payload.


class _Rows:
    """Turns payloads into columns."""

    def __init__(self, layout: Layout, server: Server) -> None:
        self._fields = [(column, _encoder(column, server)) for column in layout.fields]
        self._names = {column.name for column in layout.fields}
        self._taken = {layout.key.name, "$meta", *(column.name for column in layout.vectors)}
        if server.lite:
            self._taken |= _INTERNAL_TO_LITE
        self._limit = server.capabilities().max_payload_bytes

    def append(self, encoded: Encoded, payload: Mapping[str, Any]) -> str:
        """Add a row to every column, with a stand-in for what cannot be held; says what that is, or ""."""
        fault = ""
        for column, encoder in self._fields:
            value = None
            try:
                value = _nullable(column, encoder, payload.get(column.name))
            except _Bad as bad:
                fault = fault or str(bad)
            encoded.columns[column.name].append(value)
        extra = {key: value for key, value in payload.items() if key not in self._names}
        text = b"{}"
        try:
            text = self._meta(extra)
        except _Bad as bad:
            fault = fault or str(bad)
        encoded.meta.append(text)
        return fault

    def _meta(self, extra: Mapping[str, Any]) -> bytes:
        if not extra:
            return b"{}"
        if clash := self._taken & extra.keys():
            raise _Bad(f"{min(clash)!r} cannot be the name of a payload key in this collection")
        return _json(dict(extra), self._limit, verbatim=False)


def _nullable(column: Column, encoder: Callable[[Any], Any], value: Any) -> Any:
    if value is not None:
        try:
            return encoder(value)
        except _Bad as bad:
            raise _Bad(f"field {column.name!r}: {bad}") from None
    if column.has_default:
        raise _Bad(f"field {column.name!r} has a default value here and would not stay null")
    return None


def _encoder(column: Column, server: Server) -> Callable[[Any], Any]:  # noqa: PLR0911 one arm a type
    match column.type:
        case DataType.Array:
            return _array_encoder(column, server)
        case DataType.Bool:
            return _boolean
        case DataType.Float:
            return _single
        case DataType.Double:
            return _double
        case DataType.JSON:
            return lambda value: _json_value(value, server)
        case DataType.Timestamptz:
            return _timestamp
        case kind if kind in _INT_BITS:
            return lambda value: _integer(value, _INT_BITS[kind])
        case _:
            return lambda value: _text(value, column.max_length)


def _array_encoder(column: Column, server: Server) -> Callable[[Any], Any]:
    each = _encoder(Column(column.name, column.element, max_length=column.max_length), server)

    def encoder(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise _Bad(f"{type(value).__name__} is no list")
        if column.max_capacity is not None and len(value) > column.max_capacity:
            raise _Bad(f"{len(value)} elements, and it holds {column.max_capacity}")
        if any(item is None for item in value):
            raise _Bad("an array cannot hold null")
        return [each(item) for item in value]

    return encoder


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Bad(f"{type(value).__name__} is no boolean")
    return value


def _integer(value: Any, bits: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Bad(f"{type(value).__name__} is no integer")
    if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        raise _Bad(f"{value} does not fit {bits} bits")
    return value


def _double(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Bad(f"{type(value).__name__} is no number")
    if not math.isfinite(value) or float(value) != value:
        raise _Bad(f"{value} cannot be held")
    return float(value)


def _single(value: Any) -> float:
    number = _double(value)
    with np.errstate(over="ignore"):
        if float(np.float32(number)) != number:
            raise _Bad(f"{value} needs more than the 32 bits of this FLOAT field")
    return number


def _text(value: Any, limit: int | None) -> str:
    if not isinstance(value, str):
        raise _Bad(f"{type(value).__name__} is no text")
    size = len(value) if value.isascii() else len(value.encode(errors="surrogatepass"))
    if limit is not None and size > limit:
        raise _Bad(f"the text is {size} bytes and the field holds {limit}")
    return value


def _timestamp(value: Any) -> str:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise _Bad("a date and time with its zone is needed")
    return value.isoformat()


def _json_value(value: Any, server: Server) -> bytes:
    text = _json(value, server.capabilities().max_payload_bytes, verbatim=server.json_as_text)
    return jsonvalue.dumps(text.decode()) if server.json_as_text else text


def _json(value: Any, limit: int | None, *, verbatim: bool) -> bytes:
    try:
        text = jsonvalue.dumps(value) if verbatim else decimals.dumps(value)
    except ValueError as error:
        raise _Bad(str(error)) from None
    if limit is not None and len(text) > limit:
        raise _Bad(f"{len(text)} bytes of JSON, and milvus holds {limit}")
    return text


# The request.


def upsert_request(encoded: Encoded, rows: Sequence[int], partition: str, layout: Layout) -> bytes:
    """These rows as a serialized UpsertRequest, which an InsertRequest is as well."""
    whole = len(rows) == len(encoded.batch)
    batch = encoded.batch if whole else encoded.batch.take(rows)
    head = milvus_pb2.UpsertRequest(
        collection_name=layout.collection, partition_name=partition, num_rows=len(rows)
    )
    _scalars(head.fields_data.add(), layout.key, batch.ids)
    for column in layout.fields:
        values = encoded.columns[column.name]
        _scalars(head.fields_data.add(), column, values if whole else [values[row] for row in rows])
    if layout.dynamic:
        meta = head.fields_data.add(type=DataType.JSON, field_name="$meta", is_dynamic=True)
        meta.scalars.json_data.data.extend(encoded.meta if whole else [encoded.meta[row] for row in rows])
    parts = []
    for column in layout.vectors:
        given = batch.vectors[column.name]
        if isinstance(given, SparseColumn):
            write_sparse(head.fields_data.add(), column, given)
        elif isinstance(given, DenseColumn):
            parts += _dense(column, given.values)
    return b"".join([head.SerializeToString(), *parts])


def _scalars(message: Any, column: Column, values: Sequence[Any]) -> None:
    message.type = column.type
    message.field_name = column.name
    if column.nullable or column.has_default:
        message.valid_data.extend(value is not None for value in values)
        values = [value for value in values if value is not None]
    if column.type == DataType.Array:
        arrays = message.scalars.array_data
        arrays.element_type = column.element
        for value in values:
            slot = getattr(arrays.data.add(), SLOTS[column.element])
            slot.SetInParent()
            slot.data.extend(value)
        return
    slot = getattr(message.scalars, SLOTS[column.type])
    slot.SetInParent()
    slot.data.extend(values)


def write_sparse(message: Any, column: Column, given: SparseColumn) -> None:
    """A sparse column as a FieldData."""
    pairs = np.empty(len(given.indices), dtype=[("index", "<u4"), ("value", "<f4")])
    pairs["index"], pairs["value"] = given.indices, given.values
    raw = pairs.tobytes()
    message.type = column.type
    message.field_name = column.name
    array = message.vectors.sparse_float_vector
    array.dim = int(given.indices.max()) + 1 if len(given.indices) else 0
    array.contents.extend(
        raw[int(start) * 8 : int(stop) * 8]
        for start, stop in zip(given.indptr[:-1], given.indptr[1:], strict=True)
    )
    message.vectors.dim = array.dim


def _dense(column: Column, values: Array) -> list[bytes | memoryview]:
    raw = np.ascontiguousarray(values, dtype=_DTYPES[column.type]).data.cast("B")
    data: list[bytes | memoryview] = [raw]
    if column.type == DataType.FloatVector:
        data = delimited(schema_pb2.FloatArray, "data", data)
    vector = schema_pb2.VectorField(dim=column.dim).SerializeToString()
    inner = [vector, *delimited(schema_pb2.VectorField, _VECTOR_SLOTS[column.type], data)]
    head = schema_pb2.FieldData(type=column.type, field_name=column.name).SerializeToString()
    outer = [head, *delimited(schema_pb2.FieldData, "vectors", inner)]
    return delimited(milvus_pb2.UpsertRequest, "fields_data", outer)


def delimited(message: Any, name: str, parts: Sequence[bytes | memoryview]) -> list[bytes | memoryview]:
    """Parts as one length-delimited field of a message: its tag, its length, and they themselves."""
    number = message.DESCRIPTOR.fields_by_name[name].number
    return [_varint(number << 3 | 2) + _varint(sum(len(part) for part in parts)), *parts]


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*digits, number])
