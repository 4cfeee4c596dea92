"""Our own words for records, filters and searches: what was written is read as it was, and nonsense is told."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model.values import payloads, text
from vectormigrate.model import exchange, jsonvalue
from vectormigrate.model.collection import (
    CollectionShape,
    Element,
    IdField,
    IdKind,
    VectorField,
    VectorKind,
)
from vectormigrate.model.errors import UsageError
from vectormigrate.model.filter import And, Compare, Comparison, Exists, HasId, In, IsNull, Not, Or
from vectormigrate.model.query import Match
from vectormigrate.model.record import Record, SparseVector
from vectormigrate.model.snapshot import record_bytes

ONE = UUID(int=1)
PAIR = IdField("id", IdKind.COMPOUND, parts=(IdField("a", IdKind.INT), IdField("b", IdKind.TEXT)))
INT, TEXT = IdField("id", IdKind.INT), IdField("id", IdKind.TEXT)
SHAPE = CollectionShape(
    "docs",
    INT,
    (
        VectorField("v", dim=2),
        VectorField("small", element=Element.INT8, dim=2),
        VectorField("bits", element=Element.BINARY, dim=12),
        VectorField("sparse", VectorKind.SPARSE),
        VectorField("multi", VectorKind.MULTI, dim=2),
        VectorField("free"),
    ),
    dynamic=True,
)


def through(value):
    """As it is after a journey as JSON."""
    return jsonvalue.loads(jsonvalue.dumps(value))


# Ids.


@pytest.mark.parametrize(
    ("kind", "record_id"),
    [
        (IdKind.INT, -5),
        (IdKind.TEXT, "5"),
        (IdKind.UUID, ONE),
        (IdKind.MIXED, 5),
        (IdKind.MIXED, ONE),
    ],
)
def test_an_id_is_read_as_it_was_written(kind, record_id):
    assert exchange.read_id(through(exchange.write_id(record_id)), IdField("id", kind)) == record_id


@settings(max_examples=30)
@given(st.integers(), text)
def test_a_compound_id_is_a_list(first, second):
    assert exchange.read_id(through(exchange.write_id((first, second))), PAIR) == (first, second)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (INT, "5"),
        (INT, True),
        (INT, 1.0),
        (INT, None),
        (INT, [1]),
        (TEXT, 5),
        (IdField("id", IdKind.UUID), "x"),
        (IdField("id", IdKind.UUID), 5),
        (IdField("id", IdKind.MIXED), "5"),
        (PAIR, 5),
        (PAIR, [1]),
        (PAIR, [1, 2]),
        (PAIR, "c:[]"),
    ],
)
def test_what_is_no_id_of_the_collection(key, value):
    with pytest.raises(UsageError):
        exchange.read_id(value, key)


# Records.


@settings(max_examples=40)
@given(payloads)
def test_a_record_is_read_as_it_was_written(payload):
    record = Record(
        7,
        {
            "v": np.array([0.1, 2], np.float32),
            "small": np.array([-3, 4], np.int8),
            "bits": np.array([255, 16], np.uint8),
        },
        {"sparse": SparseVector(np.array([1, 9], np.int64), np.array([0.5, 2], np.float32))},
        {"multi": np.array([[1, 2], [3, 4]], np.float32)},
        payload,
    )
    (written,) = through(exchange.write_records([record]))
    (again,) = exchange.read_records([written], SHAPE).records()
    assert record_bytes(again) == record_bytes(record)


def test_what_a_record_does_not_have_it_does_not_say():
    (written,) = exchange.write_records([Record(7)])
    assert written == {"id": 7, "vectors": {}, "payload": {}}
    (again,) = exchange.read_records([{"id": 7}], SHAPE).records()
    assert record_bytes(again) == record_bytes(Record(7))


def test_a_partition_goes_along():
    shape = CollectionShape("docs", INT, partitions=("p",))
    (written,) = exchange.write_records([Record(7, partition="p")])
    (again,) = exchange.read_records([written], shape).records()
    assert (written["partition"], again.partition) == ("p", "p")


def test_the_indices_of_a_sparse_vector_are_put_in_order():
    found = exchange.read_vector({"indices": [9, 1], "values": [2.0, 0.5]}, "sparse", SHAPE)
    assert (found.indices.tolist(), found.values.tolist()) == ([1, 9], [0.5, 2.0])
    empty = exchange.read_vector({"indices": [], "values": []}, "sparse", SHAPE)
    assert (len(empty.indices), empty.indices.dtype) == (0, np.int64)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("v", [1]),
        ("v", [[1, 2]]),
        ("v", "ab"),
        ("v", None),
        ("v", 5),
        ("v", {"indices": [1], "values": [1]}),
        ("small", [1.5, 2]),
        ("small", [300, 0]),
        ("bits", [1] * 12),
        ("multi", [1, 2]),
        ("multi", [[1, 2], [3]]),
        ("sparse", [1, 2]),
        ("sparse", {"indices": [1]}),
        ("sparse", {"indices": [1, 2], "values": [1]}),
        ("sparse", {"indices": [1], "values": [1, 2]}),
        ("sparse", {"indices": [1.5], "values": [1]}),
        ("sparse", {"indices": [-1], "values": [1]}),
        ("sparse", {"indices": [1, 1], "values": [1, 2]}),
        ("sparse", {"indices": ["a"], "values": [1]}),
        ("sparse", {"indices": [1], "values": [1], "weights": [1]}),
        ("sparse", {"indices": [1], "values": [float("nan")]}),
        ("v", [1, float("nan")]),
        ("v", [1, float("-inf")]),
        ("v", [1, 1e39]),  # finite, but not as float32
        ("other", [1, 2]),
    ],
)
def test_what_is_no_vector_of_its_field(name, value):
    with pytest.raises(UsageError, match=f"'{name}'"):
        exchange.read_vector(value, name, SHAPE)


@pytest.mark.parametrize(
    "value",
    [
        {"id": 1},
        None,
        [5],
        [{}],
        [{"id": 1, "vectors": []}],
        [{"id": 1, "payload": "x"}],
        [{"id": "x"}],
        [{"id": 1, "vectors": {"free": [1, 2, 3]}}],  # nobody knows how long they are
    ],
)
def test_what_are_no_records(value):
    with pytest.raises(UsageError):
        exchange.read_records(value, SHAPE)


# Filters.

A = ("a",)


@pytest.mark.parametrize(
    ("value", "condition"),
    [
        ({"and": []}, And(())),
        ({"or": [{"ids": [1]}]}, Or((HasId((1,)),))),
        ({"not": {"and": []}}, Not(And(()))),
        ({"field": "a", "in": [1, "x"]}, In(A, (1, "x"))),
        ({"field": "a", "exists": True}, Exists(A)),
        ({"field": "a", "exists": False}, Not(Exists(A))),
        ({"field": "a", "null": True}, IsNull(A)),
        ({"field": ["a", "b.c"], "null": False}, Not(IsNull(("a", "b.c")))),
        ({"field": "a.b", "eq": None}, Compare(("a.b",), Comparison.EQ, None)),
        *(({"field": "a", str(one): 5}, Compare(A, one, 5)) for one in Comparison),
    ],
)
def test_filters(value, condition):
    assert exchange.read_filter(value, INT) == condition


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        None,
        {"and": {}},
        {"and": [], "or": []},
        {"ids": ["x"]},
        {"field": "a"},
        {"field": "a", "eq": 1, "ne": 2},
        {"field": 5, "eq": 1},
        {"field": [], "eq": 1},
        {"field": ["a", 1], "eq": 1},
        {"field": "a", "like": "x"},
        {"field": "a", "in": 1},
        {"field": "a", "exists": 1},
        {"not": {"field": "a"}},
    ],
)
def test_what_is_no_filter(value):
    with pytest.raises(UsageError):
        exchange.read_filter(value, INT)


# Searches.

ONLY = CollectionShape("docs", INT, (VectorField("v", dim=2),))


def test_a_search_and_what_is_assumed():
    query = exchange.read_query({"vector": [1, 2]}, ONLY)
    assert (query.vector.tolist(), query.using, query.limit, query.filter) == ([1, 2], "v", 10, None)
    assert (query.exact, query.with_record) == (False, False)
    said = {
        "vector": [1, 2],
        "using": "v",
        "limit": 3,
        "filter": {"ids": [1]},
        "exact": True,
        "with_record": True,
    }
    query = exchange.read_query(said, SHAPE)
    assert (query.limit, query.filter, query.exact, query.with_record) == (3, HasId((1,)), True, True)


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        {"using": "v"},
        {"vector": [1, 2]},  # of which of them?
        {"vector": [1, 2], "using": "other"},
        *({"vector": [1, 2], "using": "v", "limit": limit} for limit in (0, -1, 1.5, "3", True, None)),
        {"vector": [1, 2], "using": "v", "filter": {}},
    ],
)
def test_what_is_no_search(value):
    with pytest.raises(UsageError):
        exchange.read_query(value, SHAPE)


def test_hits():
    found = exchange.write_matches([Match(ONE, 0.5), Match(7, 0.25, Record(7, payload={"n": 1}))])
    assert found == [
        {"id": str(ONE), "score": 0.5},
        {"id": 7, "score": 0.25, "record": {"id": 7, "vectors": {}, "payload": {"n": 1}}},
    ]


@pytest.mark.parametrize(
    "record", [{"id": 1, "vector": {"v": [1, 2]}}, {"id": 1, "metadata": {}}, {"id": 1, "Payload": {}}]
)
def test_a_misspelt_part_of_a_record_is_not_lost_without_a_word(record):
    with pytest.raises(UsageError, match="a record has no"):
        exchange.read_records([record], SHAPE)


@pytest.mark.parametrize(
    "words",
    [{"top_k": 3}, {"where": {"ids": [1]}}, {"exact": "false"}, {"with_record": 1}, {"limit": 2**31}],
)
def test_a_search_is_refused_for_a_word_that_it_has_not(words):
    with pytest.raises(UsageError):
        exchange.read_query({"vector": [1, 2], "using": "v", **words}, SHAPE)
