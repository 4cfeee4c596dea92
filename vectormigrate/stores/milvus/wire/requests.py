"""Requests other than an upsert: queries, searches, deletes. Reads ask for strong consistency, always."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vectormigrate.model.collection import Metric, VectorIndex
from vectormigrate.model.record import Array, SparseVector
from vectormigrate.stores.milvus.pb import common_pb2, milvus_pb2

from .schema import METRICS, Column, DataType, Layout

_STRONG = common_pb2.ConsistencyLevel.Strong
_PLACEHOLDER_DTYPES = {
    DataType.FloatVector: "<f4",
    DataType.Float16Vector: "<f2",
    DataType.Int8Vector: "i1",
    DataType.BinaryVector: "u1",
}


def query_request(
    layout: Layout,
    expression: str,
    output: Sequence[str],
    *,
    limit: int | None = None,
    partitions: Sequence[str] = (),
    values: Mapping[str, bytes] | None = None,
) -> Any:
    """A QueryRequest. With a limit it is a page: the lowest keys first, on every kind of server. `values` are serialized
    TemplateValues, for what the expression says as `{name}`.

    `iterator` is what makes Milvus Lite sort: without it a limit there cuts the rows in the order of their segments.
    `reduce_stop_for_best` keeps a real server from ending a page early.
    """
    request = milvus_pb2.QueryRequest(
        collection_name=layout.collection,
        expr=expression,
        output_fields=output,
        partition_names=partitions or layout.within,
        consistency_level=_STRONG,
    )
    for name, value in (values or {}).items():
        request.expr_template_values[name].ParseFromString(value)
    if limit is not None:
        _pairs(request.query_params, limit=limit, iterator=True, reduce_stop_for_best=True)
    return request


def count_request(layout: Layout) -> Any:
    """A QueryRequest for the exact number of records."""
    return milvus_pb2.QueryRequest(
        collection_name=layout.collection,
        partition_names=layout.within,
        output_fields=["count(*)"],
        consistency_level=_STRONG,
    )


def delete_request(layout: Layout, expression: str) -> Any:
    """A DeleteRequest, over all partitions unless one is meant."""
    return milvus_pb2.DeleteRequest(
        collection_name=layout.collection, partition_name=layout.partition, expr=expression
    )


def search_request(
    layout: Layout,
    column: Column,
    vector: Array | SparseVector,
    *,
    metric: Metric,
    limit: int,
    expression: str = "",
    values: Mapping[str, bytes] | None = None,
    index: VectorIndex | None = None,
) -> Any:
    """A SearchRequest of one query vector that answers with ids and scores only. `values` are as a query's."""
    group = common_pb2.PlaceholderGroup()
    group.placeholders.add(tag="$0", type=column.type, values=[_placeholder(column, vector)])
    request = milvus_pb2.SearchRequest(
        collection_name=layout.collection,
        partition_names=layout.within,
        dsl=expression,
        dsl_type=common_pb2.DslType.BoolExprV1,
        placeholder_group=group.SerializeToString(),
        nq=1,
        consistency_level=_STRONG,
    )
    for name, value in (values or {}).items():
        request.expr_template_values[name].ParseFromString(value)
    _pairs(
        request.search_params,
        anns_field=column.name,
        topk=limit,
        metric_type=METRICS[metric],
        params=json.dumps(_effort(index, limit)),
        round_decimal=-1,
        ignore_growing=False,
    )
    return request


def given_request(layout: Layout, method: str, given: bytes) -> Any:
    """A Search or a HybridSearch that a client of another Milvus wrote, of this collection."""
    request = getattr(milvus_pb2, f"{method}Request").FromString(given)
    for one in (request, *(request.requests if method == "HybridSearch" else ())):
        one.collection_name, one.db_name = layout.collection, ""
        one.consistency_level, one.use_default_consistency, one.guarantee_timestamp = _STRONG, False, 0
        one.partition_names[:] = layout.within
    return request


def _effort(index: VectorIndex | None, limit: int) -> dict[str, int]:
    """How hard to look: recall matters more here than a millisecond."""
    if index is None:
        return {}
    if index.kind == "hnsw":
        return {"ef": min(32_768, max(2 * limit, 128))}
    if index.kind == "ivfflat":
        return {"nprobe": max(1, int(index.params.get("lists", 128)) // 4)}
    return {}


def _placeholder(column: Column, vector: Array | SparseVector) -> bytes:
    if isinstance(vector, SparseVector):
        pairs = np.empty(len(vector.indices), dtype=[("index", "<u4"), ("value", "<f4")])
        pairs["index"], pairs["value"] = vector.indices, vector.values
        return pairs.tobytes()
    return np.ascontiguousarray(vector, dtype=_PLACEHOLDER_DTYPES[column.type]).tobytes()


def _pairs(target: Any, **values: object) -> None:
    for key, value in (values or {}).items():
        target.add(key=key, value=str(value))
