"""Texts taken apart: every literal that a client writes, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vectormigrate.stores.milvus.filters import literal
from vectormigrate.stores.milvus.wire.tokens import ExpressionInvalid, Kind, tokens

MODEL = settings(max_examples=100, derandomize=True, database=None, deadline=None)


def values(text):
    return [token.value for token in tokens(text) if token.kind in (Kind.NUMBER, Kind.TEXT)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("17", 17),
        ("007", 7),
        ("0x1F", 31),
        ("0b101", 5),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("2.5E-3", 0.0025),
        ("1e+2", 100.0),
        ('"it\'s"', "it's"),
        ("'say \"hi\"'", 'say "hi"'),
        (r'"a\nb\tc\\d\"e"', 'a\nb\tc\\d"e'),
        (r"'\x41é\U0001f600'", "Aé\U0001f600"),
        (r'"100\%"', r"100\%"),
        ('""', ""),
    ],
)
def test_literals(text, value):
    [found] = values(text)
    assert found == value
    assert type(found) is type(value)


@MODEL
@given(st.text(st.characters(codec="utf-8")))
def test_a_text_that_we_write_or_python_writes_is_read_back(text):
    assert values(literal(text)) == [text]
    assert values(repr(text)) == [text]


@MODEL
@given(st.floats(allow_nan=False, allow_infinity=False, min_value=0) | st.integers(0, 2**63 - 1))
def test_a_number_that_we_write_is_read_back(number):
    assert values(literal(number)) == [number]


def test_names_and_symbols():
    found = [(token.kind, token.text) for token in tokens('$meta["é_1"]<=ü2&&!x')][:-1]
    assert [text for _, text in found] == ["$meta", "[", '"é_1"', "]", "<=", "ü2", "&&", "!", "x"]
    assert found[0][0] is Kind.NAME
    assert found[4][0] is Kind.SYMBOL


@pytest.mark.parametrize(
    "text", ["'open", '"a\\', "a ; b", "1.2.3", "12ab", r'"\xZZ"', r'"\U99999999"', "a # b"]
)
def test_what_is_no_expression(text):
    with pytest.raises(ExpressionInvalid):
        tokens(text)
