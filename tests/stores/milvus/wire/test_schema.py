"""Shapes become schemas and come back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vectormigrate.model.collection import (
    CollectionShape,
    Element,
    Field,
    FieldType,
    IdField,
    IdKind,
    KeyOrder,
    Metric,
    VectorField,
    VectorIndex,
    VectorKind,
)
from vectormigrate.model.errors import ShapeMismatch, StoreBroken, Unsupported
from vectormigrate.stores.milvus.pb import common_pb2, milvus_pb2, schema_pb2
from vectormigrate.stores.milvus.wire.declared import own_words
from vectormigrate.stores.milvus.wire.schema import (
    DataType,
    index_requests,
    made_of_words,
    read_layout,
    read_shape,
    settle_shape,
    write_schema,
)
from vectormigrate.stores.milvus.wire.server import parse_version

NEW, OLD, LITE = parse_version("v2.6.0"), parse_version("v2.3.5"), parse_version("milvus_lite-3.2.2")
HNSW = VectorIndex("hnsw", {"m": 8, "ef_construction": 64})
SHAPE = CollectionShape(
    "docs",
    IdField("pk", IdKind.TEXT, KeyOrder.BYTES, 100),
    (
        VectorField("a", dim=8, metric=Metric.EUCLID, nullable=False, index=HNSW),
        VectorField("h", element=Element.FLOAT16, dim=4, metric=Metric.DOT, nullable=False),
        VectorField("b", element=Element.BINARY, dim=16, metric=Metric.HAMMING, nullable=False),
        VectorField("s", VectorKind.SPARSE, metric=Metric.DOT, nullable=False),
    ),
    (
        Field("n", FieldType.INT, nullable=False, indexed=True),
        Field("x", FieldType.FLOAT),
        Field("t", FieldType.TEXT, max_length=50),
        Field("f", FieldType.BOOL),
        Field("j", FieldType.JSON),
        Field("l", FieldType.ARRAY, element=FieldType.TEXT, max_length=9),
    ),
    dynamic=True,
    partitions=("one", "two"),
)


def describe(shape, server):
    """The way of a shape through a server."""
    schema = schema_pb2.CollectionSchema.FromString(write_schema(shape))
    described = [
        milvus_pb2.IndexDescription(field_name=request.field_name, params=request.extra_params)
        for request in index_requests(shape, (), server)
    ]
    return read_shape(read_layout(schema), described, ["_default", *shape.partitions])


def test_a_shape_comes_back():
    back = describe(settle_shape(SHAPE, NEW), NEW)
    kinds = {
        "h": VectorIndex("AUTOINDEX"),
        "b": VectorIndex("BIN_FLAT"),
        "s": VectorIndex("SPARSE_INVERTED_INDEX"),
    }
    vectors = tuple(replace(v, index=v.index or kinds[v.name]) for v in SHAPE.vectors)
    assert back == replace(SHAPE, vectors=vectors)


def test_an_old_server_gets_nullable_fields_as_undeclared_keys():
    shape = settle_shape(replace(SHAPE, vectors=SHAPE.vectors[:1], dynamic=False), OLD)
    assert [field.name for field in shape.fields] == ["n"]
    assert shape.dynamic
    assert not settle_shape(replace(SHAPE, vectors=SHAPE.vectors[:1], dynamic=False), NEW).dynamic


def test_limits_are_settled():
    shape = replace(
        SHAPE,
        id=replace(SHAPE.id, max_length=10**6),
        fields=(
            Field("t", FieldType.TEXT),
            Field("l", FieldType.ARRAY, element=FieldType.INT, max_length=10**6),
            Field("d", FieldType.ARRAY, element=FieldType.DECIMAL),
        ),
    )
    made = settle_shape(shape, NEW)
    assert made.id.max_length == 65_535
    assert [(field.type, field.max_length) for field in made.fields] == [
        (FieldType.TEXT, 65_535),
        (FieldType.ARRAY, 4_096),
        (FieldType.JSON, None),
    ]


@pytest.mark.parametrize(
    ("change", "server", "kind"),
    [
        ({"vectors": ()}, NEW, ShapeMismatch),
        ({"vectors": (VectorField("v"),)}, NEW, ShapeMismatch),
        ({"vectors": (VectorField("v", dim=32_769),)}, NEW, ShapeMismatch),
        ({"vectors": (VectorField("v", dim=4, metric=Metric.MANHATTAN),)}, NEW, Unsupported),
        ({"vectors": (VectorField("v", VectorKind.MULTI, dim=4),)}, NEW, Unsupported),
        ({"vectors": (VectorField("v", VectorKind.SPARSE),)}, OLD, Unsupported),
        ({"vectors": (VectorField("v", element=Element.INT8, dim=4),)}, LITE, Unsupported),
        ({"vectors": tuple(VectorField(n, dim=4) for n in "abcde")}, NEW, Unsupported),
        ({"id": IdField("pk", IdKind.UUID)}, NEW, Unsupported),
        ({"fields": (Field("d", FieldType.DATE),)}, NEW, Unsupported),
    ],
)
def test_what_cannot_be_made(change, server, kind):
    with pytest.raises(kind) as caught:
        settle_shape(replace(SHAPE, **change), server)
    assert caught.value.collection == "docs"


def indexes(vector, server=NEW):
    shape = replace(SHAPE, vectors=(vector,), fields=())
    [request] = index_requests(settle_shape(shape, server), (), server)
    told = {pair.key: pair.value for pair in request.extra_params}
    return told["index_type"], told["metric_type"], told["params"]


@pytest.mark.parametrize(
    ("index", "server", "wanted"),
    [
        (HNSW, NEW, ("HNSW", "COSINE", '{"M": 8, "efConstruction": 64}')),
        (VectorIndex("hnsw"), NEW, ("HNSW", "COSINE", '{"M": 16, "efConstruction": 200}')),
        (VectorIndex("ivfflat", {"lists": 9}), NEW, ("IVF_FLAT", "COSINE", '{"nlist": 9}')),
        (VectorIndex("diskann of another vendor", {"q": 1}), NEW, ("AUTOINDEX", "COSINE", "{}")),
        (None, NEW, ("AUTOINDEX", "COSINE", "{}")),
        (None, LITE, ("FLAT", "COSINE", "{}")),
    ],
)
def test_indexes(index, server, wanted):
    assert indexes(VectorField("v", dim=4, index=index), server) == wanted


def test_an_index_that_is_there_is_not_made_again():
    shape = settle_shape(SHAPE, NEW)
    wanted = {"a", "h", "b", "s", "n"}
    assert {request.field_name for request in index_requests(shape, (), NEW)} == wanted
    assert {request.field_name for request in index_requests(shape, ("a", "n"), NEW)} == wanted - {"a", "n"}


def test_milvus_lite_is_asked_for_no_index_over_lists():
    fields = (
        Field("n", FieldType.INT, indexed=True),
        Field("tags", FieldType.ARRAY, element=FieldType.TEXT, indexed=True),
    )
    vectors = (VectorField("v", dim=4),)
    shape = settle_shape(replace(SHAPE, fields=fields, vectors=vectors), NEW)
    assert {request.field_name for request in index_requests(shape, ("v",), NEW)} == {"n", "tags"}
    assert {request.field_name for request in index_requests(shape, ("v",), LITE)} == {"n"}


def test_index_parameters_are_read_in_both_spellings():
    schema = schema_pb2.CollectionSchema.FromString(write_schema(settle_shape(SHAPE, NEW)))
    flat = {"index_type": "HNSW", "metric_type": "L2", "M": "8", "efConstruction": "64"}
    pairs = [common_pb2.KeyValuePair(key=key, value=value) for key, value in flat.items()]
    index = milvus_pb2.IndexDescription(field_name="a", params=pairs)
    described = read_shape(read_layout(schema), [index], [])
    assert (described.vectors[0].index, described.vectors[0].metric) == (HNSW, Metric.EUCLID)


def test_texts_are_taken_apart_as_in_the_milvus_that_they_come_from():
    told = {
        "max_length": "9",
        "enable_analyzer": "true",
        "enable_match": "true",
        "analyzer_params": '{"type": "english"}',
    }
    there = schema_pb2.FieldSchema(name="t", data_type=DataType.VarChar)
    for key, value in told.items():
        there.type_params.add(key=key, value=value)
    text = Field("t", FieldType.TEXT, max_length=40, declared=own_words(there))
    shape = settle_shape(replace(SHAPE, fields=(text, replace(text, name="u", declared=""))), NEW)
    made = schema_pb2.CollectionSchema.FromString(write_schema(shape))
    by_name = {one.name: {pair.key: pair.value for pair in one.type_params} for one in made.fields}
    assert by_name["t"] == {**told, "max_length": "40"}
    assert by_name["u"] == {"max_length": "40"}


def test_partitions_of_a_partition_key_are_not_told():
    schema = schema_pb2.CollectionSchema.FromString(write_schema(settle_shape(SHAPE, NEW)))
    schema.fields[5].is_partition_key = True
    assert read_shape(read_layout(schema), [], ["_default_0", "_default_1"]).partitions == ()


def test_what_cannot_be_read():
    schema = schema_pb2.CollectionSchema(name="docs")
    with pytest.raises(StoreBroken, match="primary key"):
        read_layout(schema)
    schema.fields.add(name="pk", is_primary_key=True, data_type=DataType.Int64)
    schema.fields.add(name="many", data_type=DataType.ArrayOfVector)
    with pytest.raises(Unsupported, match="ArrayOfVector"):
        read_layout(schema)


def test_arrays_of_structs_are_refused_by_name():
    """Their vectors and scalars stand outside `fields`: who looked only there would leave them behind unsaid."""
    schema = schema_pb2.CollectionSchema(name="docs")
    schema.fields.add(name="pk", is_primary_key=True, data_type=DataType.Int64)
    for name in ("chunks", "links"):
        struct = schema.struct_array_fields.add(name=name)
        struct.fields.add(name="text", data_type=DataType.Array, element_type=DataType.VarChar)
        struct.fields.add(name="v", data_type=DataType.ArrayOfVector, element_type=DataType.FloatVector)
    with pytest.raises(Unsupported, match="fields 'chunks', 'links' of arrays of structs") as refused:
        read_layout(schema)
    assert refused.value.collection == "docs"
    assert refused.value.hint


def test_narrow_columns_are_told_apart():
    schema = schema_pb2.CollectionSchema(name="docs", autoID=True)
    schema.fields.add(name="pk", is_primary_key=True, data_type=DataType.Int64)
    schema.fields.add(name="single", data_type=DataType.Float)
    schema.fields.add(name="double", data_type=DataType.Double)
    layout = read_layout(schema)
    assert layout.single == {"single"}
    assert layout.auto_id


def test_what_milvus_makes_of_words_is_no_part_of_a_record():
    """A server refuses to tell it, and to be told it."""
    schema = schema_pb2.CollectionSchema(name="docs")
    schema.fields.add(name="id", is_primary_key=True, data_type=DataType.VarChar)
    schema.fields.add(name="v", data_type=DataType.FloatVector)
    schema.fields.add(name="made", data_type=DataType.FloatVector, is_function_output=True)
    schema.fields.add(name="t", data_type=DataType.VarChar)
    schema.fields.add(name="sparse", data_type=DataType.SparseFloatVector, is_function_output=True)
    kinds = schema_pb2.FunctionType
    schema.functions.add(type=kinds.BM25, input_field_names=["t"], output_field_names=["sparse"])
    schema.functions.add(type=kinds.TextEmbedding, input_field_names=["t"], output_field_names=["made"])
    assert made_of_words(schema) == {"sparse": "t"}
    layout = read_layout(schema)
    assert [column.name for column in layout.vectors] == ["v", "made"]
    assert layout.output == ["id", "v", "made", "t"]
