"""A class with every setting that the vendor's client can give, and what that client says of a class."""

from __future__ import annotations

from contextlib import contextmanager
from urllib.parse import urlsplit
from uuid import UUID

import weaviate.classes.config as wvc
from weaviate.classes.config import (
    Configure,
    DataType,
    Property,
    ReferenceProperty,
    Tokenization,
    VectorDistances,
)

from tests.life.weaviate_client import weaviate_client

_V = Configure.VectorIndex
_Q = Configure.VectorIndex.Quantizer
_M = Configure.VectorIndex.MultiVector


@contextmanager
def client_of(endpoint):
    """The vendor's client, over the server of an endpoint."""
    with weaviate_client(urlsplit(endpoint.url).port, int(endpoint.options["grpc_port"])) as client:
        yield client


def make(client, name, *, tenants=False):
    """The class, classes that it refers to, and an object."""
    for other in ("Person", "Place"):
        client.collections.create(other)
    sharding = (
        {}
        if tenants
        else {"sharding_config": Configure.sharding(virtual_per_physical=64, desired_virtual_count=64)}
    )
    client.collections.create(
        name,
        description="what was written",
        properties=_properties(),
        references=[
            ReferenceProperty(name="author", target_collection="Person", description="by whom"),
            ReferenceProperty.MultiTarget(name="about", target_collections=["Person", "Place"]),
        ],
        vector_config=_vectors(),
        inverted_index_config=Configure.inverted_index(
            bm25_b=0.5,
            bm25_k1=1.1,
            cleanup_interval_seconds=33,
            index_timestamps=True,
            index_property_length=True,
            index_null_state=True,
            stopwords_preset=wvc.StopwordsPreset.NONE,
            stopwords_additions=["x"],
        ),
        multi_tenancy_config=Configure.multi_tenancy(
            enabled=tenants, auto_tenant_creation=tenants, auto_tenant_activation=tenants
        ),
        replication_config=Configure.replication(
            factor=1, async_enabled=True, deletion_strategy=wvc.ReplicationDeletionStrategy.DELETE_ON_CONFLICT
        ),
        **sharding,
    )
    objects = client.collections.use(name)
    if tenants:
        objects.tenants.create(["one"])
        objects = objects.with_tenant("one")
    vector = {
        "graph": [1.0, 2.0],
        "binary": [1.0, 2.0, 3.0],
        "scalar": [1.0],
        "rotated": [1.0],
        "many": [[1.0, 2.0]],
    }
    objects.data.insert(
        {"text": "a", "deep": {"a": "b", "deeper": [{"b": 1}]}}, uuid=UUID(int=1), vector=vector
    )


def _properties():
    nested = [
        Property(
            name="a", data_type=DataType.TEXT, tokenization=Tokenization.LOWERCASE, index_filterable=False
        ),
        Property(
            name="deeper",
            data_type=DataType.OBJECT_ARRAY,
            nested_properties=[Property(name="b", data_type=DataType.INT)],
        ),
    ]
    return [
        Property(
            name="text", data_type=DataType.TEXT, tokenization=Tokenization.WHITESPACE, description="words"
        ),
        Property(
            name="label", data_type=DataType.TEXT, tokenization=Tokenization.FIELD, index_searchable=False
        ),
        Property(name="grams", data_type=DataType.TEXT_ARRAY, tokenization=Tokenization.TRIGRAM),
        Property(name="n", data_type=DataType.INT, index_range_filters=True, index_filterable=False),
        Property(name="x", data_type=DataType.NUMBER, index_range_filters=True),
        Property(name="at", data_type=DataType.DATE),
        Property(name="flags", data_type=DataType.BOOL_ARRAY),
        Property(name="who", data_type=DataType.UUID),
        Property(name="raw", data_type=DataType.BLOB),
        Property(name="where", data_type=DataType.GEO_COORDINATES),
        Property(name="deep", data_type=DataType.OBJECT, description="d", nested_properties=nested),
    ]


def _vectors():
    graph = _V.hnsw(
        distance_metric=VectorDistances.DOT,
        ef=77,
        ef_construction=99,
        max_connections=13,
        dynamic_ef_min=7,
        dynamic_ef_max=70,
        dynamic_ef_factor=3,
        flat_search_cutoff=123,
        cleanup_interval_seconds=12,
        vector_cache_max_objects=1234,
        filter_strategy=wvc.VectorFilterStrategy.SWEEPING,
        quantizer=_Q.pq(segments=2, centroids=16, training_limit=55),
    )
    flat = _V.flat(
        distance_metric=VectorDistances.L2_SQUARED,
        vector_cache_max_objects=99,
        quantizer=_Q.bq(cache=True, rescore_limit=9),
    )
    scalar = _V.hnsw(
        distance_metric=VectorDistances.MANHATTAN, quantizer=_Q.sq(training_limit=60, rescore_limit=7)
    )
    return [
        Configure.Vectors.self_provided(name="graph", vector_index_config=graph),
        Configure.Vectors.self_provided(name="binary", vector_index_config=flat),
        Configure.Vectors.self_provided(name="scalar", vector_index_config=scalar),
        Configure.Vectors.self_provided(
            name="rotated", vector_index_config=_V.hnsw(quantizer=_Q.rq(bits=8, rescore_limit=5))
        ),
        Configure.MultiVectors.self_provided(
            name="many",
            encoding=_M.Encoding.muvera(ksim=3, dprojections=8, repetitions=5),
            multi_vector_config=_M.multi_vector(aggregation=wvc.MultiVectorAggregation.MAX_SIM),
        ),
    ]


def said(client, name):
    """What the vendor's client says of a class, but for its name."""
    told = client.collections.use(name).config.get().to_dict()
    assert told.pop("class") == name
    return told
