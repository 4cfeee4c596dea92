"""Points as JSON, to and from batches: records that a server sends, points that a client writes, and the reverse.

Vectors stay raw text until one call a vector makes an array of it, and are written from arrays. JSON numbers are
parsed as doubles and rounded to 32 bits, which is what a server does with them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np
import orjson

from vectormigrate.model.batch import Batch, Column, DenseColumn, MultiColumn, SparseColumn
from vectormigrate.model.collection import VectorField, VectorKind
from vectormigrate.model.record import Array, RecordId, SparseVector
from vectormigrate.stores.qdrant.ids import read_id, write_id

from . import payloads
from .columns import ColumnBuilder, build_columns, builders_of, floats_of

_NULL = msgspec.Raw(b"null")
_RAW_MAP: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY
MAX_INDEX = 2**32 - 1
_NUMBERS = b"0123456789+-.eE,[] \n\r\t"
"""What lists of numbers are written with."""


Seen: TypeAlias = Callable[[int, Array], None]
"""Takes a row and numbers of its vector as doubles, once for each vector."""


class WirePoint(msgspec.Struct):
    """One point or record of a body, vector and payload not yet read. Give it as the type to a msgspec decoder."""

    id: msgspec.Raw
    vector: msgspec.Raw = _NULL
    payload: msgspec.Raw = _NULL
    score: float = 0.0
    version: int = 0
    shard_key: str | int | None = None


class _Sparse(msgspec.Struct):
    indices: msgspec.Raw
    values: msgspec.Raw


_SPARSE: msgspec.json.Decoder[_Sparse] = msgspec.json.Decoder(_Sparse)


def read_point_id(point: WirePoint) -> RecordId:
    """The id of a point. Raises ValueError."""
    return read_id(msgspec.json.decode(point.id))


def read_points(
    points: Sequence[WirePoint],
    fields: Sequence[VectorField],
    *,
    ids: Sequence[RecordId] | None = None,
    seen: Seen | None = None,
) -> Batch:
    """Points as a batch with a column for each field. Raises ValueError for what does not fit, in words for the client.

    `seen` is shown the numbers of each vector before they are rounded.
    """
    builders = builders_of(fields)
    for row, point in enumerate(points):
        for name, raw in _vectors(point.vector):
            builder = builders.get(name)
            if builder is None:
                raise ValueError(f"Not existing vector name error: {name}")
            _read_vector(builder, row, raw, seen)
    return Batch(
        list(ids) if ids is not None else [read_point_id(point) for point in points],
        build_columns(builders.values(), len(points)),
        [payloads.loads_object(point.payload) for point in points],
    )


def _vectors(raw: msgspec.Raw) -> list[tuple[str, bytes]]:
    text = bytes(raw).strip()
    if text == b"null":
        return []
    if text.startswith(b"["):
        return [("", text)]
    if not text.startswith(b"{"):
        raise ValueError("a vector is a list of numbers, or an object of such by name")
    named = _RAW_MAP.decode(text)
    if named and not any(bytes(value).lstrip().startswith((b"[", b"{")) for value in named.values()):
        raise ValueError("this vector is to be made by the server, so its numbers are not known")
    return [(name, bytes(value).strip()) for name, value in named.items()]


def _read_vector(builder: ColumnBuilder, row: int, text: bytes, seen: Seen | None) -> None:
    sparse = _read_pair(text) if text.startswith(b"{") else None
    numbers = read_doubles(bytes(sparse.values) if sparse is not None else text)
    if seen is not None:
        seen(row, numbers)
    values = _rounded(numbers)
    if sparse is not None:
        builder.sparse(row, _read_sparse(sparse, values))
    elif values.ndim == 2:
        builder.multi(row, values.tobytes(), len(values))
    elif builder.field.kind is VectorKind.MULTI and not len(values):
        builder.multi(row, b"", 0)
    else:
        builder.dense(row, values.tobytes())


def _read_pair(text: bytes) -> _Sparse:
    try:
        return _SPARSE.decode(text)
    except msgspec.ValidationError:
        raise _made_by_the_server() from None


def _read_sparse(pair: _Sparse, values: Array) -> SparseVector:
    try:
        indices = np.array(msgspec.json.decode(pair.indices, type=list[int]), np.int64)
    except msgspec.ValidationError:
        raise _made_by_the_server() from None
    if len(indices) != len(values):
        raise ValueError("a sparse vector must have as many indices as values")
    if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) <= MAX_INDEX:
        raise ValueError("indices of a sparse vector must be unsigned 32-bit integers")
    return SparseVector(indices, values)


def _made_by_the_server() -> ValueError:
    return ValueError("this vector is to be made by the server, so its numbers are not known")


def read_floats(text: bytes) -> Array:
    """As `read_doubles`, rounded to 32-bit floats."""
    return _rounded(read_doubles(text))


def _rounded(numbers: Array) -> Array:
    with np.errstate(over="ignore"):
        return numbers.astype(np.float32)


def read_doubles(text: bytes) -> Array:
    """A JSON list of numbers, or of equally long such lists, as doubles, (n,) or (tokens, n). Raises ValueError.

    The numbers are Python's for a moment: parsing them so takes a quarter of the time of numpy's own text parser, and
    `struct` makes doubles of them in a quarter of the time that numpy does.
    """
    if text.translate(None, _NUMBERS):
        raise _no_number()
    try:
        numbers = orjson.loads(text)
        if numbers and not isinstance(numbers[0], list):
            return np.frombuffer(struct.pack(f"={len(numbers)}d", *numbers), np.float64)
        values = np.array(numbers, np.float64)
    except (ValueError, TypeError, OverflowError, struct.error):
        raise _no_number() from None
    if values.ndim not in (1, 2):
        raise ValueError("a vector is a list of numbers, or a list of such lists")
    return values


def _no_number() -> ValueError:
    return ValueError("a vector holds something that is no number")


# Writing.


def write_point(batch: Batch, row: int) -> dict[str, Any]:
    """A point of an upsert, ready for `dump`: arrays for vectors, JSON text for the payload. Raises ValueError.

    A record without any vector gets an empty object, which is how Qdrant says that.
    """
    return {
        "id": write_id(batch.ids[row]),
        "vector": write_vectors(batch, row),
        "payload": write_payload(batch, row),
    }


def write_records(
    batch: Batch, *, with_vector: bool | Sequence[str] = True, with_payload: bool = True
) -> list[dict[str, Any]]:
    """Records as a server sends them; `with_vector` may name the wanted ones."""
    records = []
    for row, record_id in enumerate(batch.ids):
        record: dict[str, Any] = {"id": write_id(record_id)}
        if with_payload:
            record["payload"] = write_payload(batch, row)
        if with_vector is not False:
            record["vector"] = write_vectors(batch, row, None if with_vector is True else with_vector)
        records.append(record)
    return records


def dump(body: Any) -> bytes:
    """A body with arrays and ready JSON text in it, as bytes."""
    return orjson.dumps(body, option=_OPTIONS)


def write_payload(batch: Batch, row: int) -> orjson.Fragment:
    """The payload of a row, as JSON text. Raises ValueError."""
    return orjson.Fragment(payloads.dumps(batch.payload[row]) if batch.payload else b"{}")


def write_vectors(batch: Batch, row: int, names: Sequence[str] | None = None) -> Any:
    """The vectors of a row: the numbers of the unnamed one, or an object by name."""
    named = {
        name: write_vector(column, row)
        for name, column in batch.vectors.items()
        if column.has(row) and (names is None or name in names)
    }
    return named[""] if named.keys() == {""} else named


def write_vector(column: Column, row: int) -> Any:
    """One vector as JSON: a list of numbers, a list of such lists, or indices and values."""
    match column:
        case DenseColumn(values=values):
            return floats_of(values[row])
        case MultiColumn():
            return floats_of(column.row(row))
        case SparseColumn():
            return write_sparse(column.row(row))


def write_sparse(vector: SparseVector) -> dict[str, Array]:
    """A sparse vector as JSON."""
    return {
        "indices": np.ascontiguousarray(vector.indices, np.int64),
        "values": floats_of(vector.values),
    }
