import math
from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

import pytest

from vectormigrate.model.collection import FieldType
from vectormigrate.stores.sqlite.values import decode_all, decoder, encoder, stored_as_they_are


@pytest.mark.parametrize(
    ("type_", "stored"),
    [
        (FieldType.BOOL, 2),
        (FieldType.BOOL, "true"),
        (FieldType.BOOL, 1.0),
        (FieldType.FLOAT, "abc"),
        (FieldType.DATE, "2024-02-30"),
        (FieldType.DATE, "20240229"),
        (FieldType.DATETIME, 1709208615),
        (FieldType.DATETIME, "2024-02-29T12:00:00.123456789"),
        (FieldType.DATETIME_NAIVE, "2024-02-29"),
        (FieldType.TIME, "25:00"),
        (FieldType.DECIMAL, "1_000"),
        (FieldType.DECIMAL, b"1"),
        (FieldType.UUID, "0B0E7A3E-5B1C-4C8E-9C1D-AABBCCDDEEFF"),
        (FieldType.JSON, "{not json"),
        (FieldType.JSON, b"\x01"),
    ],
)
def test_a_value_that_does_not_fit_its_type_is_read_as_what_it_is(type_, stored):
    got = decoder(type_)(stored)
    assert (type(got), got) == (type(stored), stored)


@pytest.mark.parametrize(
    ("type_", "stored", "value"),
    [
        (FieldType.BOOL, 1, True),
        (FieldType.DECIMAL, 1.1, Decimal("1.1")),
        (FieldType.DECIMAL, 7, Decimal(7)),
        (FieldType.DATETIME, "2024-02-29 12:00:00Z", datetime(2024, 2, 29, 12, tzinfo=UTC)),
        (FieldType.DATETIME, "2024-02-29T12:00", datetime(2024, 2, 29, 12)),  # noqa: DTZ001 no zone is written
        (FieldType.DATE, "2024-02-29", date(2024, 2, 29)),
        (FieldType.TIME, "12:30", time(12, 30)),
        (FieldType.UUID, UUID(int=5).bytes, UUID(int=5)),
        (FieldType.JSON, 5, 5),
        (FieldType.ARRAY, "[1, null]", [1, None]),
    ],
)
def test_what_applications_write_is_understood(type_, stored, value):
    got = decoder(type_)(stored)
    assert (type(got), got) == (type(value), value)


def test_nan_survives_a_database_that_has_none():
    stored = encoder(FieldType.FLOAT)(math.nan)
    assert stored == "NaN"
    assert math.isnan(decoder(FieldType.FLOAT)(stored))


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (FieldType.FLOAT, 2**53 + 1),
        (FieldType.FLOAT, 10**400),
        (FieldType.ANY, True),
        (FieldType.ANY, [1]),
        (FieldType.ANY, math.nan),
        (FieldType.JSON, {"a": object()}),
    ],
)
def test_what_sqlite_would_change_is_refused(type_, value):
    with pytest.raises((ValueError, OverflowError)):
        encoder(type_)(value)


def test_json_stays_text_on_the_way_through():
    texts = ('{"a": 1.50}', None, "[1e3]")
    column = decode_all(FieldType.JSON, texts)
    assert stored_as_they_are(FieldType.JSON, column) == list(texts)
    assert list(column) == [{"a": 1.5}, None, [1000.0]]


def test_one_text_that_is_no_json_makes_a_column_of_values():
    column = decode_all(FieldType.JSON, ("[1]", "{not json", 5))
    assert list(column) == [[1], "{not json", 5]
    assert stored_as_they_are(FieldType.JSON, column) is None


@pytest.mark.parametrize(
    ("type_", "values", "ready"),
    [
        (FieldType.TEXT, ["a", None], True),
        (FieldType.BOOL, [True, None], True),
        (FieldType.BOOL, [True, 1], False),
        (FieldType.FLOAT, [0.5, None], True),
        (FieldType.FLOAT, [0.5, math.nan], False),
        (FieldType.FLOAT, [0.5, 1], False),
        (FieldType.DECIMAL, [Decimal(1)], False),
        (FieldType.ANY, [1, "x"], False),
    ],
)
def test_a_column_that_needs_no_encoding_gets_none(type_, values, ready):
    assert stored_as_they_are(type_, values) == (values if ready else None)
