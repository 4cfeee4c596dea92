"""Points as protobuf, to and from batches. Packed floats are the array itself: read from the bytes of their message
and spliced into the bytes of a request.

The surprise: servers before 1.16 or so answer in fields that are deprecated since, with multi-vectors laid flat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, TypeAlias

import numpy as np

from vectormigrate.model.batch import Batch, Column, DenseColumn, MultiColumn, SparseColumn
from vectormigrate.model.collection import VectorField
from vectormigrate.model.record import Array, RecordId, SparseVector
from vectormigrate.stores.qdrant.ids import read_message_id, write_message_id
from vectormigrate.stores.qdrant.pb import points_pb2

from . import payloads
from .columns import ColumnBuilder, build_columns, builders_of, floats_of

Parts: TypeAlias = list[bytes | memoryview]


def _tag_of(message: Any, name: str) -> bytes:
    """What a length-delimited field of a message begins with."""
    return _varint(message.DESCRIPTOR.fields_by_name[name].number << 3 | 2)


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    digits.append(number)
    return bytes(digits)


def read_points(
    points: Sequence[Any], fields: Sequence[VectorField], *, bare: bool = False, answer: bool = False
) -> Batch:
    """`PointStruct`, `RetrievedPoint` or `ScoredPoint` messages as a batch, a column a field; `bare` reads only ids.

    Raises ValueError for what does not fit; in a server's `answer`, `payloads.Doubtful` too.
    """
    ids: list[RecordId] = [read_message_id(point.id) for point in points]
    if bare:
        return Batch(ids, {}, [{} for _ in ids])
    builders = builders_of(fields)
    for row, point in enumerate(points):
        for name, message in _vectors(point.vectors):
            builder = builders.get(name)
            if builder is None:
                raise ValueError(f"Not existing vector name error: {name}")
            _read_vector(builder, row, message)
    read = [payloads.read_message(point.payload, answer=answer) for point in points]
    return Batch(ids, build_columns(builders.values(), len(ids)), read)


def _vectors(vectors: Any) -> Iterable[tuple[str, Any]]:
    option = vectors.WhichOneof("vectors_options")
    if option is None:
        return ()
    return [("", vectors.vector)] if option == "vector" else vectors.vectors.vectors.items()


def _read_vector(builder: ColumnBuilder, row: int, message: Any) -> None:
    match message.WhichOneof("vector"):
        case "dense":
            builder.dense(row, packed_floats(message.dense))
        case "sparse":
            values = np.frombuffer(packed_floats(message.sparse, "values"), "<f4")
            builder.sparse(row, SparseVector(_indices(message.sparse.indices), values))
        case "multi_dense":
            tokens = message.multi_dense.vectors
            builder.multi(row, b"".join(packed_floats(token) for token in tokens), len(tokens))
        case None:
            _read_deprecated(builder, row, message)
        case _:
            raise ValueError("this vector is to be made by the server, so its numbers are not known")


def _read_deprecated(builder: ColumnBuilder, row: int, message: Any) -> None:
    floats = packed_floats(points_pb2.DenseVector(data=message.data))
    if message.HasField("indices"):
        values = np.frombuffer(floats, "<f4")
        builder.sparse(row, SparseVector(_indices(message.indices.data), values))
    elif message.HasField("vectors_count"):
        builder.multi(row, floats, message.vectors_count)
    else:
        builder.dense(row, floats)


def packed_floats(message: Any, name: str = "data") -> memoryview:
    """The bytes of a message's packed floats: its field of that name must be its first."""
    raw = message.SerializeToString()
    size = 4 * len(getattr(message, name))
    if not size:
        return memoryview(b"")
    start = 1 + len(_varint(size))
    return memoryview(raw)[start : start + size]


def _indices(numbers: Any) -> Array:
    return np.fromiter(numbers, np.int64, len(numbers))


# Writing.

_POINTS = _tag_of(points_pb2.UpsertPoints, "points")
_VECTORS = _tag_of(points_pb2.PointStruct, "vectors")
_UNNAMED = _tag_of(points_pb2.Vectors, "vector")
_NAMED = _tag_of(points_pb2.Vectors, "vectors")
_ENTRY = _tag_of(points_pb2.NamedVectors, "vectors")
_KEY = _tag_of(points_pb2.NamedVectors.VectorsEntry, "key")
_VALUE = _tag_of(points_pb2.NamedVectors.VectorsEntry, "value")
_DENSE = _tag_of(points_pb2.Vector, "dense")
_SPARSE = _tag_of(points_pb2.Vector, "sparse")
_MULTI = _tag_of(points_pb2.Vector, "multi_dense")
_TOKEN = _tag_of(points_pb2.MultiDenseVector, "vectors")
_DATA = _tag_of(points_pb2.DenseVector, "data")


def upsert_request(head: Any, encoded: Iterable[bytes]) -> bytes:
    """An `UpsertPoints` of points that a `PointWriter` made; `head` is one with everything but the points."""
    parts = chain.from_iterable(_delimited(_POINTS, [point]) for point in encoded)
    return b"".join([head.SerializeToString(), *parts])


class PointWriter:
    """Turns the rows of one batch into `PointStruct` messages, as bytes."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._writers = [
            (name, b"".join(_delimited(_KEY, [name.encode()])), column, _writer(column))
            for name, column in batch.vectors.items()
        ]

    def write(self, row: int) -> bytes:
        """One row. Raises ValueError for an id or a payload that no point can have."""
        batch = self._batch
        payload = payloads.write_message(batch.payload[row]) if batch.payload else {}
        head = points_pb2.PointStruct(id=write_message_id(batch.ids[row]), payload=payload)
        return b"".join([head.SerializeToString(), *_delimited(_VECTORS, self._vectors(row))])

    def _vectors(self, row: int) -> Parts:
        """The inside of a `Vectors`; a record without any gets an empty one, or the server refuses it."""
        held = [(name, key, write(row)) for name, key, column, write in self._writers if column.has(row)]
        if len(held) == 1 and held[0][0] == "":
            return _delimited(_UNNAMED, held[0][2])
        entries: Parts = []
        for _, key, vector in held:
            entries += _delimited(_ENTRY, [key, *_delimited(_VALUE, vector)])
        return _delimited(_NAMED, entries)


def _writer(column: Column) -> Callable[[int], Parts]:
    """From a row to the inside of a `Vector`."""
    match column:
        case DenseColumn(values=values):
            return _dense_writer(floats_of(values))
        case SparseColumn():
            return lambda row: _delimited(_SPARSE, [write_sparse(column.row(row)).SerializeToString()])
        case MultiColumn():
            return lambda row: _delimited(_MULTI, _multi(column.row(row)))


def _dense_writer(floats: Array) -> Callable[[int], Parts]:
    """All rows are of one length, so what stands before the numbers is made once."""
    raw, size = floats.reshape(-1).view(np.uint8).data, 4 * floats.shape[1]
    *before, _ = _delimited(_DENSE, _delimited(_DATA, [bytes(size)]))
    head = b"".join(before)
    return lambda row: [head, raw[row * size : (row + 1) * size]]


def _dense(floats: Array) -> Parts:
    """The inside of a `DenseVector`."""
    return _delimited(_DATA, [floats.view(np.uint8).data]) if len(floats) else []


def _multi(values: Array) -> Parts:
    """The inside of a `MultiDenseVector`."""
    return list(chain.from_iterable(_delimited(_TOKEN, _dense(token)) for token in floats_of(values)))


def write_sparse(vector: SparseVector) -> Any:
    """A sparse vector as a message."""
    return points_pb2.SparseVector(values=vector.values.tolist(), indices=vector.indices.tolist())


def write_dense(values: Array) -> Any:
    """A dense vector as a message."""
    return points_pb2.DenseVector.FromString(b"".join(_dense(floats_of(values))))


def write_multi(values: Array) -> Any:
    """A multi-vector, (tokens, dim), as a message."""
    return points_pb2.MultiDenseVector.FromString(b"".join(_multi(values)))


def _delimited(tag: bytes, parts: Parts) -> Parts:
    """Parts as one length-delimited field of a message: its tag, its length, and they themselves."""
    return [tag + _varint(sum(map(len, parts))), *parts]
