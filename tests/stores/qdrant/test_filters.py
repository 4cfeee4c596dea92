"""Filters outward and inward: paths, what cannot be said, and that what comes back means the same.

That the engine agrees with the model's meaning is the conformance suite's to show.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qdrant_client.http import models

from tests.conformance.searching import NESTED, NESTED_FILTERS, PAYLOADS
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.filter import (
    And,
    Compare,
    Comparison,
    Exists,
    HasId,
    In,
    IsNull,
    Native,
    Not,
    Or,
    matches,
)
from vectormigrate.stores.qdrant.filters import from_filter, read_path, to_filter, write_path

MODEL = settings(max_examples=100, derandomize=True, database=None, deadline=None)
keys = st.text(st.characters(exclude_characters='"\\', exclude_categories=["Cs"]), max_size=5)


@MODEL
@given(st.lists(keys, min_size=1, max_size=3).map(tuple))
def test_paths_come_back(path):
    assert read_path(write_path(path)) == path


def test_paths_as_qdrant_writes_them():
    assert write_path(("a", "b-c", "d_1", "ü")) == "a.b-c.d_1.ü"
    assert write_path(("a.b", "", "x y")) == '"a.b".""."x y"'
    for key in ('a"b', "a\\b"):
        with pytest.raises(Unsupported):
            write_path((key,))
    for text in ("", ".", "a.", "a..b", 'a"b"', "a b", '"a'):
        with pytest.raises(ValueError, match="path"):
            read_path(text)
    for text in ("a[]", "a[0].b"):
        with pytest.raises(Unsupported):
            read_path(text)


A = Compare(("a",), Comparison.EQ, "x")


@pytest.mark.parametrize(
    ("condition", "written"),
    [
        (A, {"must": [{"key": "a", "match": {"value": "x"}}]}),
        (Compare(("a",), Comparison.EQ, True), {"must": [{"key": "a", "match": {"value": True}}]}),
        (Compare(("a",), Comparison.EQ, 1), {"must": [{"key": "a", "range": {"gte": 1, "lte": 1}}]}),
        (Compare(("a",), Comparison.LT, 1.5), {"must": [{"key": "a", "range": {"lt": 1.5}}]}),
        (Compare(("a",), Comparison.NE, "x"), {"must_not": [{"key": "a", "match": {"value": "x"}}]}),
        (Compare(("a",), Comparison.EQ, None), {"must": [{"has_id": []}]}),
        (In(("a",), ()), {"must": [{"has_id": []}]}),
        (HasId((1, "text", -1)), {"must": [{"has_id": [1]}]}),
        (And(()), {"must_not": [{"has_id": []}]}),
        (Or(()), {"must": [{"has_id": []}]}),
        (Not(A), {"must_not": [{"must": [{"key": "a", "match": {"value": "x"}}]}]}),
        (Native("qdrant", {"must": [{"has_vector": "v"}]}), {"must": [{"has_vector": "v"}]}),
    ],
    ids=str,
)
def test_conditions_in_qdrants_words(condition, written):
    found = to_filter(condition)
    if isinstance(condition, Not):
        written = {"must_not": [{"key": "a", "match": {"value": "x"}}]}
    assert found == written
    models.Filter.model_validate(found)


@pytest.mark.parametrize(
    "condition",
    [
        Exists(("a",)),
        Compare(("a",), Comparison.GT, "x"),
        Compare(("a",), Comparison.EQ, 2**53),
        Compare(("a",), Comparison.LTE, -(2**53)),
        Compare(("a",), Comparison.EQ, 1e300),
        Compare(("a",), Comparison.EQ, float("nan")),
        Compare(("a",), Comparison.EQ, [1]),
        In(("a",), ("x", {})),
        Native("pinecone", {}),
    ],
    ids=str,
)
def test_what_qdrant_has_no_words_for(condition):
    with pytest.raises(Unsupported):
        to_filter(condition)


@pytest.mark.parametrize("payload", [*PAYLOADS, *NESTED], ids=repr)
def test_what_was_written_means_the_same_when_read(payload):
    for condition in (*NESTED_FILTERS, IsNull(("label",)), Not(In(("n",), (1, 2))), HasId((1,))):
        try:
            written = to_filter(condition)
        except Unsupported:
            continue
        assert matches(from_filter(written), 1, payload) == matches(condition, 1, payload), condition


def field(**asked):
    return {"must": [{"key": "a", **asked}]}


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (None, And(())),
        ({}, And(())),
        (field(match={"value": "x"}), A),
        (field(match={"any": ["x", "y"]}), In(("a",), ("x", "y"))),
        (
            field(range={"gte": 1, "lt": 5}),
            And((Compare(("a",), Comparison.GTE, 1), Compare(("a",), Comparison.LT, 5))),
        ),
        (field(range={"gt": 1, "lte": None}), Compare(("a",), Comparison.GT, 1)),
        (field(is_null=True), IsNull(("a",))),
        (field(is_null=False), Not(IsNull(("a",)))),
        ({"must": {"has_id": [1]}}, HasId((1,))),
        (
            {"should": [{"has_id": [1]}], "must_not": {"has_id": [2]}},
            And((Not(HasId((2,))), Or((HasId((1,)),)))),
        ),
        (
            {"min_should": {"conditions": [{"has_id": [1]}, {"has_id": [2]}], "min_count": 1}},
            Or((HasId((1,)), HasId((2,)))),
        ),
        ({"min_should": {"conditions": [{"has_id": [1]}], "min_count": 0}}, And(())),
        ({"must": [{"should": [{"has_id": [1]}]}]}, Or((HasId((1,)),))),
    ],
    ids=str,
)
def test_a_clients_filter_as_the_models(given, meant):
    models.Filter.model_validate(given or {})
    assert from_filter(given) == meant


@pytest.mark.parametrize(
    "payload", [{}, {"a": None}, {"a": []}, {"a": [None]}, {"a": 0}, {"a": ""}, {"a": {}}], ids=repr
)
def test_empty_is_missing_null_or_an_empty_list(payload):
    empty = payload.get("a") in (None, []) if "a" in payload else True
    for asked in ({"must": {"is_empty": {"key": "a"}}}, field(is_empty=True)):
        assert matches(from_filter(asked), 1, payload) == empty
    assert matches(from_filter(field(is_empty=False)), 1, payload) != empty


@pytest.mark.parametrize(
    "given",
    [
        field(match={"text": "x"}),
        field(match={"except": ["x"]}),
        field(range={"gt": "2024-01-01T00:00:00Z"}),
        field(geo_radius={"center": {"lon": 1, "lat": 1}, "radius": 5}),
        field(values_count={"gt": 1}),
        field(match={"value": "x"}, range={"gt": 1}),
        {"must": [{"nested": {"key": "a", "filter": {}}}]},
        {"must": [{"has_vector": "v"}]},
        {"min_should": {"conditions": [{"has_id": [1]}] * 3, "min_count": 2}},
    ],
    ids=str,
)
def test_what_the_model_has_no_words_for(given):
    with pytest.raises(Unsupported):
        from_filter(given)


@pytest.mark.parametrize(
    "given",
    [
        [],
        "x",
        {"must_be": []},
        {"must": [1]},
        {"must": [{"key": "a"}]},
        {"must": [{"key": "", "match": {"value": 1}}]},
        field(match={"value": 1.5}),
        field(range={"from": 1}),
        field(matches={"value": 1}),
        {"must": [{"has_id": [-1]}]},
    ],
    ids=str,
)
def test_what_is_no_filter(given):
    with pytest.raises(ValueError, match=r".+"):
        from_filter(given)
