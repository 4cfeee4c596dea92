"""JSON in both directions, and the values that JSON has no word for."""

from __future__ import annotations

import json
import math
import sys
from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import assume, example, given, settings

from tests.conformance.compare import same_value
from vectormigrate.model import jsonvalue

from .values import values

MODEL = settings(max_examples=200, derandomize=True, database=None, deadline=None)


@MODEL
@given(values)
@example({"$literal": {"$literal": {"$date": "2024-01-01T00:00:00"}}})
@example({"$literal": b""})
@example({"$literal": {"$literal": b""}})
@example([{"$date": "2024-01-01T00:00:00"}, {"$date": "2024-01-01T00:00:00", "x": 1}])
def test_reading_inverts_writing(value):
    assert same_value(jsonvalue.loads(jsonvalue.dumps(value)), value)


@MODEL
@given(values)
@example({"$literal": {"a": {"$date": "2024-01-01T00:00:00"}}})
def test_writing_inverts_reading(value):
    text = json.dumps(value, default=str)
    assume("Infinity" not in text)
    assert json.loads(jsonvalue.dumps(jsonvalue.loads(text))) == json.loads(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=UTC), '{"$date":"2024-02-29T01:02:03.000004+00:00"}'),
        (date(2024, 2, 29), '{"$day":"2024-02-29"}'),
        (time(1, 2), '{"$time":"01:02:00"}'),
        (b"\x00\xff", '{"$binary":"AP8="}'),
        (UUID(int=7), '{"$uuid":"00000000-0000-0000-0000-000000000007"}'),
        (Decimal("1.10"), '{"$numberDecimal":"1.10"}'),
        (Decimal("NaN"), '{"$numberDecimal":"NaN"}'),
        (Decimal("0.1234567890123456789012345"), "0.1234567890123456789012345"),
        (math.inf, '{"$numberDouble":"Infinity"}'),
        (-math.inf, '{"$numberDouble":"-Infinity"}'),
        (math.nan, '{"$numberDouble":"NaN"}'),
        (2**70, "1180591620717411303424"),
        ({"$date": "2024-02-29T01:02:03"}, '{"$literal":{"$date":"2024-02-29T01:02:03"}}'),
        ({"$date": "soon"}, '{"$date":"soon"}'),
        ({"$date": 5}, '{"$date":5}'),
        ((1, "é"), '[1,"é"]'),
    ],
)
def test_the_text_is_as_other_readers_will_find_it(value, text):
    assert jsonvalue.dumps(value).decode() == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a": [1, 1.0, true, null]}', {"a": [1, 1.0, True, None]}),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ("1e400", Decimal("1E+400")),
        ("0.1000", 0.1),
        ("0.12345678901234567890", Decimal("0.12345678901234567890")),
        ('{"$date": "2024-01-01"}', {"$date": "2024-01-01"}),
        (
            '{"$uuid": "{00000000-0000-0000-0000-000000000007}"}',
            {"$uuid": "{00000000-0000-0000-0000-000000000007}"},
        ),
        ('{"$binary": "%"}', {"$binary": "%"}),
        ('{"$numberDouble": "1.5"}', {"$numberDouble": "1.5"}),
        ('{"$literal": {"a": 1}}', {"$literal": {"a": 1}}),
        ('{"$literal": 5}', {"$literal": 5}),
    ],
)
def test_what_looks_like_ours_and_is_not_stays_an_object(text, value):
    assert same_value(jsonvalue.loads(text), value)
    assert math.copysign(1, jsonvalue.loads("-0.0")) == -1


@pytest.mark.parametrize("encode", [str, str.encode])
def test_a_price_makes_nobody_look_at_every_value(encode):
    calls = []

    def called(text):
        calls.clear()
        sys.setprofile(lambda frame, event, _: calls.append(frame) if event == "call" else None)
        try:
            jsonvalue.loads(encode(text))
        finally:
            sys.setprofile(None)
        return len(calls)

    values = ", ".join(['{"a": {"b": "c"}}'] * 100)
    assert called(f'[{values}, {{"price": "$5"}}]') < 100
    assert called(f'[{values}, {{"$uuid": "no"}}]') > 200


@pytest.mark.parametrize("text", ["", "{", "NaN", "Infinity", "[1,]", "'a'"])
def test_what_is_no_json_is_a_value_error(text):
    with pytest.raises(ValueError):  # noqa: PT011 the parser's words
        jsonvalue.loads(text)


@pytest.mark.parametrize("value", [object(), {1, 2}, [1j]])
def test_what_no_payload_holds_is_a_value_error(value):
    with pytest.raises(ValueError, match="cannot be written as JSON"):
        jsonvalue.dumps(value)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('{"a": 1, "b": [2, null]}', '{"b":[2,null],"a":1}', True),
        ("[1.50]", "[ 1.50 ]", True),
        ("[1]", "[1.0]", False),
        ("[1]", "[1e0]", False),
        ("[1]", "[true]", False),
        ("[0]", "[false]", False),
        ('["1"]', "[1]", False),
        ('["1.5"]', "[1.5]", False),
        ('[["1", ".", "5"]]', "[1.5]", False),
        ("[1, 2]", "[2, 1]", False),
        ('{"a": null}', "{}", False),
    ],
)
def test_texts_that_surely_say_the_same(one, other, same):
    assert jsonvalue.surely_same(["{}", one], ["{}", other]) is same
    assert not jsonvalue.surely_same([one], [other, "1"])
