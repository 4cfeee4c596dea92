"""A schema kept to the letter, and made up where there is none."""

from __future__ import annotations

from vectormigrate.model.collection import (
    CollectionShape,
    Field,
    FieldType,
    IdField,
    IdKind,
    Metric,
    VectorField,
    VectorIndex,
)
from vectormigrate.stores.milvus.pb import common_pb2, milvus_pb2, schema_pb2
from vectormigrate.stores.milvus.wire.native import (
    described_of,
    indexes_of,
    layout_of,
    native_of,
    rules_of,
    schema_of,
)

T = schema_pb2.DataType


def described():
    schema = schema_pb2.CollectionSchema(name="c", description="what", enable_dynamic_field=True)
    schema.fields.add(name="small", data_type=T.Int8, default_value=schema_pb2.ValueField(int_data=7))
    schema.fields.add(name="id", data_type=T.Int64, is_primary_key=True, autoID=True)
    vector = schema.fields.add(name="v", data_type=T.FloatVector, description="dense")
    vector.type_params.add(key="dim", value="4")
    answer = milvus_pb2.DescribeCollectionResponse(
        schema=schema, consistency_level=1, shards_num=2, created_timestamp=5 << 18
    )
    answer.properties.add(key="collection.ttl.seconds", value="60")
    return answer


def index():
    params = [common_pb2.KeyValuePair(key="metric_type", value="L2")]
    return milvus_pb2.IndexDescription(
        field_name="v",
        index_name="by_v",
        params=params,
        indexed_rows=9,
        state=common_pb2.IndexState.InProgress,
    )


def shape(native):
    return CollectionShape("c", IdField("id", IdKind.INT), native=native)


def test_a_schema_comes_back():
    kept = shape(native_of(described(), [index()]))
    found, given = schema_of(kept), described().schema
    assert [field.fieldID for field in found.fields] == [100, 101, 102]
    for field in found.fields:
        field.fieldID = 0
    assert found == given
    answer = described_of(kept)
    assert (answer.consistency_level, answer.shards_num) == (1, 2)
    assert (answer.created_timestamp, answer.created_utc_timestamp) == (5 << 18, 5)
    assert [(pair.key, pair.value) for pair in answer.properties] == [("collection.ttl.seconds", "60")]
    [told] = indexes_of(kept)
    assert (told.field_name, told.index_name, told.params[0].value) == ("v", "by_v", "L2")
    assert layout_of(kept).auto_id


def test_nothing_is_kept_that_changes_with_the_records():
    other = index()
    other.indexed_rows, other.state = 77, common_pb2.IndexState.Finished
    assert native_of(described(), [index()]) == native_of(described(), [other])


def test_a_renamed_shape_has_its_own_name():
    kept = CollectionShape("other", IdField("id", IdKind.INT), native=native_of(described(), ()))
    assert schema_of(kept).name == "other"


def test_a_shape_of_another_store_is_told_as_milvus_would_hold_it():
    made = CollectionShape(
        "c",
        IdField("id", IdKind.TEXT),
        (VectorField("v", dim=3, metric=Metric.EUCLID, index=VectorIndex("hnsw", {"m": 8})),),
        (Field("n", FieldType.INT), Field("t", FieldType.TEXT, max_length=9)),
    )
    names = {field.name: field.data_type for field in schema_of(made).fields}
    assert names == {"id": T.VarChar, "v": T.FloatVector, "n": T.Int64, "t": T.VarChar}
    [told] = indexes_of(made)
    assert {pair.key: pair.value for pair in told.params}["metric_type"] == "L2"
    assert layout_of(made).key.name == "id"


def test_rules():
    made = described()
    made.schema.fields[2].is_function_output = True
    rules = rules_of(shape(native_of(made, ())))
    assert (rules.defaults, rules.computed, rules.worded) == ({"small": 7}, ("v",), {})


def test_rules_of_what_is_made_of_words():
    made = described()
    made.schema.fields.add(name="sparse", data_type=T.SparseFloatVector, is_function_output=True)
    kind = schema_pb2.FunctionType.BM25
    made.schema.functions.add(type=kind, input_field_names=["t"], output_field_names=["sparse"])
    rules = rules_of(shape(native_of(made, ())))
    assert (rules.computed, rules.worded) == ((), {"sparse": "t"})
