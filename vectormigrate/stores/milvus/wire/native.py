"""What only a Milvus knows of a collection, kept in its shape's `native`: the schema to the letter, and the indexes.

A shape says what a field holds; that it is an Int8, the third of nine, with a default and a description, only the schema
says. The store puts it into the shapes that it describes, the facade tells it to clients when Milvus itself no longer
answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict

from vectormigrate.model.collection import COMPUTED, CollectionShape
from vectormigrate.stores.milvus.pb import common_pb2, milvus_pb2, schema_pb2

from .schema import Layout, index_requests, made_of_words, read_layout, settle_shape, write_schema
from .server import Server

DIALECT = "milvus"
LIKE = Server("2.6.0", lite=False, number=(2, 6))
"""The server that stands for Milvus as such where none is asked."""
STRONG, BOUNDED = common_pb2.ConsistencyLevel.Strong, common_pb2.ConsistencyLevel.Bounded


def native_of(
    described: Any, indexes: Sequence[Any], aliases: Sequence[str] = (), *, lite: bool = False
) -> dict[str, Any]:
    """A DescribeCollectionResponse, its IndexDescriptions and its other names as `CollectionShape.native`. Nothing of it changes while
    records do.
    """
    told = {
        "schema": _plain(described.schema),
        "indexes": [
            {
                "field": index.field_name,
                "name": index.index_name,
                "params": {pair.key: pair.value for pair in index.params},
            }
            for index in indexes
        ],
        "aliases": sorted(aliases),
        "created_timestamp": described.created_timestamp,
        "lite": lite,
        "consistency_level": int(described.consistency_level),
        "shards_num": described.shards_num or 1,
        "properties": {pair.key: pair.value for pair in described.properties},
    }
    if worded := made_of_words(described.schema):
        told[COMPUTED] = worded
    return {DIALECT: told}


def described_of(shape: CollectionShape) -> Any:
    """The DescribeCollectionResponse of a shape, as far as it concerns the schema. Raises Unsupported, ShapeMismatch for
    a shape that no Milvus has.
    """
    told = shape.native.get(DIALECT) or {}
    answer = milvus_pb2.DescribeCollectionResponse(
        schema=schema_of(shape),
        collection_name=shape.name,
        shards_num=told.get("shards_num", 1),
        consistency_level=told.get("consistency_level", BOUNDED),
        num_partitions=len(shape.partitions) + 1,
        created_timestamp=told.get("created_timestamp", 0),
        created_utc_timestamp=told.get("created_timestamp", 0) >> 18,
    )
    for key, value in told.get("properties", {}).items():
        answer.properties.add(key=key, value=value)
    return answer


def schema_of(shape: CollectionShape) -> Any:
    """The CollectionSchema message of a shape, its fields numbered as Milvus numbers them."""
    told = shape.native.get(DIALECT, {}).get("schema")
    schema = schema_pb2.CollectionSchema()
    if told is None:
        schema.ParseFromString(write_schema(settle_shape(shape, LIKE)))
    else:
        ParseDict(told, schema)
    schema.name = shape.name
    for number, field in enumerate(schema.fields, 100):
        field.fieldID = field.fieldID or number
    return schema


def keeps_order(shape: CollectionShape) -> bool:
    """Whether records are answered in the order in which their keys are listed: Milvus Lite does, a server sorts them."""
    return bool(shape.native.get(DIALECT, {}).get("lite"))


@lru_cache(maxsize=64)
def layout_of(shape: CollectionShape) -> Layout:
    """The columns of a shape, as rows need them."""
    return read_layout(schema_of(shape))


@dataclass(frozen=True, slots=True)
class Rules:
    """What a schema says of rows beside their columns."""

    defaults: Mapping[str, Any]
    """By field; fields without one are not in it."""
    computed: tuple[str, ...]
    """Fields that Milvus makes out of others, and tells as those of the record."""
    worded: Mapping[str, str]
    """Sparse vectors that it makes of a text to search by words, each with that text."""


@lru_cache(maxsize=64)
def rules_of(shape: CollectionShape) -> Rules:
    """The rules of a shape."""
    schema = schema_of(shape)
    fields, worded = schema.fields, made_of_words(schema)
    given = {field.name: (field.default_value, field.default_value.WhichOneof("data")) for field in fields}
    return Rules(
        {name: getattr(value, which) for name, (value, which) in given.items() if which is not None},
        tuple(field.name for field in fields if field.is_function_output and field.name not in worded),
        worded,
    )


def indexes_of(shape: CollectionShape) -> list[Any]:
    """The IndexDescriptions of a shape, all built."""
    told = shape.native.get(DIALECT, {}).get("indexes")
    if told is None:
        made = index_requests(settle_shape(shape, LIKE), (), LIKE)
        found = [(one.field_name, one.index_name, {p.key: p.value for p in one.extra_params}) for one in made]
    else:
        found = [(one["field"], one["name"], one["params"]) for one in told]
    return [
        milvus_pb2.IndexDescription(
            field_name=field,
            index_name=name,
            params=[common_pb2.KeyValuePair(key=key, value=value) for key, value in params.items()],
            state=common_pb2.IndexState.Finished,
        )
        for field, name, params in found
    ]


def _plain(message: Any) -> dict[str, Any]:
    plain: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    return plain
