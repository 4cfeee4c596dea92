import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectormigrate.model.errors import UsageError
from vectormigrate.stores.pgvector.names import PATTERN, TableName, literal, parse, quote

identifiers = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=15
)


@pytest.mark.parametrize(
    ("written", "schema", "table"),
    [
        ("docs", None, "docs"),
        ("My Docs", None, "My Docs"),
        ("app.Docs", "app", "Docs"),
        ('"my.schema"."my ""docs"""', "my.schema", 'my "docs"'),
        ('app."a.b"', "app", "a.b"),
    ],
)
def test_reads_what_users_write(written, schema, table):
    assert parse(written) == TableName(table, schema)
    assert re.fullmatch(PATTERN, written)


@pytest.mark.parametrize(
    "written", ["", ".", "a.", ".a", "a.b.c", 'a"b', '"a', '""', "a\0b", "x" * 64, "ü" * 32]
)
def test_refuses_what_is_no_table(written):
    with pytest.raises(UsageError) as caught:
        parse(written)
    assert caught.value.hint
    assert written == "ü" * 32 or not re.fullmatch(PATTERN, written)  # bytes, which no pattern counts


@given(identifiers, st.none() | identifiers)
def test_text_is_the_inverse_of_parse(table, schema):
    name = TableName(table, schema)
    assert parse(name.text) == name
    assert re.fullmatch(PATTERN, name.text)


def test_quotes_are_doubled_and_backslashes_kept():
    assert quote('a"b') == '"a""b"'
    assert literal("it's \\ here") == "E'it\\'s \\\\ here'"
