"""Milvus' grammar: what each expression says, and what is refused as wrong or as Milvus' own."""

from __future__ import annotations

import pytest

from vectormigrate.model.filter import Comparison
from vectormigrate.stores.milvus.wire.expressions import (
    Among,
    Beyond,
    Both,
    Compared,
    Contains,
    Either,
    Length,
    Like,
    Negation,
    Null,
    Ref,
    parse,
)
from vectormigrate.stores.milvus.wire.tokens import ExpressionInvalid

C = Comparison
A, B = Ref("a"), Ref("b")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", Both(())),
        ("  \n", Both(())),
        ("true", Both(())),
        ("False", Negation(Both(()))),
        ("a == 1", Compared(A, C.EQ, 1)),
        ("1 < a", Compared(A, C.GT, 1)),
        ("2 >= a", Compared(A, C.LTE, 2)),
        ("a != -1.5", Compared(A, C.NE, -1.5)),
        ("a == +3", Compared(A, C.EQ, 3)),
        ("a == -9223372036854775808", Compared(A, C.EQ, -(2**63))),
        ("1 < a <= 5", Both((Compared(A, C.GT, 1), Compared(A, C.LTE, 5)))),
        ("5 > a >= 1", Both((Compared(A, C.LT, 5), Compared(A, C.GTE, 1)))),
        ("a in [1, 'x', true, [2],]", Among(A, (1, "x", True, [2]))),
        ("a IN []", Among(A, ())),
        ("a not in [1]", Negation(Among(A, (1,)))),
        ("not a in [1]", Negation(Among(A, (1,)))),
        ("a LIKE 'x%'", Like(A, "x%")),
        ("a is null", Null(A)),
        ("a IS NOT NULL", Negation(Null(A))),
        ('exists a["b"]', Negation(Null(Ref("a", ("b",))))),
        ('a["b"][0]["c"] == "d"', Compared(Ref("a", ("b", 0, "c")), C.EQ, "d")),
        ('$meta["k"]["l"] == 1', Compared(Ref("k", ("l",)), C.EQ, 1)),
        ("a == [1, 2]", Compared(A, C.EQ, [1, 2])),
        ("array_contains(a, 1)", Contains(A, (1,))),
        ('JSON_CONTAINS(a["b"], [1])', Contains(Ref("a", ("b",)), ([1],))),
        ("array_contains_all(a, [1, 2])", Contains(A, (1, 2), every=True)),
        ("json_contains_any(a, [1, 2])", Contains(A, (1, 2))),
        ("array_length(a) > 2", Length(A, C.GT, 2)),
        ("2 == ARRAY_LENGTH(a)", Length(A, C.EQ, 2)),
        ("a == 1 and b == 2 && a == 3", Both((Compared(A, C.EQ, 1), Compared(B, C.EQ, 2), Compared(A, C.EQ, 3)))),
        (
            "a == 1 or b == 2 and a == 3",
            Either((Compared(A, C.EQ, 1), Both((Compared(B, C.EQ, 2), Compared(A, C.EQ, 3))))),
        ),
        (
            "(a == 1 || b == 2) AND not (a == 3)",
            Both((Either((Compared(A, C.EQ, 1), Compared(B, C.EQ, 2))), Negation(Compared(A, C.EQ, 3)))),
        ),
        ("!!(a == 1)", Negation(Negation(Compared(A, C.EQ, 1)))),
        ("a == 'and' or b is null", Either((Compared(A, C.EQ, "and"), Null(B)))),
        ("a in {some} and b == {one}", Both((Among(A, (4, 5)), Compared(B, C.EQ, "x")))),
    ],
)  # fmt: skip
def test_what_is_said(text, found):
    assert parse(text, {"some": [4, 5], "one": "x"}) == found


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "1",
        "a ==",
        "== 1",
        "a == 1 b",
        "a == 1 and",
        "(a == 1",
        "a == 1)",
        "a in 1",
        "a in [1",
        "a not [1]",
        "a like b",
        "a is 1",
        "1 == 2",
        "a < 1 > 2",
        "a == 1 == 2",
        "not a",
        "a and b",
        "a[b] == 1",
        "a[1.5] == 1",
        "exists 1",
        "$meta == 1",
        "$meta[0] == 1",
        "array_length(a) == 'x'",
        "array_contains(a)",
        "array_contains_any(a, 1)",
        "a == 9223372036854775808",
        "a == {missing}",
        "a in {one}",
        "array_length(a)",
        "(a == 1) == 2",
        "(" * 300 + "a == 1" + ")" * 300,
        "not " * 300 + "(a == 1)",
    ],
)
def test_what_is_no_expression(text):
    with pytest.raises(ExpressionInvalid):
        parse(text, {"one": "x"})


@pytest.mark.parametrize(
    "text",
    [
        "a + 1 + 1 == 2",
        "a + 1 * 2 == 2",
        "(a + 1) * 2 == 2",
        "2 - a == 1",
        "a + b == 1",
        'a + "1" == 1',
        "a + true == 1",
        "a + 1 in [2]",
        "a + 1 is null",
        "a & 1 == 1",
        "a == 1 + 1",
        "a ** 2 == 4",
        "a == b",
        "a < b",
        "array_length(a) == array_length(b)",
        "text_match(a, 'x')",
        "phrase_match(a, 'x', 1)",
        "random_sample(0.1)",
        "ST_CONTAINS(a, 'POINT (1 1)')",
    ],
)
def test_what_only_milvus_knows(text):
    with pytest.raises(Beyond):
        parse(text)
