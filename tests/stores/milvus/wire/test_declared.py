"""A copy in another Milvus has what the vendor's own client says of the source; what it has not, the plan says."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace

import pytest
from google.protobuf.json_format import MessageToDict
from pymilvus import DataType, Function, FunctionType, MilvusException

from tests.fakes.moved import moved
from vectormigrate.model.collection import CollectionShape, Field, FieldType, IdField, IdKind, VectorField
from vectormigrate.stores.milvus.pb import schema_pb2
from vectormigrate.stores.milvus.wire.declared import data_types, functions, indexes, left_out, own_words
from vectormigrate.stores.milvus.wire.schema import (
    index_requests,
    read_layout,
    read_shape,
    settle_shape,
    write_schema,
)
from vectormigrate.stores.milvus.wire.server import parse_version

SOURCE, TARGET = "told", "told_again"
NEW, OLD, LITE = parse_version("v2.6.0"), parse_version("v2.3.5"), parse_version("milvus_lite-3.2.2")


@pytest.fixture
def told(vendor):
    """A collection with every setting that Milvus Lite keeps."""
    made = vendor.create_schema(enable_dynamic_field=True, description="books")
    made.add_field("id", DataType.VARCHAR, is_primary=True, max_length=77, description="the key")
    made.add_field("v", DataType.FLOAT_VECTOR, dim=4, description="dense")
    made.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
    for kind in ("BOOL", "INT8", "INT16", "INT32", "INT64", "FLOAT", "DOUBLE", "JSON"):
        made.add_field(kind.lower(), DataType[kind], nullable=kind in ("INT8", "FLOAT", "JSON"))
    taken = {"enable_analyzer": True, "enable_match": True, "analyzer_params": {"tokenizer": "standard"}}
    made.add_field("text", DataType.VARCHAR, max_length=99, **taken)
    made.add_field("place", DataType.VARCHAR, max_length=50, is_partition_key=True)
    made.add_field("counted", DataType.INT32, default_value=7)
    made.add_field("perhaps", DataType.INT16, default_value=9, nullable=True)
    made.add_field("singles", DataType.ARRAY, element_type=DataType.FLOAT, max_capacity=5)
    made.add_field("names", DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=6, max_length=12)
    made.add_field("words", DataType.SPARSE_FLOAT_VECTOR)
    made.add_function(Function("found", FunctionType.BM25, ["text"], ["words"]))
    wanted = vendor.prepare_index_params()
    wanted.add_index("v", index_type="HNSW", metric_type="L2", params={"M": 8, "efConstruction": 33})
    wanted.add_index("sparse", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
    wanted.add_index("words", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25")
    wanted.add_index("int32", index_type="INVERTED")
    vendor.create_collection(
        SOURCE, schema=made, index_params=wanted, properties={"timezone": "Europe/Berlin"}
    )
    vendor.insert(SOURCE, [_row(number) for number in range(5)])
    yield SOURCE
    for name in (SOURCE, TARGET):
        with suppress(MilvusException):
            vendor.drop_collection(name)


def _row(number):
    row = {
        "id": f"key {number}",
        "v": [number, 1.0, 2.0, 3.0],
        "sparse": {1: 0.5, number + 2: 1.0},
        "bool": True,
        "int8": None if number == 1 else number,
        "int16": number,
        "int32": number,
        "int64": 2**60 + number,
        "float": None if number == 1 else 0.1 * number,
        "double": 0.1 * number,
        "json": {"a": number},
        "text": f"red fish {number}",
        "place": f"p{number % 3}",
        "singles": [0.1, float(number)],
        "names": ["x"],
        "own": number,
    }
    return row if number == 2 else {**row, "counted": number, "perhaps": number}


def _described(vendor, name):
    return {key: value for key, value in vendor.describe_collection(name).items() if key != "collection_name"}


def _indexed(vendor, name):
    return [vendor.describe_index(name, one) for one in sorted(vendor.list_indexes(name))]


async def test_the_vendor_says_the_same_of_both(subject, vendor, told):
    notes = await moved(subject.store, told, TARGET)
    assert _described(vendor, TARGET) == _described(vendor, SOURCE)
    assert _indexed(vendor, TARGET) == _indexed(vendor, SOURCE)
    assert notes == ()
    [hits] = vendor.search(TARGET, ["fish"], anns_field="words", limit=9)
    assert len(hits) == 5, "what is made of words is made by the copy, too"
    vendor.insert(TARGET, {key: value for key, value in _row(2).items() if key != "id"} | {"id": "new"})
    assert vendor.get(TARGET, "new", output_fields=["counted", "perhaps"])[0] == {
        "id": "new",
        "counted": 7,
        "perhaps": 9,
    }


@pytest.mark.parametrize("expression", ["float > 0.1", "float == 0.3", "singles[0] == 0.1", "int8 == 3"])
async def test_a_filter_in_its_own_words_finds_the_same(subject, vendor, told, expression):
    await moved(subject.store, told, TARGET)
    theirs, ours = (vendor.query(name, expression, output_fields=["id"]) for name in (SOURCE, TARGET))
    assert sorted(one["id"] for one in ours) == sorted(one["id"] for one in theirs)


async def test_a_field_of_another_name_keeps_what_is_said_of_it(subject, vendor, told):
    await moved(subject.store, told, TARGET, rename={"text": "body", "int8": "small", "counted": "n"})
    fields = {one["name"]: one for one in vendor.describe_collection(TARGET)["fields"]}
    assert (fields["small"]["type"], fields["n"]["default_value"].int_data) == (DataType.INT8, 7)
    assert fields["body"]["params"]["analyzer_params"] == '{"tokenizer": "standard"}'
    [made] = vendor.describe_collection(TARGET)["functions"]
    assert (made["input_field_names"], made["output_field_names"]) == (["body"], ["words"])


async def test_what_is_left_behind_takes_what_is_made_of_it_along(subject, vendor, told):
    notes = await moved(subject.store, told, TARGET, drop=("text",))
    assert vendor.describe_collection(TARGET).get("functions", []) == []
    assert "function 'found' (BM25) is not carried: nothing makes words in the target" in notes


# A server's own, which Milvus Lite does not keep: held to what is asked for.


def _schema(**key):
    schema = schema_pb2.CollectionSchema(name="docs", description="books")
    schema.fields.add(name="id", data_type=schema_pb2.Int64, is_primary_key=True, description="key", **key)
    vector = schema.fields.add(name="v", data_type=schema_pb2.FloatVector, description="dense")
    vector.type_params.add(key="dim", value="4")
    schema.fields.add(name="n", data_type=schema_pb2.Int16, is_clustering_key=True, description="a number")
    schema.fields.add(name="d", data_type=schema_pb2.Double)
    names = schema.fields.add(name="names", data_type=schema_pb2.Array, element_type=schema_pb2.VarChar)
    for pair in (("max_capacity", "6"), ("max_length", "12")):
        names.type_params.add(key=pair[0], value=pair[1])
    schema.fields.add(name="place", data_type=schema_pb2.Geometry)
    return schema


def _told(schema, found=(), properties=None):
    """The shape of a schema as a store tells it."""
    told = {
        "schema": _plain(schema),
        "indexes": [{"field": field, "name": name, "params": params} for field, name, params in found],
        "properties": properties or {},
    }
    shape = read_shape(read_layout(schema), (), ())
    return replace(shape, native={"milvus": told})


def _plain(schema):
    return MessageToDict(schema, preserving_proto_field_name=True)


def _made(shape):
    again = schema_pb2.CollectionSchema.FromString(write_schema(settle_shape(shape, NEW), NEW))
    return again, {field.name: field for field in again.fields}


def test_descriptions_keys_and_elements_are_said_again():
    schema = _schema()
    again, fields = _made(_told(schema))
    assert again.description == "books"
    for one in schema.fields:
        if one.name != "place":
            assert fields[one.name] == one


def test_only_what_a_shape_cannot_say_has_words():
    words = {field.name: own_words(field) for field in _schema().fields}
    assert json.loads(words["n"].removeprefix("milvus:")) == {
        "name": "n",
        "data_type": "Int16",
        "is_clustering_key": True,
        "description": "a number",
    }
    assert words["d"] == words["place"] == ""
    shape = _told(_schema())
    assert data_types(shape) == {"n": ("Int16", ""), "names": ("Array", "VarChar")}


def test_what_of_a_server_is_not_carried_is_said():
    schema = _schema(autoID=True)
    embedding = schema.functions.add(name="embed", type=schema_pb2.FunctionType.TextEmbedding)
    embedding.output_field_names.append("v")
    told = {"collection.ttl.seconds": "60", "replica.number": "2", "mmap.enabled": "true"}
    shape = _told(schema, properties=told)
    assert left_out(shape, shape, NEW) == [
        "keys that Milvus makes (auto_id of 'id') are not carried: the target takes them from who writes",
        "type Geometry of 'place' is not carried: it is VarChar in the target",
        "function 'embed' (TextEmbedding) is not carried: nothing makes v in the target",
        "records live for 60 s (collection.ttl.seconds) from when they are copied",
        "property replica.number = 2 is not carried",
    ]


def test_indexes_have_their_kinds_and_names():
    graph = {"index_type": "HNSW", "metric_type": "L2", "params": '{"M": 8, "efConstruction": 33}', "x": "1"}
    sorted_ = {"index_type": "STL_SORT"}
    shape = _told(
        _schema(), [("v", "graph", graph), ("n", "by n", sorted_), ("names", "set", {"index_type": "BITMAP"})]
    )
    assert [*indexes(shape, NEW)] == [("n", "by n", sorted_), ("names", "set", {"index_type": "BITMAP"})]
    assert [*indexes(shape, OLD)] == []
    assert [*indexes(shape, LITE)] == [("n", "by n", {"index_type": "INVERTED"})]
    made = index_requests(settle_shape(shape, NEW), (), NEW)
    assert [(one.field_name, one.index_name) for one in made] == [
        ("v", "graph"),
        ("n", "by n"),
        ("names", "set"),
    ]
    assert index_requests(settle_shape(shape, NEW), ("v", "n", "names"), NEW) == []


def test_words_are_made_only_where_there_is_room_and_the_text():
    schema = _schema()
    text = schema.fields.add(name="text", data_type=schema_pb2.VarChar)
    text.type_params.add(key="enable_analyzer", value="true")
    schema.fields.add(name="words", data_type=schema_pb2.SparseFloatVector, is_function_output=True)
    made = schema.functions.add(name="found", type=schema_pb2.FunctionType.BM25, id=3)
    made.input_field_names.append("text")
    made.output_field_names.append("words")
    shape = _told(schema)
    [(function, field)] = functions(shape, NEW)
    assert (function["input_field_names"], field["name"], "id" in function) == (["text"], "words", False)
    many = tuple(VectorField(f"v{number}", dim=2) for number in range(4))
    for other, server in (
        (shape, OLD),
        (replace(shape, vectors=many), NEW),
        (replace(shape, fields=()), NEW),
        (replace(shape, fields=(*shape.fields, Field("words", FieldType.TEXT))), NEW),
        (CollectionShape("other", IdField("id", IdKind.INT)), NEW),
    ):
        assert [*functions(other, server)] == []
