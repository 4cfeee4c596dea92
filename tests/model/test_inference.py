"""Types, widths and nulls of a sample, by key."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import uuid4

import pytest

from vectormigrate.model.collection import Field, FieldType
from vectormigrate.model.inference import infer, type_of
from vectormigrate.model.payload_columns import PayloadColumns


def one(*values):
    (seen,) = infer([{"f": value} for value in values])
    return seen


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ((1, 2), "int"),
        ((1, 2.5), "float"),
        ((True, 1), "json"),
        (("a", 1), "json"),
        ((None,), "json"),
        (({"a": 1},), "json"),
        (([1, 2], [3]), "array"),
        (([1, "a"],), "json"),
        (([{}],), "json"),
        (([1, None],), "json"),
        (([[1]],), "json"),
    ],
)
def test_the_type_that_holds_all_that_was_seen(values, kind):
    assert one(*values).type == kind


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "bool"),
        (1, "int"),
        (1.0, "float"),
        ("", "text"),
        (b"", "bytes"),
        (Decimal(1), "decimal"),
        (datetime(2024, 1, 1, tzinfo=UTC), "datetime"),
        (datetime(2024, 1, 1), "datetime_naive"),  # noqa: DTZ001 naive is meant
        (date(2024, 1, 1), "date"),
        (time(1), "time"),
        (uuid4(), "uuid"),
        ([], "array"),
        ({}, "json"),
    ],
)
def test_the_type_of_a_value(value, kind):
    assert type_of(value) == kind


def test_widths_and_nulls():
    seen = one("é", "abc", None)
    assert (seen.max_length, seen.nulls, seen.present, seen.types) == (3, 1, 3, {"text": 2})
    listed = one([1], [1, 2, 3])
    assert (listed.max_length, listed.element) == (3, FieldType.INT)
    assert one(1).max_length is None


def test_a_field_may_lack_where_it_lacked():
    always, sometimes = infer([{"a": 1, "b": 1}, {"a": 1}])
    assert always.declared(sampled=2) == Field("a", FieldType.INT, nullable=False)
    assert sometimes.declared(sampled=2) == Field("b", FieldType.INT, nullable=True)


def test_columns_are_seen_as_records_are():
    columns = PayloadColumns({"a": [1, None], "b": ["x", "yy"]}, 2)
    assert infer(columns) == infer([dict(payload) for payload in columns])
    assert infer([]) == ()
