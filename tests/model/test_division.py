"""Parts: their ids, their names, and their places on the target."""

import re

import pytest

from vectormigrate.model.division import (
    REST,
    Division,
    Places,
    called,
    of_part,
    part_bounds,
    part_id,
    spelled,
    unmet,
    whole_of,
)

ODD = [
    "",
    "a",
    "A",
    "a b",
    "a/b",
    "a:b",
    "a~b",
    "~",
    "~rest",
    "ü",
    "日本",
    "__default__",
    "x" * 300,
    "x" * 301,
    "a.b",
    "..",
    "%2F",
]


def test_odd_names_have_ids_of_their_own_that_fit_anywhere():
    ids = [part_id("docs", name) for name in ODD] + [of_part("docs", REST)]
    assert len({one.casefold() if one != "docs:A" else one for one in ids}) == len(ids)
    assert all(re.fullmatch(r"docs:[A-Za-z0-9._~-]{1,200}", one) for one in ids)
    assert part_id("docs", "a/ü") == "docs:a~2F~C3~BC"


@pytest.mark.parametrize("name", [name for name in ODD if len(name) < 300])
def test_an_id_tells_its_name(name):
    text = spelled(name)
    told = re.sub(rb"~([0-9A-F]{2})", lambda found: bytes.fromhex(found[1].decode()), text.encode()).decode()
    assert (told if text != "~" else "") == name


def test_parts_are_told_from_wholes_and_stand_between_their_bounds():
    assert (whole_of("docs:a"), whole_of("docs")) == ("docs", "")
    low, high = part_bounds("docs")
    assert all(low < part_id("docs", name) < high for name in ODD)
    assert not any(
        low < other < high for other in ("docs", "docs-a", "docs.a", "docsa:b", "doc:z", "docs_a:b")
    )


def test_names_are_called_by_patterns_and_by_themselves():
    names = ["docs-b", "docs-a", "Docs-a", "x[1]"]
    assert called(names, ["docs-*"]) == ["docs-a", "docs-b"]
    assert called(names, ["x[1]"]) == ["x[1]"]
    assert unmet(names, ["docs-*", "none", "docs-a"]) == ["none"]


def test_a_division_is_something_only_if_something_makes_parts():
    assert not Division(into={"a": "b"}, rest="c")
    assert all((Division(("*",)), Division(partitions=("*",)), Division(value_of="lang")))


def test_places_are_names_that_the_target_allows_and_never_two_alike():
    places = Places("{name}_v2", r"[A-Za-z_][A-Za-z0-9_]{0,62}", ["taken_v2"], structured=False)
    assert places.claim("docs", as_it_is=True) == "docs_v2"
    assert places.claim("DOCS", as_it_is=True) is None
    assert places.claim("taken", as_it_is=True) is None
    assert places.claim("a b", as_it_is=True) is None
    assert places.claim("a b", as_it_is=False) == "a_b_v2"
    other = places.claim("a-b", as_it_is=False)
    assert re.fullmatch(r"a_b_[0-9a-f]{8}_v2", other)


@pytest.mark.parametrize(
    ("pattern", "made"),
    [
        (r"[a-z0-9]([a-z0-9-]{0,43}[a-z0-9])?", "ten-ant-a"),
        (r"[A-Z][_0-9A-Za-z]{0,254}", "Ten_ant_a"),
        (r"[A-Za-z_][A-Za-z0-9_]*", "ten_ant_a"),
    ],
)
def test_names_are_changed_as_each_grammar_has_it(pattern, made):
    assert Places("{name}", pattern, [], structured=False).claim("ten ant/a", as_it_is=False) == made


def test_a_dot_or_a_slash_in_a_name_means_nothing_on_another_store():
    assert Places("{name}", ".+", [], structured=False).claim("a.b", as_it_is=True) is None
    assert Places("{name}", ".+", [], structured=False).claim('"a b"', as_it_is=True) is None
    assert Places("{name}", ".+", [], structured=True).claim("a.b", as_it_is=True) == "a.b"
    assert Places("docs/{name}", ".+", [], structured=False).claim("a/b", as_it_is=True) == "docs/a/b"


def test_a_name_that_nothing_can_be_made_of_has_no_place():
    assert Places("x y {name}", r"[a-z]+", [], structured=False).claim("a", as_it_is=False) is None
