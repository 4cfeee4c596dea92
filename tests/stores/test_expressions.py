"""Only one expression of known parts is said again, whoever wrote it."""

from __future__ import annotations

import pytest

from vectormigrate.stores.expressions import Grammar, words

POSTGRES = Grammar(
    words("lower now numeric varying left"), schema="pg_catalog", backslashes=False, arrays=True
)
SQLITE = Grammar(words("lower datetime"))


@pytest.mark.parametrize(
    "expression",
    [
        "0",
        "-1.5e3",
        "'it''s; -- no remark /* in a text'",
        "'{}'::text[]",
        "now()",
        "(now() AT TIME ZONE 'utc'::text)",
        "lower((title)::text)",
        'lower("odd "" name")',
        "pg_catalog.lower(title)",
        'pg_catalog."left"(title, 2)',
        "(price > (1)::numeric(8,2)) AND (kind = ANY (ARRAY['a'::text, 'b'::text]))",
        "(title)::character varying(20) ~ E'^\\\\d\\'+$'",
        "CASE WHEN (a IS NULL) THEN (1) ELSE tags[1] END",
        "CURRENT_TIMESTAMP",
    ],
)
def test_what_only_computes_is_said_again(expression):
    assert POSTGRES.fault(expression) == ""


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("", "it is empty"),
        ("  ", "it is empty"),
        ("1; drop table docs", "it holds ';'"),
        ("1) check (true", "its brackets do not match"),
        ("(1", "its brackets do not match"),
        ("(1]", "its brackets do not match"),
        ("1, evil text", "it is more than one"),
        ("1 -- rest", "it holds a remark"),
        ("1 /* rest */", "it holds a remark"),
        ("pg_read_file('/etc/passwd')", "it calls pg_read_file"),
        ("PG_READ_FILE\n ('/etc/passwd')", "it calls PG_READ_FILE"),
        ("\"pg_read_file\"('/etc/passwd')", 'it calls "pg_read_file"'),
        ("pg_catalog.pg_read_file('x')", "it calls pg_read_file"),
        ("public.lower('x')", "it says public."),
        ("\"pg_catalog\".lower('x')", 'it says "pg_catalog".'),
        ("pg_catalog.and(1)", "it calls and"),
        ('"and"(1)', 'it calls "and"'),
        ("'lower'(1)", "it calls 'lower'"),
        ("(lower)(1)", "it calls )"),
        ("a[1](2)", "it calls ]"),
        ("(SELECT 1)", "it says SELECT"),
        ("'\\'; drop table docs; --'", "it holds a backslash"),
        ("E'\\'; drop table docs; --", "it holds a backslash"),
        ("$$x$$", "it holds '$'"),
        ("'open", 'it holds "\'"'),
        ('U&"\\0061"(1)', 'it calls "\\0061"'),
        ("where (true)", "it calls where"),
    ],
)
def test_what_may_do_more_is_not(expression, why):
    assert POSTGRES.fault(expression) == why


def test_some_words_stand_before_a_bracket_where_they_may():
    text = "btree (lower(title) DESC) INCLUDE (price) WHERE (price > 0)"
    assert POSTGRES.fault(text, also=words("btree include where")) == ""
    assert POSTGRES.fault(text) == "it calls btree"
    assert POSTGRES.fault("pg_catalog.where(1)", also=words("where")) == "it calls where"


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("datetime('now', '-1 day')", ""),
        ("x'00ff' || 'a\\b'", ""),
        ("load_extension('evil')", "it calls load_extension"),
        ("[load_extension]('evil')", "it holds '['"),
        ("`load_extension`('evil')", "it holds '`'"),
        ("[']; drop table docs; --']", "it holds '['"),
        ("e'\\'; drop table docs; --'", "it holds a backslash"),
        ("main.lower('x')", "it says main."),
    ],
)
def test_a_database_without_arrays_and_escapes(expression, why):
    assert SQLITE.fault(expression) == why
