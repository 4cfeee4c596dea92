"""Filters drawn at random select on the server what `matches` accepts, over columns of every type and over JSON."""

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vectormigrate.model.errors import Unsupported
from vectormigrate.model.filter import And, Compare, Comparison, Exists, HasId, In, IsNull, Not, Or, matches
from vectormigrate.stores.base import Content
from vectormigrate.stores.pgvector import reading, shape
from vectormigrate.stores.pgvector.connections import Connection
from vectormigrate.stores.pgvector.filters import Translation
from vectormigrate.stores.pgvector.shape import Table

TEXTS = ["", "a", "A", "b", "ä", "it's \\ %", "😀", "10", "9"]
ROWS = """
insert into f (i, x, t, ok, n, at, plain, d, c, u, raw, words, numbers, doc, rest) values
 (1, 0.5, 'a', true, 1.50, '2024-01-01 00:00+00', '2024-01-01', '2024-01-01', '10:00', {u1}, '\\x00', '{{a,b}}',
  '{{1,2}}', '{{"k": 1, "l": [1, "a", null]}}', '{{"a": 1, "0": "x", "deep": {{"b": {{"c": 5}}}}}}'),
 (9007199254740993, 'NaN', 'A', false, 'NaN', '2025-01-01 00:00+00', '2025-01-01', '2025-01-01', '11:00', {u2}, '\\xff',
  '{{}}', '{{NULL}}', '[1, 2]', '{{"a": "1", "tags": ["a", "b"], "deep": {{"b": null}}}}'),
 (-5, '-Infinity', 'ä', null, -2, 'infinity', '-infinity', 'infinity', '24:00', {u1}, '', '{{ä}}', '{{3}}', 'null',
  '{{"a": true, "tags": "a", "deep.b": 1}}'),
 (0, 1e300, '', true, 0, null, null, null, null, null, null, null, null, null, '{{"a": null, "deep": [{{"b": 1}}]}}'),
 (null, null, null, null, null, null, null, null, null, null, null, null, null, '"text"', '{{"a": [1, 2.5], "tags": []}}'),
 (2, 2, '😀', false, 1e30, '2024-01-01 00:00:00.000001+00', '2024-01-01 00:00:01', '2023-12-31', '00:00', {u2}, 'xyz',
  '{{10,9}}', '{{-1,9007199254740993}}', '{{"k": 1.0, "l": {{"m": false}}}}', '{{"a": 1.5, "tags": {{"a": 1}}}}'),
 (10, 9007199254740992, 'it''s \\ %', true, 1.5, null, null, null, null, null, null, null, null, '1', '{{"a": {{"b": 2}}}}')
"""
PATHS = [
    *(
        (name,)
        for name in ("i", "x", "t", "ok", "n", "at", "plain", "d", "c", "u", "raw", "words", "numbers", "doc")
    ),
    *(
        ("a",),
        ("tags",),
        ("nowhere",),
        ("0",),
        ("deep", "b"),
        ("deep", "b", "c"),
        ("deep.b",),
        ("doc", "k"),
        ("doc", "l"),
    ),
    *(("doc", "l", "m"), ("i", "x"), ("doc", "0"), ("deep", "0"), ("a", "b")),
]
VALUES = [
    *(
        None,
        True,
        False,
        0,
        1,
        2,
        -5,
        1.5,
        0.5,
        2.5,
        2**53,
        2**53 + 1,
        2**63,
        -(2**70),
        1e300,
        math.inf,
        -math.inf,
        math.nan,
    ),
    *TEXTS,
    *("a\0b", b"\0", b"\xff", b"", Decimal("1.5"), Decimal(-2), Decimal("NaN"), Decimal("Infinity")),
    *(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1), date(2024, 1, 1), time(10), UUID(int=1)),  # noqa: DTZ001
    *([1, 2], [], {"b": 2}, {"c": 5}),
]

leaves = (
    st.builds(Compare, st.sampled_from(PATHS), st.sampled_from(Comparison), st.sampled_from(VALUES))
    | st.builds(In, st.sampled_from(PATHS), st.lists(st.sampled_from(VALUES), max_size=3).map(tuple))
    | st.builds(Exists, st.sampled_from(PATHS))
    | st.builds(IsNull, st.sampled_from(PATHS))
    | st.builds(HasId, st.lists(st.sampled_from(["1", "3", "x", 3, "a\0"]), max_size=3).map(tuple))
)
filters = st.recursive(
    leaves,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(And, st.lists(inner, max_size=3).map(tuple))
        | st.builds(Or, st.lists(inner, max_size=3).map(tuple))
    ),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def table(postgres_shared_dsn: str) -> Iterator[tuple[Connection, Table, list]]:
    with psycopg.connect(
        postgres_shared_dsn, autocommit=True, cursor_factory=psycopg.RawCursor, prepare_threshold=None
    ) as connection:
        connection.execute("create extension if not exists vector")
        connection.execute(
            "create table f (id text generated always as (seq::text) stored primary key, seq serial, i bigint,"
            " x double precision, t text, ok boolean, n numeric, at timestamptz, plain timestamp, d date, c time,"
            " u uuid, raw bytea, words text[], numbers bigint[], doc jsonb, rest jsonb not null)"
        )
        connection.execute(f"comment on column f.rest is '{shape.DYNAMIC_COMMENT}'")
        connection.execute(ROWS.format(u1=f"'{UUID(int=1)}'", u2=f"'{UUID(int=2)}'"))
        loaded = shape.load(connection, "f")
        ids = [row[0] for row in connection.execute("select id from f").fetchall()]
        yield connection, loaded, list(reading.fetch(connection, loaded, ids, Content.FULL).records())
        connection.execute("drop table f")


def selected(connection: Connection, table: Table, condition) -> set:
    translation = Translation(table)
    sql = translation.condition(condition)
    rows = connection.execute(f"select id, {sql} from f", translation.parameters).fetchall()
    assert all(answer is not None for _, answer in rows), "a condition is true or false, never null"
    return {record_id for record_id, answer in rows if answer}


def difference(table: tuple[Connection, Table, list], condition) -> str:
    """How the server's answer differs from the model's; "" when it does not, or when one of them has none."""
    connection, loaded, records = table
    try:
        wanted = {record.id for record in records if matches(condition, record.id, record.payload)}
        got = selected(connection, loaded, condition)
    except (Unsupported, TypeError, ArithmeticError):
        return ""  # the model has no order of objects either, nor of NaN as a decimal
    return "" if got == wanted else f"{condition}: {sorted(got)}, not {sorted(wanted)}"


@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(condition=filters)
def test_the_server_selects_what_the_model_means(table, condition):
    assert not difference(table, condition)


@pytest.mark.parametrize("path", PATHS, ids=".".join)
def test_every_path_against_every_value(table, path):
    found = (difference(table, Compare(path, how, value)) for how in Comparison for value in VALUES)
    wrong = [text for text in found if text]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "condition",
    [
        Compare(("a",), Comparison.GT, Decimal(1)),
        Compare(("a",), Comparison.EQ, datetime(2024, 1, 1, tzinfo=UTC)),
        Compare(("doc",), Comparison.LT, [1]),
        Compare(("words",), Comparison.EQ, ["a"]),
        Compare(("t",), Comparison.EQ, "\ud800"),
    ],
)
def test_what_cannot_be_answered_rightly_is_not_answered(table, condition):
    with pytest.raises(Unsupported):
        Translation(table[1]).condition(condition)
