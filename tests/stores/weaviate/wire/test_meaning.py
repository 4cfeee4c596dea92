"""What Weaviate's filters mean. The meanings were measured against a real server."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from vectormigrate.model.filter import matches
from vectormigrate.stores.weaviate.wire.clauses import Unanswerable, read_clause, read_where
from vectormigrate.stores.weaviate.wire.meaning import Index, check, means, read_index, translate
from vectormigrate.stores.weaviate.wire.shape import read_layout

TYPES = {
    "n": "int",
    "s": "text",
    "d": "date",
    "g": "geoCoordinates",
    "ns": "int[]",
    "ts": "text[]",
    "u": "uuid",
}
TOKENIZED = ("word", "lowercase", "whitespace", "field", "trigram", "gse")
LAYOUT = read_layout(
    {
        "class": "C",
        "vectorIndexType": "hnsw",
        "properties": [
            *({"name": name, "dataType": [kind]} for name, kind in TYPES.items()),
            *({"name": one, "dataType": ["text"], "tokenization": one} for one in TOKENIZED),
        ],
    }
)
EVERYTHING = Index(nulls=True, lengths=True, times=True)
ID = UUID(int=7)


def clause(operator, path, **value):
    return read_clause(read_where({"operator": operator, "path": [path], **value}), LAYOUT)


def found(payload, operator, path, **value):
    return means(clause(operator, path, **value), ID, payload, EVERYTHING)


@pytest.mark.parametrize(
    ("kind", "held", "sought", "there"),
    [
        ("word", "The Large, red book", "RED book", True),
        ("word", "The Large, red book", "the book", True),
        ("word", "large", "the book", False),
        ("word", "red_book", "book", True),
        ("lowercase", "Red, Book", "red,", True),
        ("lowercase", "Red, Book", "red", False),
        ("whitespace", "Red Book", "Red", True),
        ("whitespace", "Red Book", "red", False),
        ("field", " Red Book ", "Red Book", True),
        ("field", "Red Book", "Red", False),
        ("trigram", "bookshop", "oks", True),
        ("trigram", "bookshop", "okx", False),
    ],
)
def test_a_text_is_found_by_its_tokens(kind, held, sought, there):
    assert found({kind: held}, "Equal", kind, valueText=sought) is there


@pytest.mark.parametrize(
    ("held", "there"), [("red book", False), ("red", False), ("blue", True), (None, True)]
)
def test_not_equal_wants_none_of_the_words(held, there):
    assert found({"s": held}, "NotEqual", "s", valueText="red book") is there


@pytest.mark.parametrize(
    ("operator", "values", "there"),
    [
        ("ContainsAny", [2, 9], True),
        ("ContainsAny", [9], False),
        ("ContainsAll", [1, 2], True),
        ("ContainsAll", [1, 9], False),
        ("ContainsNone", [8, 9], True),
        ("ContainsNone", [1, 9], False),
    ],
)
def test_lists(operator, values, there):
    assert found({"ns": [1, 2, 3]}, operator, "ns", valueInt=values) is there
    assert matches(translate(clause(operator, "ns", valueInt=values)), ID, {"ns": [1, 2, 3]}) is there


def test_words_of_a_list_belong_together():
    assert found({"ts": ["red car", "blue book"]}, "Equal", "ts", valueText="red book")
    assert not found({"ts": ["red car"]}, "ContainsAny", "ts", valueText=["the", "book"])


@pytest.mark.parametrize(
    ("pattern", "there"), [("boo*", True), ("b??k", True), ("oo", False), ("*k", True), ("BOOK", True)]
)
def test_patterns_are_of_a_token(pattern, there):
    assert found({"s": "A book."}, "Like", "s", valueText=pattern) is there


def test_nulls_lengths_and_distances():
    assert found({}, "IsNull", "s", valueBoolean=True)
    assert found({"ns": []}, "IsNull", "ns", valueBoolean=True)
    assert found({"s": "a"}, "IsNull", "s", valueBoolean=False)
    assert found({"s": "añb"}, "Equal", "len(s)", valueInt=3)
    assert found({}, "LessThan", "len(ns)", valueInt=1)
    here = {"geoCoordinates": {"latitude": 52.52, "longitude": 13.4}, "distance": {"max": 253_000}}
    hamburg, munich = {"latitude": 53.55, "longitude": 10.0}, {"latitude": 48.14, "longitude": 11.58}
    around = [found({"g": one}, "WithinGeoRange", "g", valueGeoRange=here) for one in (hamburg, munich, None)]
    assert around == [False, False, False]
    here["distance"]["max"] = 257_000
    assert found({"g": hamburg}, "WithinGeoRange", "g", valueGeoRange=here)


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(20.8837, 112.9581), (-69.9659, 0.897), (89.99999, -180.0)]
)
def test_an_object_is_no_way_at_all_from_itself(latitude, longitude):
    at = {"latitude": latitude, "longitude": longitude}
    near = clause("WithinGeoRange", "g", valueGeoRange={"geoCoordinates": at, "distance": {"max": 0.0001}})
    assert means(near, ID, {"g": at}, EVERYTHING)
    assert not means(near, ID, {"g": {**at, "latitude": latitude - 0.00001}}, EVERYTHING)


def test_times_are_those_that_were_kept():
    late = {"valueDate": "2024-01-01T00:00:00Z"}
    assert found({"_creationTimeUnix": 1_704_067_200_001}, "GreaterThan", "_creationTimeUnix", **late)
    with pytest.raises(Unanswerable, match="not kept"):
        found({}, "GreaterThan", "_creationTimeUnix", **late)


EXACT = [
    ("Equal", "n", {"valueInt": 5}),
    ("NotEqual", "n", {"valueInt": 5}),
    ("GreaterThan", "n", {"valueInt": 4}),
    ("LessThanEqual", "d", {"valueDate": "2024-01-01T00:00:00Z"}),
    ("Equal", "field", {"valueText": " a b "}),
    ("IsNull", "n", {"valueBoolean": True}),
    ("IsNull", "n", {"valueBoolean": False}),
    ("Equal", "id", {"valueText": str(ID)}),
    ("Equal", "id", {"valueText": "no uuid"}),
    ("NotEqual", "id", {"valueText": str(ID)}),
    ("Equal", "u", {"valueText": str(ID)}),
    ("ContainsAny", "field", {"valueText": ["a b", "c"]}),
]
PAYLOADS = [
    {},
    {"n": 5, "d": datetime(2024, 1, 1, tzinfo=UTC), "field": "a b", "u": ID},
    {"n": 4, "d": datetime(2025, 1, 1, tzinfo=UTC), "field": "a", "u": UUID(int=1)},
]


@pytest.mark.parametrize(("operator", "path", "value"), EXACT)
def test_what_the_model_has_words_for_means_the_same_in_them(operator, path, value):
    given = clause(operator, path, **value)
    translated = translate(given)
    assert translated is not None
    assert [matches(translated, ID, one) for one in PAYLOADS] == [
        means(given, ID, one, EVERYTHING) for one in PAYLOADS
    ]


@pytest.mark.parametrize(
    ("operator", "path", "value"),
    [
        ("Equal", "s", {"valueText": "a"}),
        ("Like", "field", {"valueText": "a*"}),
        ("GreaterThan", "u", {"valueText": str(ID)}),
        ("GreaterThan", "id", {"valueText": "a"}),
        ("IsNull", "ns", {"valueBoolean": True}),
        ("Equal", "len(s)", {"valueInt": 1}),
    ],
)
def test_the_rest_is_looked_at(operator, path, value):
    assert translate(clause(operator, path, **value)) is None


def test_the_key_of_an_object_is_not_always_its_id():
    translated = translate(clause("Equal", "id", valueText=str(ID)), lambda one: ("t", one))
    assert matches(translated, ("t", ID), {})


@pytest.mark.parametrize(
    ("operator", "path", "value", "said"),
    [
        ("IsNull", "n", {"valueBoolean": True}, "Nullstate"),
        ("Equal", "len(s)", {"valueInt": 1}, "length must be indexed"),
        ("Equal", "_creationTimeUnix", {"valueText": "2024-01-01T00:00:00Z"}, "timestamps must be indexed"),
        ("Equal", "s", {"valueText": "the of"}, "only stopwords"),
        ("ContainsAll", "s", {"valueText": ["the", "book"]}, "only stopwords"),
        ("Like", "n", {"valueInt": 1}, "not supported"),
        ("Equal", "u", {"valueText": str(ID)}, "indexFilterable"),
    ],
)
def test_what_the_class_has_no_index_for(operator, path, value, said):
    with pytest.raises(ValueError, match=said):
        check(clause(operator, path, **value), Index(unindexed=frozenset({"u"})))


def test_a_tokenizer_with_a_dictionary_is_beyond_us():
    with pytest.raises(Unanswerable, match="gse"):
        check(clause("Equal", "gse", valueText="a"), EVERYTHING)


def test_the_index_of_a_class():
    config = {
        "stopwords": {"preset": "none", "additions": ["x"]},
        "indexNullState": True,
        "indexPropertyLength": True,
        "indexTimestamps": True,
    }
    properties = [
        {"name": "a", "dataType": ["int"], "indexFilterable": False},
        {"name": "b", "dataType": ["text"], "indexFilterable": False, "indexSearchable": True},
        {"name": "c", "dataType": ["int"], "indexFilterable": False, "indexRangeFilters": True},
    ]
    index = read_index({"invertedIndexConfig": config, "properties": properties})
    assert index == Index(frozenset({"x"}), nulls=True, lengths=True, times=True, unindexed=frozenset({"a"}))
    words = read_index(
        {"invertedIndexConfig": {"stopwords": {"removals": ["the"], "additions": ["foo"]}}}
    ).stopwords
    assert "the" not in words
    assert {"a", "foo"} <= words
