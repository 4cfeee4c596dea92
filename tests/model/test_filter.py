"""What each filter means, case by case: every translation into a vendor's language answers to these."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vectormigrate.model.filter import And, Compare, Comparison, Exists, HasId, In, IsNull, Not, Or, matches

from .values import scalars, values

MODEL = settings(max_examples=80, derandomize=True, database=None, deadline=None)
EQ, NE, GT, GTE, LT, LTE = Comparison
NAIVE = datetime.fromisoformat("2024-01-01T00:00:00")


def compare(held, comparison, value):
    return matches(Compare(("f",), comparison, value), 1, {"f": held})


@pytest.mark.parametrize(
    ("held", "comparison", "value", "expected"),
    [
        (1, EQ, 1, True),
        (1, EQ, 1.0, True),
        (1, EQ, "1", False),
        (1, NE, "1", True),
        (True, EQ, 1, False),
        (True, EQ, True, True),
        (1, EQ, True, False),
        (None, EQ, None, False),
        (None, NE, 1, True),
        (None, LT, 1, False),
        (2, GT, 1, True),
        (1, GT, 1, False),
        (1, GTE, 1, True),
        (0, LT, 1, True),
        (1, LT, 1, False),
        (1, LTE, 1, True),
        ("b", GT, "a", True),
        ("b", GT, 1, False),
        ("b", LTE, 1, False),
        (2**53 + 1, EQ, 2**53, False),
        (Decimal("1.5"), GT, Decimal(1), True),
        (NAIVE, LT, NAIVE.replace(tzinfo=UTC), False),
        (NAIVE, EQ, NAIVE.replace(tzinfo=UTC), False),
        ({"a": 1}, EQ, {"a": 1}, True),
        ({"a": 1}, LT, {"a": 2}, False),
        ([1, "x"], EQ, "x", True),
        ([1, "x"], NE, "x", False),
        ([1, "x"], NE, "y", True),
        ([], NE, "y", True),
        ([1, 5], GT, 4, True),
        ([1, 2], EQ, [1, 2], True),
        ([1, 2], EQ, [2, 1], False),
        ([1, "a"], LT, ["a", 1], False),
        (UUID(int=1), EQ, UUID(int=1), True),
    ],
)
def test_comparison(held, comparison, value, expected):
    assert compare(held, comparison, value) is expected


def test_a_missing_key_matches_nothing_but_ne():
    found = {comparison: matches(Compare(("f",), comparison, 1), 1, {}) for comparison in Comparison}
    assert found == {EQ: False, NE: True, GT: False, GTE: False, LT: False, LTE: False}


def test_paths_go_into_objects_and_a_dot_is_a_letter():
    payload = {"a": {"b": 1}, "a.b": 2, "list": [{"b": 3}]}
    assert matches(Compare(("a", "b"), EQ, 1), 1, payload)
    assert matches(Compare(("a.b",), EQ, 2), 1, payload)
    assert not matches(Exists(("a", "b", "c")), 1, payload)
    assert not matches(Exists(("list", "b")), 1, payload)


def test_existence_and_null_are_two_things():
    payload = {"null": None, "empty": ""}
    assert [matches(Exists((key,)), 1, payload) for key in ("null", "empty", "gone")] == [True, True, False]
    assert [matches(IsNull((key,)), 1, payload) for key in ("null", "empty", "gone")] == [True, False, False]


def test_ids_are_matched_with_their_kind():
    condition = HasId((1, "2", ("a", 3)))
    assert [matches(condition, id_, {}) for id_ in (1, "1", 2, "2", ("a", 3), ("a", "3"))] == [
        True, False, False, True, True, False,
    ]  # fmt: skip


def test_nothing_of_everything():
    assert matches(And(()), 1, {})
    assert not matches(Or(()), 1, {})
    assert not matches(In(("f",), ()), 1, {"f": None})


@MODEL
@given(values, scalars, scalars)
def test_in_is_the_or_of_equals_and_not_is_the_other_half(held, one, two):
    payload = {"f": held}
    either = Or((Compare(("f",), EQ, one), Compare(("f",), EQ, two)))
    found = matches(In(("f",), (one, two)), 1, payload)
    assert found == matches(either, 1, payload)
    assert matches(Not(either), 1, payload) == (not found)
    assert matches(Compare(("f",), NE, one), 1, payload) == (
        not matches(Compare(("f",), EQ, one), 1, payload)
    )


@MODEL
@given(values, scalars, st.sampled_from(Comparison))
def test_no_value_makes_a_filter_fail(held, value, comparison):
    both = And((Compare(("f",), comparison, value), Exists(("f",))))
    assert matches(both, 1, {"f": held}) is compare(held, comparison, value)
