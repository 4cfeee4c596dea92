"""What the application would read, on both sides."""

import json

import pytest

from vectormigrate.engine.validate.reading import Reading
from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import CollectionShape, FieldType, IdField, IdKind, VectorField
from vectormigrate.model.edits import Edit
from vectormigrate.model.layout import NODE, LayoutPlan
from vectormigrate.model.mapping import MappingOptions, Translator, make_plan
from vectormigrate.stores.memory import CAPABILITIES

SHAPE = CollectionShape("docs", IdField("id", IdKind.TEXT), (VectorField("v", dim=2),), dynamic=True)
MILVUS_TO_QDRANT = LayoutPlan("llamaindex:milvus", "llamaindex:qdrant")


def node(text):
    return json.dumps({"id_": "a", "text": text, "metadata": {}})


def differences(source, target, layout=MILVUS_TO_QDRANT, **options):
    plan = make_plan(SHAPE, CAPABILITIES, "copy", options=MappingOptions(**options), layout=layout)
    reading = Reading(layout, plan.id_rule, Translator(plan, CAPABILITIES))
    return list(
        reading.differences(
            Batch(list(source), payload=list(source.values())),
            Batch(list(target), payload=list(target.values())),
        )
    )


HELD = {"a": {"text": "the text", NODE: node(""), "page": 1}}


def test_a_text_where_the_framework_looks_for_it_is_the_same():
    assert differences(HELD, {"a": {NODE: node("the text"), "page": 1}}) == []


@pytest.mark.parametrize("arrived", [HELD["a"], {NODE: node(""), "page": 1}])
def test_a_text_that_arrived_where_nobody_looks_is_found(arrived):
    (found,) = differences(HELD, {"a": arrived})
    assert (found.kind, found.id) == ("payload", "s:a")
    assert found.detail == "the application would read a text of 0 letters, not of 8"


def test_other_metadata_is_found_and_an_empty_column_is_none():
    (found,) = differences(HELD, {"a": {NODE: node("the text"), "page": 2}})
    assert found.detail == "the application would read other metadata under 'page'"
    assert differences(HELD, {"a": {NODE: node("the text"), "page": 1, "column": None}}) == []
    (found,) = differences(HELD, {"a": {NODE: node("the text"), "page": 1, "more": 1}})
    assert "'more'" in found.detail


def test_only_records_of_both_sides_that_can_be_read_are_judged():
    assert differences(HELD, {"b": {}}) == []
    nested = LayoutPlan("langchain:qdrant", "langchain:pinecone")
    assert differences({"a": {"page_content": "x", "metadata": "no object"}}, {"a": {}}, nested) == []


def test_edits_are_part_of_what_is_expected():
    edits = (Edit("page", FieldType.TEXT),)
    assert differences(HELD, {"a": {NODE: node("the text"), "page": "1"}}, edits=edits) == []


def test_what_is_left_behind_by_name_is_not_missed():
    arrived = {"a": {NODE: node("the text")}}
    (found,) = differences(HELD, arrived)
    assert "'page'" in found.detail
    assert differences(HELD, arrived, drop=("page",)) == []
    assert differences(HELD, {"a": {NODE: node("the text"), "leaf": 1}}, rename={"page": "leaf"}) == []
