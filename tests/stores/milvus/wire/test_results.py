"""What servers send, in the shapes that servers have been seen to send it."""

from __future__ import annotations

import numpy as np
import pytest

from vectormigrate.model.batch import Batch, DenseColumn, dense_column, sparse_column
from vectormigrate.model.collection import Metric
from vectormigrate.model.errors import StoreBroken
from vectormigrate.model.record import SparseVector
from vectormigrate.stores.milvus.pb import milvus_pb2, schema_pb2
from vectormigrate.stores.milvus.wire.results import (
    joined,
    read_batch,
    read_count,
    read_ids,
    read_matches,
    read_values,
)
from vectormigrate.stores.milvus.wire.schema import Column, DataType, Layout
from vectormigrate.stores.milvus.wire.server import parse_version

NEW, LITE = parse_version("v2.6.0"), parse_version("milvus_lite-3.2.2")


def results(*messages, ids=("a", "b", "c")):
    key = schema_pb2.FieldData(field_name="pk", type=DataType.VarChar)
    key.scalars.string_data.data.extend(ids)
    return milvus_pb2.QueryResults(fields_data=[key, *messages])


def layout_of(*fields, vectors=()):
    return Layout("docs", Column("pk", DataType.VarChar), False, vectors, fields, False, False)


@pytest.mark.parametrize("data", [[1, 0, 3], [1, 3]])
def test_nulls_come_with_stand_ins_or_without(data):
    message = schema_pb2.FieldData(field_name="n", type=DataType.Int64, valid_data=[True, False, True])
    message.scalars.long_data.data.extend(data)
    batch = read_batch(results(message), layout_of(Column("n", DataType.Int64, nullable=True)), NEW)
    assert [payload["n"] for payload in batch.payload] == [1, None, 3]


@pytest.mark.parametrize("rows", [[[1, 2], [0, 0], [3, 4]], [[1, 2], [3, 4]]])
def test_absent_vectors_come_with_stand_ins_or_without(rows):
    message = schema_pb2.FieldData(field_name="v", type=DataType.FloatVector, valid_data=[True, False, True])
    message.vectors.dim = 2
    message.vectors.float_vector.data.extend(np.ravel(rows))
    layout = layout_of(vectors=(Column("v", DataType.FloatVector, nullable=True, dim=2),))
    column = read_batch(results(message), layout, NEW).vectors["v"]
    assert column.values[[0, 2]].tolist() == [[1, 2], [3, 4]]
    assert column.present.tolist() == [True, False, True]


def test_bfloat16_is_widened():
    message = schema_pb2.FieldData(field_name="v", type=DataType.BFloat16Vector)
    message.vectors.bfloat16_vector = np.array([0x3F80, 0xC000, 0x3DCD], "<u2").tobytes()
    layout = layout_of(vectors=(Column("v", DataType.BFloat16Vector, dim=1),))
    values = read_batch(results(message), layout, NEW).vectors["v"].values
    assert values.dtype == np.float32
    assert values.ravel().tolist() == [1.0, -2.0, 0.10009765625]


def test_a_json_text_of_another_client_of_lite_has_no_quotes():
    message = schema_pb2.FieldData(field_name="j", type=DataType.JSON)
    message.scalars.json_data.data.extend([b"plain words", b'{"a":1}', b'"quoted"'])
    layout = layout_of(Column("j", DataType.JSON))
    got = read_batch(results(message), layout, LITE).payload
    assert [payload["j"] for payload in got] == ["plain words", {"a": 1}, "quoted"]
    assert list(read_batch(results(message), layout, NEW).faults) == [0]


@pytest.mark.parametrize("dynamic", [False, True])
def test_json_that_cannot_be_read_is_the_fault_of_its_record(dynamic):
    field = Column("j", DataType.JSON)
    message = schema_pb2.FieldData(
        field_name="$meta" if dynamic else "j", type=DataType.JSON, is_dynamic=dynamic
    )
    message.scalars.json_data.data.extend([b"{}", b'{"a":"\\ud800"}', b'{"a":1}'])
    layout = layout_of() if dynamic else layout_of(field)
    batch = read_batch(results(message), layout, NEW)
    assert list(batch.faults) == [1]
    assert "half a surrogate pair" in batch.faults[1]
    assert list(joined([batch.take([2]), batch, batch]).faults) == [2, 5]
    if not dynamic:
        with pytest.raises(StoreBroken, match="not JSON"):
            read_values(message, field, 3, NEW)


def test_what_is_left_out_or_too_short_is_noticed():
    layout = layout_of(Column("n", DataType.Int64), vectors=(Column("v", DataType.FloatVector, dim=2),))
    message = schema_pb2.FieldData(field_name="n", type=DataType.Int64)
    message.scalars.long_data.data.extend([1, 2])
    with pytest.raises(StoreBroken, match="left out field 'v'"):
        read_batch(results(message), layout, NEW)
    vector = schema_pb2.FieldData(field_name="v", type=DataType.FloatVector)
    vector.vectors.float_vector.data.extend([1, 2])
    with pytest.raises(StoreBroken, match="2 values of 'n' for 3"):
        read_batch(results(message, vector), layout, NEW)
    message.scalars.long_data.data.append(3)
    with pytest.raises(StoreBroken, match="1 vectors of 'v' for 3"):
        read_batch(results(message, vector), layout, NEW)


def test_nothing_found():
    layout = layout_of(Column("n", DataType.Int64), vectors=(Column("v", DataType.FloatVector, dim=2),))
    assert len(read_batch(milvus_pb2.QueryResults(), layout, NEW)) == 0
    assert read_ids(milvus_pb2.QueryResults(), layout) == []


def test_counts():
    message = schema_pb2.FieldData(field_name="count(*)", type=DataType.Int64)
    message.scalars.long_data.data.append(2**40)
    assert read_count(milvus_pb2.QueryResults(fields_data=[message])) == 2**40


@pytest.mark.parametrize(
    ("metric", "wanted"),
    [(Metric.EUCLID, [2.0, 0.0]), (Metric.DOT, [4.0, -1e-9]), (Metric.COSINE, [4.0, -1e-9])],
)
def test_l2_comes_squared(metric, wanted):
    data = schema_pb2.SearchResultData(scores=[4.0, -1e-9])
    data.ids.int_id.data.extend([7, 8])
    got = read_matches(data, metric)
    assert [id_ for id_, _ in got] == [7, 8]
    np.testing.assert_allclose([score for _, score in got], wanted, rtol=1e-6)


def test_joined_batches():
    one = SparseVector(np.array([1, 2]), np.array([1, 2], np.float32))
    parts = [
        Batch(
            ["a"],
            {"v": DenseColumn(np.ones((1, 2), np.float32)), "s": sparse_column([one])},
            [{"n": 1}],
            ["p"],
        ),
        Batch([], {}, []),
        Batch(
            ["b", "c"],
            {"v": dense_column([None, np.zeros(2)], width=2), "s": sparse_column([one, one])},
            [{}, {}],
            [None, "p"],
        ),
    ]
    whole = joined(parts)
    assert whole.ids == ["a", "b", "c"]
    assert whole.payload == [{"n": 1}, {}, {}]
    assert whole.partition == ["p", None, "p"]
    assert whole.vectors["v"].present.tolist() == [True, False, True]
    assert whole.vectors["s"].row(2).indices.tolist() == [1, 2]
    assert joined(parts[:2]) is parts[0]
    assert len(joined([])) == 0
