"""Classes that tests share, as a server describes them, and the vendor's client as encoder and decoder."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from vectormigrate.model.collection import (
    CollectionShape,
    Element,
    Field,
    FieldType,
    IdField,
    IdKind,
    Metric,
    VectorField,
    VectorKind,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from weaviate.collections.batch.grpc_batch import _BatchGRPC
    from weaviate.collections.classes.batch import _BatchObject
    from weaviate.collections.queries.base_executor import _BaseExecutor
    from weaviate.util import _ServerVersion

FOREIGN: dict[str, Any] = {
    "class": "Article",
    "description": "what was written",
    "vectorConfig": {
        "title": {
            "vectorizer": {"text2vec-openai": {"model": "small"}},
            "vectorIndexType": "hnsw",
            "vectorIndexConfig": {"distance": "dot", "maxConnections": 8, "efConstruction": 64, "pq": {"enabled": True}},
        },
        "tokens": {
            "vectorizer": {"none": {}},
            "vectorIndexType": "hnsw",
            "vectorIndexConfig": {"distance": "cosine", "multivector": {"enabled": True, "aggregation": "maxSim"}},
        },
        "flat": {
            "vectorizer": {"none": {}},
            "vectorIndexType": "flat",
            "vectorIndexConfig": {"distance": "l2-squared", "bq": {"enabled": True}},
        },
        "grown": {
            "vectorizer": {"none": {}},
            "vectorIndexType": "dynamic",
            "vectorIndexConfig": {"distance": "manhattan", "threshold": 10, "hnsw": {"maxConnections": 4}, "flat": {}},
        },
    },
    "invertedIndexConfig": {"indexNullState": True, "bm25": {"b": 0.5, "k1": 1.1}},
    "replicationConfig": {"factor": 2},
    "shardingConfig": {"desiredCount": 3, "actualCount": 3, "virtualPerPhysical": 128, "key": "_id"},
    "multiTenancyConfig": {"enabled": False},
    "properties": [
        {"name": "text", "dataType": ["text"], "tokenization": "whitespace"},
        {"name": "number", "dataType": ["number"]},
        {"name": "int", "dataType": ["int"], "indexFilterable": False},
        {"name": "boolean", "dataType": ["boolean"]},
        {"name": "date", "dataType": ["date"]},
        {"name": "uuid", "dataType": ["uuid"]},
        {"name": "blob", "dataType": ["blob"]},
        {"name": "geo", "dataType": ["geoCoordinates"]},
        {"name": "phone", "dataType": ["phoneNumber"]},
        {
            "name": "object",
            "dataType": ["object"],
            "nestedProperties": [
                {"name": "n", "dataType": ["int"]},
                {"name": "texts", "dataType": ["text[]"]},
                {"name": "deeper", "dataType": ["object"], "nestedProperties": [{"name": "x", "dataType": ["number"]}]},
            ],
        },
        {"name": "objects", "dataType": ["object[]"], "nestedProperties": [{"name": "n", "dataType": ["int"]}]},
        *({"name": f"{kind}s", "dataType": [f"{kind}[]"]} for kind in ("text", "number", "int", "boolean", "date", "uuid")),
        {"name": "author", "dataType": ["Person"]},
        {"name": "about", "dataType": ["Person", "Place"]},
    ],
}  # fmt: skip
"""A class that somebody else made, with everything in it."""

MADE = CollectionShape(
    "Docs",
    IdField("doc", IdKind.UUID),
    (
        VectorField("vec", VectorKind.DENSE, Element.FLOAT32, 3, Metric.EUCLID),
        VectorField("tokens", VectorKind.MULTI, Element.FLOAT32, 2, Metric.COSINE),
    ),
    (
        Field("label", FieldType.TEXT),
        Field("n", FieldType.INT),
        Field("x", FieldType.FLOAT),
        Field("flag", FieldType.BOOL),
        Field("when", FieldType.DATETIME),
        Field("which", FieldType.UUID),
        Field("raw", FieldType.BYTES),
        Field("any", FieldType.JSON),
        Field("tags", FieldType.ARRAY, element=FieldType.TEXT),
    ),
    True,
)
"""A shape of ours."""


def vendors_object(
    collection: str,
    uuid: object,
    properties: dict[str, Any],
    vector: Any = None,
    references: dict[str, Any] | None = None,
    tenant: str | None = None,
) -> Any:
    """A `BatchObject` as the vendor's client writes it."""
    encoder = _BatchGRPC(_ServerVersion(1, 38, 0), None, None)
    return encoder.grpc_object(_BatchObject(collection, vector, str(uuid), properties, tenant, references, 0))


def as_the_vendor_reads(properties: Any) -> dict[str, Any]:
    """The `Properties` of an answer as the vendor's client gives them to an application."""
    reader = object.__new__(_BaseExecutor)
    parsed: dict[str, Any] = reader._BaseExecutor__parse_nonref_properties_result(properties)
    return parsed


def floats(*numbers: float) -> np.ndarray:
    return np.array(numbers, np.float32)
