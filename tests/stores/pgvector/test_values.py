"""Each codec against the server itself: what we write it reads, what it writes we read."""

import struct
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.copystream import fields_of
from vectormigrate.model.payload_columns import JsonColumn
from vectormigrate.stores.pgvector.values import CODECS, array_codec, json_text

EXACT: dict[str, list] = {
    "bool": [True, False],
    "int2": [0, -(2**15), 2**15 - 1],
    "int4": [-(2**31), 2**31 - 1],
    "int8": [-(2**63), 2**63 - 1],
    "float4": [0.5, -1.25, float("inf")],
    "float8": [0.1, -0.0, 5e-324, 1.7976931348623157e308, float("-inf")],
    "numeric": [
        *map(Decimal, ("0", "0.00", "1", "-1", "10000", "0.0001", "1234567.8901", "1E+30", "-1E-30")),
        *map(Decimal, ("99999999999999999999.000", "0.00001", "1E+4", "Infinity", "-Infinity")),
    ],
    "text": ["", "ünïcödé 😀", "tab\tnewline\n", "back\\slash 'quote'"],
    "bytea": [b"", b"\0\xff\\x"],
    "timestamptz": [
        datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        "infinity",
        "-infinity",
    ],
    "timestamp": [datetime(1999, 12, 31, 23, 59, 59, 999999), "infinity"],  # noqa: DTZ001
    "date": [date(1, 1, 1), date(2000, 1, 1), date(9999, 12, 31), "infinity", "-infinity"],
    "time": [time(0), time(23, 59, 59, 999999), "24:00:00"],
    "uuid": [UUID(int=0), UUID(int=2**128 - 1)],
    "json": [None, {"a": [1, 2.5, "x", None]}, [1e22, 1e-7], "text", 5],
    "jsonb": [{"a": {"b": []}}, [1e22, 1e16, 1.5e300, 1e-7, 2**70, 1.0, 0.1], "e10 1e5", {"1e5": 1}],
}


@pytest.fixture(scope="module")
def connection(postgres_shared_dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_shared_dsn, autocommit=True, prepare_threshold=None) as connection:
        yield connection


def round_trip(connection: psycopg.Connection, type_name: str, raw: bytes) -> bytes:
    """A field through the server's own input and output functions for binary."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(f"create temp table passing (v {type_name}) on commit drop")
        with cursor.copy("copy passing from stdin (format binary)") as stream:
            stream.write(
                b"PGCOPY\n\xff\r\n\0" + bytes(8) + struct.pack(">hi", 1, len(raw)) + raw + b"\xff\xff"
            )
        result = cursor.execute("select v from passing", binary=True).pgresult
        assert result is not None
        value = result.get_value(0, 0)
        assert value is not None
        return value


@pytest.mark.parametrize("type_name", EXACT)
def test_values_pass_through_the_server_unchanged(connection, type_name):
    codec = CODECS[type_name]
    for value in EXACT[type_name]:
        got = codec.decode(round_trip(connection, type_name, codec.encode(value)))
        assert (type(got), got) == (type(value), value)
        if isinstance(value, Decimal):
            assert format(got, "f") == format(value, "f")


def test_moments_are_instants(connection):
    east = datetime(2024, 5, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    codec = CODECS["timestamptz"]
    assert codec.decode(round_trip(connection, "timestamptz", codec.encode(east))) == east


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    st.decimals(allow_nan=False, allow_infinity=False, places=None).filter(lambda d: abs(d.adjusted()) < 200)
)
def test_any_decimal_keeps_its_digits(connection, value):
    codec = CODECS["numeric"]
    raw = codec.encode(value)
    assert codec.decode(raw) == value
    assert codec.decode(round_trip(connection, "numeric", raw)) == value


def test_jsonb_gives_back_floats_as_floats(connection):
    values = [1e22, 1e16, 123456789012345678.0, 1e-300, 2.0]
    codec = CODECS["jsonb"]
    got = codec.decode(round_trip(connection, "jsonb", codec.encode(values)))
    assert got == values
    assert all(type(value) is float for value in got)


@pytest.mark.parametrize(
    ("type_name", "value", "what"),
    [
        ("bool", 1, "type int"),
        ("int4", True, "type bool"),
        ("int4", 2**31, "out of range"),
        ("int8", 1.0, "type float"),
        ("float4", 0.1, "exactly"),
        ("float4", 1e39, "out of range"),
        ("float8", 2**53 + 1, "exactly"),
        ("float8", "1", "type str"),
        ("numeric", 1.5, "type float"),
        ("numeric", Decimal("1E+140000"), "out of range"),
        ("text", 5, "type int"),
        ("text", "a\0b", "NUL"),
        ("text", "\ud800", "surrogate"),
        ("bytea", "x", "type str"),
        ("timestamptz", datetime(2024, 1, 1), "without a zone"),  # noqa: DTZ001
        ("timestamp", datetime(2024, 1, 1, tzinfo=UTC), "with a zone"),
        ("date", datetime(2024, 1, 1, tzinfo=UTC), "type datetime"),
        ("time", time(1, tzinfo=UTC), "type time"),
        ("uuid", "0", "type str"),
        ("jsonb", {"a": "x\0"}, "NUL"),
    ],
)
def test_what_a_type_cannot_hold_exactly_is_refused(type_name, value, what):
    with pytest.raises(ValueError, match=what):
        CODECS[type_name].encode(value)


def test_an_escaped_backslash_before_u0000_is_no_nul():
    assert json_text("\\u0000") == b'"\\\\u0000"'


@pytest.mark.parametrize("value", [[], [1], [1, None, 3], [[1, 2], [3, None]], [[[1]], [[2]]]])
def test_arrays_keep_their_shape_and_their_nulls(connection, value):
    codec = array_codec(CODECS["int4"], 23)
    assert codec.decode(round_trip(connection, "int4[]", codec.encode(value))) == value


@pytest.mark.parametrize("value", [5, [[1], [2, 3]], [[1], 2], [[], []], ["x"]])
def test_lists_that_are_no_array_are_refused(value):
    with pytest.raises(ValueError, match=r"type|lists"):
        array_codec(CODECS["int4"], 23).encode(value)


def test_years_beyond_python_are_read_as_text(connection):
    for type_name, literal in (
        ("date", "20000-01-01"),
        ("timestamptz", "294000-01-01"),
        ("date", "0044-03-15 BC"),
    ):
        with connection.cursor() as cursor:
            raw = cursor.execute(f"select '{literal}'::{type_name}", binary=True).pgresult.get_value(0, 0)
        assert isinstance(CODECS[type_name].decode(raw), str)


@pytest.mark.parametrize("type_name", ["json", "jsonb"])
def test_json_passes_as_text_and_says_the_same(connection, type_name):
    codec = CODECS[type_name]
    texts = [
        '{"b": [1.0, 1e22, -2E-3], "a": "1e5"}',
        None,
        "12345678901234567890123",
        '{"$day": "2024-05-06"}',
    ]
    column = JsonColumn(texts)
    held, encode = codec.encoding(column)
    raws = [None if text is None else round_trip(connection, type_name, encode(text)) for text in held]
    got = codec.column(fields_of(raws))
    assert isinstance(got, JsonColumn)
    assert list(got) == list(column)
    assert [type(value) for value in got[0]["b"]] == [float, float, float]


def test_json_text_that_jsonb_cannot_hold_is_refused():
    held, encode = CODECS["jsonb"].encoding(JsonColumn(['"a\\u0000"', '"\\\\u0000"']))
    with pytest.raises(ValueError, match="NUL"):
        encode(held[0])
    assert encode(held[1]) == b'\1"\\\\u0000"'


def test_values_that_are_no_json_text_are_encoded_one_by_one():
    held, encode = CODECS["jsonb"].encoding([{"a": 1}])
    assert [encode(value) for value in held] == [b'\1{"a":1}']
