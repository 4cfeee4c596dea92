"""Aliases, versions, waiting for the optimisers, names, and payload indexes, as the server sees them."""

from dataclasses import replace

import pytest

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
