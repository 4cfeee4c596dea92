"""What is refused after a cutover, as plan tells it."""

import importlib
from dataclasses import replace

import pytest

from tests.stores.refusals import ALIKE, NOBODY, TOLD, sentences
from vectormigrate.model.collection import (
    CollectionShape,
    Field,
    FieldType,
    IdField,
    IdKind,
    Metric,
    VectorField,
    VectorKind,
)
from vectormigrate.model.mapping import make_plan
from vectormigrate.model.plan import MappingOptions
from vectormigrate.stores.memory import CAPABILITIES
from vectormigrate.stores.registry import DIALECTS
from vectormigrate.stores.unanswered import OWN, unanswered
from vectormigrate.stores.weaviate.wire import searches

SHAPE = CollectionShape(
    "docs",
    IdField("id", IdKind.TEXT),
    (VectorField("v", dim=2, metric=Metric.DOT), VectorField("w", dim=2, metric=Metric.DOT)),
    (Field("title", FieldType.TEXT), Field("year", FieldType.INT)),
    dynamic=True,
)


def test_every_vendor_whose_api_is_served_says_something():
    assert OWN.keys() == {*DIALECTS} - {"neutral"}
    assert all(OWN.values())


@pytest.mark.parametrize("kind", OWN)
def test_where_nothing_is_left_behind_it_is_what_only_the_vendor_answers(kind):
    assert unanswered(kind, make_plan(SHAPE, CAPABILITIES, "docs")) == OWN[kind]


WORDS = "searches for words, and hybrid ones in which words count"


@pytest.mark.parametrize(("kind", "answered"), [("weaviate", 0), ("qdrant", 1), ("milvus", 2)])
def test_several_collections_of_the_same_kind_answer_what_asks_each_record_alone(kind, answered):
    plan = make_plan(SHAPE, CAPABILITIES, "docs")
    told = unanswered(kind, plan, target=kind, source=SHAPE, several=True)
    assert {*unanswered(kind, plan, target=kind, source=SHAPE)} < {*told}
    assert len({*OWN[kind]} - {*told}) == answered


def test_another_store_of_the_same_kind_ranks_words_itself_where_names_stay():
    plan = make_plan(SHAPE, CAPABILITIES, "docs")
    told = unanswered("weaviate", plan, target="weaviate", source=SHAPE)
    assert {*OWN["weaviate"]} - {*told} == {WORDS}
    assert WORDS in unanswered("weaviate", plan, target="sqlite", source=SHAPE)
    other = replace(SHAPE, native={"weaviate": {"bm25": {"b": 0.5}}})
    assert WORDS in unanswered("weaviate", plan, target="weaviate", source=other)
    renamed = make_plan(SHAPE, CAPABILITIES, "docs", options=MappingOptions(rename={"title": "name"}))
    assert WORDS in unanswered("weaviate", renamed, target="weaviate", source=SHAPE)
    by_qdrant = {*OWN["qdrant"]} - {*unanswered("qdrant", plan, target="qdrant", source=SHAPE)}
    assert len(by_qdrant) == 3
    assert any("modifier: idf" in one for one in by_qdrant)


def test_another_milvus_answers_what_only_milvus_does_where_its_fields_are_of_the_same_types():
    def told(source, *there):
        plan = make_plan(source, CAPABILITIES, "docs")
        fields = there or plan.target.fields
        plan = replace(plan, target=replace(plan.target, native=source.native, fields=fields))
        return {*unanswered("milvus", plan, target="milvus", source=source)}

    words = "rankers", "full", "two fields", "phrase"
    own = {one for one in OWN["milvus"] if any(word in one for word in words)}
    assert len(own) == len(words)
    assert {*OWN["milvus"]} - told(SHAPE) == own
    single = Field("x", FieldType.FLOAT, declared='milvus:{"name": "x", "data_type": "Float"}')
    source = replace(SHAPE, fields=(single,))
    assert {*OWN["milvus"]} - told(source) == own
    assert {*OWN["milvus"]} == told(source, replace(single, declared="")), "made by an earlier release"
    elsewhere = unanswered("milvus", make_plan(SHAPE, CAPABILITIES, "docs"), target="qdrant", source=SHAPE)
    assert elsewhere == OWN["milvus"]


def test_what_is_left_behind_can_be_searched_by_no_more():
    plan = make_plan(SHAPE, CAPABILITIES, "docs", options=MappingOptions(drop=("w", "year")))
    assert unanswered("pgvector", plan) == (
        "searches by vector 'w', which is left behind",
        "filters by 'year', left behind",
    )


def test_undeclared_keys_that_the_target_cannot_hold():
    rigid = replace(CAPABILITIES, dynamic=False)
    plan = make_plan(SHAPE, rigid, "docs", options=MappingOptions(accept=("undeclared",)))
    assert "filters by keys that nobody declared, left behind" in unanswered("sqlite", plan)


def test_a_vector_that_the_target_has_as_json_is_searched_by_nobody():
    source = replace(SHAPE, vectors=(VectorField("words", VectorKind.SPARSE, metric=Metric.DOT),))
    plan = make_plan(source, replace(CAPABILITIES, sparse=False), "docs")
    assert unanswered("sqlite", plan) == ("searches by vector 'words', which is kept as JSON",)


def test_words_that_milvus_itself_makes_a_vector_of_are_looked_for_by_nobody_else():
    source = replace(SHAPE, native={"milvus": {"computed": {"sparse": "title"}}}, partitions=("a",))
    line = "searches for words by 'sparse', which Milvus makes of 'title'"
    plan = make_plan(source, CAPABILITIES, "docs")
    assert line in unanswered("milvus", plan, target="qdrant", source=source)
    assert line in unanswered("milvus", plan, target="milvus", source=source, several=True)
    other = make_plan(source, CAPABILITIES, "docs", options=MappingOptions(rename={"title": "name"}))
    assert line in unanswered("milvus", other, target="milvus", source=source)
    itself = unanswered("milvus", plan, target="milvus", source=source)
    assert [one for one in itself if one.startswith(line)] == [f"{line}, of some partitions"]


def test_rankings_of_some_partitions_are_made_by_the_source_alone():
    def told(source):
        plan = make_plan(source, CAPABILITIES, "docs")
        return unanswered("milvus", plan, target="milvus", source=source)

    assert not [one for one in told(SHAPE) if one.endswith("of some partitions")]
    parted = [one for one in told(replace(SHAPE, partitions=("a",))) if one.endswith("of some partitions")]
    assert [one.split(",")[0] for one in parted] == ["rankers and functions", "groups that must be full"]


def test_a_collection_whose_vectors_milvus_computes_takes_no_rows_afterwards():
    fields = [{"name": "v", "is_function_output": True}, {"name": "sparse", "is_function_output": True}]
    native = {"milvus": {"schema": {"fields": fields}, "computed": {"sparse": "title"}}}
    source = replace(SHAPE, native=native)
    told = unanswered("milvus", make_plan(source, CAPABILITIES, "docs"), target="qdrant", source=source)
    assert [one for one in told if one.startswith("inserts")] == [
        "inserts and upserts, for which Milvus computes 'v'"
    ]


def refused_by(kind):
    """Every sentence with which the facade of a kind refuses what the vendor would answer."""
    endpoints = importlib.import_module(f"vectormigrate.stores.{kind}.facade.endpoints").ENDPOINTS
    found = sentences(kind) | {one.why for one in endpoints if one.why}
    return found | set(searches._REFUSED.values()) if kind == "weaviate" else found


@pytest.mark.parametrize("kind", OWN)
def test_whatever_a_facade_refuses_has_its_line_in_a_plan(kind):
    """A new refusal has to be told by a plan, or be somebody's own mistake: say which in `refusals.py`."""
    told = [sentence for each in TOLD[kind].values() for sentence in each]
    assert len(told) == len(set(told))
    assert refused_by(kind) - set(told) == set()
    assert set(told) - refused_by(kind) == set()


@pytest.mark.parametrize("kind", OWN)
def test_every_line_of_a_plan_is_of_something_that_is_refused(kind):
    lines = {one: [key for key in TOLD[kind] if one.startswith(key)] for one in OWN[kind]}
    refused_by_name = {
        "searches by keys",
        "vectors that the server makes",
    }  # as `a search by {}`, and as a bad vector
    assert {one for one, keys in lines.items() if len(keys) != 1} <= refused_by_name
    keys = {key for found in lines.values() for key in found}
    assert TOLD[kind].keys() - keys <= {NOBODY, ALIKE}
