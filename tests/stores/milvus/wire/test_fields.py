"""Columns that are answered are read back; columns that are written are checked."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from tests.stores.milvus.facade.answering import TYPED, T, put, schema
from vectormigrate.model.batch import Batch, DenseColumn, SparseColumn
from vectormigrate.stores.milvus.pb import schema_pb2
from vectormigrate.stores.milvus.wire.fields import (
    Output,
    read_given,
    read_output,
    template_values,
    write_column,
    write_fields,
    write_ids,
    write_template,
    write_vectors,
)
from vectormigrate.stores.milvus.wire.native import LIKE
from vectormigrate.stores.milvus.wire.results import read_values, read_vector
from vectormigrate.stores.milvus.wire.rows import read_rows
from vectormigrate.stores.milvus.wire.schema import Column, read_layout
from vectormigrate.stores.milvus.wire.tokens import ExpressionInvalid

LAYOUT = read_layout(TYPED)
DYNAMIC = read_layout(schema())


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (Column("a", T.Int64), [1, None, -(2**63)]),
        (Column("a", T.Int8), [1, -128]),
        (Column("a", T.Bool), [True, None, False]),
        (Column("a", T.Double), [0.1, None, -5e300]),
        (Column("a", T.VarChar), ["é", None, ""]),
        (Column("a", T.JSON), [{"a": [1, None, 2.5]}, None, "text", 7, [1]]),
        (Column("a", T.Array, T.Int64), [[1, 2], None, []]),
        (Column("a", T.Array, T.VarChar), [["x"], []]),
        (Column("a", T.Timestamptz), [datetime(2024, 1, 2, 3, 4, 5, 6, UTC), None]),
    ],
    ids=lambda value: T.Name(value.type) if isinstance(value, Column) else "",
)
def test_values_come_back(column, values):
    assert read_values(write_column(column, values), column, len(values), LIKE) == values


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        (T.FloatVector, "<f4"),
        (T.Float16Vector, "<f2"),
        (T.BFloat16Vector, "<f4"),
        (T.Int8Vector, "i1"),
        (T.BinaryVector, "u1"),
    ],
)
def test_vectors_come_back(kind, dtype):
    column = Column("v", kind, dim=8)
    width = 1 if kind == T.BinaryVector else 8
    values = np.arange(3 * width).reshape(3, width).astype(dtype)
    found = read_vector(write_vectors(column, DenseColumn(values), 3), column, 3)
    np.testing.assert_array_equal(found.values, values)
    absent = read_vector(write_vectors(column, None, 2), column, 2)
    assert absent.present.tolist() == [False, False]


def test_sparse_vectors_come_back():
    column = Column("v", T.SparseFloatVector)
    given = SparseColumn(np.array([0, 2, 3]), np.array([1, 7, 2]), np.array([0.5, 2, 1], np.float32))
    found = read_vector(write_vectors(column, given, 2), column, 2)
    assert found.indices.tolist() == [1, 7, 2]
    assert found.values.tolist() == [0.5, 2, 1]


def test_undeclared_keys_come_as_asked_for():
    batch = Batch(
        [5, 6],
        {"v": DenseColumn(np.array([[1, 2], [3, 4]], np.float32))},
        [{"n": 1, "extra": {"a": None}}, {"more": [1, 2.5]}],
    )
    output = read_output(["v", "extra", "id"], DYNAMIC)
    rows = read_rows(write_fields(batch, output, DYNAMIC, key=True), 2, DYNAMIC)
    assert rows == [{"id": 5, "v": [1.0, 2.0], "extra": {"a": None}}, {"id": 6, "v": [3.0, 4.0]}]


def test_an_empty_answer_still_has_its_columns():
    output = read_output(["*"], DYNAMIC)
    fields = write_fields(Batch([]), output, DYNAMIC, key=True)
    assert [one.field_name for one in fields] == ["id", "v", "$meta"]
    assert fields[2].scalars.WhichOneof("data") == "json_data"
    sparse = write_vectors(Column("s", T.SparseFloatVector), None, 0)
    assert sparse.vectors.WhichOneof("data") == "sparse_float_vector"


def test_what_is_asked_for():
    assert read_output([], LAYOUT) == Output()
    assert read_output([], LAYOUT).bare
    whole = read_output(["*"], LAYOUT)
    assert whole.key
    assert [*whole.names] == ["n", "small", "t", "tags", "j", "f", "v"]
    some = read_output(["x", "v", "y", "x"], DYNAMIC)
    assert (some.dynamic, some.names, some.key) == (("x", "y"), ["v", "x", "y"], False)
    assert read_output(["$meta"], DYNAMIC).everything
    with pytest.raises(ExpressionInvalid, match="field x not exist"):
        read_output(["x"], LAYOUT)


def test_keys():
    assert list(write_ids([1, 2], LAYOUT).int_id.data) == [1, 2]
    assert list(write_ids(["a"], read_layout(schema(text=True))).str_id.data) == ["a"]


def test_what_is_given():
    message = put([{"id": 1, "v": [1, 2], "t": "a"}, {"id": 2, "v": [3, 4], "n": 5, "t": None}], TYPED)
    given = read_given(message.fields_data, 2, LAYOUT)
    assert given.ids == [1, 2]
    assert given.payload == [{"t": "a", "n": None}, {"t": None, "n": 5}]
    assert given.vectors["v"].values.tolist() == [[1, 2], [3, 4]]
    assert given.names == {"id", "v", "t", "n"}


def bad(change, of=TYPED):
    message = put([{"id": 1, "v": [1, 2], "t": "a"}], of)
    change(message)
    return message


def _field(message, name):
    return next(one for one in message.fields_data if one.field_name == name)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: setattr(_field(m, "t"), "field_name", "nowhere"),
        lambda m: setattr(_field(m, "t"), "type", T.Int64),
        lambda m: setattr(_field(m, "v").vectors, "dim", 3),
        lambda m: _field(m, "id").scalars.long_data.data.append(7),
        lambda m: _field(m, "id").valid_data.append(False),
        lambda m: m.fields_data.add(field_name="$meta", type=T.JSON, is_dynamic=True),
    ],
)
def test_what_does_not_fit(change):
    with pytest.raises(ExpressionInvalid):
        read_given(bad(change).fields_data, 1, LAYOUT)


@pytest.mark.parametrize("text", [b"[1]", b'{"v": 1}', b'{"id": 1}'])
def test_undeclared_keys_that_cannot_be(text):
    message = put([{"id": 1, "v": [1, 2]}], schema())
    _field(message, "$meta").scalars.json_data.data[0] = text
    with pytest.raises(ExpressionInvalid):
        read_given(message.fields_data, 1, DYNAMIC)


def test_values_of_templates():
    given = {
        "a": schema_pb2.TemplateValue(int64_val=5),
        "b": schema_pb2.TemplateValue(
            array_val=schema_pb2.TemplateArrayValue(string_data={"data": ["x", "y"]})
        ),
        "c": schema_pb2.TemplateValue(
            array_val=schema_pb2.TemplateArrayValue(json_data={"data": [b"1", b'"z"']})
        ),
        "d": schema_pb2.TemplateValue(array_val=schema_pb2.TemplateArrayValue()),
    }
    assert template_values(given) == {"a": 5, "b": ["x", "y"], "c": [1, "z"], "d": []}
    with pytest.raises(ExpressionInvalid):
        template_values({"a": schema_pb2.TemplateValue()})


@pytest.mark.parametrize(
    "value", [5, 0.5, True, "x", [], [1, 2], [0.5], ["a"], [True, False], [1, "z"], [[1], [2, 3]]], ids=str
)
def test_values_of_templates_go_back(value):
    written = schema_pb2.TemplateValue.FromString(write_template(value))
    assert written.WhichOneof("val")
    assert template_values({"a": written}) == {"a": value}
