"""Classes as they are made: refused as Weaviate refuses them, completed as it completes them."""

from __future__ import annotations

import pytest

from vectormigrate.stores.weaviate.facade.definitions import completed, tenant_of, updated
from vectormigrate.stores.weaviate.facade.problems import Problem


def made(*properties, **more):
    return completed({"class": "c", "properties": list(properties), **more}, ["Other"])


def test_defaults():
    described = made(
        {"name": "Title", "dataType": ["text"]}, {"name": "n", "dataType": ["int"], "strange": 1}
    )
    assert described["class"] == "C"
    assert described["vectorIndexConfig"]["distance"] == "cosine"
    assert described["invertedIndexConfig"]["stopwords"]["preset"] == "en"
    flags = {"indexFilterable": True, "indexRangeFilters": False}
    assert described["properties"] == [
        {"name": "title", "dataType": ["text"], **flags, "indexSearchable": True, "tokenization": "word"},
        {"name": "n", "dataType": ["int"], **flags, "indexSearchable": False},
    ]


def test_what_is_given_stays():
    config = {
        "v": {"vectorizer": {"none": {}}, "vectorIndexType": "flat", "vectorIndexConfig": {"distance": "dot"}}
    }
    described = made(
        {"name": "r", "dataType": ["Other", "C"]},
        {"name": "o", "dataType": ["object[]"], "nestedProperties": [{"name": "a", "dataType": ["int"]}]},
        vectorConfig=config,
        multiTenancyConfig={"enabled": True},
    )
    vector = described["vectorConfig"]["v"]
    assert (vector["vectorIndexType"], vector["vectorIndexConfig"]["distance"]) == ("flat", "dot")
    assert "vectorIndexType" not in described
    assert described["properties"][1]["nestedProperties"][0]["indexFilterable"] is True
    assert described["multiTenancyConfig"]["enabled"] is True


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"class": "1x"}, "'1x' is not a valid class name"),
        ({"class": "other"}, "class name Other already exists"),
        ({"properties": [{"name": "a b", "dataType": ["text"]}]}, "'a b' is not a valid property name"),
        ({"properties": [{"name": "id", "dataType": ["text"]}]}, "'id' is a reserved property name"),
        ({"properties": [{"name": "a", "dataType": ["text"]}, {"name": "A", "dataType": ["int"]}]}, "conflict for property"),
        ({"properties": [{"name": "a", "dataType": ["blah"]}]}, "unknown primitive data type 'blah'"),
        ({"properties": [{"name": "a", "dataType": ["blob[]"]}]}, "unknown primitive data type"),
        ({"properties": [{"name": "a", "dataType": ["Nobody"]}]}, "class Nobody does not exist"),
        ({"properties": [{"name": "a"}]}, "at least one element"),
        ({"properties": [{"name": "a", "dataType": ["object"]}]}, "At least one nested property"),
        ({"properties": [{"name": "a", "dataType": ["int"], "tokenization": "word"}]}, "tokenization is not allowed"),
        ({"properties": [{"name": "a", "dataType": ["text"], "tokenization": "gse"}]}, "not served here"),
        ({"vectorIndexConfig": {"distance": "far"}}, "unrecognized distance metric"),
        ({"vectorIndexType": "hfresh"}, "not served here"),
        ({"vectorizer": "text2vec-openai"}, "not served here"),
        ({"vectorConfig": {"v": {"vectorizer": {"text2vec-openai": {}}}}}, "not served here"),
        ({"vectorConfig": {"v": {}}, "vectorizer": "none"}, "cannot be set at the same time"),
    ],
)  # fmt: skip
def test_what_is_refused(given, said):
    with pytest.raises(Problem, match=said) as told:
        completed({"class": "C", **given}, ["Other"])
    assert told.value.status == 422


def test_what_of_a_class_may_change():
    old = made({"name": "n", "dataType": ["int"]})
    changed = updated(old, {**old, "description": "new"})
    assert changed == {**old, "description": "new"}
    for given in (
        {"properties": [{"name": "x"}]},
        {"vectorIndexConfig": {"distance": "dot"}},
        {"multiTenancyConfig": {"enabled": True}},
    ):
        with pytest.raises(Problem):
            updated(old, given)


def test_tenants():
    assert tenant_of({"name": "a-1", "activityStatus": "inactive"}, 0) == ("a-1", "COLD")
    for given in ({"name": "a b"}, {"name": ""}, {"name": "a", "activityStatus": "FROZEN"}):
        with pytest.raises(Problem):
            tenant_of(given, 0)
