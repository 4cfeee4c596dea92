"""A whole record as bytes and back, bit for bit: what an overwritten foreign record held, and digests of records."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import numpy as np

from . import jsonvalue
from .record import Array, Record, SparseVector, id_text, parse_id


class _Stored(msgspec.Struct, array_like=True):
    id: str
    dense: dict[str, tuple[str, tuple[int, ...], bytes]]
    sparse: dict[str, tuple[bytes, bytes]]
    multi: dict[str, tuple[str, tuple[int, ...], bytes]]
    payload: bytes
    partition: str | None


_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_DECODER = msgspec.msgpack.Decoder(_Stored)


def record_bytes(record: Record) -> bytes:
    """A record as bytes; two records are equal in all their parts when the bytes are."""
    return _ENCODER.encode(
        _Stored(
            id_text(record.id),
            {name: _array(vector) for name, vector in record.dense.items()},
            {
                name: (vector.indices.astype(np.int64).tobytes(), vector.values.astype(np.float32).tobytes())
                for name, vector in record.sparse.items()
            },
            {name: _array(vector) for name, vector in record.multi.items()},
            jsonvalue.dumps(_sorted(record.payload)),
            record.partition,
        )
    )


def record_from_bytes(data: bytes) -> Record:
    """Invert `record_bytes`."""
    stored = _DECODER.decode(data)
    return Record(
        parse_id(stored.id),
        {name: _vector(parts) for name, parts in stored.dense.items()},
        {
            name: SparseVector(np.frombuffer(indices, np.int64), np.frombuffer(values, np.float32))
            for name, (indices, values) in stored.sparse.items()
        },
        {name: _vector(parts) for name, parts in stored.multi.items()},
        jsonvalue.loads(stored.payload),
        stored.partition,
    )


def record_digest(record: Record) -> bytes:
    """128 bits that differ when any part of the record does."""
    return hashlib.blake2b(record_bytes(record), digest_size=16).digest()


def _array(vector: Array) -> tuple[str, tuple[int, ...], bytes]:
    return vector.dtype.str, vector.shape, vector.tobytes()


def _vector(parts: tuple[str, tuple[int, ...], bytes]) -> Array:
    dtype, shape, data = parts
    return np.frombuffer(data, dtype).reshape(shape)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value
