"""Layouts, held to what the real frameworks wrote."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product

import pytest

from vectormigrate.model.collection import IdField, IdKind, VectorField, VectorKind
from vectormigrate.model.errors import RecordRefused, Unsupported
from vectormigrate.model.layout import (
    NODE,
    REST,
    Document,
    LayoutPlan,
    Relayout,
    read,
    write,
)
from vectormigrate.model.profiles import PROFILES

from .written import FILES, shape

PAIRS = [
    (one, other)
    for one, other in product(FILES, FILES)
    if one != other and one.partition(":")[0] == other.partition(":")[0]
]


ADDED = ("_id", "_collection_name", "pk", "id")
"""What frameworks put into the metadata that they return, besides the application's own."""
UNASKED = {"mem0:weaviate": ("source", "page", "score", "draft")}
"""Metadata that a framework writes, and leaves in the store when it reads."""


def understood(profile, record):
    """Text and metadata as the framework told them; what it adds of itself left out."""
    found = read(PROFILES[profile], record["payload"], record["id"])
    metadata = dict(found.metadata)
    if NODE in metadata:  # LlamaIndex reads the node, not the metadata beside it
        metadata = json.loads(metadata[NODE])["metadata"]
    text = found.metadata["data"] if profile.startswith("mem0") else found.text
    return text, {key: value for key, value in metadata.items() if key not in ADDED}


def told(name):
    return sorted(
        (
            one["text"],
            sorted(
                (key, value)
                for key, value in one["metadata"].items()
                if value is not None and key not in ADDED
            ),
        )
        for one in FILES[name]["documents"]
    )


@pytest.mark.parametrize("name", FILES)
def test_records_of_a_framework_are_read_as_it_reads_them(name):
    found = [understood(name, record) for record in FILES[name]["records"]]
    asked = [(text, metadata.keys() - UNASKED.get(name, ()), metadata) for text, metadata in found]
    assert sorted(
        (text, sorted((key, metadata[key]) for key in keys)) for text, keys, metadata in asked
    ) == told(name)


@pytest.mark.parametrize("name", FILES)
def test_taking_apart_and_putting_together_is_the_same_record(name):
    for record in FILES[name]["records"]:
        profile = PROFILES[name]
        assert (
            write(profile, read(profile, record["payload"], record["id"]), record["id"]) == record["payload"]
        )


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_what_the_application_reads_is_the_same_and_the_way_back_too(source, target):
    relayout = Relayout(LayoutPlan(source, target))
    for record in FILES[source]["records"]:
        moved = relayout.forward(record["payload"], record["id"])
        there = understood(target, {"id": record["id"], "payload": moved})
        assert there == understood(source, record)
        assert relayout.backward(moved, record["id"]) == record["payload"]
        kept = [
            payload.get(PROFILES[of].id_key) for payload, of in ((record["payload"], source), (moved, target))
        ]
        assert None in kept or kept[0] == kept[1]  # the id that the application sees


def test_a_moved_record_has_the_keys_that_the_framework_writes_itself():
    for source, target in PAIRS:
        moved = Relayout(LayoutPlan(source, target)).forward(FILES[source]["records"][0]["payload"], "x")
        theirs = FILES[target]["records"][0]["payload"]
        assert moved.keys() - theirs.keys() <= {REST, "doc_id", "document_id", "ref_doc_id"}


def test_nodes_in_postgres_are_keyed_by_their_ids_and_counted_beside_them():
    keyed = replace(shape("text", "metadata_"), id=IdField("node_id", IdKind.TEXT))
    plan = LayoutPlan("llamaindex:qdrant", "llamaindex:pgvector")
    laid = Relayout(plan).shape(replace(shape("a"), native={"qdrant": {"x": 1}}))
    assert laid.native == {"qdrant": {"x": 1}, "pgvector": {"counter": "id"}}
    assert Relayout(plan).renames(keyed) == {"node_id": "node_id", "v": "embedding"}


def test_langchains_table_in_sqlite_is_keyed_by_its_number_or_has_that_beside_the_key():
    relayout = Relayout(LayoutPlan("langchain:milvus", "langchain:sqlite"))
    numbers = replace(shape("text"), id=IdField("pk", IdKind.INT))
    assert relayout.renames(numbers) == {"pk": "rowid", "v": "text_embedding"}
    assert relayout.renames(shape("text")) == {"key": "id", "v": "text_embedding"}
    assert relayout.shape(numbers).native == {"sqlite": {"counter": "rowid"}}


def test_metadata_are_not_null_where_the_framework_would_fail_on_that():
    relayout = Relayout(LayoutPlan("langchain:qdrant", "langchain:sqlite"))
    assert relayout.forward({"page_content": "a", "metadata": None}, "1") == {"text": "a", "metadata": {}}


FLAT, NESTED = PROFILES["langchain:pinecone"], PROFILES["langchain:qdrant"]


def test_two_things_at_one_place_are_refused():
    with pytest.raises(RecordRefused, match="'text', where the text goes"):
        write(FLAT, Document("a", {"text": "b"}, {}), "1")
    with pytest.raises(RecordRefused, match="'metadata' holds str"):
        read(NESTED, {"metadata": "none"}, "1")


def test_a_record_without_text_or_metadata_stays_without():
    assert write(FLAT, read(NESTED, {"metadata": None}, "1"), "1") == {}
    assert write(NESTED, read(FLAT, {}, "1"), "1") == {"metadata": {}}


def test_what_has_no_place_is_kept_and_found_again():
    relayout = Relayout(LayoutPlan("langchain:qdrant", "langchain:pinecone"))
    payload = {"page_content": "a", "metadata": {"k": 1}, "tenant": "t", "_id": 5}
    moved = relayout.forward(payload, "1")
    assert moved == {"text": "a", "k": 1, REST: {"tenant": "t", "_id": 5}}
    assert relayout.backward(moved, "1") == payload
    # A migration of its own the other way finds it too.
    assert Relayout(LayoutPlan("langchain:pinecone", "langchain:qdrant")).forward(moved, "1") == payload


def test_numbers_are_those_of_the_node_where_a_store_made_floats_of_them():
    pinecone, qdrant = PROFILES["llamaindex:pinecone"], PROFILES["llamaindex:qdrant"]
    own = {"page": 7, "score": 7.0, "near": 7, "draft": True}
    node = json.dumps({"metadata": own, "text": "a"})
    held = {NODE: node, "page": 7.0, "score": 7.0, "near": 7.5, "draft": True, "other": 1.0}
    found = write(qdrant, read(pinecone, held, "1"), "1")
    assert found == {**held, "page": 7}
    assert [type(found[key]) for key in ("page", "score", "draft", "other")] == [int, float, bool, float]
    assert write(qdrant, read(pinecone, {NODE: '{"metadata": 5}', "page": 7.0}, "1"), "1")["page"] == 7.0


def test_a_node_that_is_none_is_left_alone():
    qdrant, milvus = PROFILES["llamaindex:qdrant"], PROFILES["llamaindex:milvus"]
    for node in ("no json", "[]", 5):
        assert write(milvus, read(qdrant, {NODE: node}, "1"), "1") == {NODE: node, "text": None}


@pytest.mark.parametrize(
    ("plan", "path", "there"),
    [
        (("langchain:qdrant", "langchain:pinecone"), ("metadata", "a", "b"), ("a", "b")),
        (("langchain:qdrant", "langchain:pinecone"), ("page_content",), ("text",)),
        (("langchain:qdrant", "langchain:pinecone"), ("tenant",), (REST, "tenant")),
        (("langchain:qdrant", "langchain:pgvector"), ("metadata", "a"), ("langchain_metadata", "a")),
        (("langchain:pinecone", "langchain:qdrant"), ("a",), ("metadata", "a")),
        (("langchain:pinecone", "langchain:milvus"), ("a",), ("a",)),
        (("haystack:pgvector", "haystack:qdrant"), ("blob_data",), ("meta", REST, "blob_data")),
        (("langchain:pgvector-v1", "langchain:qdrant"), ("cmetadata", "a"), ("metadata", "a")),
        (("haystack:qdrant", "haystack:weaviate"), ("meta", "score"), ("meta", "score")),
        (("haystack:qdrant", "haystack:weaviate"), ("meta", "page"), ("page",)),
        (("haystack:weaviate", "haystack:pgvector"), ("meta", "score"), ("meta", "score")),
        (("haystack:weaviate", "haystack:pgvector"), ("page",), ("meta", "page")),
        (("haystack:weaviate", "haystack:pgvector"), ("blob_data",), ("blob_data",)),
        (("haystack:weaviate", "haystack:qdrant"), ("_original_id",), ("id",)),
        (("haystack:weaviate", "haystack:pgvector"), ("_original_id",), (REST, "id")),
    ],
)
def test_filters_look_where_it_is(plan, path, there):
    assert Relayout(LayoutPlan(*plan)).path(path) == there


@pytest.mark.parametrize(
    ("plan", "path"),
    [
        (("langchain:qdrant", "langchain:pinecone"), ("metadata",)),
        (("haystack:weaviate", "haystack:qdrant"), ("meta",)),
        (("llamaindex:milvus", "llamaindex:qdrant"), ("text",)),
        (("llamaindex:milvus", "llamaindex:qdrant"), (NODE,)),
        (("llamaindex:pgvector-counted", "llamaindex:qdrant"), ("metadata_", NODE)),
        (("mem0:milvus-words", "mem0:qdrant"), ("text",)),
    ],
)
def test_what_cannot_be_asked_for_is_refused(plan, path):
    with pytest.raises(Unsupported):
        Relayout(LayoutPlan(*plan)).path(path)


def test_shapes_behind_a_layout():
    first = shape("document", "cmetadata", "collection_id", "more")
    nested = Relayout(LayoutPlan("langchain:pgvector-v1", "langchain:pgvector"))
    assert [(one.name, one.type) for one in nested.shape(first).fields] == [
        ("content", "text"),
        ("langchain_metadata", "json"),
        (REST, "json"),
    ]
    assert not nested.shape(first).dynamic
    framework_made = shape("content", "langchain_metadata")
    assert REST not in {one.name for one in nested.shape(first, framework_made).fields}
    assert REST in {one.name for one in nested.shape(first, replace(framework_made, dynamic=True)).fields}
    assert REST in {one.name for one in nested.shape(first, shape("content", REST)).fields}
    free = Relayout(LayoutPlan("langchain:pgvector-v1", "langchain:qdrant")).shape(first)
    assert (free.fields, free.dynamic) == ((), True)
    flat = Relayout(LayoutPlan("langchain:pinecone", "langchain:milvus"))
    assert [one.name for one in flat.shape(shape("a", "text")).fields] == ["text", "a"]
    assert flat.shape(shape("a", "text")).dynamic
    assert flat.renames(first) == {"key": "pk", "v": "vector"}
    assert Relayout(LayoutPlan("langchain:milvus", "langchain:qdrant")).renames(first) == {"v": ""}
    hybrid = replace(first, vectors=(*first.vectors, VectorField("sparse")))
    assert Relayout(LayoutPlan("langchain:milvus", "langchain:qdrant")).renames(hybrid) == {}


def test_a_framework_that_fails_on_a_strange_key_gets_it_inside_its_metadata():
    """Haystack's `Document.from_dict` takes metadata, or keys that it does not know, and refuses both."""
    both = Relayout(LayoutPlan("haystack:pgvector", "haystack:qdrant"))
    row = {"content": "a", "meta": {"n": 1}, "blob_data": "AA==", "blob_meta": None, "blob_mime_type": None}
    known = {"id", "content", "meta", "blob", "score", "sparse_embedding"}
    for given, meta in ((row, {"n": 1, REST: {"blob_data": "AA=="}}), ({**row, "blob_data": None}, {"n": 1})):
        point = both.forward(given, "doc")
        assert point.keys() <= known
        assert point["meta"] == meta
        assert both.backward(point, "doc") == given
    assert row["meta"] == {"n": 1}


def test_metadata_called_like_a_field_of_haystacks_documents_are_not_taken_for_it():
    """In Weaviate both lie flat, and `Document.from_dict` would show a document's score where the metadata has one."""
    relayout = Relayout(LayoutPlan("haystack:pgvector", "haystack:weaviate"))
    meta = {"score": "high", "content": "of what", "page": 1}
    row = {"content": "a", "meta": meta, "blob_data": b"x", "blob_meta": None, "blob_mime_type": "text/plain"}
    there = {"page": 1, "meta": {"score": "high", "content": "of what"}, "content": "a", "blob_data": b"x"}
    moved = relayout.forward(row, "doc")
    assert moved == {**there, "blob_mime_type": "text/plain", "_original_id": "doc"}
    assert relayout.backward(moved, "doc") == row
    assert relayout.backward({**moved, "score": 0.5}, "doc")[REST] == {"score": 0.5}


MEMORY = {"data": "They like tea.", "hash": "h", "user_id": "u"}


def test_the_text_in_which_mem0_looks_for_words_is_made_of_a_memory_and_no_part_of_it():
    into = Relayout(LayoutPlan("mem0:qdrant", "mem0:milvus-words"))
    assert into.forward(MEMORY, "1") == {"metadata": MEMORY, "text": "They like tea."}
    lemmas = {**MEMORY, "text_lemmatized": "like tea"}
    assert into.forward(lemmas, "1")["text"] == "like tea"
    assert into.forward({"data": "a" * 70_000}, "1")["text"] == "a" * 65_535
    assert into.forward({"data": 5}, "1")["text"] == ""
    for memory in (MEMORY, lemmas):
        assert into.backward(into.forward(memory, "1"), "1") == memory
    home = Relayout(LayoutPlan("mem0:milvus-words", "mem0:qdrant"))
    other = {"metadata": MEMORY, "text": "by another hand"}
    assert home.forward(other, "1") == {**MEMORY, REST: {"text": "by another hand"}}
    assert home.backward(home.forward(other, "1"), "1") == other


def test_a_text_made_for_words_has_a_column_where_mem0_looks_for_it():
    source = shape()
    words = Relayout(LayoutPlan("mem0:qdrant", "mem0:milvus-words")).shape(source, shape("metadata", "text"))
    assert [one.name for one in words.fields] == ["metadata", "text"]
    made = Relayout(LayoutPlan("mem0:milvus-words", "mem0:milvus")).shape(shape("metadata", "text"))
    assert [one.name for one in made.fields] == ["metadata", REST]


def test_a_sparse_vector_beside_the_dense_one_takes_no_name_from_it():
    sparse = VectorField("bm25", VectorKind.SPARSE)
    both = replace(shape(), vectors=(VectorField(""), sparse))
    assert Relayout(LayoutPlan("mem0:qdrant", "mem0:milvus")).renames(both) == {"key": "id", "": "vectors"}
