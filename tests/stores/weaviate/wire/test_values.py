"""A value either comes back from its property as it was, or `to_plain` says that it would not."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from vectormigrate.stores.weaviate.wire.layout import REFERENCE, Property
from vectormigrate.stores.weaviate.wire.values import from_plain, infer, native_type, read_date, to_plain

INNER = {"n": Property("n", "int"), "texts": Property("texts", "text[]")}


@pytest.mark.parametrize(
    ("kind", "value", "plain"),
    [
        ("text", "", ""),
        ("text", "a\0b", "a\0b"),
        ("int", -(2**53), -(2**53)),
        ("int", -(2**63), -(2**63)),
        ("int", 2**60, 2**60),
        ("number", -0.0, -0.0),
        ("number", 5e-324, 5e-324),
        ("boolean", False, False),
        ("date", datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=UTC), "2024-02-29T01:02:03.000004+00:00"),
        (
            "date",
            datetime(2024, 7, 1, tzinfo=timezone(timedelta(hours=-7, minutes=-30))),
            "2024-07-01T00:00:00-07:30",
        ),
        ("uuid", UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        ("blob", b"\0\xff", "AP8="),
        ("geoCoordinates", {"latitude": 52.52, "longitude": -0.1}, {"latitude": 52.52, "longitude": -0.1}),
        ("text[]", [], []),
        ("int[]", [1, 2**53], [1, 2**53]),
        ("date[]", [datetime(2024, 1, 1, tzinfo=UTC)], ["2024-01-01T00:00:00+00:00"]),
        ("uuid[]", [UUID(int=7)], ["00000000-0000-0000-0000-000000000007"]),
        (REFERENCE, ["weaviate://localhost/A/1"], [{"beacon": "weaviate://localhost/A/1"}]),
    ],
)
def test_what_a_property_holds_comes_back(kind, value, plain):
    held = Property("p", kind)
    assert to_plain(held, value) == (plain, True)
    back = from_plain(held, plain)
    assert (back, type(back)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "value", "beside"),
    [
        ("int", 2**53 + 1, 2**53),
        ("int", 2**63 - 1, 2**63 - 1024),
        ("int", 2**70, 2**63 - 1024),
        ("int", True, None),
        ("int", 1.0, None),
        ("number", float("nan"), None),
        ("number", 2**53 + 1, None),
        ("text", 5, None),
        ("boolean", 1, None),
        ("blob", b"", None),
        ("date", datetime(2024, 1, 1), None),  # noqa: DTZ001 it has no zone
        ("uuid", "00000000-0000-0000-0000-000000000007", None),
        ("geoCoordinates", {"latitude": 0.1234567890123, "longitude": 1.0}, {"latitude": 0.12345679, "longitude": 1.0}),
        ("geoCoordinates", {"latitude": 1.0}, None),
        ("phoneNumber", {"input": "030 1"}, {"input": "030 1"}),
        ("int[]", [1, None], None),
        ("int[]", [2**53 + 1, 1], [2**53, 1]),
        ("text[]", ["a", 1], None),
        ("text[]", "a", None),
        (REFERENCE, ["elsewhere"], None),
    ],
)  # fmt: skip
def test_what_it_cannot_give_back_is_said_with_what_it_holds_beside(kind, value, beside):
    assert to_plain(Property("p", kind), value) == (beside, False)


def test_an_instant_with_an_odd_offset_keeps_its_instant():
    odd = datetime(1880, 1, 1, tzinfo=timezone(timedelta(minutes=53, seconds=28)))
    plain, exact = to_plain(Property("p", "date"), odd)
    assert exact
    assert from_plain(Property("p", "date"), plain) == odd


def test_an_object_is_held_by_its_declared_members():
    held = Property("o", "object", nested=INNER)
    assert to_plain(held, {"n": 1, "texts": ["a"]}) == ({"n": 1, "texts": ["a"]}, True)
    assert to_plain(held, {"n": 1, "else": 2}) == ({"n": 1}, False)
    assert to_plain(held, {"n": None}) == ({}, False)
    assert from_plain(held, {"n": 1, "texts": None}) == {"n": 1}
    many = Property("o", "object[]", nested=INNER)
    assert to_plain(many, [{"n": 1}, {"n": 2**60 + 1}]) == ([{"n": 1}, {"n": 2**60}], False)
    assert from_plain(many, [{"n": 1}]) == [{"n": 1}]


def test_a_phone_number_is_written_as_it_was_dialled_and_read_as_it_was_worked_out():
    held = Property("p", "phoneNumber")
    told = {"input": "030 1", "defaultCountry": "DE", "valid": False, "countryCode": 49}
    assert from_plain(held, told) == told
    assert to_plain(held, told) == ({"input": "030 1", "defaultCountry": "DE"}, True)


def test_json_is_a_text_of_ours():
    held = Property("p", "text", json=True)
    for value in ({"a": [1, None, 2**53 + 1]}, [], "text", 0, False, b"\xff"):
        plain, exact = to_plain(held, value)
        assert (type(plain), exact) == (str, True)
        assert from_plain(held, plain) == value


def test_moments_finer_than_ours_are_not_rounded():
    assert read_date("2024-01-01T00:00:00.1234560Z").microsecond == 123456
    for text in ("2024-01-01T00:00:00.123456789Z", "2024-01-01T00:00:00", "yesterday"):
        with pytest.raises(ValueError, match=text[:9]):
            read_date(text)


@pytest.mark.parametrize(
    ("kind", "plain"),
    [
        ("int", "5"),
        ("int", 1.5),
        ("text", 5),
        ("boolean", 1),
        ("geoCoordinates", {}),
        ("blob", "%"),
        ("text[]", 5),
    ],
)
def test_what_is_not_of_the_type_is_not_read(kind, plain):
    with pytest.raises(ValueError, match="'p'"):
        from_plain(Property("p", kind), plain)


def test_what_is_added_for_a_key_that_nobody_declared():
    told = {
        "boolean": True,
        "int": 5,
        "number": 5.0,
        "text": "a",
        "date": datetime(2024, 1, 1, tzinfo=UTC),
        "uuid": UUID(int=7),
        "text[]": ["a", "b"],
    }
    assert {kind: native_type(value) for kind, value in told.items()} == {kind: kind for kind in told}
    for value in (None, {}, [], [1, "1"], [1, None], [True, 1], [[1]], b"", [{}]):
        assert native_type(value) == ""


def test_a_number_that_nobody_declared_is_of_the_type_of_its_property():
    held = Property("p", "number", declared=False)
    assert to_plain(held, 1.0) == (1.0, True)
    assert to_plain(held, 1) == (1.0, False)
    assert to_plain(Property("p", "number[]", declared=False), [1.0, 2]) == ([1.0, 2.0], False)


def test_what_auto_schema_would_make_of_a_value():
    told = {
        "boolean": True,
        "number": 1,
        "text": "a",
        "uuid": "00000000-0000-0000-0000-000000000007",
        "date": "2024-01-01T00:00:00Z",
        "geoCoordinates": {"latitude": 1.0, "longitude": 2.0},
        "phoneNumber": {"input": "030 1"},
        "object": {"a": 1},
        "text[]": ["a"],
        "object[]": [{"a": 1}],
        REFERENCE: [{"beacon": "weaviate://localhost/A/1"}],
        "": [],
    }
    assert {kind: infer(value) for kind, value in told.items()} == {kind: kind for kind in told}
    assert infer(None) == ""
