"""When a filter over a property can be trusted to find at least what is meant, and when it finds just that."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from tests.stores.weaviate.classes import FOREIGN, MADE
from vectormigrate.stores.weaviate.filters import Sought
from vectormigrate.stores.weaviate.wire.conditions import sought
from vectormigrate.stores.weaviate.wire.shape import layout_of, read_layout

OURS, THEIRS = layout_of(MADE), read_layout(FOREIGN)


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("n", 5, Sought(5, exact=True, ordered=True)),
        ("x", 0.5, Sought(0.5, exact=True, ordered=True)),
        ("x", 5, Sought(5.0, exact=True, ordered=True)),
        ("flag", True, Sought(True, exact=True)),
        ("which", UUID(int=7), Sought("00000000-0000-0000-0000-000000000007", exact=True)),
        ("when", datetime(2024, 1, 1, tzinfo=UTC), Sought("2024-01-01T00:00:00+00:00", exact=True, ordered=True)),
        ("label", "some words", Sought("some words")),
        ("tags", "red", Sought("red")),
    ],
)  # fmt: skip
def test_what_is_asked_of_a_property(name, value, wanted):
    assert sought(OURS, name, value) == wanted


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 2**53),
        ("n", 1.5),
        ("n", "5"),
        ("n", True),
        ("label", ""),
        ("label", "%_"),
        ("label", "the"),
        ("label", "To be or not to be"[:2]),
        ("any", "a"),
        ("raw", b"a"),
        ("stranger", 1),
    ],
)
def test_what_a_property_is_no_help_with(name, value):
    assert sought(OURS, name, value).plain is None


def test_what_is_not_indexed_or_cut_in_ways_we_do_not_know_is_no_help():
    assert sought(THEIRS, "int", 5).plain is None
    assert sought(THEIRS, "geo", {"latitude": 1.0, "longitude": 1.0}).plain is None
    assert sought(THEIRS, "author", "weaviate://localhost/Person/1").plain is None
    trigrams = read_layout(
        {"class": "X", "properties": [{"name": "t", "dataType": ["text"], "tokenization": "trigram"}]}
    )
    assert sought(trigrams, "t", "word").plain is None
