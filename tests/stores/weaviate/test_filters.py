"""Filters in Weaviate's words: they find at least what is meant, and say so when it is more."""

from uuid import UUID

import pytest

from vectormigrate.model.errors import Unsupported
from vectormigrate.model.filter import (
    And,
    Compare,
    Comparison,
    Exists,
    HasId,
    In,
    IsNull,
    Native,
    Not,
    Or,
)
from vectormigrate.stores.weaviate.filters import Sought, by_id, narrow
from vectormigrate.stores.weaviate.pb import Filters


def seek(name, value):
    """A class with a number, a flag and a text."""
    kinds = {
        "n": Sought(value, exact=True, ordered=True),
        "flag": Sought(value, exact=True),
        "text": Sought(value),
    }
    return kinds.get(name, Sought())  # fmt: skip


def told(condition):
    """A narrowed filter as words, and whether it is exact."""
    narrowed = narrow(condition, seek)
    return narrowed.message and words(narrowed.message), narrowed.exact


def words(message):
    operator = Filters.Operator.Name(message.operator).removeprefix("OPERATOR_")
    if message.filters:
        return (operator, *map(words, message.filters))
    kind = message.WhichOneof("test_value")
    value = getattr(message, kind)
    return (
        operator,
        message.target.property,
        tuple(value.values) if kind.endswith("array") else value,
        kind.split("_")[1],
    )


N, FLAG, TEXT, ELSE = (("n",)), (("flag",)), (("text",)), (("else",))


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        (Compare(N, Comparison.EQ, 5), (("EQUAL", "n", 5, "int"), True)),
        (Compare(N, Comparison.GT, 0.5), (("GREATER_THAN", "n", 0.5, "number"), True)),
        (Compare(N, Comparison.GTE, 5), (("GREATER_THAN_EQUAL", "n", 5, "int"), True)),
        (Compare(N, Comparison.LT, 5), (("LESS_THAN", "n", 5, "int"), True)),
        (Compare(N, Comparison.LTE, 5), (("LESS_THAN_EQUAL", "n", 5, "int"), True)),
        (Compare(FLAG, Comparison.EQ, True), (("EQUAL", "flag", True, "boolean"), True)),
        (Compare(TEXT, Comparison.EQ, "a"), (("EQUAL", "text", "a", "text"), False)),
        (
            In(N, (1, 2)),
            (("OR", ("EQUAL", "n", 1, "int"), ("EQUAL", "n", 2, "int")), True),
        ),
        (
            And((Compare(N, Comparison.EQ, 1), Compare(TEXT, Comparison.EQ, "a"))),
            (("AND", ("EQUAL", "n", 1, "int"), ("EQUAL", "text", "a", "text")), False),
        ),
        (
            And((Compare(N, Comparison.EQ, 1), Exists(TEXT))),
            (("AND", ("EQUAL", "n", 1, "int")), False),
        ),
        (And(()), (None, True)),
    ],
)
def test_what_weaviate_can_say(condition, wanted):
    assert told(condition) == wanted


@pytest.mark.parametrize(
    "condition",
    [
        Compare(N, Comparison.NE, 5),
        Compare(N, Comparison.EQ, None),
        Compare(FLAG, Comparison.GT, False),
        Compare(TEXT, Comparison.GT, "a"),
        Compare(ELSE, Comparison.EQ, 5),
        Compare(("n", "deep"), Comparison.EQ, 5),
        Not(Compare(N, Comparison.EQ, 5)),
        Exists(N),
        IsNull(N),
        Or((Compare(N, Comparison.EQ, 5), Exists(N))),
        In(N, (1, None)),
    ],
)
def test_what_it_cannot_is_everything_and_to_be_looked_at(condition):
    assert told(condition) == (None, False)


def test_ids_are_asked_for_by_their_objects():
    message = narrow(HasId((UUID(int=5), "no id", ("red", UUID(int=6)))), seek).message
    wanted = [str(UUID(int=5)), str(UUID(int=6))]
    assert words(message) == ("CONTAINS_ANY", "_id", tuple(wanted), "text")


@pytest.mark.parametrize("condition", [Or(()), In(N, ()), HasId(())])
def test_nothing_finds_as_good_as_nothing_and_is_looked_at(condition):
    narrowed = narrow(condition, seek)
    assert narrowed.message == by_id([])
    assert not narrowed.exact


def test_its_own_words_pass_as_they_are_and_those_of_others_do_not():
    message = Filters(operator=Filters.OPERATOR_LIKE, value_text="a*")
    message.target.property = "text"
    narrowed = narrow(Native("weaviate", message.SerializeToString()), seek)
    assert (narrowed.message, narrowed.exact) == (message, True)
    with pytest.raises(Unsupported, match="qdrant"):
        narrow(Native("qdrant", {}), seek)
