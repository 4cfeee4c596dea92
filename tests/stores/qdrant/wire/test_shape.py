"""Configurations there and back, what travels along unread, and what Qdrant cannot hold."""

from copy import deepcopy
from dataclasses import replace

import pytest
from qdrant_client.http import models

from vectormigrate.model.collection import (
    CollectionShape,
    Element,
    Field,
    FieldType,
    IdField,
    IdKind,
    Metric,
    VectorField,
    VectorIndex,
    VectorKind,
)
from vectormigrate.model.errors import StoreBroken, Unsupported
from vectormigrate.stores.qdrant.store.catalog import CAPABILITIES
from vectormigrate.stores.qdrant.wire.shape import (
    needs_metadata,
    read_shape,
    settle,
    strict_limits,
    write_create,
    write_indexes,
    write_info,
)

INFO = {
    "status": "green",
    "optimizer_status": "ok",
    "points_count": 3,
    "indexed_vectors_count": 0,
    "segments_count": 2,
    "config": {
        "params": {
            "vectors": {
                "image": {
                    "size": 4,
                    "distance": "Cosine",
                    "datatype": "float16",
                    "on_disk": True,
                    "hnsw_config": {"m": 32, "payload_m": 8},
                    "quantization_config": {"scalar": {"type": "int8", "quantile": 0.99}},
                },
                "tokens": {
                    "size": 2,
                    "distance": "Dot",
                    "multivector_config": {"comparator": "max_sim"},
                    "hnsw_config": {"m": 0},
                },
                "bytes": {"size": 8, "distance": "Manhattan", "datatype": "uint8"},
            },
            "sparse_vectors": {"words": {"index": {"on_disk": True}, "modifier": "idf"}, "plain": {}},
            "shard_number": 2,
            "replication_factor": 3,
            "write_consistency_factor": 2,
            "on_disk_payload": True,
        },
        "hnsw_config": {"m": 24, "ef_construct": 200, "full_scan_threshold": 9000},
        "optimizer_config": {"deleted_threshold": 0.3, "flush_interval_sec": 5, "default_segment_number": 0},
        "wal_config": {"wal_capacity_mb": 16, "wal_segments_ahead": 0},
        "quantization_config": {"binary": {"always_ram": True}},
        "strict_mode_config": {"enabled": True, "max_query_limit": 100},
        "metadata": {"team": "search"},
    },
    "payload_schema": {
        "city": {"data_type": "keyword", "points": 3},
        "a.b": {
            "data_type": "integer",
            "params": {"type": "integer", "lookup": True, "range": False},
            "points": 1,
        },
    },
}
UNNAMED = {
    "config": {
        "params": {"vectors": {"size": 3, "distance": "Euclid"}},
        "hnsw_config": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000},
        "optimizer_config": {},
    },
    "payload_schema": {},
}


def test_what_the_model_has_words_for():
    shape = read_shape("docs", INFO)
    assert (shape.name, shape.id, shape.dynamic, shape.fields) == (
        "docs",
        IdField("id", IdKind.MIXED),
        True,
        (),
    )
    image, tokens, whole, words, plain = shape.vectors
    assert image == VectorField(
        "image",
        VectorKind.DENSE,
        Element.FLOAT16,
        4,
        Metric.COSINE,
        index=VectorIndex("hnsw", {"m": 32, "ef_construction": 200}),
    )
    assert (tokens.kind, tokens.metric, tokens.index) == (VectorKind.MULTI, Metric.DOT, None)
    assert (whole.element, whole.metric) == (Element.UINT8, Metric.MANHATTAN)
    assert (words.kind, words.metric, plain.name) == (VectorKind.SPARSE, Metric.DOT, "plain")


def test_quantisation_is_named_the_vectors_own_or_the_collections():
    shape = read_shape("docs", INFO)
    assert [one.quantised for one in shape.vectors] == [
        "qdrant:scalar", "qdrant:binary", "qdrant:binary", "", "",
    ]  # fmt: skip
    assert {one.quantised for one in shape.vectors} - {""} <= CAPABILITIES.quantises
    [plain] = read_shape("docs", UNNAMED).vectors
    assert plain.quantised == ""


def test_a_copy_is_configured_alike():
    body = write_create(replace(read_shape("docs", INFO), name="copy"))
    config, params = INFO["config"], INFO["config"]["params"]
    assert body["vectors"]["image"] == params["vectors"]["image"]
    assert body["vectors"]["tokens"] == params["vectors"]["tokens"]
    assert body["vectors"]["bytes"] == params["vectors"]["bytes"]
    assert body["sparse_vectors"] == params["sparse_vectors"]
    assert body["optimizers_config"] == config["optimizer_config"]
    for name in ("hnsw_config", "wal_config", "quantization_config", "strict_mode_config", "metadata"):
        assert body[name] == config[name], name
    for name in ("shard_number", "replication_factor", "write_consistency_factor", "on_disk_payload"):
        assert body[name] == params[name], name
    models.CreateCollection.model_validate(body)


def test_payload_indexes_come_along():
    indexes = write_indexes(read_shape("docs", INFO))
    assert indexes == [
        {"field_name": "city", "field_schema": "keyword"},
        {"field_name": "a.b", "field_schema": {"type": "integer", "lookup": True, "range": False}},
    ]
    for index in indexes:
        models.CreateFieldIndex.model_validate(index)


@pytest.mark.parametrize("info", [INFO, UNNAMED], ids=["named", "unnamed"])
def test_a_shape_told_as_a_server_is_read_the_same(info):
    shape = read_shape("docs", info)
    told = write_info(shape, 7)
    assert models.CollectionInfo.model_validate(told).points_count == 7
    again = read_shape("docs", told)
    assert again.vectors == shape.vectors
    assert again.native["qdrant"].get("payload_schema") == shape.native["qdrant"].get("payload_schema")
    assert read_shape("docs", write_info(again, 7)) == again


def test_one_vector_may_have_no_name():
    shape = read_shape("docs", UNNAMED)
    assert [vector.name for vector in shape.vectors] == [""]
    assert write_create(shape)["vectors"] == {"size": 3, "distance": "Euclid"}
    with pytest.raises(Unsupported):
        write_create(replace(shape, vectors=(*shape.vectors, VectorField("b", dim=2, metric=Metric.DOT))))


FOREIGN = CollectionShape(
    "docs",
    IdField("key", IdKind.INT),
    (VectorField("vec", dim=4, metric=Metric.COSINE, nullable=False),),
    (
        Field("label", FieldType.TEXT, indexed=True, max_length=10),
        Field("n", FieldType.INT, nullable=False),
        Field("two words", FieldType.FLOAT, indexed=True),
        Field("tags", FieldType.ARRAY, element=FieldType.TEXT),
    ),
    partitions=("p",),
)


def test_what_qdrant_cannot_declare_is_kept_beside():
    shape = settle(FOREIGN)
    assert (shape.id.name, shape.id.kind, shape.dynamic, shape.partitions) == ("key", IdKind.MIXED, True, ())
    body = write_create(shape)
    told = deepcopy(UNNAMED)
    told["config"]["params"]["vectors"] = body["vectors"]
    told["config"]["metadata"] = body["metadata"]
    again = read_shape("docs", told)
    assert (again.id, again.fields) == (shape.id, shape.fields)
    assert "metadata" not in again.native["qdrant"]
    assert [index["field_name"] for index in write_indexes(shape)] == ["label", '"two words"']


def test_metadata_is_needed_only_for_what_is_ours():
    assert needs_metadata(settle(FOREIGN))
    assert not needs_metadata(replace(settle(FOREIGN), id=IdField("id", IdKind.MIXED), fields=()))


def test_an_index_that_was_asked_for():
    wanted = VectorField("v", dim=2, metric=Metric.DOT, index=VectorIndex("hnsw", {"m": 8}))
    shape = replace(settle(FOREIGN), vectors=(wanted,))
    assert write_create(shape)["vectors"]["v"]["hnsw_config"] == {"m": 8}
    default = replace(wanted, index=VectorIndex("hnsw", {"m": 16, "ef_construction": 100}))
    assert "hnsw_config" not in write_create(replace(shape, vectors=(default,)))["vectors"]["v"]


@pytest.mark.parametrize(
    "vector",
    [
        VectorField("v", dim=2),
        VectorField("v", metric=Metric.DOT),
        VectorField("v", dim=8, metric=Metric.HAMMING, element=Element.BINARY),
        VectorField("v", dim=2, metric=Metric.DOT, element=Element.INT8),
        VectorField("v", VectorKind.SPARSE, metric=Metric.EUCLID),
        VectorField("", VectorKind.SPARSE, metric=Metric.DOT),
    ],
    ids=str,
)
def test_what_qdrant_cannot_hold_is_refused(vector):
    with pytest.raises(Unsupported):
        write_create(replace(FOREIGN, vectors=(vector,)))


def test_shard_keys_cannot_be_carried():
    info = deepcopy(UNNAMED)
    info["config"]["params"]["sharding_method"] = "custom"
    with pytest.raises(Unsupported):
        read_shape("docs", info)


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"config": {}},
        {"config": {"params": None}},
        {"config": {"params": {"vectors": {"a": {"size": 1}}}}},
    ],
)
def test_what_is_no_configuration(broken):
    with pytest.raises(StoreBroken):
        read_shape("docs", broken)


def test_strict_mode_sets_limits_only_when_it_is_on():
    shape = read_shape("docs", INFO)
    assert strict_limits(shape)["max_query_limit"] == 100
    assert strict_limits(read_shape("docs", UNNAMED)) == {}
    native = {"qdrant": {"strict_mode_config": {"enabled": False, "max_query_limit": 5}}}
    assert strict_limits(replace(shape, native=native)) == {}
