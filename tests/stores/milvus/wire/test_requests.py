"""Requests say what they must: order, consistency, size."""

from __future__ import annotations

import json

import numpy as np
import pytest

from vectormigrate.model.collection import Metric, VectorIndex
from vectormigrate.model.record import SparseVector
from vectormigrate.stores.milvus.pb import common_pb2, schema_pb2
from vectormigrate.stores.milvus.wire.requests import (
    count_request,
    delete_request,
    query_request,
    search_request,
)
from vectormigrate.stores.milvus.wire.schema import Column, DataType, Layout

VECTOR = Column("v", DataType.FloatVector, dim=2)
LAYOUT = Layout("docs", Column("pk", DataType.Int64), False, (VECTOR,), (), False, False)
STRONG = common_pb2.ConsistencyLevel.Strong


def told(pairs):
    return {pair.key: pair.value for pair in pairs}


def test_a_page_asks_for_the_order_of_keys():
    request = query_request(LAYOUT, "pk > 5", ["pk"], limit=10, partitions=["one"])
    assert told(request.query_params) == {"limit": "10", "iterator": "True", "reduce_stop_for_best": "True"}
    assert list(request.partition_names) == ["one"]


def test_a_fetch_has_no_limit():
    assert not query_request(LAYOUT, "pk in [5]", ["pk"]).query_params


def test_every_read_is_strong():
    vector = np.ones(2, np.float32)
    reads = [
        query_request(LAYOUT, "pk > 5", ["pk"]),
        count_request(LAYOUT),
        search_request(LAYOUT, VECTOR, vector, metric=Metric.DOT, limit=3),
    ]
    for read in reads:
        assert read.consistency_level == STRONG
        assert not read.use_default_consistency


def test_a_delete_is_over_all_partitions():
    request = delete_request(LAYOUT, "pk in [5]")
    assert (request.collection_name, request.expr, request.partition_name) == ("docs", "pk in [5]", "")


@pytest.mark.parametrize(
    ("index", "effort"),
    [
        (None, {}),
        (VectorIndex("flat"), {}),
        (VectorIndex("hnsw"), {"ef": 200}),
        (VectorIndex("ivfflat", {"lists": 40}), {"nprobe": 10}),
    ],
)
def test_a_search(index, effort):
    request = search_request(
        LAYOUT, VECTOR, np.array([1, 2]), metric=Metric.EUCLID, limit=100, expression="pk > 1", index=index
    )
    params = told(request.search_params)
    assert json.loads(params["params"]) == effort
    assert (params["anns_field"], params["topk"], params["metric_type"]) == ("v", "100", "L2")
    assert (request.dsl, request.nq) == ("pk > 1", 1)
    [placeholder] = common_pb2.PlaceholderGroup.FromString(request.placeholder_group).placeholders
    assert placeholder.type == DataType.FloatVector
    assert placeholder.values[0] == np.array([1, 2], "<f4").tobytes()


def test_a_sparse_search():
    column = Column("s", DataType.SparseFloatVector)
    vector = SparseVector(np.array([3, 9]), np.array([0.5, 1.5], np.float32))
    request = search_request(LAYOUT, column, vector, metric=Metric.DOT, limit=1)
    [placeholder] = common_pb2.PlaceholderGroup.FromString(request.placeholder_group).placeholders
    pairs = np.frombuffer(placeholder.values[0], [("index", "<u4"), ("value", "<f4")])
    assert pairs["index"].tolist() == [3, 9]
    assert pairs["value"].tolist() == [0.5, 1.5]


def test_values_of_an_expression_travel_beside_it():
    value = schema_pb2.TemplateValue(int64_val=7)
    request = query_request(LAYOUT, "n > {least}", ["n"], values={"least": value.SerializeToString()})
    assert request.expr_template_values["least"] == value
    asked = search_request(
        LAYOUT, VECTOR, np.ones(2, np.float32), metric=Metric.EUCLID, limit=1, expression="n > {least}",
        values={"least": value.SerializeToString()},
    )  # fmt: skip
    assert (asked.dsl, asked.expr_template_values["least"]) == ("n > {least}", value)
