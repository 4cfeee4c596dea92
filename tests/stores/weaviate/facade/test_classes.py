"""What is told of a class whose objects are somewhere else."""

import copy
from types import SimpleNamespace

import pytest
from weaviate.collections.classes.config_methods import _collection_config_from_json

from tests.stores.weaviate.classes import FOREIGN
from vectormigrate.stores.weaviate.facade.classes import described_by
from vectormigrate.stores.weaviate.facade.definitions import with_defaults
from vectormigrate.stores.weaviate.wire.shape import read_shape

ONE = {
    "class": "Article",
    "properties": [{"name": "text", "dataType": ["text"], "indexFilterable": True, "indexSearchable": True}],
    "vectorizer": "text2vec-openai",
    "vectorIndexType": "flat",
    "vectorIndexConfig": {"distance": "dot", "vectorCacheMaxObjects": 1},
    "moduleConfig": {
        "text2vec-openai": {"model": "small", "vectorizeClassName": True},
        "generative-openai": {"model": "m"},
    },
    "objectTtlConfig": {
        "enabled": True,
        "deleteOn": "_creationTimeUnix",
        "defaultTtl": 60,
        "filterExpiredObjects": True,
    },
}
NAMED = {key: value for key, value in ONE.items() if not key.startswith("vector")} | {
    "vectorConfig": {
        "a": {
            "vectorizer": {"text2vec-openai": {"model": "small", "properties": ["text"]}},
            "vectorIndexType": "flat",
            "vectorIndexConfig": ONE["vectorIndexConfig"],
        }
    },
    "moduleConfig": {"generative-openai": {"model": "m"}},
}


def config(described):
    """What the vendor's client makes of a description."""
    return _collection_config_from_json(copy.deepcopy(described)).to_dict()


@pytest.mark.parametrize("given", [ONE, NAMED], ids=["unnamed", "named"])
def test_the_vendor_says_the_same_of_a_class_that_moved(given):
    given = with_defaults(given)
    place = SimpleNamespace(class_name="Article", alone=False)
    assert config(described_by(read_shape(given), place)) == config(given)


def test_what_is_told_of_every_vector_stays():
    told = described_by(read_shape(FOREIGN), SimpleNamespace(class_name="Article", alone=False))
    assert told["vectorConfig"] == FOREIGN["vectorConfig"]
