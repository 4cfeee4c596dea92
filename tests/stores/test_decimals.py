"""Long numbers inside JSON survive readers that know only doubles."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectormigrate.model import jsonvalue
from vectormigrate.stores import decimals

VALUES = st.recursive(
    st.none() | st.integers() | st.text() | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_numbers_come_back_through_a_reader_of_doubles(value):
    text = json.dumps(json.loads(decimals.dumps(value))).encode()
    back = decimals.loads(text)
    assert back == value
    assert repr(back) == repr(value)


def test_only_long_numbers_are_tagged():
    assert decimals.dumps({"a": 1.5, "b": Decimal("1.5")}) == jsonvalue.dumps({"a": 1.5, "b": Decimal("1.5")})
    long = Decimal("12345678901234567890.5")
    assert decimals.dumps([long]) == b'[{"$numberDecimal":"12345678901234567890.5"}]'


def test_an_object_that_looks_like_a_tagged_number_is_refused():
    with pytest.raises(ValueError, match="looks like"):
        decimals.dumps({"a": {"$numberDecimal": "12345678901234567890.5"}})


@pytest.mark.parametrize(
    "value", [{"$numberDecimal": 5}, {"$numberDecimal": "x"}, {"$numberDecimal": "1.5 "}]
)
def test_other_objects_stay_objects(value):
    assert decimals.loads(decimals.dumps(value)) == value
