"""Replies of the service as the `data` of REST's answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from vectormigrate.model.collection import CollectionShape
from vectormigrate.stores.milvus.pb import common_pb2
from vectormigrate.stores.milvus.wire.fields import read_ids
from vectormigrate.stores.milvus.wire.native import indexes_of, layout_of
from vectormigrate.stores.milvus.wire.rows import read_rows
from vectormigrate.stores.milvus.wire.schema import DataType, Layout

from .collections import is_loaded


def _described(reply: Any, shape: CollectionShape) -> Any:
    schema = reply.schema
    return {
        "aliases": list(reply.aliases),
        "autoId": any(field.autoID for field in schema.fields),
        "collectionID": reply.collectionID,
        "collectionName": reply.collection_name,
        "consistencyLevel": common_pb2.ConsistencyLevel.Name(reply.consistency_level),
        "description": schema.description,
        "enableDynamicField": schema.enable_dynamic_field,
        "fields": [_field(field) for field in schema.fields],
        "functions": [],
        "indexes": [
            {
                "fieldName": index.field_name,
                "indexName": index.index_name,
                "metricType": next((pair.value for pair in index.params if pair.key == "metric_type"), ""),
            }
            for index in indexes_of(shape)
        ],
        "load": "LoadStateLoaded" if is_loaded(shape) else "LoadStateNotLoad",
        "partitionsNum": reply.num_partitions,
        "properties": [{"key": pair.key, "value": pair.value} for pair in reply.properties],
        "shardsNum": reply.shards_num,
    }


def _field(field: Any) -> dict[str, Any]:
    told = {
        "autoId": field.autoID,
        "description": field.description,
        "id": field.fieldID,
        "name": field.name,
        "nullable": field.nullable,
        "partitionKey": field.is_partition_key,
        "primaryKey": field.is_primary_key,
        "type": DataType.Name(field.data_type),
    }
    if field.element_type:
        told["elementType"] = DataType.Name(field.element_type)
    if len(field.type_params):
        told["params"] = [{"key": pair.key, "value": pair.value} for pair in field.type_params]
    return told


def _indexes(reply: Any) -> list[dict[str, Any]]:
    told = []
    for index in reply.index_descriptions:
        params = {pair.key: pair.value for pair in index.params}
        told.append(
            {
                "indexName": index.index_name,
                "fieldName": index.field_name,
                "indexType": params.get("index_type", ""),
                "metricType": params.get("metric_type", ""),
                "indexState": common_pb2.IndexState.Name(index.state),
                "totalRows": index.total_rows,
                "indexedRows": index.indexed_rows,
                "pendingRows": index.pending_index_rows,
                "failReason": index.index_state_fail_reason,
            }
        )
    return told


def _hits(reply: Any, layout: Layout) -> list[dict[str, Any]]:
    results = reply.results
    rows = read_rows(results.fields_data, len(results.scores), layout)
    ids: Sequence[Any] = results.ids.int_id.data or results.ids.str_id.data
    return [
        {layout.key.name: record_id, "distance": score, **row}
        for record_id, score, row in zip(ids, results.scores, rows, strict=True)
    ]


def _queried(reply: Any, layout: Layout) -> list[dict[str, Any]]:
    if list(reply.output_fields) == ["count(*)"]:
        return [{"count(*)": reply.fields_data[0].scalars.long_data.data[0]}]
    keys = reply.fields_data[0].scalars
    count = len(keys.long_data.data) or len(keys.string_data.data)
    return read_rows(reply.fields_data, count, layout)


_TELLERS: dict[str, Callable[[Any], Any]] = {
    "ShowCollections": lambda reply: list(reply.collection_names),
    "HasCollection": lambda reply: {"has": reply.value},
    "HasPartition": lambda reply: {"has": reply.value},
    "ShowPartitions": lambda reply: list(reply.partition_names),
    "GetCollectionStatistics": lambda reply: {"rowCount": int(reply.stats[0].value)},
    "GetPartitionStatistics": lambda reply: {"rowCount": int(reply.stats[0].value)},
    "GetLoadState": lambda reply: {
        "loadState": common_pb2.LoadState.Name(reply.state),
        "loadProgress": 100 * (reply.state == common_pb2.LoadState.LoadStateLoaded),
        "message": "",
    },
    "ListAliases": lambda reply: list(reply.aliases),
    "DescribeAlias": lambda reply: {
        "dbName": reply.db_name,
        "collectionName": reply.collection,
        "aliasName": reply.alias,
    },
    "ListDatabases": lambda reply: list(reply.db_names),
    "Insert": lambda reply: {"insertCount": reply.insert_cnt, "insertIds": read_ids(reply.IDs)},
    "Upsert": lambda reply: {"upsertCount": reply.upsert_cnt, "upsertIds": read_ids(reply.IDs)},
}


def to_data(rpc: str, path: str, reply: Any, shape: CollectionShape | None) -> Any:
    """The `data` of an answer."""
    if rpc in _TELLERS:
        return _TELLERS[rpc](reply)
    if rpc == "DescribeIndex":
        told = _indexes(reply)
        return [one["indexName"] for one in told] if path.endswith("/list") else told
    if shape is not None:
        match rpc:
            case "DescribeCollection":
                return _described(reply, shape)
            case "Query":
                return _queried(reply, layout_of(shape))
            case "Search" | "HybridSearch":
                return _hits(reply, layout_of(shape))
            case _:
                pass
    return {}
