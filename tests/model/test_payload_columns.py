"""Payloads as columns: alike to a list of dicts, without a dict or a parsed JSON text until somebody asks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from vectormigrate.model.batch import Batch
from vectormigrate.model.payload_columns import (
    JsonColumn,
    PayloadColumns,
    column_of,
    json_column,
    keys_of,
    take_payloads,
)

ROWS = [{"a": 1, "j": {"x": [1.5]}}, {"a": None, "j": None}, {"a": 3, "j": "text"}]


@pytest.fixture
def payloads() -> PayloadColumns:
    return PayloadColumns({"a": (1, None, 3), "j": JsonColumn(['{"x": [1.5]}', None, '"text"'])}, 3)


def test_they_stand_for_the_list_of_dicts(payloads: PayloadColumns):
    assert payloads == ROWS
    assert list(payloads) == ROWS
    assert payloads[1] == ROWS[1]
    assert payloads[-1] == ROWS[-1]
    assert len(payloads) == 3
    assert payloads != ROWS[:2]


def test_a_slice_and_a_choice_keep_columns(payloads: PayloadColumns):
    assert payloads[1:] == ROWS[1:]
    taken = take_payloads(payloads, [2, 0])
    assert taken == [ROWS[2], ROWS[0]]
    assert isinstance(taken, PayloadColumns)
    assert isinstance(taken.columns["j"], JsonColumn)
    assert take_payloads(ROWS, [1]) == [ROWS[1]]


def test_records_without_keys_are_still_records():
    bare = PayloadColumns({}, 2)
    assert bare == [{}, {}]
    assert bare[1:] == [{}]
    assert take_payloads(bare, [0]) == [{}]


def test_a_batch_of_them_is_like_any_other(payloads: PayloadColumns):
    batch = Batch([1, 2, 3], {}, payloads)
    assert batch.slice(1, 3).payload == ROWS[1:]
    assert batch.take([2]).payload == [ROWS[2]]
    assert batch.record(0).payload == ROWS[0]


@pytest.mark.parametrize("held", [ROWS, "columns"])
def test_columns_and_keys_are_found_in_both(payloads: PayloadColumns, held: object):
    either = ROWS if held is ROWS else payloads
    assert list(column_of(either, "a")) == [1, None, 3]
    assert list(column_of(either, "j")) == [{"x": [1.5]}, None, "text"]
    assert list(column_of(either, "none")) == [None, None, None]
    assert keys_of(either) == {"a", "j"}


def test_json_is_not_parsed_before_somebody_asks():
    column = JsonColumn(["not JSON at all", "[1]"])
    assert column[1:][0] == [1]
    assert column.take([1])[0] == [1]
    assert None not in column
    with pytest.raises(ValueError, match="JSON"):
        column[1]


def test_values_come_as_json_says_them():
    column = json_column(['{"$date": "2024-05-06T07:08:09+00:00"}', "12345678901234567890123", "1.10"])
    assert column is not None
    assert list(column) == [datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC), 12345678901234567890123, 1.1]
    assert 1.1 in column


def test_no_value_and_null_are_one():
    column = json_column([None, "null", " null\n", '"null"'])
    assert column is not None
    assert column.texts == [None, None, None, '"null"']
    assert None in column


@pytest.mark.parametrize(
    "wrong", ["plain text", "{'a': 1}", "NaN", "", "[1, 2", 5, b"[1]", '"\\ud800"', "9" * 5000]
)
def test_what_is_no_json_is_no_column_of_it(wrong: object):
    assert json_column(["[1]", None, wrong]) is None
