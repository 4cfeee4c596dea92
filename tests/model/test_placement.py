"""Which collection a record belongs to, and which a filter needs to ask."""

from uuid import UUID

import pytest

from vectormigrate.model.batch import Batch
from vectormigrate.model.division import Division
from vectormigrate.model.filter import And, Compare, Comparison, Exists, In, Not
from vectormigrate.model.placement import Placement

KEY = "11111111-2222-3333-4444-555555555555"
LANGS = Placement(Division(value_of="lang", rest="x"), "lang", {"en": "a", "5": "b", "true": "b", KEY: "c"})
STRICT = Placement(Division(value_of="lang"), "lang", {"en": "a", "de": "b"})


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("en", "a"),
        (5, "b"),
        (5.0, "b"),
        (5.5, "x"),
        (True, "b"),
        (UUID(KEY), "c"),
        (["en"], "x"),
        (None, "x"),
    ],
)
def test_values_that_are_written_alike_are_in_one_place(value, place):
    assert LANGS.place({"lang": value}) == place


def test_a_record_of_no_part_has_no_place():
    assert STRICT.place({}) is None
    assert STRICT.place({"lang": "fr"}) is None
    assert (STRICT.told({}), STRICT.told({"lang": "fr"})) == ("no value of 'lang'", "'fr' as its 'lang'")


def test_collections_are_named_once():
    assert LANGS.collections == ("a", "b", "c", "x")
    assert STRICT.collections == ("a", "b")


def test_a_path_steps_into_objects_unless_there_is_such_a_key():
    nested = Placement(Division(value_of="meta.lang"), "meta.lang", {"en": "a", "de": "b"})
    assert nested.place({"meta": {"lang": "de"}}) == "b"
    assert nested.place({"meta.lang": "en", "meta": {"lang": "de"}}) == "a"
    assert [nested.moves({key: 1}) for key in ("meta", "meta.lang", "lang")] == [True, True, False]
    assert nested.among(Compare(("meta", "lang"), Comparison.EQ, "de")) == ("b",)


def test_partitions_are_told_by_the_record_or_by_what_stands_beside_it():
    parts = Placement(Division(partitions=("*",)), "_vm_partition", {"red": "a", "_default": "b"}, "_default")
    payloads = [{"_vm_partition": "red"}, {}]
    assert parts.of(Batch([1, 2], payload=payloads)) == ["a", "b"]
    assert parts.of(Batch([1, 2], payload=[{}, {}], partition=["red", None])) == ["a", "b"]
    by_value = Batch([1, 2], payload=[{"lang": "en"}, {"lang": "de"}], partition=["red", "red"])
    assert STRICT.of(by_value) == ["a", "b"]


IS_EN = Compare(("lang",), Comparison.EQ, "en")


@pytest.mark.parametrize(
    ("where", "asked"),
    [
        (None, "abcx"),
        (IS_EN, "ax"),
        (In(("lang",), ("en", 5)), "abx"),
        (And((IS_EN, Exists(("n",)))), "ax"),
        (And((Exists(("n",)),)), "abcx"),
        (And((IS_EN, In(("lang",), ("fr",)))), "x"),
        (Not(IS_EN), "abcx"),
        (Compare(("lang",), Comparison.EQ, None), "abcx"),
        (Compare(("other",), Comparison.EQ, "en"), "abcx"),
    ],
)
def test_only_those_that_may_hold_a_match_are_asked(where, asked):
    assert "".join(LANGS.among(where)) == asked


def test_without_a_rest_nothing_is_asked_for_what_is_nowhere():
    assert STRICT.among(Compare(("lang",), Comparison.EQ, "fr")) == ()
