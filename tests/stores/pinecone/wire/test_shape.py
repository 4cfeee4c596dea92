"""Index descriptions of both generations are the same shape, and the other way round."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from pinecone.models.indexes.index import IndexModel

from vectormigrate.model.collection import (
    CollectionShape,
    Element,
    IdField,
    IdKind,
    KeyOrder,
    Metric,
    VectorField,
    VectorKind,
)
from vectormigrate.stores.pinecone.wire import shape as wire
from vectormigrate.stores.pinecone.wire.shape import Index, Keys

OLD, NEW = "2025-10", "2026-07"
INDEXES = {
    "dense": Index("docs", 8, Metric.COSINE, host="http://127.0.0.1:1", sparse=False),
    "hybrid": Index("docs", 8, Metric.DOT, sparse=True),
    "sparse": Index("docs", None, Metric.DOT, sparse=True, region="eu-west-1", cloud="gcp"),
    "byoc": Index("docs", 8, Metric.COSINE, sparse=False, byoc="aws-us-east-1-b921"),
    "pod": Index("docs", 8, Metric.EUCLID, sparse=False, pod={"environment": "e", "pod_type": "p1.x1", "replicas": 1, "shards": 1}),
    "tagged": Index("docs", 8, Metric.COSINE, sparse=False, tags={"team": "a"}, protected=True),
    "growing": Index("docs", 8, Metric.COSINE, sparse=False, ready=False, state="Initializing"),
}  # fmt: skip
KEY = IdField("id", IdKind.TEXT, KeyOrder.BYTES)
DENSE = VectorField("vec", dim=4, metric=Metric.COSINE, nullable=False)
WORDS = VectorField("words", VectorKind.SPARSE, metric=Metric.DOT)


def placed(index):
    """An index with the place that it gets where it has none."""
    return (
        index if index.cloud or index.pod or index.byoc else replace(index, cloud="aws", region="us-east-1")
    )


@pytest.mark.parametrize("name", INDEXES)
def test_the_newer_generation_comes_back(name):
    index = placed(INDEXES[name])
    assert wire.read_index(wire.write_index(index, NEW)) == index


@pytest.mark.parametrize("name", [name for name in INDEXES if name != "hybrid"])
def test_the_older_generation_comes_back(name):
    index = placed(INDEXES[name])
    assert wire.read_index(wire.write_index(index, OLD)) == index


def test_the_older_generation_does_not_say_whether_there_are_sparse_values():
    assert wire.read_index(wire.write_index(INDEXES["hybrid"], OLD)).sparse is None


@pytest.mark.parametrize("name", INDEXES)
def test_the_vendors_client_reads_the_newer_generation(name):
    index = INDEXES[name]
    model = msgspec.convert(wire.write_index(index, NEW), IndexModel)
    assert model.name == index.name
    assert model.status.ready is index.ready
    assert model.dimension == index.dimension


def test_a_dense_index_under_dotproduct_may_have_sparse_values_whatever_it_says():
    dense = Index("docs", 8, Metric.DOT, sparse=False)
    assert wire.read_index(wire.write_index(dense, NEW)).sparse is None


def test_a_create_request_says_nothing_that_only_an_answer_says():
    for version in (OLD, NEW):
        body = wire.create_request(INDEXES["dense"], version)
        assert not {"host", "status", "read_capacity"} & body.keys()
    assert wire.create_request(INDEXES["dense"], OLD)["dimension"] == 8
    assert wire.create_request(INDEXES["dense"], NEW)["schema"]["fields"].keys() == {"_values"}


def test_vectors_of_the_documents_api_are_told_apart():
    described = wire.write_index(INDEXES["dense"], NEW)
    described["schema"]["fields"] = {
        "title_vec": {"type": "dense_vector", "dimension": 4, "metric": "cosine"},
        "chunk": {"type": "semantic_text", "model": "m"},
        "name": {"type": "string", "filterable": True},
    }
    assert wire.read_index(described).foreign == ("chunk", "title_vec")


@pytest.mark.parametrize(
    "wanted",
    [
        CollectionShape("docs", KEY, (DENSE,)),
        CollectionShape("docs", IdField("schlüssel +", IdKind.TEXT), (VectorField("a.b c/d", dim=4),)),
        CollectionShape("docs", KEY, (VectorField("vec", dim=4, metric=Metric.DOT), WORDS)),
        CollectionShape("docs", KEY, (WORDS,)),
        CollectionShape("docs", KEY, (DENSE,), partitions=("alpha", "beta")),
        CollectionShape(
            "docs",
            IdField(
                "pair", IdKind.COMPOUND, parts=(IdField("tenant", IdKind.UUID), IdField("no", IdKind.INT))
            ),
            (DENSE,),
        ),
    ],
)
@pytest.mark.parametrize("version", [OLD, NEW])
def test_names_and_keys_survive_an_index(wanted, version):
    index = wire.read_index(wire.write_index(wire.index_of(wanted), version))
    got = wire.shape_of(index, ["__default__", *wanted.partitions])
    assert got.name == wanted.name
    assert (got.id.name, got.id.kind) == (wanted.id.name, wanted.id.kind)
    assert [(part.name, part.kind) for part in got.id.parts] == [
        (part.name, part.kind) for part in wanted.id.parts
    ]
    assert [(one.name, one.kind, one.dim) for one in got.vectors] == [
        (one.name, one.kind, one.dim) for one in wanted.vectors
    ]
    assert got.partitions == wanted.partitions
    assert got.dynamic


def test_what_only_another_index_can_take_over_goes_along():
    index = Index("docs", 8, Metric.COSINE, cloud="gcp", region="eu", tags={"team": "a", "vm_id": "key"})
    wanted = {"pinecone": {"cloud": "gcp", "region": "eu", "tags": {"team": "a"}}}
    assert wire.shape_of(index, []).native == wanted
    assert wire.shape_of(Index("docs", 8, Metric.COSINE), []).native == {}


def test_an_index_of_one_namespace_has_plain_ids_and_one_of_several_has_pairs():
    index = INDEXES["dense"]
    assert wire.shape_of(index, ["__default__"]).id.kind is IdKind.TEXT
    several = wire.shape_of(index, ["__default__", "prod"])
    assert [part.name for part in several.id.parts] == ["namespace", "id"]
    assert wire.layout_of(several).keys is Keys.NAMESPACED
    assert wire.shape_of(index, ["a"], keys=Keys.NAMESPACED).id.kind is IdKind.COMPOUND
    assert wire.shape_of(index, ["a", "b"], keys=Keys.ID).id.kind is IdKind.TEXT


def test_sparse_values_are_expected_where_they_can_be():
    unsaid = wire.read_index(wire.write_index(INDEXES["hybrid"], OLD))
    assert [vector.name for vector in wire.shape_of(unsaid, []).vectors] == ["values", "sparse_values"]
    assert [vector.name for vector in wire.shape_of(unsaid, [], sparse=False).vectors] == ["values"]
    assert [vector.name for vector in wire.shape_of(INDEXES["dense"], []).vectors] == ["values"]
    assert len(wire.shape_of(INDEXES["dense"], [], sparse=True).vectors) == 2


@pytest.mark.parametrize(
    "wanted",
    [
        CollectionShape("docs", KEY, ()),
        CollectionShape("docs", KEY, (DENSE, VectorField("two", dim=4))),
        CollectionShape("docs", KEY, (VectorField("vec", VectorKind.MULTI, dim=4),)),
        CollectionShape("docs", KEY, (VectorField("vec", element=Element.INT8, dim=4),)),
        CollectionShape("docs", KEY, (VectorField("vec"),)),
        CollectionShape("docs", KEY, (DENSE, WORDS)),
        CollectionShape("docs", KEY, (VectorField("vec", dim=4, metric=Metric.MANHATTAN),)),
        CollectionShape("docs", IdField("x" * 121, IdKind.TEXT), (DENSE,)),
        CollectionShape("docs", IdField("key", IdKind.COMPOUND, parts=(KEY, KEY, KEY)), (DENSE,)),
    ],
)
def test_a_shape_that_no_index_can_be_is_told(wanted):
    with pytest.raises(ValueError, match=r"\w"):
        wire.index_of(wanted)


def test_what_protects_an_index_is_told_and_not_made():
    protected = wire.shape_of(Index("docs", 8, Metric.DOT, protected=True), [])
    assert wire.left_out(protected, protected) == [
        "deletion protection is not carried: switch it on behind the cutover"
    ]
    assert not wire.index_of(protected, cloud="aws", region="us-east-1").protected
    plain = wire.shape_of(Index("docs", 8, Metric.COSINE), [])
    assert wire.left_out(plain, plain) == []


DESCRIBED = {"name": "docs", "dimension": 8, "metric": "cosine", "status": {"ready": True, "state": "Ready"}}
DEDICATED = {
    "mode": "Dedicated",
    "dedicated": {"node_type": "t1", "scaling": "Manual", "manual": {"shards": 1, "replicas": 2}},
}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"spec": {"pod": {"environment": "e", "pod_type": "p1.x1", "pods": 1}}}, ["runs on pods (p1.x1)"]),
        (
            {
                "spec": {
                    "pod": {"environment": "e", "pod_type": "p1.x1", "metadata_config": {"indexed": ["a"]}}
                }
            },
            ["runs on pods", "only some metadata"],
        ),
        (
            {"spec": {"serverless": {"schema": {"fields": {"a": {"filterable": True}}}}}},
            ["only some metadata"],
        ),
        ({"spec": {"byoc": {"environment": "e", "read_capacity": DEDICATED}}}, ["dedicated read capacity"]),
        ({"spec": {"serverless": {"read_capacity": {"mode": "OnDemand"}}}}, []),
        ({"embed": {"model": "e5", "field_map": {"text": "t"}}}, ["turned into vectors by e5"]),
    ],
)
def test_what_a_copy_has_not_is_told(more, said):
    shape = wire.shape_of(wire.read_index({**DESCRIBED, **more}), [])
    told = wire.left_out(shape, shape)
    assert [word in line for word, line in zip(said, told, strict=True)] == [True] * len(said)


def test_what_a_copy_has_not_is_told_of_the_newer_generation():
    index = wire.write_index(placed(INDEXES["dense"]), NEW) | {"read_capacity": DEDICATED, "cmek_id": "k"}
    shape = wire.shape_of(wire.read_index(index), [])
    capacity, key = wire.left_out(shape, shape)
    assert "dedicated read capacity" in capacity
    assert "key of your own" in key


def test_namespaces_that_become_a_part_of_ids_are_told():
    several = wire.shape_of(Index("docs", 8, Metric.COSINE), ["a", "b"])
    one = wire.shape_of(Index("docs", 8, Metric.COSINE), [])
    [note] = wire.left_out(several, one)
    assert "keys=namespaced" in note
    assert wire.left_out(several, several) == []


def test_a_copy_is_made_where_its_source_is_unless_told_otherwise():
    native = wire.shape_of(INDEXES["byoc"], []).native["pinecone"]
    assert wire.place_of(native, {}) == {"byoc": "aws-us-east-1-b921"}
    assert wire.place_of(native, {"region": "eu"}) == {"region": "eu"}
