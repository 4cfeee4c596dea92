"""REST v2 bodies as the messages of the same requests over gRPC."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from vectormigrate.model.collection import CollectionShape
from vectormigrate.stores.milvus.pb import common_pb2, schema_pb2
from vectormigrate.stores.milvus.wire.native import layout_of
from vectormigrate.stores.milvus.wire.rows import write_key_list, write_rows, write_targets
from vectormigrate.stores.milvus.wire.schema import DataType, Layout
from vectormigrate.stores.milvus.wire.tokens import ExpressionInvalid

from .answering import REQUESTS
from .problems import MISSING_PARAMETER, Problem, invalid, not_served

Body: TypeAlias = Mapping[str, Any]
_LIMIT = 100
"""Of a query or a search that does not say."""


def _wanted(body: Body, name: str, kind: type | tuple[type, ...]) -> Any:
    """A value that must be there. Raises Problem."""
    value = body.get(name)
    if not isinstance(value, kind) or value in ("", []):
        raise Problem(MISSING_PARAMETER, f"missing required parameters, error: Key: {name!r}")
    return value


def _pairs(values: Mapping[str, Any]) -> list[Any]:
    return [
        common_pb2.KeyValuePair(key=key, value=value if isinstance(value, str) else json.dumps(value))
        for key, value in values.items()
        if value is not None
    ]


def _common(rpc: str, body: Body, **values: Any) -> Any:
    """A message with what all of them name."""
    message = REQUESTS[rpc]()
    fields = message.DESCRIPTOR.fields_by_name
    given = {
        "db_name": body.get("dbName"),
        "collection_name": body.get("collectionName"),
        "partition_name": body.get("partitionName"),
        "partition_names": body.get("partitionNames"),
        "alias": body.get("aliasName"),
        "index_name": body.get("indexName"),
        **values,
    }
    try:
        for name, value in given.items():
            if value is None or name not in fields:
                continue
            if isinstance(value, list):
                getattr(message, name).extend(value)
            else:
                setattr(message, name, value)
    except TypeError as error:
        raise invalid(f"can only accept json format request, error: {error}") from None
    return message


def _rows(rpc: str, body: Body, layout: Layout, *, marking: bool) -> Any:
    data = _wanted(body, "data", (list, dict))
    rows = data if isinstance(data, list) else [data]
    if not all(isinstance(row, dict) for row in rows):
        raise invalid("data is a list of objects")
    if marking:
        key = layout.key.name
        rows = [{key: row[key]} if key in row else {} for row in rows]
    message = _common(rpc, body, num_rows=len(rows))
    message.fields_data.extend(write_rows(rows, layout))
    if rpc == "Upsert":
        message.partial_update = bool(body.get("partialUpdate"))
    return message


def _selecting(rpc: str, body: Body, layout: Layout) -> Any:
    """A query, a get or a delete: by keys or by an expression."""
    message = _common(rpc, body)
    if "id" in body:
        given = body["id"] if isinstance(body["id"], list) else [body["id"]]
        message.expr = f"{layout.key.name} in {{keys}}"
        keys = write_key_list(given, layout)
        array = message.expr_template_values["keys"].array_val
        held = array.long_data if keys.WhichOneof("id_field") == "int_id" else array.string_data
        held.data.extend(keys.int_id.data or keys.str_id.data)
    else:
        message.expr = str(body.get("filter") or "")
        _template(message, body)
    if rpc == "Query":
        message.output_fields.extend(_output(body))
        limit = None if "id" in body else body.get("limit", _LIMIT)
        message.query_params.extend(_pairs({"limit": limit, "offset": body.get("offset")}))
    return message


def _template(message: Any, body: Body) -> None:
    for name, value in (body.get("exprParams") or {}).items():
        target = message.expr_template_values[name]
        match value:
            case bool():
                target.bool_val = value
            case int():
                target.int64_val = value
            case float():
                target.float_val = value
            case str():
                target.string_val = value
            case list():
                target.array_val.json_data.data.extend(json.dumps(item).encode() for item in value)
            case _:
                raise invalid(f"the value of {name!r} is of a kind that no filter has")


def _output(body: Body) -> list[str]:
    wanted = body.get("outputFields", ["*"])
    if not isinstance(wanted, list) or not all(isinstance(name, str) for name in wanted):
        raise invalid("outputFields is a list of names")
    return wanted


def _search(rpc: str, body: Body, layout: Layout) -> Any:
    data = _wanted(body, "data", list)
    using = body.get("annsField") or (layout.vectors[0].name if len(layout.vectors) == 1 else "")
    column = next((column for column in layout.vectors if column.name == using), None)
    if column is None:
        raise invalid(f"can not find vector field: {using!r}; please specify annsField")
    params = body.get("searchParams") or {}
    message = _common(rpc, body, dsl=str(body.get("filter") or ""), nq=len(data))
    message.dsl_type = common_pb2.DslType.BoolExprV1
    message.placeholder_group = write_targets(data, column)
    message.output_fields.extend(_output({"outputFields": body.get("outputFields", [])}))
    _template(message, body)
    message.search_params.extend(
        _pairs(
            {
                "anns_field": using,
                "topk": body.get("limit", _LIMIT),
                "offset": body.get("offset"),
                "metric_type": params.get("metricType"),
                "params": params.get("params", {}),
                "round_decimal": -1,
                "group_by_field": body.get("groupingField"),
                "group_size": body.get("groupSize"),
                "strict_group_size": body.get("strictGroupSize"),
            }
        )
    )
    return message


def _hybrid(rpc: str, body: Body, layout: Layout) -> Any:
    if body.get("functionScore"):
        raise not_served("a hybrid search over REST is fused by `rerank` here")
    parts = _wanted(body, "search", list)
    if not all(isinstance(part, dict) for part in parts):
        raise invalid("search is a list of objects")
    rerank = body.get("rerank") or {}
    message = _common(rpc, body)
    message.requests.extend(
        _search("Search", {**part, "collectionName": message.collection_name}, layout) for part in parts
    )
    message.output_fields.extend(_output({"outputFields": body.get("outputFields", [])}))
    message.rank_params.extend(
        _pairs(
            {
                "strategy": rerank.get("strategy"),
                "params": rerank.get("params"),
                "limit": body.get("limit", _LIMIT),
                "offset": body.get("offset"),
                "group_by_field": body.get("groupingField"),
            }
        )
    )
    return message


_READS = {"Search": _search, "HybridSearch": _hybrid}
OF_FIELDS = frozenset({"Insert", "Upsert", "Query", "Delete", *_READS})
"""Requests whose fields go by name, without a word about their types."""


def _create(rpc: str, body: Body) -> Any:
    message = _common(rpc, body, shards_num=1)
    message.consistency_level = common_pb2.ConsistencyLevel.Bounded
    message.schema = _schema(body).SerializeToString()
    return message


def _schema(body: Body) -> Any:
    given = body.get("schema")
    if given is None:
        return _quick(body)
    schema = schema_pb2.CollectionSchema(
        name=_wanted(body, "collectionName", str),
        autoID=bool(given.get("autoId", given.get("autoID"))),
        enable_dynamic_field=bool(given.get("enableDynamicField")),
    )
    for field in _wanted(given, "fields", list):
        try:
            made = schema.fields.add(
                name=field["fieldName"],
                data_type=DataType.Value(field["dataType"]),
                is_primary_key=bool(field.get("isPrimary")),
                nullable=bool(field.get("nullable")),
                is_partition_key=bool(field.get("isPartitionKey")),
            )
            if field.get("elementDataType"):
                made.element_type = DataType.Value(field["elementDataType"])
            made.autoID = schema.autoID and made.is_primary_key
            for key, value in (field.get("elementTypeParams") or {}).items():
                made.type_params.add(key=key, value=str(value))
        except (KeyError, TypeError, ValueError) as error:
            raise invalid(f"a field of the schema cannot be read: {error}") from None
    return schema


def _quick(body: Body) -> Any:
    schema = schema_pb2.CollectionSchema(
        name=_wanted(body, "collectionName", str), enable_dynamic_field=True, autoID=bool(body.get("autoID"))
    )
    text = body.get("idType") in ("VarChar", "Varchar")
    key = schema.fields.add(
        name=body.get("primaryFieldName") or "id",
        is_primary_key=True,
        data_type=DataType.VarChar if text else DataType.Int64,
        autoID=schema.autoID,
    )
    if text:
        most = (body.get("params") or {}).get("max_length", 65_535)
        key.type_params.add(key="max_length", value=str(most))
    vector = schema.fields.add(name=body.get("vectorFieldName") or "vector", data_type=DataType.FloatVector)
    vector.type_params.add(key="dim", value=str(_wanted(body, "dimension", int)))
    return schema


def following(rpc: str, body: Body) -> list[tuple[str, Any]]:
    """What REST does behind a request, as rpcs and messages: the indexes of a new collection, and its loading."""
    if rpc == "CreateCollection":
        quick = {
            "fieldName": body.get("vectorFieldName") or "vector",
            "metricType": body.get("metricType") or "COSINE",
        }
        wanted = [quick] if "schema" not in body else body.get("indexParams") or []
        made = [("CreateIndex", _index(body, params)) for params in wanted]
        return [*made, ("LoadCollection", _common("LoadCollection", body))] if made else []
    if rpc == "CreateIndex":
        return [("CreateIndex", _index(body, params)) for params in body["indexParams"][1:]]
    return []


def _index(body: Body, params: Body) -> Any:
    message = _common("CreateIndex", body, field_name=str(params.get("fieldName", "")))
    message.index_name = str(params.get("indexName") or "")
    told = {
        "index_type": params.get("indexType") or (params.get("params") or {}).get("index_type"),
        "metric_type": params.get("metricType"),
        "params": params.get("params"),
    }
    message.extra_params.extend(_pairs(told))
    return message


def to_message(rpc: str, body: Body, shape: CollectionShape | None, *, marking: bool = False) -> Any:
    """The message of a request; `marking` wants only the keys of its rows. Raises Problem."""
    try:
        if rpc in OF_FIELDS:
            if shape is None:
                raise Problem(MISSING_PARAMETER, "missing required parameters, error: Key: 'collectionName'")
            if rpc in ("Insert", "Upsert"):
                return _rows(rpc, body, layout_of(shape), marking=marking)
            return _READS.get(rpc, _selecting)(rpc, body, layout_of(shape))
        if rpc == "CreateCollection":
            return _create(rpc, body)
        if rpc == "CreateIndex":
            return _index(body, _wanted(body, "indexParams", list)[0])
        if rpc == "RenameCollection":
            return _common(
                rpc, body, oldName=body.get("collectionName"), newName=body.get("newCollectionName")
            )
        names = [body["collectionName"]] if rpc == "Flush" and "collectionName" in body else None
        return _common(rpc, body, collection_names=names)
    except ExpressionInvalid as error:
        raise invalid(str(error)) from None
