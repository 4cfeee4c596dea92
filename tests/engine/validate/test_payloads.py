import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from vectormigrate.engine.validate.payloads import forgiven, payload_difference, same, surely_same
from vectormigrate.model.collection import FieldType
from vectormigrate.model.payload_columns import JsonColumn, PayloadColumns

NAN = float("nan")
BERLIN = ZoneInfo("Europe/Berlin")
NAIVE = datetime.fromisoformat("2024-01-01")
WEST = timezone(timedelta(hours=-5))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1),
        (2**63, 2**63),
        (NAN, float("-nan")),
        (0.0, -0.0),
        ("ä", "ä"),
        (b"\0", b"\0"),
        (None, None),
        (Decimal("1.50"), Decimal("1.50")),
        (Decimal("NaN"), Decimal("NaN")),
        (datetime(2024, 1, 1, 12, tzinfo=UTC), datetime(2024, 1, 1, 7, tzinfo=WEST)),
        (
            datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=1),
            datetime(2024, 10, 27, 1, 30, tzinfo=UTC),
        ),
        (NAIVE, NAIVE),
        (time(12, tzinfo=WEST), time(12, tzinfo=WEST)),
        (UUID(int=5), UUID(int=5)),
        ({"a": 1, "b": [NAN]}, {"b": [NAN], "a": 1}),
        ([], []),
    ],
)
def test_the_same(one, other):
    assert same(one, other)
    assert same([{"x": one}], [{"x": other}])
    assert payload_difference({"k": one}, {"k": other}) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        (0, False),
        (1, "1"),
        (1.0, Decimal(1)),
        (None, 0),
        (None, ""),
        ("a", b"a"),
        (Decimal("1.50"), Decimal("1.5")),
        (NAIVE, datetime(2024, 1, 1, tzinfo=UTC)),
        (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=WEST)),
        (NAIVE, date(2024, 1, 1)),
        (time(12, tzinfo=WEST), time(12)),
        (UUID(int=5), str(UUID(int=5))),
        ([1, 2], [2, 1]),
        ([1], [1, 1]),
        ({"a": None}, {}),
        ({}, {"a": None}),
        ({"a": 1}, {"b": 1}),
        ("ä", "a\u0308"),
    ],
)
def test_not_the_same(one, other):
    assert not same(one, other)
    assert not same(other, one)
    assert not same({"x": [one]}, {"x": [other]})
    assert payload_difference({"k": one}, {"k": other}) is not None
    assert not surely_same([{"a": 1}, {"k": [one]}], [{"a": 1}, {"k": [other]}])


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        ({"a": 1}, {"a": 1.0}, "a: int 1 became float 1.0"),
        ({"a": {"b": [0, {"c": "x"}]}}, {"a": {"b": [0, {"c": "y"}]}}, "a.b[1].c: str 'x' became str 'y'"),
        ({"a": None}, {}, "a: NoneType None is missing"),
        ({}, {"a": {"b": 1}}, "a: dict {'b': 1} appeared from nowhere"),
        ({"a": {"b": 1}}, {"a": {}}, "a.b: int 1 is missing"),
        ({"a": [1, 2]}, {"a": [1]}, "a: list 2 elements became list 1 elements"),
        ({"a": "x" * 99}, {"a": ""}, "a: str '" + "x" * 44 + "... became str ''"),
    ],
)
def test_the_first_differing_path_is_named(source, target, told):
    assert payload_difference(source, target) == told


def test_a_declared_field_cannot_tell_null_from_absent():
    declared = {"a": FieldType.INT}
    assert payload_difference({"a": None, "b": 1}, {"b": 1}, declared) is None
    assert payload_difference({"b": 1}, {"a": None, "b": 1}, declared) is None
    assert payload_difference({"a": 1}, {"a": None}, declared) == "a: int 1 became NoneType None"
    assert payload_difference({"a": 1}, {}, declared) == "a: int 1 became NoneType None"
    assert payload_difference({"b": None}, {}, declared) is not None
    assert payload_difference({"b": {"a": None}}, {"b": {}}, declared) is not None


def test_a_batch_of_the_same_is_settled_at_once():
    def payload():
        return {
            "n": 1,
            "x": 0.1,
            "yes": True,
            "price": Decimal("1.50"),
            "at": datetime(2024, 1, 1, 12, tzinfo=UTC),
            "id": UUID(int=5),
            "raw": b"\0",
            "deep": [{"a": None, "b": ["ä"]}],
        }

    one, other = payload(), dict(reversed(payload().items()))
    assert surely_same([one] * 3, [other] * 3)
    assert not surely_same([one] * 3, [other] * 2)
    assert not surely_same([one] * 3, [other, other, {**other, "n": 1.0}])


@pytest.mark.parametrize(
    "make", [lambda: 2**70, object, lambda: Decimal("sNaN"), lambda: float("nan"), lambda: "\ud800"]
)
def test_what_cannot_be_settled_at_once_is_looked_at(make):
    assert not surely_same([{"a": make()}], [{"a": make()}])


def test_payloads_too_deep_for_the_fast_way_are_looked_at():
    one: list[object] = []
    other: list[object] = []
    for _ in range(20_000):
        one, other = [one], [other]
    assert not surely_same([{"a": one}], [{"a": other}])


def test_a_declared_double_holds_an_integer_as_a_double():
    declared = {"a": FieldType.FLOAT, "b": FieldType.INT}
    assert payload_difference({"a": 1}, {"a": 1.0}, declared) is None
    for wrong in (1.5, True, "1", None):
        assert payload_difference({"a": 1}, {"a": wrong}, declared) is not None
    assert payload_difference({"a": 2**53 + 1}, {"a": float(2**53)}, declared) is not None
    assert payload_difference({"a": 1.0}, {"a": 1}, declared) is not None
    assert payload_difference({"b": 1}, {"b": 1.0}, declared) is not None
    assert payload_difference({"c": 1}, {"c": 1.0}, declared) is not None


def test_a_field_that_nothing_writes_may_hold_anything():
    unwritten = frozenset({"created"})
    assert payload_difference({"b": 1}, {"b": 1, "created": 5}, unwritten=unwritten) is None
    assert payload_difference({"b": 1}, {"b": 2, "created": 5}, unwritten=unwritten) is not None
    assert payload_difference({"created": 1}, {"created": 5}, unwritten=unwritten) is not None


def test_doubles_a_little_off_are_forgiven_and_nothing_else():
    x = 123456789.12345679
    near = math.nextafter(math.nextafter(x, 1e9), 1e9)
    sent = {"a": x, "deep": [{"b": [x, 1]}], "n": 1, "t": "x"}
    assert forgiven(sent, {"a": near, "deep": [{"b": [near, 1]}], "n": 1, "t": "x"}) == {
        "a": near,
        "deep": [{"b": [near, 1]}],
        "n": 1,
        "t": "x",
    }
    for found in (math.nextafter(near, 1e9), 123456789, str(x), None, [x]):
        assert forgiven({"a": x}, {"a": found}) == {"a": x}
    assert forgiven({"a": x, "b": 1}, {}) == {"a": x, "b": 1}
    assert forgiven([x], [near, near]) == [x]


@pytest.mark.parametrize(
    ("ours", "theirs", "same_"),
    [
        ([1, None], [1, None], True),
        ([1, None], [1.0, None], False),
        (JsonColumn(['{"a": 1, "b": 2}', None]), JsonColumn(['{"b":2,"a":1}', None]), True),
        (JsonColumn(['{"a": 1}', None]), JsonColumn(['{"a": 1.0}', None]), False),
        (JsonColumn(["never parsed", None]), JsonColumn(("never parsed", None)), True),
        (JsonColumn(["[1]", None]), [[1], None], True),
    ],
)
def test_payloads_by_column_are_the_same_when_their_values_are(ours, theirs, same_):
    source, target = (PayloadColumns({"n": [5, 6], "j": column}, 2) for column in (ours, theirs))
    assert surely_same(source, target) == same_
    assert not surely_same(source, PayloadColumns({"n": [5, 6]}, 2))
    if same_ and "never parsed" not in getattr(ours, "texts", []):
        assert surely_same(source, list(target))
