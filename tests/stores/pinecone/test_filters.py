"""Pinecone's filters mean what they mean, read and written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from vectormigrate.stores.pinecone import filters

KEYS = ("a", "b")
numbers = st.integers(-3, 3) | st.sampled_from([0.5, 1.0])
words = st.sampled_from(["x", "y", ""])
scalars = numbers | words | st.booleans()
metadata = st.dictionaries(st.sampled_from(KEYS), scalars | st.lists(words, min_size=1, max_size=3))
paths = st.sampled_from([(key,) for key in KEYS])
leaves = (
    st.builds(Compare, paths, st.sampled_from([Comparison.EQ, Comparison.NE]), scalars)
    | st.builds(Compare, paths, st.sampled_from(Comparison), numbers)
    | st.builds(In, paths, st.lists(scalars, max_size=3).map(tuple))
    | st.builds(Exists, paths)
    | st.builds(IsNull, paths)
)
conditions = st.recursive(
    leaves,
    lambda inner: (
        st.builds(Not, inner)
        | st.lists(inner, max_size=3).map(lambda items: And(tuple(items)))
        | st.lists(inner, max_size=3).map(lambda items: Or(tuple(items)))
    ),
    max_leaves=6,
)


@given(conditions, st.lists(metadata, max_size=8))
def test_a_filter_written_and_read_matches_the_same(condition, held):
    try:
        written = filters.to_json(condition)
    except Unsupported:
        return
    back = filters.from_json(written)
    for one in held:
        assert matches(back, "id", one) == matches(condition, "id", one)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"a": "x"}, Compare(("a",), Comparison.EQ, "x")),
        ({"a": {"$gte": 1, "$lt": 5}}, And((Compare(("a",), Comparison.GTE, 1), Compare(("a",), Comparison.LT, 5)))),
        ({"a": True, "b": {"$ne": 2}}, And((Compare(("a",), Comparison.EQ, True), And((Exists(("b",)), Compare(("b",), Comparison.NE, 2)))))),
        ({"a": {"$in": ["x", 1]}}, In(("a",), ("x", 1))),
        ({"a": {"$nin": ["x"]}}, And((Exists(("a",)), Not(In(("a",), ("x",)))))),
        ({"a": {"$exists": False}}, Not(Exists(("a",)))),
        ({"$or": [{"a": 1}, {"$and": [{"b": 2}]}]}, Or((Compare(("a",), Comparison.EQ, 1), And((Compare(("b",), Comparison.EQ, 2),))))),
        ({"$not": {"a": 1}}, Not(Compare(("a",), Comparison.EQ, 1))),
        ({"a": {"$not": {"$gt": 1}}}, Not(Compare(("a",), Comparison.GT, 1))),
        ({"dotted.key": 1}, Compare(("dotted.key",), Comparison.EQ, 1)),
        ({}, And(())),
    ],
)  # fmt: skip
def test_every_operator_is_read(given, wanted):
    assert filters.from_json(given) == wanted


@pytest.mark.parametrize(
    "bad",
    [
        [],
        "a",
        {"$and": {}},
        {"$or": []},
        {"$nor": [{"a": 1}]},
        {"a": {}},
        {"a": {"$regex": "x"}},
        {"a": {"$gt": "x"}},
        {"a": {"$gt": True}},
        {"a": None},
        {"a": {"$eq": None}},
        {"a": {"$eq": ["x"]}},
        {"a": {"$in": "x"}},
        {"a": {"$in": []}},
        {"a": {"$in": [None]}},
        {"a": {"$exists": 1}},
        {"$and": [5]},
    ],
)
def test_what_pinecone_refuses_is_refused(bad):
    with pytest.raises(filters.BadFilter):
        filters.from_json(bad)


@pytest.mark.parametrize(
    "condition",
    [
        Compare(("a", "b"), Comparison.EQ, 1),
        Compare(("$a",), Comparison.EQ, 1),
        Compare(("a",), Comparison.GT, "x"),
        Compare(("a",), Comparison.EQ, None),
        Compare(("a",), Comparison.EQ, 2**53 + 1),
        Compare(("a",), Comparison.EQ, float("nan")),
        Not(Compare(("a",), Comparison.GT, 1)),
        In(("a",), tuple(range(10_001))),
        HasId(("x",)),
        Native("qdrant", {}),
        Not(Native("pinecone", {})),
    ],
)
def test_what_pinecone_cannot_say_is_unsupported(condition):
    with pytest.raises(Unsupported):
        filters.to_json(condition)


def test_a_filter_in_its_own_words_is_passed_on():
    assert filters.to_json(Native("pinecone", {"a": {"$eq": 1}})) == {"a": {"$eq": 1}}


def test_a_field_that_is_not_there_is_unequal():
    written = filters.to_json(Compare(("a",), Comparison.NE, 1))
    assert written == {"$or": [{"a": {"$ne": 1}}, {"a": {"$exists": False}}]}
