"""Whose records they are, told by what the real frameworks wrote and by what only looks so."""

from dataclasses import replace

import pytest

from vectormigrate.model.collection import CollectionShape, Field, FieldType, IdField, IdKind, VectorField
from vectormigrate.model.detection import Detected, detect
from vectormigrate.model.profiles import PROFILES, RAW, profile_for

from .written import FILES, shape

GUESSED = (
    "langchain:pinecone",
    "langchain:weaviate",
    "haystack:pinecone",
    "haystack:milvus",
    "mem0:pgvector",
    "mem0:milvus",
)
"""Whose records may as well be anybody's."""


@pytest.mark.parametrize("name", FILES)
def test_every_framework_is_known_by_its_records(name):
    framework, _, kind = name.partition(":")
    records = FILES[name]["records"]
    payload = records[0]["payload"]
    declared = payload if PROFILES[name].declares else FILES[name].get("declared", ())
    fields = tuple(Field(key, FieldType.JSON) for key in declared)
    vectors = tuple(map(VectorField, records[0]["vectors"]))
    shape = CollectionShape("docs", IdField(PROFILES[name].key, IdKind.TEXT), vectors, fields, dynamic=True)
    keys = {} if kind.startswith("pgvector") else dict.fromkeys(payload, len(records))
    store = kind.partition("-")[0]
    found = detect(store, shape, keys, len(records))
    assert found.framework == framework
    assert found.certain is (name not in GUESSED)
    assert profile_for(framework, store, shape).name == name


@pytest.mark.parametrize(
    ("kind", "keys", "framework", "certain"),
    [
        ("qdrant", {"a": 5}, RAW, True),
        ("qdrant", {"page_content": 4, "metadata": 5}, RAW, True),
        ("qdrant", {"page_content": 5, "metadata": 5, "more": 1}, RAW, True),
        ("qdrant", {"content": 5, "meta": 5}, RAW, True),
        ("weaviate", {"_original_id": 5, "content": 5}, "haystack", True),
        ("weaviate", {"text": 5}, "langchain", False),
        ("pinecone", {"content": 5}, "haystack", False),
        ("sqlite", {"text": 5, "metadata": 5}, RAW, True),
        ("qdrant", {}, RAW, True),
    ],
)
def test_what_only_looks_like_it_is_not_taken_for_it(kind, keys, framework, certain):
    found = detect(kind, shape(), keys, 5)
    assert (found.framework, found.certain) == (framework, certain)


def test_langchains_table_in_sqlite_has_its_vector_and_one_elsewhere_called_so_is_not_taken_for_it():
    table = replace(shape("text", "metadata"), vectors=(VectorField("text_embedding"),))
    assert detect("sqlite", table, {}, 5).framework == "langchain"
    assert detect("pgvector", table, {}, 5).framework == RAW
    assert detect("sqlite", shape("text", "metadata"), {}, 5).framework == RAW


def test_a_table_of_a_payload_and_a_vector_may_be_mem0s_and_one_with_more_is_not():
    table = replace(shape("payload"), vectors=(VectorField("vector"),))
    assert detect("pgvector", table, {}, 5) == Detected("mem0", certain=False)
    for other in (shape("payload"), replace(shape("payload", "title"), vectors=table.vectors)):
        assert detect("pgvector", other, {}, 5) == Detected(RAW, certain=True)
    assert detect("sqlite", table, {}, 5) == Detected(RAW, certain=True)


def test_a_collection_of_milvus_with_mem0s_names_may_be_its_and_is_where_words_are_looked_for():
    there = replace(shape("metadata"), id=IdField("id", IdKind.TEXT), vectors=(VectorField("vectors"),))
    words = replace(there, fields=shape("metadata", "text").fields)
    assert detect("milvus", there, {}, 5) == Detected("mem0", certain=False)
    assert detect("milvus", words, {}, 5) == Detected("mem0", certain=True)
    others = (
        replace(words, id=IdField("pk", IdKind.TEXT)),
        replace(words, vectors=(VectorField("embedding"),)),
        replace(words, fields=shape("metadata", "text", "title").fields),
    )
    for other in others:
        assert detect("milvus", other, {}, 5).framework != "mem0"
    assert detect("pgvector", words, {}, 5) == Detected(RAW, certain=True)
