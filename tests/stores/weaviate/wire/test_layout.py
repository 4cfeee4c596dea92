"""What properties hold, in the model's words."""

from tests.stores.weaviate.classes import FOREIGN, MADE
from vectormigrate.model.collection import FieldType
from vectormigrate.stores.weaviate.wire.layout import META, REFERENCE, Property
from vectormigrate.stores.weaviate.wire.shape import layout_of, read_layout


def test_types_in_the_models_words():
    assert Property("p", "int[]").field_type is FieldType.ARRAY
    assert Property("p", "int[]").element_type is FieldType.INT
    assert Property("p", "object[]").field_type is FieldType.JSON
    assert Property("p", "object[]").element_type is None
    assert Property("p", REFERENCE).element_type is FieldType.TEXT
    assert Property("p", "text", json=True).field_type is FieldType.JSON


def test_our_own_properties_are_not_among_the_others():
    layout = layout_of(MADE)
    assert layout.meta
    assert META not in layout.properties
    assert layout.properties["_vm_id"].type == "text"
    assert layout.properties["any"].json


def test_references_and_nested_properties_are_known():
    properties = read_layout(FOREIGN).properties
    assert properties["author"].targets == ("Person",)
    assert properties["about"].targets == ("Person", "Place")
    assert properties["object"].nested["deeper"].nested["x"].type == "number"
    assert properties["text"].tokenization == "whitespace"
