"""When two records are the same: by kind and by bit, and where that cannot be asked for, why not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np

from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.record import Record, RecordId
from vectormigrate.stores.base import Store

from .subject import read_all

_ULPS = 2


def assert_same(
    got: Iterable[Record], expected: Iterable[Record], shape: CollectionShape, *, ulps: int = 0
) -> None:
    """The same records in the same order; the message lists every difference. Doubles of a payload may be off by
    `ulps` units in the last place.
    """
    got, expected = list(got), list(expected)
    assert [record.id for record in got] == [record.id for record in expected]
    found = [
        f"{left.id!r}: {difference}"
        for left, right in zip(got, expected, strict=True)
        for difference in differences(left, right, shape, ulps)
    ]
    assert not found, "\n".join(found)


def differences(got: Record, expected: Record, shape: CollectionShape, ulps: int = 0) -> Iterator[str]:
    """What differs between two records, one line each."""
    if type(got.id) is not type(expected.id):
        yield f"id is {type(got.id).__name__}, not {type(expected.id).__name__}"
    for kind in ("dense", "sparse", "multi"):
        left, right = getattr(got, kind), getattr(expected, kind)
        if left.keys() != right.keys():
            yield f"{kind} vectors {sorted(left)} instead of {sorted(right)}"
            continue
        for name in left:
            if not same_bits(left[name], right[name]):
                yield f"vector {name!r}: {left[name]!r} instead of {right[name]!r}"
    yield from _payload_differences(got, expected, shape, ulps)
    if shape.partitions and got.partition != expected.partition:
        yield f"partition {got.partition!r} instead of {expected.partition!r}"


def _payload_differences(got: Record, expected: Record, shape: CollectionShape, ulps: int) -> Iterator[str]:
    left, right = _declared_nulls_left_out(got, shape), _declared_nulls_left_out(expected, shape)
    for key in sorted(left.keys() | right.keys()):
        if key not in left:
            yield f"field {key!r}: missing instead of {right[key]!r}"
        elif key not in right:
            yield f"field {key!r}: {left[key]!r} instead of missing"
        elif not same_value(left[key], right[key], ulps):
            yield f"field {key!r}: {left[key]!r} instead of {right[key]!r}"


def same_value(left: Any, right: Any, ulps: int = 0) -> bool:
    """Equal and of the same type, all the way down; moments with a zone are equal when they are the same instant."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same_value(left[key], right[key], ulps) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(
            same_value(*pair, ulps) for pair in zip(left, right, strict=True)
        )
    if isinstance(left, float) and ulps and math.isfinite(right):
        return abs(left - right) <= ulps * math.ulp(right)
    if isinstance(left, datetime) and (left.tzinfo is None) != (right.tzinfo is None):
        return False
    return bool(left == right)


def same_bits(left: Any, right: Any) -> bool:
    """Two vectors, dense or sparse: equal to the last bit, elements of the same type."""
    if hasattr(left, "indices"):
        return same_bits(left.indices, right.indices) and same_bits(left.values, right.values)
    return left.dtype == right.dtype and left.shape == right.shape and _bytes(left) == _bytes(right)


def _bytes(array: np.ndarray) -> bytes:
    return np.ascontiguousarray(array).tobytes()


def _declared_nulls_left_out(record: Record, shape: CollectionShape) -> dict[str, Any]:
    """A declared field is always there in a table, so there null and missing are one."""
    return {
        key: value for key, value in record.payload.items() if value is not None or not shape.field_named(key)
    }


def ids_of(records: Sequence[Record]) -> list[Any]:
    return [record.id for record in records]


def by_id(record: Record) -> Any:
    """The natural order of ids of one collection: in a mixed one, numbers come before UUIDs."""
    return natural(record.id)


def natural(record_id: RecordId) -> Any:
    """What ids sort by."""
    return isinstance(record_id, UUID), record_id


async def assert_holds(store: Store, shape: CollectionShape, expected: Iterable[Record]) -> None:
    """The collection holds these records and no others; the order of the scan does not matter here."""
    got = await read_all(store, shape.name)
    ulps = _ULPS if store.capabilities.inexact_doubles else 0
    assert_same(sorted(got, key=by_id), sorted(expected, key=by_id), shape, ulps=ulps)
