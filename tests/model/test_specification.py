"""What was set lies over what was asked for, by the names of its fields."""

from dataclasses import fields

from vectormigrate.model.specification import Levers, Specification, StoreRef

ASKED = Specification("docs", StoreRef("a", "", "x"), StoreRef("b", "", "y"), workers=3, max_rate=5.0)


def test_what_is_not_set_is_as_it_was_asked_for():
    assert Levers().over(ASKED) == ASKED
    now = Levers(max_rate=0.0, batch_size=7).over(ASKED)
    assert (now.max_rate, now.batch_size, now.workers) == (0.0, 7, 3)


def test_only_what_is_set_is_shown():
    assert Levers(max_rate=0.0, workers=None).given == {"max_rate": 0.0}


def test_each_is_a_field_of_the_specification():
    assert {one.name for one in fields(Levers)} <= {one.name for one in fields(Specification)}
