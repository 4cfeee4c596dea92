"""What stands under a name goes with it."""

from __future__ import annotations

import pytest

from vectormigrate.model.carrying import renamed

NATIVE = {
    "qdrant": {
        "vectors": {"a": {"on_disk": True}, "b": {"modifier": "idf"}},
        "payload_schema": {
            "city": "keyword",
            "meta.year": "integer",
            "tags[].name": "text",
            "cities": "text",
        },
        "shard_number": 2,
    },
    "weaviate": {"properties": [{"name": "city", "tokenization": "field"}, {"name": "n"}]},
    "other": 5,
}


def test_nothing_is_touched_where_names_stay():
    assert renamed(NATIVE, {"a": "a"}, {"city": "city"}) == NATIVE


def test_vectors_and_fields_take_along_what_is_said_of_them():
    told = renamed(NATIVE, {"a": "c"}, {"city": "town", "meta": "about", "tags": "labels"})
    assert told == {
        "qdrant": {
            "vectors": {"c": {"on_disk": True}, "b": {"modifier": "idf"}},
            "payload_schema": {
                "town": "keyword",
                "about.year": "integer",
                "labels[].name": "text",
                "cities": "text",
            },
            "shard_number": 2,
        },
        "weaviate": {"properties": [{"name": "town", "tokenization": "field"}, {"name": "n"}]},
        "other": 5,
    }


@pytest.mark.parametrize("names", [{"a": "b", "b": "a"}, {"b": "a", "a": "b"}])
def test_two_may_change_places(names):
    told = renamed(NATIVE, names, {})["qdrant"]["vectors"]
    assert told == {"b": {"on_disk": True}, "a": {"modifier": "idf"}}


def test_who_takes_the_name_of_another_that_is_gone_is_what_it_was():
    assert renamed(NATIVE, {"a": "b"}, {})["qdrant"]["vectors"] == {"b": {"on_disk": True}}


def test_a_key_with_a_dot_may_be_named_whole():
    assert "y" in renamed(NATIVE, {}, {"meta.year": "y"})["qdrant"]["payload_schema"]
