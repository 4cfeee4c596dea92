"""Indexes looked at, made and deleted, and what a collection's name covers."""

from __future__ import annotations

import asyncio

import pytest
from pinecone import Pinecone

from tests.fakes.moved import moved
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, KeyOrder, Metric, VectorField
from vectormigrate.model.errors import (
    CollectionExists,
    CollectionMissing,
    ConfigInvalid,
    PermissionDenied,
    StoreBroken,
    StoreDown,
    Unreachable,
    Unsupported,
)
from vectormigrate.stores.base import Range
from vectormigrate.stores.pinecone.store.catalog import read_name

NEWEST = "2026-07"
KEY = IdField("id", IdKind.TEXT, KeyOrder.BYTES)
SHAPE = CollectionShape("docs", KEY, (VectorField("values", dim=2, metric=Metric.COSINE, nullable=False),))
PAIR = IdField("key", IdKind.COMPOUND, parts=(IdField("namespace", IdKind.TEXT), IdField("id", IdKind.TEXT)))


def put(service, namespace, *ids, name="docs"):
    vectors = [{"id": one, "values": [1.0, 2.0]} for one in ids]
    service.upsert(service.index(name), {"vectors": vectors, "namespace": namespace}, 100)


def make(service, name="docs", **more):
    body = {
        "name": name,
        "dimension": 2,
        "metric": "cosine",
        "spec": {"serverless": {"cloud": "aws", "region": "r"}},
    }
    return service.create(body | more, "2025-10")


def test_a_name_is_an_index_and_perhaps_a_namespace():
    assert (read_name("docs").index, read_name("docs").namespace, read_name("docs").all) == (
        "docs",
        None,
        False,
    )
    assert read_name("docs/prod").namespace == "prod"
    assert read_name("docs/").namespace == "__default__"
    assert read_name("docs/a/b").namespace == "a/b"
    assert read_name("docs/*").all


@pytest.mark.parametrize("version", ["2025-10", "2026-07"])
async def test_an_index_of_each_generation_is_made_and_found(opens, service, version):
    store = opens(api_version=version, cloud="gcp", region="eu")
    made = await store.create(SHAPE)
    assert made == await store.describe("docs")
    index = service.index("docs")
    assert (index.dimension, index.metric, index.cloud, index.region) == (2, "cosine", "gcp", "eu")
    assert await store.collections() == ["docs"]
    assert (await store.info()).version == version
    await store.drop("docs")
    assert service.indexes == {}
    await store.close()


async def test_an_index_of_somebody_else_has_pinecones_own_names(subject, served):
    await subject.store.create(SHAPE)
    served.service.index("docs").tags = {"team": "a"}
    shape = await subject.store.describe("docs")
    assert [vector.name for vector in shape.vectors] == ["values"]
    assert (shape.id.name, shape.id.kind, shape.dynamic) == ("id", IdKind.TEXT, True)


async def test_a_name_that_covers_one_namespace_sees_no_other(subject, service):
    await subject.store.create(SHAPE)
    service.index("docs").tags = {}
    put(service, "prod", "a", "b")
    put(service, "", "c")
    counts = {
        name: await subject.store.count(name)
        for name in ("docs/prod", "docs/", "docs/__default__", "docs/none")
    }
    assert counts == {"docs/prod": 2, "docs/": 1, "docs/__default__": 1, "docs/none": 0}
    assert (await subject.store.fetch("docs/prod", ["a", "c"])).ids == ["a"]
    await subject.store.drop("docs/prod")
    assert await subject.store.count("docs/prod") == 0
    assert await subject.store.count("docs/") == 1


async def test_an_index_made_for_one_namespace_has_room_for_others(subject, service):
    made = await subject.store.create(CollectionShape("docs/prod", KEY, SHAPE.vectors))
    assert made.name == "docs/prod"
    put(service, "prod", "a")
    assert await subject.store.count("docs/prod") == await subject.store.count("docs") == 1
    put(service, "other", "b")
    assert (await subject.store.describe("docs")).id.kind is IdKind.COMPOUND


async def test_several_namespaces_make_pairs_of_ids(subject, service):
    await subject.store.create(SHAPE)
    service.index("docs").tags = {}
    put(service, "b", "same", "x")
    put(service, "a", "same")
    shape = await subject.store.describe("docs")
    assert shape.id.kind is IdKind.COMPOUND
    pages = [page async for page in subject.store.scan("docs", Range())]
    assert [one for page in pages for one in page.batch.ids] == [("a", "same"), ("b", "same"), ("b", "x")]
    assert (await subject.store.describe("docs/*")).id == shape.id
    assert await subject.store.count("docs") == 3


async def test_a_namespace_is_a_collection_by_itself(subject, service):
    await subject.store.create(SHAPE)
    service.index("docs").tags = {}
    put(service, "", "same")
    put(service, "a/b c", "same", "x")
    found = {"__default__": "docs/__default__", "a/b c": "docs/a/b c"}
    assert await subject.store.partitions("docs") == await subject.store.partitions("docs/*") == found
    assert await subject.store.partitions("docs/a/b c") == {}
    assert [await subject.store.count(name) for name in found.values()] == [1, 2]
    with pytest.raises(CollectionMissing):
        await subject.store.partitions("none")


async def test_many_namespaces_come_page_by_page_or_with_the_statistics(subject, service):
    await subject.store.create(SHAPE)
    service.index("docs").tags = {}
    for number in range(7):
        put(service, f"n{number}", "a")
    service.page = 3
    assert await subject.store.count("docs/*") == 7
    for answer in (404, 400):
        service.failing = [("/namespaces", answer, {})] * 2
        assert await subject.store.count("docs/*") == 7
        service.failing.clear()
    service.failing = [("/namespaces", 503, {})]
    with pytest.raises(StoreDown):
        await subject.store.count("docs/*")


async def test_all_namespaces_are_emptied_where_only_a_host_is_known(opens, service, subject):
    await subject.store.create(SHAPE)
    for name in ("", "prod"):
        put(service, name, "a")
    store = opens(host=f"http://127.0.0.1:{service.index('docs').port}")
    assert await store.count("docs/*") == 2
    await store.drop("docs/*")
    assert await store.count("docs/*") == 0
    await store.drop("docs/never")
    await store.close()


async def test_the_only_namespace_is_the_collection(subject, service):
    await subject.store.create(SHAPE)
    service.index("docs").tags = {}
    put(service, "prod", "a")
    assert (await subject.store.describe("docs")).id.kind is IdKind.TEXT
    assert await subject.store.count("docs") == 1


async def test_places_are_told_apart(subject):
    await subject.store.create(SHAPE)
    places = [await subject.store.locate(name) for name in ("docs", "docs/", "docs/prod", "docs/*", "none")]
    assert places[0] == places[1]
    assert len(set(places)) == 4


async def test_an_index_is_awaited(opens, service):
    service.making = 0.3
    store = opens()
    began = service.clock()
    await store.create(SHAPE)
    assert service.clock() - began > 0.25
    await store.drop("docs")
    hasty = opens(slow_timeout="0.1")
    with pytest.raises(StoreDown, match="ready"):
        await hasty.create(SHAPE)
    await hasty.close()
    await store.close()


async def test_a_taken_name_is_told(subject):
    await subject.store.create(SHAPE)
    with pytest.raises(CollectionExists, match="docs"):
        await subject.store.create(SHAPE)


async def test_protection_is_respected(subject, service):
    await subject.store.create(SHAPE)
    service.index("docs").protected = True
    with pytest.raises(PermissionDenied, match="protection"):
        await subject.store.drop("docs")


async def test_an_index_that_vanishes_is_missing(subject, service):
    await subject.store.create(SHAPE)
    assert await subject.store.count("docs") == 0
    del service.indexes["docs"]
    with pytest.raises(CollectionMissing):
        await subject.store.count("docs")


async def test_a_host_that_is_away_is_unreachable(subject, served, service):
    await subject.store.create(SHAPE)
    await subject.store.count("docs")
    await served.runners[-1].cleanup()
    with pytest.raises(StoreDown):  # over the connection that was open
        await subject.store.count("docs")
    with pytest.raises(Unreachable) as caught:
        await subject.store.count("docs")
    assert str(service.index("docs").port) in caught.value.store


@pytest.mark.parametrize(
    "wanted",
    [
        CollectionShape("docs", KEY, (*SHAPE.vectors, VectorField("two", dim=2))),
        CollectionShape("docs/*", KEY, SHAPE.vectors),
    ],
)
async def test_a_shape_that_cannot_be_is_told_before(subject, wanted):
    with pytest.raises(Unsupported):
        await subject.store.check_create(wanted)


async def test_an_index_of_the_documents_api_is_left_alone(subject, service, monkeypatch):
    await subject.store.create(SHAPE)
    real = service.describe

    def described(index, version):
        told = real(index, "2026-07")
        told["schema"]["fields"]["body"] = {"type": "semantic_text", "model": "m"}
        return told

    monkeypatch.setattr(service, "describe", described)
    with pytest.raises(Unsupported, match="documents API"):
        await subject.store.describe("docs")


async def test_a_description_that_makes_no_sense_is_told(subject, service, monkeypatch):
    await subject.store.create(SHAPE)
    monkeypatch.setattr(service, "describe", lambda index, version: {"status": {}})
    with pytest.raises(StoreBroken):
        await subject.store.describe("docs")


async def test_one_host_is_enough(opens, service, subject):
    await subject.store.create(SHAPE)
    put(service, "", "a")
    store = opens(host=f"http://127.0.0.1:{service.index('docs').port}")
    shape = await store.describe("docs")
    assert [(vector.dim, vector.metric) for vector in shape.vectors] == [(2, Metric.COSINE)]
    assert await store.count("docs") == 1
    assert await store.collections() == []
    with pytest.raises(Unsupported, match="control plane"):
        await store.check_create(SHAPE)
    await store.drop("docs")
    assert await store.count("docs") == 0
    assert "docs" in service.indexes
    await store.close()


async def test_pods_are_described(subject, service):
    make(service, spec={"pod": {"environment": "e", "pod_type": "p1.x1"}})
    index = service.index("docs")
    await subject.store.create(CollectionShape("other", KEY, SHAPE.vectors))
    index.port = service.index("other").port
    service.indexes["other"].pod = index.pod
    assert (await subject.store.describe("other")).id.kind is IdKind.TEXT


@pytest.mark.parametrize("options", [{"sparse": "maybe"}, {"keys": "all"}, {"visible_after": "x"}])
def test_an_option_that_cannot_be_meant(opens, options):
    with pytest.raises(ConfigInvalid):
        opens(**options)


async def test_the_place_and_the_tags_of_a_like_source_go_along(subject, opens, service):
    native = {"pinecone": {"cloud": "gcp", "region": "eu", "tags": {"team": "a"}}}
    made = await subject.store.create(CollectionShape("docs", KEY, SHAPE.vectors, native=native))
    index = service.index("docs")
    assert (index.tags["team"], index.cloud, index.region) == ("a", "gcp", "eu")
    assert made.native == native
    store = opens(region="us")
    await store.create(CollectionShape("other", KEY, SHAPE.vectors, native=native))
    assert (service.index("other").cloud, service.index("other").region) == ("gcp", "us")
    await store.close()


def described(served, name, version):
    """What the vendor's client says of an index, or an older one would, but for what is its own and what is ours."""
    if version == NEWEST:
        with Pinecone(api_key=served.service.api_key, host=served.url) as client:
            told = client.indexes.describe(name).to_dict()
    else:
        told = served.service.describe(served.service.index(name), version)
    assert told.pop("name") == name
    assert told.pop("host")
    tags = {key: value for key, value in (told.pop("tags") or {}).items() if not key.startswith("vm_")}
    return told, tags


MADE = {
    "dense": {"dimension": 2, "metric": "euclidean", "spec": {"serverless": {"cloud": "gcp", "region": "eu"}}, "tags": {"team": "a"}},
    "hybrid": {"dimension": 2, "metric": "dotproduct", "spec": {"serverless": {"cloud": "aws", "region": "r"}}},
    "sparse": {"vector_type": "sparse", "spec": {"serverless": {"cloud": "aws", "region": "r"}}},
    "byoc": {"dimension": 2, "metric": "cosine", "spec": {"byoc": {"environment": "aws-us-east-1-b921"}}},
}  # fmt: skip


@pytest.mark.parametrize("version", ["2025-10", NEWEST])
@pytest.mark.parametrize("kind", MADE)
async def test_the_vendor_says_the_same_of_a_copy(opens, served, service, kind, version):
    index = service.create({"name": "docs", **MADE[kind]}, "2025-10")
    index.port = await served.listen(served.data, index=index)
    sparse = {"indices": [1], "values": [1.0]}
    vector = {"id": "a", "metadata": {"n": 1}} | (
        {"values": [1.0, 2.0]} if index.dimension else {"sparseValues": sparse}
    )
    service.upsert(index, {"vectors": [vector]}, 100)
    store = opens(api_version=version)
    assert await moved(store, "docs", "copy", source_layout="raw") == ()
    of_source, of_copy = [
        await asyncio.to_thread(described, served, name, version) for name in ("docs", "copy")
    ]
    assert of_copy == of_source
    await store.close()
