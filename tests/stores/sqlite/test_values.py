import math
from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

import pytest

from vectormigrate.model.collection import FieldType
from vectormigrate.stores.sqlite.values import decoder, encoder


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
