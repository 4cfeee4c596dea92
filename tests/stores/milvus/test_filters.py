"""What is said in Milvus' language, and what is not because it would mean something else."""

from __future__ import annotations

import pytest

from vectormigrate.model.collection import CollectionShape, Field, FieldType, IdField, IdKind
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.filter import And, Compare, Comparison, Exists, HasId, In, IsNull, Not, Or
from vectormigrate.stores.milvus.filters import (
    INT64_MIN,
    everything,
    key_between,
    key_in,
    literal,
    to_expression,
)

C = Comparison
SHAPE = CollectionShape(
    "docs",
    IdField("pk", IdKind.TEXT),
    fields=(
        Field("n", FieldType.INT),
        Field("must", FieldType.INT, nullable=False),
        Field("x", FieldType.FLOAT),
        Field("single", FieldType.FLOAT),
        Field("label", FieldType.TEXT),
        Field("flag", FieldType.BOOL),
        Field("tags", FieldType.ARRAY, element=FieldType.TEXT),
        Field("doc", FieldType.JSON),
        Field("like", FieldType.INT),
    ),
    dynamic=True,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('say "hi"\\', '"say \\"hi\\"\\\\"'),
        ("it's", '"it\'s"'),
        ("a\nb\tc\r", '"a\\nb\\tc\\r"'),
        ("ü\U0001f600", '"ü\U0001f600"'),
        (True, "true"),
        (-5, "-5"),
        (2**63 - 1, "9223372036854775807"),
        (0.5, "0.5"),
        (1e300, "1e+300"),
    ],
)
def test_literals(value, text):
    assert literal(value) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**63, INT64_MIN, None, b"x", [1]])
def test_what_has_no_literal(value):
    with pytest.raises(Unsupported):
        literal(value)


def test_keys():
    assert key_in("pk", ["a", 'b"']) == 'pk in ["a", "b\\""]'
    assert key_in("pk", [INT64_MIN]) == f"pk < {INT64_MIN + 1}"
    assert key_in("pk", [1, INT64_MIN]) == f"pk < {INT64_MIN + 1} or pk in [1]"
    assert key_between("pk", IdKind.TEXT, "a", "b") == 'pk > "a" and pk <= "b"'
    assert key_between("pk", IdKind.INT, INT64_MIN, None) == f"pk >= {INT64_MIN + 1}"
    assert key_between("pk", IdKind.INT, None, INT64_MIN) == f"pk < {INT64_MIN + 1}"
    assert key_between("pk", IdKind.INT, None, None) == everything("pk", IdKind.INT)


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (Compare(("n",), C.GTE, 2), "n >= 2"),
        (Compare(("n",), C.NE, 2), "(n != 2 or n is null)"),
        (Compare(("must",), C.NE, 2), "must != 2"),
        (Not(Compare(("n",), C.EQ, 2)), "(n != 2 or n is null)"),
        (Not(Compare(("n",), C.NE, 2)), "n == 2"),
        (Not(Compare(("n",), C.GT, 2)), "(n <= 2 or n is null)"),
        (Compare(("flag",), C.EQ, True), "flag == true"),
        (Compare(("single",), C.EQ, 0.5), "single == 0.5"),
        (Compare(("tags",), C.EQ, "a"), 'array_contains(tags, "a")'),
        (Compare(("tags",), C.NE, "a"), '(not array_contains(tags, "a") or tags is null)'),
        (In(("tags",), ("a", "b")), '(array_contains(tags, "a") or array_contains(tags, "b"))'),
        (In(("label",), ("a", "b")), 'label in ["a", "b"]'),
        (Not(In(("label",), ("a",))), '(label not in ["a"] or label is null)'),
        (IsNull(("n",)), "n is null"),
        (Not(IsNull(("n",))), "n is not null"),
        (Compare(("doc", "a b"), C.EQ, "v"), '(doc["a b"] == "v" or json_contains(doc["a b"], "v"))'),
        (Compare(("other",), C.EQ, 7), "(other == 7 or json_contains(other, 7))"),
        (HasId(("a", 5)), '(pk in ["a"])'),
        (Not(HasId(("a",))), 'not (pk in ["a"])'),
        (
            Not(And((Compare(("must",), C.LT, 1), Or((IsNull(("n",)), Compare(("must",), C.EQ, 3)))))),
            "(must >= 1 or (n is not null and must != 3))",
        ),
    ],
)
def test_what_is_said(condition, text):
    assert to_expression(condition, SHAPE, single=frozenset({"single"})) == text


@pytest.mark.parametrize(
    "condition",
    [
        And(()),
        Or(()),
        In(("n",), ()),
        Exists(("n",)),
        IsNull(("other",)),
        IsNull(("must",)),
        HasId((5,)),
        Compare(("n",), C.EQ, "2"),
        Compare(("n",), C.EQ, True),
        Compare(("n",), C.EQ, 2.5),
        Compare(("flag",), C.GT, False),
        Compare(("x",), C.EQ, 2**60),
        Compare(("single",), C.EQ, 0.1),
        Compare(("tags",), C.GT, "a"),
        Compare(("n", "part"), C.EQ, 1),
        In(("n", "part"), (1,)),
        Compare(("like",), C.EQ, 1),
        Compare(("with space",), C.EQ, 5),
        Compare(("other",), C.GT, 5),
        Compare(("other",), C.NE, 5),
        Not(Compare(("other",), C.EQ, 5)),
        Compare(("other",), C.EQ, 1),
        Compare(("other",), C.EQ, True),
        Compare(("other",), C.EQ, None),
    ],
)
def test_what_is_not_said(condition):
    with pytest.raises(Unsupported):
        to_expression(condition, SHAPE, single=frozenset({"single"}))


@pytest.mark.parametrize("condition", [Compare(("loose",), C.EQ, -7), In(("loose",), (5, -0.5))])
def test_a_negative_number_of_an_undeclared_key_is_looked_for_here(condition):
    with pytest.raises(Unsupported, match="no sign"):
        to_expression(condition, SHAPE, single=frozenset())


def test_a_server_without_nullable_columns_is_not_asked_for_null():
    assert to_expression(Compare(("n",), C.NE, 2), SHAPE, nulls=False) == "n != 2"
    with pytest.raises(Unsupported):
        to_expression(IsNull(("n",)), SHAPE, nulls=False)


def test_an_undeclared_key_of_a_fixed_collection_is_not_said():
    fixed = CollectionShape("docs", IdField("pk", IdKind.INT))
    with pytest.raises(Unsupported, match="not a field"):
        to_expression(Compare(("a",), C.EQ, 5), fixed)
