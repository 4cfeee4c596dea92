"""Collections through the facade: made, described, changed and dropped as clients expect it."""

from __future__ import annotations

import pytest
from qdrant_client.http.models import CollectionInfo, CollectionsAliasesResponse, CollectionsResponse

from tests.stores.qdrant.facade.answering import Served
from vectormigrate.model.collection import CollectionShape, Element, IdField, IdKind, VectorField
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.memory import Database, MemoryStore
from vectormigrate.stores.sqlite import open_store

SIMPLE = {"vectors": {"size": 4, "distance": "Cosine", "on_disk": True}}
NAMED = {
    "vectors": {
        "a": {"size": 4, "distance": "Dot", "datatype": "float16", "hnsw_config": {"m": 32}},
        "b": {"size": 2, "distance": "Euclid", "multivector_config": {"comparator": "max_sim"}},
    },
    "sparse_vectors": {"s": {"index": {"on_disk": True}}},
    "hnsw_config": {"ef_construct": 64},
    "quantization_config": {"scalar": {"type": "int8"}},
    "optimizers_config": {"indexing_threshold": 0},
    "shard_number": 2,
    "metadata": {"owner": "me"},
}


@pytest.mark.parametrize("settings", [SIMPLE, NAMED, {"sparse_vectors": {"s": {}}}])
async def test_a_collection_is_as_it_was_made(both, settings):
    await both.ask("PUT", "/collections/c", settings)
    _, expected = both.engine.ask("GET", "/collections/c")
    info = await both.served.result("GET", "/collections/c")
    CollectionInfo.model_validate(info)
    told, wanted = (CollectionInfo.model_validate(one).config for one in (info, expected))
    assert told.params.vectors == wanted.params.vectors
    assert told.params.sparse_vectors == wanted.params.sparse_vectors
    assert told.params.shard_number == wanted.params.shard_number
    assert told.quantization_config == wanted.quantization_config
    assert told.hnsw_config.ef_construct == wanted.hnsw_config.ef_construct
    assert told.optimizer_config.indexing_threshold in (wanted.optimizer_config.indexing_threshold, None)
    assert told.metadata == wanted.metadata


async def test_what_there_is(both):
    assert await both.ask("GET", "/collections") == {"collections": []}
    await both.ask("PUT", "/collections/b%20c", SIMPLE)
    await both.ask("PUT", "/collections/a", SIMPLE)
    listed = await both.served.result("GET", "/collections")
    assert [one.name for one in CollectionsResponse.model_validate(listed).collections] == ["a", "b c"]
    assert await both.ask("GET", "/collections/a/exists") == {"exists": True}
    assert await both.ask("GET", "/collections/b/exists") == {"exists": False}
    await both.ask("PUT", "/collections/a", SIMPLE)
    await both.ask("GET", "/collections/nothing")


async def test_it_counts(served):
    await served.result("PUT", "/collections/c", SIMPLE)
    points = [{"id": number, "vector": [1, 0, 0, number]} for number in range(3)]
    await served.result("PUT", "/collections/c/points", {"points": points})
    info = CollectionInfo.model_validate(await served.result("GET", "/collections/c"))
    assert (info.points_count, info.status) == (3, "green")


async def test_it_goes(both):
    await both.ask("PUT", "/collections/c", SIMPLE)
    assert await both.ask("DELETE", "/collections/c") is True
    assert await both.ask("DELETE", "/collections/c") is False


async def test_settings_that_only_tune_are_taken(served):
    await served.result("PUT", "/collections/c", SIMPLE)
    assert (
        await served.result("PATCH", "/collections/c", {"optimizers_config": {"indexing_threshold": 1}})
        is True
    )
    answer = await served.result(
        "PUT", "/collections/c/index", {"field_name": "a", "field_schema": "keyword"}
    )
    assert answer["status"] == "completed"
    assert (await served.result("DELETE", "/collections/c/index/a"))["status"] == "completed"
    for method, path in (("PATCH", ""), ("PUT", "/index"), ("DELETE", "/index/a")):
        status, _ = await served.ask(method, f"/collections/d{path}", {})
        assert status == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("PATCH", "/collections/c", {"metadata": {}}, "Bad request: metadata cannot be changed here"),
        ("PATCH", "/collections/c", {"strict_mode_config": {}, "params": {}}, "Bad request: strict_mode_config cannot be changed here"),
        ("PUT", "/collections/d", {**SIMPLE, "init_from": {"collection": "c"}}, "Bad request: a collection cannot be made with init_from"),
        ("PUT", "/collections/d", {**SIMPLE, "magic": 1}, "Bad request: a collection cannot be made with magic"),
        ("PUT", "/collections/d", {**SIMPLE, "sharding_method": "custom"}, "Bad request: collection 'd' is sharded by keys of its own, which cannot be carried yet"),
        ("PUT", "/collections/d", {"vectors": {"vector": {"size": 1, "distance": "Dot"}}}, "Bad request: a vector cannot be named 'vector' here: the one without a name is held under it"),
        ("PUT", "/collections/d", {"vectors": {"size": "x", "distance": "Dot"}}, "Format error in JSON body: the size of vector '' must be from 1 to 65536"),
        ("PUT", "/collections/d", {"vectors": {"a": {"size": 0, "distance": "Dot"}}}, "Format error in JSON body: the size of vector 'a' must be from 1 to 65536"),
        ("PUT", "/collections/d", b"[]", "Format error in JSON body: Expected `object`, got `array`"),
        ("PUT", "/collections/c/vectors/x", {"dense": {}}, "Bad request: PUT /collections/{collection}/vectors/{vector} is not served here: vectors of a collection stay as they were made"),
        ("POST", "/collections/aliases", {"actions": []}, "Bad request: POST /collections/aliases is not served here: no store but Qdrant has aliases"),
    ],
)  # fmt: skip
async def test_what_cannot_be_done_is_refused(served, method, path, body, said):
    await served.result("PUT", "/collections/c", SIMPLE)
    assert await served.ask(method, path, body) == (400, said)


async def test_settings_that_cannot_be_read_are_told(served):
    status, said = await served.ask("PUT", "/collections/d", {"vectors": {"size": 3, "distance": "Far"}})
    assert status == 400
    assert "Far" in said


async def test_aliases_are_those_that_the_shape_carries():
    store = MemoryStore(Endpoint("memory"), Database())
    shape = CollectionShape(
        "c",
        IdField("id", IdKind.MIXED),
        (VectorField("v", dim=2, element=Element.FLOAT32),),
        dynamic=True,
        native={"qdrant": {"aliases": ["live"]}},
    )
    await store.create(shape)
    served = Served(store)
    for path in ("/aliases", "/collections/c/aliases"):
        answer = CollectionsAliasesResponse.model_validate(await served.result("GET", path))
        assert [(one.alias_name, one.collection_name) for one in answer.aliases] == [("live", "c")]


async def test_weights_that_the_store_would_forget_are_refused(tmp_path):
    settings = {"vectors": {}, "sparse_vectors": {"words": {"modifier": "idf"}}}
    async with open_store(Endpoint("sqlite", str(tmp_path / "c.db"))) as store:
        served = Served(store)
        status, said = await served.ask("PUT", "/collections/c", settings)
        assert (status, "sqlite does not keep" in said) == (400, True)
        assert await served.result("GET", "/collections/c/exists") == {"exists": False}
        await served.result("PUT", "/collections/c", {"vectors": {}, "sparse_vectors": {"words": {}}})
