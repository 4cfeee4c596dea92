"""Variables in texts."""

import pytest

from vectormigrate.daemon.expansion import expand, has_variable


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("plain", "plain"),
        ("${A}", "one"),
        ("<${A}|${A}>", "<one|one>"),
        ("${NONE:-other}", "other"),
        ("${EMPTY:-other}", "other"),
        ("${EMPTY}", ""),
        ("${NONE:-}", ""),
        ("${NONE:-a:-b}", "a:-b"),
        ("$$", "$"),
        ("$${A}", "${A}"),
        ("$A and ${1} and $", "$A and ${1} and $"),
        ("${NESTED}", "${A}"),
    ],
)
def test_expands(text, expanded):
    assert expand(text, {"A": "one", "EMPTY": "", "NESTED": "${A}"}) == expanded


def test_unset_without_default_names_the_variable():
    with pytest.raises(KeyError, match="NONE"):
        expand("a${NONE}b", {})


def test_values_go_through_the_encoder_and_the_text_around_does_not():
    assert expand("@${A}@${B:-@}", {"A": "@"}, lambda value: value.replace("@", "%40")) == "@%40@%40"


@pytest.mark.parametrize(
    ("text", "has"), [("${A}", True), ("${A:-x}", True), ("$$", False), ("$A", False), ("$${A}", False)]
)
def test_has_variable(text, has):
    assert has_variable(text) is has
