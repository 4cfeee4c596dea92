"""A record as bytes: back bit for bit, equal when and only when the record is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from tests.conformance.compare import assert_same
from tests.conformance.subject import make_sparse
from vectormigrate.model.collection import CollectionShape, IdField, IdKind
from vectormigrate.model.record import Record
from vectormigrate.model.snapshot import record_bytes, record_digest, record_from_bytes

from .values import ids, payloads

MODEL = settings(max_examples=60, derandomize=True, database=None, deadline=None)
SHAPE = CollectionShape("c", IdField("id", IdKind.INT), partitions=("p",))
RECORD = Record(
    ("a", 1),
    {"f32": np.array([0.1, -0.0, np.nan], np.float32), "i8": np.array([-128, 127], np.int8)},
    {"s": make_sparse({1: 0.5, 2**40: 1.0}), "none": make_sparse({})},
    {"m": np.ones((2, 3), np.float16), "no": np.ones((0, 3), np.float32)},
    {"a": 1, "b": {"x": None, "y": [1.0]}},
    "p",
)


@MODEL
@given(ids, payloads)
def test_reading_inverts_writing(record_id, payload):
    record = replace(RECORD, id=record_id, payload=payload)
    assert_same([record_from_bytes(record_bytes(record))], [record], SHAPE)


def test_the_order_of_keys_does_not_matter():
    other = replace(
        RECORD, payload={"b": {"y": [1.0], "x": None}, "a": 1}, dense=dict(reversed(RECORD.dense.items()))
    )
    assert record_bytes(other) == record_bytes(RECORD)
    assert record_digest(other) == record_digest(RECORD)


@pytest.mark.parametrize(
    "change",
    [
        {"id": ("a", "1")},
        {"dense": {}},
        {"dense": {**RECORD.dense, "f32": np.array([0.1, 0.0, np.nan], np.float32)}},
        {"dense": {**RECORD.dense, "i8": np.array([-128, 127], np.int16)}},
        {"sparse": {**RECORD.sparse, "none": make_sparse({0: 0.0})}},
        {"multi": {**RECORD.multi, "m": np.ones((3, 2), np.float16)}},
        {"payload": {"a": 1.0, "b": {"x": None, "y": [1.0]}}},
        {"payload": {"a": 1, "b": {"y": [1.0]}}},
        {"partition": None},
    ],
)
def test_any_difference_is_another_digest(change):
    assert record_digest(replace(RECORD, **change)) != record_digest(RECORD)
    assert len(record_digest(RECORD)) == 16
