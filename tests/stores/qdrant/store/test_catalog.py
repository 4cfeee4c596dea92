"""Aliases, versions, waiting for the optimisers, names, and payload indexes, as the server sees them."""

import warnings
from dataclasses import replace

import pytest
from qdrant_client import QdrantClient, models

from tests.fakes.moved import moved
from tests.fakes.qdrant import QdrantServer, Refused
from tests.stores.qdrant.conftest import endpoint_of
from vectormigrate.model.collection import (
    CollectionShape,
    Field,
    FieldType,
    IdField,
    IdKind,
    Metric,
    VectorField,
    VectorIndex,
)
from vectormigrate.model.errors import CollectionMissing, StoreDown, Unsupported
from vectormigrate.stores.qdrant import open_store
from vectormigrate.stores.qdrant.store.catalog import Catalog
from vectormigrate.stores.qdrant.store.link import Link

SHAPE = CollectionShape("docs", IdField("id", IdKind.MIXED), (VectorField("v", dim=2, metric=Metric.DOT),))


@pytest.fixture
def server():
    running = QdrantServer(grpc=False).start()
    yield running
    running.stop()


@pytest.fixture
def catalog(server):
    link = Link(endpoint_of(server, grpc=False, slow_timeout="2"))
    yield Catalog(link)
    link.close()


def test_an_alias_is_as_good_as_a_name(server, catalog):
    catalog.create(SHAPE)
    server.database.alias({"actions": [{"create_alias": {"collection_name": "docs", "alias_name": "live"}}]})
    assert catalog.describe("live").shape.vectors == catalog.describe("docs").shape.vectors
    assert catalog.describe("live").shape.name == "live"
    assert (catalog.resolve("live"), catalog.resolve("docs"), catalog.resolve("no")) == ("docs", "docs", "no")
    assert catalog.collections() == ["docs"]


def test_an_alias_is_given_and_goes_with_its_collection(catalog):
    catalog.create(SHAPE)
    catalog.add_alias("live", "docs")
    assert catalog.aliases() == {"live": "docs"}
    catalog.drop("docs")
    assert (catalog.aliases(), catalog.collections()) == ({}, [])


def test_what_is_known_is_not_asked_again_until_forgotten(server, catalog):
    catalog.create(SHAPE)
    before = len(server.seen)
    assert catalog.opened("docs") is catalog.opened("docs")
    assert len(server.seen) == before
    catalog.forget("docs")
    catalog.opened("docs")
    assert len(server.seen) == before + 1


def test_indexes_are_made_before_the_load_and_described(server, catalog):
    wanted = replace(
        SHAPE,
        vectors=(replace(SHAPE.vectors[0], index=VectorIndex("hnsw", {"m": 8, "ef_construction": 50})),),
        fields=(Field("city", FieldType.TEXT, indexed=True), Field("n", FieldType.INT)),
        native={
            "qdrant": {"payload_schema": {"a.b": {"type": "integer", "lookup": True}}, "shard_number": 2}
        },
    )
    made = catalog.create(wanted)
    assert made.vectors[0].index == wanted.vectors[0].index
    assert made.fields == wanted.fields
    assert made.native["qdrant"]["shard_number"] == 2
    assert made.native["qdrant"]["payload_schema"] == {
        "city": "keyword",
        "a.b": {"type": "integer", "lookup": True},
    }
    again = catalog.create(replace(made, name="copy"))
    assert replace(again, name="docs") == made


def test_declared_fields_need_a_server_that_keeps_them(server, catalog):
    server.version = "1.15.4"
    with pytest.raises(Unsupported) as caught:
        catalog.check_create(replace(SHAPE, fields=(Field("a", FieldType.TEXT),)))
    assert "1.15.4" in caught.value.message
    catalog.create(SHAPE)


@pytest.mark.parametrize("name", ["a/b", "a?b", "x" * 256, "", "a\0b"])
def test_names_that_qdrant_refuses(catalog, name):
    with pytest.raises(Unsupported):
        catalog.check_create(replace(SHAPE, name=name))


def test_the_load_is_finished_when_the_server_is_green(server, catalog):
    catalog.create(SHAPE)
    collection = server.database.collection("docs")
    told = [*(["grey", "yellow"]), "green"]
    info = collection.info()
    collection.info = lambda: {**info, "status": told.pop(0)}
    catalog.finish_load("docs")
    assert told == []
    assert [method for method, _, _, _ in server.seen].count("PATCH") == 1


@pytest.mark.parametrize("status", ["red", "yellow"])
def test_a_load_that_never_finishes(server, status):
    link = Link(endpoint_of(server, grpc=False, slow_timeout="0.05"))
    catalog = Catalog(link)
    catalog.create(SHAPE)
    info = server.database.collection("docs").info()
    server.database.collection("docs").info = lambda: {
        **info,
        "status": status,
        "optimizer_status": {"error": "disk"},
    }
    with pytest.raises(StoreDown):
        catalog.finish_load("docs")
    link.close()


def test_a_missing_collection(server, catalog):
    with pytest.raises(CollectionMissing):
        catalog.describe("docs")
    catalog.drop("docs")
    server.fault = lambda method, path: Refused(503, "starting")
    with pytest.raises(StoreDown):
        catalog.describe("docs")


@pytest.fixture
def told(server):
    """The vendor's client, over a collection with every setting that a client can give."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = QdrantClient(url=server.url, check_compatibility=False)
    scalar = models.ScalarQuantizationConfig(type="int8", quantile=0.9, always_ram=True)
    client.create_collection(
        "docs",
        vectors_config={
            "a": models.VectorParams(
                size=4,
                distance="Dot",
                on_disk=True,
                datatype="float16",
                hnsw_config=models.HnswConfigDiff(m=8, payload_m=4),
                quantization_config=models.ScalarQuantization(scalar=scalar),
            ),
            "multi": models.VectorParams(
                size=2,
                distance="Dot",
                multivector_config=models.MultiVectorConfig(comparator="max_sim"),
            ),
        },
        sparse_vectors_config={
            "words": models.SparseVectorParams(
                modifier="idf",
                index=models.SparseIndexParams(on_disk=True, full_scan_threshold=77, datatype="float16"),
            )
        },
        shard_number=2,
        replication_factor=2,
        write_consistency_factor=2,
        on_disk_payload=False,
        hnsw_config=models.HnswConfigDiff(ef_construct=77, full_scan_threshold=123, on_disk=True),
        optimizers_config=models.OptimizersConfigDiff(indexing_threshold=5, default_segment_number=3),
        wal_config=models.WalConfigDiff(wal_capacity_mb=16),
        quantization_config=models.BinaryQuantization(
            binary=models.BinaryQuantizationConfig(always_ram=True)
        ),
        strict_mode_config=models.StrictModeConfig(enabled=True, max_query_limit=99),
        metadata={"who": "me"},
    )
    for field, schema in (
        (
            "text",
            models.TextIndexParams(type="text", tokenizer="multilingual", min_token_len=2, on_disk=True),
        ),
        ("tenant", models.KeywordIndexParams(type="keyword", is_tenant=True, on_disk=True)),
        ("meta.n", models.IntegerIndexParams(type="integer", lookup=True, range=False)),
        ("place", models.PayloadSchemaType.GEO),
    ):
        client.create_payload_index("docs", field, schema)
    words = models.SparseVector(indices=[1], values=[1.0])
    vector = {"a": [1.0, 0.0, 0.0, 0.0], "multi": [[1.0, 2.0]], "words": words}
    payload = {"text": "a", "tenant": "x", "meta": {"n": 1}}
    client.upsert("docs", [models.PointStruct(id=1, vector=vector, payload=payload)])
    yield client
    client.close()


def _said(client, name):
    described = client.get_collection(name)
    indexed = {name: (one.data_type, one.params) for name, one in described.payload_schema.items()}
    return described.config.model_dump(), indexed


async def test_the_vendor_says_the_same_of_a_copy(server, told):
    async with open_store(endpoint_of(server, grpc=False)) as store:
        assert await moved(store, "docs", "copy") == ()
    assert _said(told, "copy") == _said(told, "docs")


async def test_what_has_another_name_keeps_what_is_said_of_it(server, told):
    names = {"a": "z", "words": "w", "tenant": "owner", "meta": "about"}
    async with open_store(endpoint_of(server, grpc=False)) as store:
        assert await moved(store, "docs", "copy", rename=names) == ()
    (before, indexed), (after, now) = (_said(told, name) for name in ("docs", "copy"))
    for place, old, new in (("vectors", "a", "z"), ("sparse_vectors", "words", "w")):
        assert after["params"][place][new] == before["params"][place][old]
        assert old not in after["params"][place]
    assert now == {
        "text": indexed["text"],
        "owner": indexed["tenant"],
        "about.n": indexed["meta.n"],
        "place": indexed["place"],
    }
