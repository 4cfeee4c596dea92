import pytest

from vectormigrate.model.collection import Element, Field, FieldType, IdKind, Metric, VectorField, VectorKind
from vectormigrate.stores.sqlite import declared
from vectormigrate.stores.sqlite.declared import VectorType


@pytest.mark.parametrize("metric", [None, *Metric])
@pytest.mark.parametrize("element", Element)
@pytest.mark.parametrize("kind", VectorKind)
def test_a_vector_type_says_everything_about_its_vector(kind, element, metric):
    field = VectorField("v", kind, element, 24, metric)
    assert declared.vector_type(declared.declare_vector(field)) == VectorType(kind, element, 24, metric)


def test_a_sparse_vector_may_have_no_bound():
    field = VectorField("v", VectorKind.SPARSE, metric=Metric.DOT)
    assert declared.declare_vector(field) == "SPARSE FLOAT[] DOT"
    assert declared.vector_type("SPARSE FLOAT[] DOT").dim is None


@pytest.mark.parametrize(
    "text", ["float[3]", "FLOAT [3]", "VECTOR(3)", "vector[3]", "F32_BLOB(3)", "FLOAT32(3)"]
)
def test_spellings_of_others_are_read(text):
    assert declared.vector_type(text) == VectorType(VectorKind.DENSE, Element.FLOAT32, 3, None)


@pytest.mark.parametrize(
    "text", ["FLOAT", "FLOAT(24)", "BIT(8)", "INT8", "BLOB", "BINARY(16)", "", "VECTORS(3)"]
)
def test_ordinary_types_are_no_vectors(text):
    assert declared.vector_type(text) is None


@pytest.mark.parametrize("type_", FieldType)
def test_every_field_type_is_read_as_it_was_declared(type_):
    element = FieldType.DATETIME if type_ is FieldType.ARRAY else None
    field = Field("f", type_, element=element)
    assert declared.field_type(declared.declare_field(field)) == (type_, element)
    assert declared.vector_type(declared.declare_field(field)) is None


@pytest.mark.parametrize("kind", [IdKind.INT, IdKind.TEXT, IdKind.UUID])
def test_every_key_kind_is_read_as_it_was_declared(kind):
    assert declared.key_kind(declared.declare_key(kind)) is kind


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("varchar(255)", FieldType.TEXT),
        ("BIGINT", FieldType.INT),
        ("UNSIGNED BIG INT", FieldType.INT),
        ("double precision", FieldType.FLOAT),
        ("numeric(10,2)", FieldType.DECIMAL),
        ("timestamp with time zone", FieldType.DATETIME),
        ("datetime", FieldType.DATETIME_NAIVE),
        ("jsonb", FieldType.JSON),
        ("blob", FieldType.BYTES),
        ("geometry", FieldType.ANY),
    ],
)
def test_types_of_others_go_by_their_first_word_or_their_affinity(text, type_):
    assert declared.field_type(text)[0] is type_


@pytest.mark.parametrize(
    ("text", "type_", "own"),
    [
        ("DECIMAL(10,2)", FieldType.DECIMAL, "sqlite:DECIMAL(10,2)"),
        ("varchar(20)", FieldType.TEXT, "sqlite:varchar(20)"),
        ("BLOB", FieldType.BYTES, ""),
        ("DATETIME", FieldType.DATETIME, ""),
        ("DATETIME", FieldType.DATETIME_NAIVE, ""),
        ("PRIMARY", FieldType.ANY, ""),
        ('TEXT"', FieldType.TEXT, ""),
        ("DECIMAL TEXT", FieldType.DECIMAL, ""),
    ],
)
def test_types_that_a_like_table_may_have_again(text, type_, own):
    assert declared.own_type(text, type_) == own
    field = Field("f", type_, declared=own)
    assert declared.declare_field(field) == (text if own else declared.declare_field(Field("f", type_)))


def test_words_of_another_kind_of_store_are_not_taken():
    field = Field("f", FieldType.INT, declared="pgvector:smallint")
    assert declared.declare_field(field) == declared.declare_field(Field("f", FieldType.INT))
