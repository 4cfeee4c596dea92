"""Which layout each side has: asked for, found, or only guessed."""

from dataclasses import replace

import pytest

from vectormigrate.engine.layouts import layouts
from vectormigrate.model.collection import CollectionShape, Field, FieldType, IdField, IdKind, VectorField
from vectormigrate.model.edits import Edit
from vectormigrate.model.errors import MappingRefused, UsageError
from vectormigrate.model.inference import infer
from vectormigrate.model.layout import LayoutPlan
from vectormigrate.model.mapping import MappingOptions
from vectormigrate.model.specification import Specification, StoreRef

PAYLOADS = {
    "qdrant": {"page_content": "a", "metadata": {}},
    "pinecone": {"text": "a", "page": 1},
    "milvus": {"text": "a"},
}


def shape(*fields):
    return CollectionShape(
        "docs", IdField("id", IdKind.TEXT), (), tuple(Field(name, FieldType.JSON) for name in fields)
    )


def look(source, target, existing=None, payload=None, source_shape=None, **asked):
    spec = Specification(
        "m", StoreRef(source, "", "docs"), StoreRef(target, "", "copy"), MappingOptions(**asked)
    )
    payload = PAYLOADS[source] if payload is None else payload
    return layouts(spec, source_shape or shape(), existing, infer([payload] * 2), 2)


def test_what_is_certain_is_followed():
    found = look("qdrant", "pinecone")
    assert found.plan == LayoutPlan("langchain:qdrant", "langchain:pinecone")
    assert found.told() == {
        "source": "langchain",
        "target": "langchain",
        "detected": "langchain",
        "certain": True,
        "moves": True,
    }
    assert found.notes == ()


def test_the_same_layout_in_the_same_store_moves_nothing():
    assert look("qdrant", "qdrant").plan is None


def test_a_guess_is_told_and_not_followed():
    found = look("pinecone", "qdrant")
    assert (found.source, found.plan) == ("raw", None)
    assert "say --source-layout langchain" in found.notes[0]
    asked = look("pinecone", "qdrant", source_layout="langchain")
    assert asked.plan == LayoutPlan("langchain:pinecone", "langchain:qdrant")
    assert asked.notes == ()


def test_each_side_can_be_said():
    assert look("qdrant", "pinecone", target_layout="raw").plan is None
    assert look("qdrant", "pinecone", source_layout="raw").plan is None
    with pytest.raises(UsageError, match="'langchian' is no layout"):
        look("qdrant", "pinecone", source_layout="langchian")


def test_the_older_tables_of_langchain_are_met_where_they_are():
    there = shape("document", "cmetadata", "collection_id")
    assert look("qdrant", "pgvector", existing=there).plan.target == "langchain:pgvector-v1"
    assert look("qdrant", "pgvector").plan.target == "langchain:pgvector"
    back = look("qdrant", "qdrant", payload={}, source_shape=there, source_layout="langchain")
    assert back.source == "langchain"


def test_langchains_table_in_sqlite_is_known_and_followed_and_can_be_overruled():
    table = replace(shape("text", "metadata"), vectors=(VectorField("text_embedding"),))
    found = look("sqlite", "qdrant", payload={"text": "a", "metadata": {}}, source_shape=table)
    assert (found.plan, found.notes) == (LayoutPlan("langchain:sqlite", "langchain:qdrant"), ())
    overruled = look("sqlite", "qdrant", payload={}, source_shape=table, source_layout="raw")
    assert (overruled.source, overruled.plan) == ("raw", None)
    assert look("qdrant", "sqlite").plan == LayoutPlan("langchain:qdrant", "langchain:sqlite")
    assert look("sqlite", "sqlite", payload={}, source_shape=table).plan is None


def test_what_cannot_be_written_is_refused_and_what_is_not_known_told():
    node = {"_node_content": "{}"}
    assert look("qdrant", "pgvector", payload=node).plan.target == "llamaindex:pgvector"
    with pytest.raises(MappingRefused, match="laid out as llamaindex does"):
        look("qdrant", "pgvector", existing=shape("text", "metadata_", "node_id"), payload=node)
    counted = look("pgvector", "qdrant", payload={}, source_shape=shape("text", "metadata_", "node_id"))
    assert (counted.plan.source, len(counted.notes)) == ("llamaindex:pgvector-counted", 1)
    assert "unless node_id is made the key first" in counted.notes[0]
    found = look("qdrant", "sqlite", payload=node)
    assert (found.plan, found.notes) == (
        None,
        ("how llamaindex lays out records in sqlite is not known: records arrive as they are",),
    )
    twice = look("sqlite", "sqlite", payload={"a": 1}, source_layout="mem0")
    assert len(twice.notes) == 1


def test_integers_that_became_floats_are_told_where_a_filter_would_miss_them():
    held = {"text": "a", "page": 7.0, "score": 0.5, "lang": "en"}
    told = look("pinecone", "qdrant", payload=held, source_layout="langchain").notes
    assert len(told) == 1
    assert "pinecone keeps (page, score)" in told[0]
    cast = (Edit("page", cast=FieldType.INT), Edit("score", cast=FieldType.INT))
    assert look("pinecone", "qdrant", payload=held, source_layout="langchain", edits=cast).notes == ()
    assert look("pinecone", "milvus", payload=held, source_layout="langchain").notes == ()


def test_a_copy_of_mem0s_collection_in_another_milvus_looks_for_words_as_the_source_does():
    words = replace(shape("metadata", "text"), vectors=(VectorField("vectors"),))
    payload = {"metadata": {"data": "a"}, "text": "a"}
    found = look("milvus", "milvus", payload=payload, source_shape=words)
    assert (found.source, found.target, found.plan) == ("mem0", "mem0", None)
    older = replace(shape("metadata"), vectors=words.vectors)
    into = look("milvus", "milvus", older, payload=payload, source_shape=words)
    assert into.plan == LayoutPlan("mem0:milvus-words", "mem0:milvus")
    moved = look("milvus", "qdrant", payload=payload, source_shape=words)
    assert moved.plan == LayoutPlan("mem0:milvus-words", "mem0:qdrant")
