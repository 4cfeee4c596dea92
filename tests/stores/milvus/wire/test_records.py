"""Rows in, and the same rows out of the message; what Milvus alone refuses, row by row."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from vectormigrate.model.batch import Batch, DenseColumn, sparse_column
from vectormigrate.model.collection import IdKind
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.record import SparseVector
from vectormigrate.stores.milvus.pb import milvus_pb2
from vectormigrate.stores.milvus.wire.records import encode, never_returned, upsert_request
from vectormigrate.stores.milvus.wire.results import read_batch
from vectormigrate.stores.milvus.wire.schema import Column, DataType, Layout
from vectormigrate.stores.milvus.wire.server import parse_version

NEW, LITE = parse_version("v2.6.0"), parse_version("milvus_lite-3.2.2")


def layout_of(*fields, vectors=(), dynamic=True, kind=IdKind.TEXT):
    key = Column("pk", DataType.VarChar if kind is IdKind.TEXT else DataType.Int64)
    return Layout("docs", key, False, vectors, fields, dynamic, False)


def round_trip(batch, layout, server=NEW):
    encoded = encode(batch, layout, server)
    assert not encoded.faults
    sent = upsert_request(encoded, range(len(batch)), "_default", layout)
    request = milvus_pb2.UpsertRequest.FromString(sent)
    assert request.num_rows == len(batch)
    if server.json_as_text:
        _hold_as_lite_does(request)
    return read_batch(milvus_pb2.QueryResults(fields_data=request.fields_data), layout, server)


def _hold_as_lite_does(request):
    """A JSON column of Milvus Lite holds a text as it is, without quotes."""
    for message in request.fields_data:
        if message.type == DataType.JSON and not message.is_dynamic:
            held = [json.loads(text).encode() for text in message.scalars.json_data.data]
            message.scalars.json_data.data[:] = held


def faults(layout, payload, server=NEW, **columns):
    batch = Batch([str(row) for row in range(len(payload))], columns, payload)
    return encode(batch, layout, server).faults


@pytest.mark.parametrize(
    ("kind", "dtype", "width", "dim"),
    [
        (DataType.FloatVector, np.float32, 300, 300),
        (DataType.Float16Vector, np.float16, 3, 3),
        (DataType.Int8Vector, np.int8, 5, 5),
        (DataType.BinaryVector, np.uint8, 2, 16),
    ],
)
def test_dense_vectors_bit_by_bit(kind, dtype, width, dim):
    values = np.random.default_rng(1).integers(0, 255, (7, width)).astype(dtype)
    layout = layout_of(vectors=(Column("v", kind, dim=dim),))
    got = round_trip(Batch(list("abcdefg"), {"v": DenseColumn(values)}, []), layout)
    assert got.vectors["v"].values.dtype == dtype
    assert got.vectors["v"].values.tobytes() == values.tobytes()


def test_special_floats_and_strided_arrays():
    values = np.asfortranarray(np.array([[-0.0, 1e-45], [3e38, 0.1]], np.float32))
    layout = layout_of(vectors=(Column("v", DataType.FloatVector, dim=2),))
    got = round_trip(Batch(["a", "b"], {"v": DenseColumn(values)}, []), layout)
    assert got.vectors["v"].values.tobytes() == np.ascontiguousarray(values).tobytes()


def test_sparse_vectors():
    rows = [SparseVector(np.array([0, 2**32 - 2]), np.array([1.5, -2.0], np.float32))]
    rows.append(SparseVector(np.array([], np.int64), np.array([], np.float32)))
    layout = layout_of(vectors=(Column("s", DataType.SparseFloatVector),))
    got = round_trip(Batch(["a", "b"], {"s": sparse_column(rows)}, []), layout)
    assert got.vectors["s"].row(0).indices.tolist() == [0, 2**32 - 2]
    assert got.vectors["s"].row(0).values.tolist() == [1.5, -2.0]
    assert len(got.vectors["s"].row(1).indices) == 0


@pytest.mark.parametrize("server", [NEW, LITE])
def test_every_type_of_field(server):
    fields = (
        Column("b", DataType.Bool, nullable=True),
        Column("i", DataType.Int16, nullable=True),
        Column("l", DataType.Int64, nullable=True),
        Column("d", DataType.Double, nullable=True),
        Column("t", DataType.VarChar, nullable=True, max_length=10),
        Column("j", DataType.JSON, nullable=True),
        Column("a", DataType.Array, DataType.VarChar, nullable=True, max_length=10, max_capacity=3),
        Column("z", DataType.Timestamptz, nullable=True),
    )
    full = {
        "b": True, "i": -5, "l": -(2**63), "d": 0.1, "t": "ü", "j": {"k": [1, None, 2**70]}, "a": ["x", ""],
        "z": datetime(2026, 1, 2, 3, 4, 5, 6, UTC), "extra": {"deep": None},
    }  # fmt: skip
    empty = dict.fromkeys(field.name for field in fields)
    payload = [full, empty, {**empty, "a": [], "j": "text", "b": False, "l": 0}, {**empty, "j": 5}]
    got = round_trip(Batch(list("abcd"), {}, payload), layout_of(*fields), server)
    assert got.payload == payload
    assert got.ids == list("abcd")


def test_integer_keys():
    got = round_trip(Batch([5, -(2**63)], {}, [{}, {"a": 1}]), layout_of(kind=IdKind.INT))
    assert (got.ids, got.payload) == ([5, -(2**63)], [{}, {"a": 1}])


def test_only_the_rows_asked_for_are_sent():
    values = np.arange(6, dtype=np.float32).reshape(3, 2)
    layout = layout_of(Column("n", DataType.Int64), vectors=(Column("v", DataType.FloatVector, dim=2),))
    batch = Batch(["a", "b", "c"], {"v": DenseColumn(values)}, [{"n": 1, "x": 1}, {"n": 2}, {"n": 3, "x": 3}])
    encoded = encode(batch, layout, NEW)
    request = milvus_pb2.UpsertRequest.FromString(upsert_request(encoded, [2, 0], "two", layout))
    got = read_batch(milvus_pb2.QueryResults(fields_data=request.fields_data), layout, NEW)
    assert request.partition_name == "two"
    assert got.ids == ["c", "a"]
    assert got.payload == [{"n": 3, "x": 3}, {"n": 1, "x": 1}]
    assert got.vectors["v"].values.tolist() == [[4, 5], [0, 1]]


@pytest.mark.parametrize(
    ("column", "good", "bad"),
    [
        (Column("f", DataType.Int8), [127, -128], [128, True, "1", 1.0]),
        (Column("f", DataType.Int32), [2**31 - 1], [2**31]),
        (Column("f", DataType.Bool), [True], [1]),
        (Column("f", DataType.Double), [0.1, 5, -0.0], [float("nan"), float("inf"), 2**53 + 1, True]),
        (Column("f", DataType.Float), [0.5, 2.0**127, 2**24], [0.1, 1e300, 2**24 + 1]),
        (Column("f", DataType.VarChar, max_length=4), ["abcd", "éé"], ["abcde", "ééé", 5]),
        (Column("f", DataType.JSON), [{"a": 1}], [object(), {"a": "x" * 65_536}]),
        (
            Column("f", DataType.Array, DataType.Int64, max_capacity=2),
            [[1, 2], []],
            [[1, 2, 3], [None], ["x"], 5],
        ),
        (
            Column("f", DataType.Timestamptz),
            [datetime(2026, 1, 1, tzinfo=UTC)],
            [datetime(2026, 1, 1, tzinfo=None), "now"],  # noqa: DTZ001 no zone is the point
        ),
    ],
)
def test_what_a_column_holds(column, good, bad):
    assert faults(layout_of(column), [{"f": value} for value in good]) == {}
    found = faults(layout_of(column), [{"f": value} for value in bad])
    assert list(found) == list(range(len(bad)))
    assert all(text.startswith("field 'f'") for text in found.values())


def test_null_in_a_field_with_a_default_is_refused():
    column = Column("f", DataType.Int64, has_default=True)
    assert faults(layout_of(column), [{"f": 1}, {}]) == {
        1: "field 'f' has a default value here and would not stay null"
    }


def test_the_largest_integer_is_no_id_for_a_real_server():
    """It would be counted, and no query would ever return it (seen on 2.3.5)."""
    batch = Batch([2**63 - 2, 2**63 - 1], {}, [{}, {}])
    assert list(encode(batch, layout_of(kind=IdKind.INT), NEW).faults) == [1]
    assert encode(batch, layout_of(kind=IdKind.INT), LITE).faults == {}


def test_undeclared_keys():
    big = {"a": "x" * 70_000}
    assert list(faults(layout_of(), [{"a": 1}, big, {"pk": 1}, {"$meta": 1}])) == [1, 2, 3]
    assert list(faults(layout_of(), [{"a": 1}, big, {"_seq": 1}, {"_partition": 1}], LITE)) == [2, 3]


def test_a_vector_type_that_is_only_read():
    layout = layout_of(vectors=(Column("v", DataType.BFloat16Vector, dim=2),))
    with pytest.raises(Unsupported, match="only read"):
        faults(layout, [{}], v=DenseColumn(np.ones((1, 2), np.float32)))


def test_the_greatest_integer_is_an_id_that_a_server_takes_and_never_shows():
    faults = never_returned([5, 2**63 - 1, "9223372036854775807"], NEW)
    assert faults == {1: "milvus counts a record of id 9223372036854775807 and never returns it"}
    assert never_returned([2**63 - 1], LITE) == {}
