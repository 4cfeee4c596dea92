"""Profiles by framework, store and what is there."""

from dataclasses import replace

from vectormigrate.model.collection import IdField, IdKind
from vectormigrate.model.profiles import FRAMEWORKS, PROFILES, RAW, profile_for

from .written import FILES, shape


def test_a_framework_without_a_store_of_the_kind_has_no_layout_there():
    assert profile_for("llamaindex", "sqlite", None) is profile_for(RAW, "qdrant", None) is None
    assert {profile.framework for profile in PROFILES.values()} | {RAW} == set(FRAMEWORKS)


def test_variants_are_told_by_their_columns():
    counted = shape("text", "metadata_", "node_id")
    assert profile_for("llamaindex", "pgvector", counted).name == "llamaindex:pgvector-counted"
    keyed = replace(shape("text", "metadata_"), id=IdField("node_id", IdKind.TEXT))
    assert profile_for("llamaindex", "pgvector", keyed).name == "llamaindex:pgvector"
    assert profile_for("langchain", "pgvector", shape("cmetadata")).name == "langchain:pgvector-v1"
    assert profile_for("mem0", "milvus", shape("metadata", "text")).name == "mem0:milvus-words"
    assert profile_for("mem0", "milvus", shape("metadata")).name == "mem0:milvus"


def test_every_profile_is_held_to_what_its_framework_wrote():
    """What is in no file is a table of ours, made for the framework: with its own there the key is another."""
    assert PROFILES.keys() - FILES.keys() == {"llamaindex:pgvector"}
