"""Collections, partitions, indexes and aliases made, changed and dropped, as far as the store keeps them.

What only tunes Milvus is taken and changes nothing. A store that is not `Emulated` keeps its fields, partitions, metrics
and names as they are.
"""

from __future__ import annotations

import re
from typing import Any

from google.protobuf.message import DecodeError

from vectormigrate.model.collection import CollectionShape, Metric
from vectormigrate.model.errors import StoreBroken, Unsupported
from vectormigrate.stores.base import Store
from vectormigrate.stores.milvus.pb import common_pb2, milvus_pb2, schema_pb2
from vectormigrate.stores.milvus.wire.native import DIALECT, indexes_of
from vectormigrate.stores.milvus.wire.schema import (
    DEFAULT_PARTITION,
    METRICS,
    DataType,
    is_vector,
    read_layout,
)
from vectormigrate.stores.milvus.wire.server import MAX_ARRAY, MAX_TEXT_BYTES, NAME_PATTERN

from .collections import aliases, check_partitions, is_loaded, partitions_of
from .emulated import Emulated
from .matching import choose
from .problems import INDEX_MISSING, Problem, invalid, no_alias, no_collection, not_served

_LEGACY = common_pb2.ErrorCode
_INDEX_TWICE, _NAME_TAKEN, _ALIAS_TAKEN = 65535, 1601, 1602
_MAX_DIM, _MAX_FIELDS = 32_768, 64


async def create(store: Store, message: Any) -> Any:
    if not isinstance(store, Emulated):
        raise not_served("a collection cannot be made beside one under migration")
    schema = schema_pb2.CollectionSchema()
    try:
        schema.ParseFromString(message.schema)
    except DecodeError as error:
        raise invalid(f"the schema cannot be read: {error}") from None
    schema.name = message.collection_name
    try:
        await store.make(
            milvus_pb2.DescribeCollectionResponse(
                schema=checked_schema(schema),
                consistency_level=message.consistency_level,
                shards_num=message.shards_num or 1,
                properties=message.properties,
            )
        )
    except (Unsupported, StoreBroken) as error:
        raise invalid(error.message) from None
    return common_pb2.Status()


async def drop(store: Store, shape: CollectionShape, message: Any) -> Any:
    if message.collection_name != shape.name:
        raise invalid(f"cannot drop the collection via alias = {message.collection_name}")
    await store.drop(shape.name)
    return common_pb2.Status()


def _definitions(store: Store, shape: CollectionShape) -> Emulated | None:
    """Who keeps the definition of a collection; None for one that stays as it was made."""
    return store if isinstance(store, Emulated) and DIALECT in shape.native else None


async def truncate(store: Store, shape: CollectionShape, message: Any) -> Any:
    await _remove(store, shape)
    return milvus_pb2.TruncateCollectionResponse()


async def load(store: Store, shape: CollectionShape, message: Any) -> Any:
    """What is not emulated is loaded for good."""
    check_partitions(shape, getattr(message, "partition_names", ()))
    definitions = _definitions(store, shape)
    if definitions is not None:
        indexed = {index.field_name for index in indexes_of(shape)}
        missing = [vector.name for vector in shape.vectors if vector.name not in indexed]
        if missing:
            raise Problem(
                INDEX_MISSING,
                f"there is no vector index on field: {missing}, please create index firstly",
                _LEGACY.IndexNotExist,
            )
        await definitions.change(shape.name, loaded=True)
    return common_pb2.Status()


async def release(store: Store, shape: CollectionShape, message: Any) -> Any:
    """Of partitions, nothing; of a collection, only where it is emulated: elsewhere there is nothing to be spared."""
    check_partitions(shape, getattr(message, "partition_names", ()))
    definitions = _definitions(store, shape)
    if definitions is not None and "partition_names" not in message.DESCRIPTOR.fields_by_name:
        await definitions.change(shape.name, loaded=False)
    return common_pb2.Status()


async def create_index(store: Store, shape: CollectionShape, message: Any) -> Any:
    field, params = message.field_name, {pair.key: pair.value for pair in message.extra_params}
    vector = next((one for one in shape.vectors if one.name == field), None)
    if vector is None and shape.field_named(field) is None and field != shape.id.name:
        raise invalid(f"cannot create index on non-exist field: {field}")
    params.setdefault("index_type", "AUTOINDEX")
    if vector is not None and params.setdefault("metric_type", "COSINE") not in METRICS.values():
        raise invalid(f"metric type {params['metric_type']} not supported here")
    definitions = _definitions(store, shape)
    if definitions is None:
        if vector is not None and METRICS.get(vector.metric or Metric.COSINE) != params["metric_type"]:
            raise not_served("the metric of a vector stays as it was made")
        return common_pb2.Status()
    indexes = shape.native[DIALECT]["indexes"]
    held = [one for one in indexes if one["field"] == field]
    if held and vector is not None and held[0]["params"] != params:
        raise Problem(_INDEX_TWICE, "CreateIndex failed: at most one distinct index is allowed per field", 1)
    made = {"field": field, "name": message.index_name or field, "params": params}
    await definitions.change(shape.name, indexes=[*(one for one in indexes if one not in held), made])
    return common_pb2.Status()


async def drop_index(store: Store, shape: CollectionShape, message: Any) -> Any:
    definitions = _definitions(store, shape)
    if definitions is None:
        raise not_served("vectors and indexes stay as they were made")
    name = message.index_name or message.field_name
    indexes = shape.native[DIALECT]["indexes"]
    gone = [one for one in indexes if name in (one["name"], one["field"])]
    vectors = {vector.name for vector in shape.vectors}
    if is_loaded(shape) and any(one["field"] in vectors for one in gone):
        raise invalid("vector index cannot be dropped on loaded collection")
    await definitions.change(shape.name, indexes=[one for one in indexes if one not in gone])
    return common_pb2.Status()


async def create_partition(store: Store, shape: CollectionShape, message: Any) -> Any:
    definitions = _definitions(store, shape)
    if definitions is None:
        raise not_served("partitions stay as they were made")
    if message.partition_name not in partitions_of(shape):
        await definitions.change(shape.name, partitions=[*shape.partitions, message.partition_name])
    return common_pb2.Status()


async def drop_partition(store: Store, shape: CollectionShape, message: Any) -> Any:
    definitions = _definitions(store, shape)
    if definitions is None:
        raise not_served("partitions stay as they were made")
    name = message.partition_name
    if name == DEFAULT_PARTITION:
        raise invalid("default partition cannot be deleted")
    if name in shape.partitions:
        await _remove(store, shape, name)
        await definitions.change(shape.name, partitions=[one for one in shape.partitions if one != name])
    return common_pb2.Status()


async def _remove(store: Store, shape: CollectionShape, *partitions: str) -> None:
    ids = await choose(store, shape, "", {}, partitions).ids()
    size = store.capabilities.write_batch
    for start in range(0, len(ids), size):
        await store.delete(shape.name, ids[start : start + size])


async def change_alias(store: Store, message: Any) -> Any:
    """CreateAlias, AlterAlias and DropAlias."""
    if not isinstance(store, Emulated):
        raise not_served("only Milvus itself keeps aliases")
    kind, alias = message.DESCRIPTOR.name, message.alias
    held = (await aliases(store)).get(alias)
    if kind == "DropAliasRequest":
        await store.name(alias, None)
        return common_pb2.Status()
    wanted = message.collection_name
    if wanted not in await store.collections():
        raise no_collection(wanted)
    if _definitions(store, await store.describe(wanted)) is None:
        raise not_served("a table that was there before has no aliases")
    if alias in await store.collections():
        raise Problem(_NAME_TAKEN, f"collection name [{alias}] conflicts with an existing collection", 1)
    if kind == "CreateAliasRequest" and held not in (None, wanted):
        raise Problem(_ALIAS_TAKEN, f"{alias} is alias to another collection: {held}", 1)
    if kind == "AlterAliasRequest" and held is None:
        raise no_alias(alias)
    await store.name(alias, wanted)
    return common_pb2.Status()


def checked_schema(schema: Any) -> Any:
    """The schema, if Milvus would take it. Raises Problem."""
    names = [field.name for field in schema.fields]
    if len(schema.functions):
        raise not_served("functions are computed by Milvus itself")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise invalid(f"duplicated field name {twice}")
    for name in (schema.name, *names):
        if not re.fullmatch(NAME_PATTERN, name):
            raise invalid(
                f"Invalid name: {name!r}. It must begin with a letter or _ and go on so, or with digits"
            )
    if len(names) > _MAX_FIELDS:
        raise invalid(f"maximum field's number should be limited to {_MAX_FIELDS}")
    keys = [field for field in schema.fields if field.is_primary_key]
    if len(keys) != 1:
        raise invalid("primary key is not specified" if not keys else "there are more than one primary key")
    if keys[0].data_type not in (DataType.Int64, DataType.VarChar):
        raise invalid("the data type of primary key should be Int64 or VarChar")
    if not any(is_vector(column) for column in read_layout(schema).vectors):
        raise invalid("schema does not contain vector field")
    for field in schema.fields:
        _check_field(field, {pair.key: pair.value for pair in field.type_params})
    return schema


def _check_field(field: Any, params: dict[str, str]) -> None:
    def number(key: str, most: int) -> None:
        text = params.get(key, "")
        if not (text.isdigit() and 1 <= int(text) <= most):
            raise invalid(f"{key} of field {field.name} must be from 1 to {most}, not {text or 'missing'}")

    text = DataType.VarChar in (field.data_type, field.element_type)
    if text:
        number("max_length", MAX_TEXT_BYTES)
    if field.data_type == DataType.Array:
        number("max_capacity", MAX_ARRAY)
    if DataType.Name(field.data_type).endswith("Vector") and field.data_type != DataType.SparseFloatVector:
        number("dim", _MAX_DIM)
        if field.data_type == DataType.BinaryVector and int(params["dim"]) % 8:
            raise invalid(f"the dimension of field {field.name} must be a multiple of 8")
