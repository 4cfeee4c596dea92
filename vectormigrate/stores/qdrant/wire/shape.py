"""A collection's configuration, as Qdrant tells it and wants it, to and from `CollectionShape`.

What the shape has words for goes into them; the rest (quantisation, placement, optimisers, replicas, payload indexes)
travels as it is in `CollectionShape.native["qdrant"]`, so that a copy in another Qdrant is configured alike. Qdrant
declares no payload fields: those of a shape that came from elsewhere are kept in the collection's own metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

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

KIND = "qdrant"
DISTANCES = {
    "Cosine": Metric.COSINE,
    "Dot": Metric.DOT,
    "Euclid": Metric.EUCLID,
    "Manhattan": Metric.MANHATTAN,
}
METRICS = {metric: distance for distance, metric in DISTANCES.items()}
DATATYPES = {"float32": Element.FLOAT32, "float16": Element.FLOAT16, "uint8": Element.UINT8}
ELEMENTS = {element: datatype for datatype, element in DATATYPES.items()}

_OURS = "vectormigrate"
"""Our key in a collection's metadata."""
_DEFAULT_KEY = "id"
_DEFAULT_HNSW = {"m": 16, "ef_construct": 100}
_PARAMS = (
    "shard_number",
    "sharding_method",
    "replication_factor",
    "write_consistency_factor",
    "on_disk_payload",
    "payload",
)
_CONFIGS = {
    "hnsw_config": "hnsw_config",
    "optimizer_config": "optimizers_config",
    "wal_config": "wal_config",
    "quantization_config": "quantization_config",
    "strict_mode_config": "strict_mode_config",
}
"""Names in an answer, and in a request to create."""
_VECTOR_OWN = frozenset({"size", "distance", "multivector_config"})
"""What a vector's parameters hold that the shape has words for; `datatype` too, where it has one."""
_INDEX_TYPES = {
    FieldType.TEXT: "keyword",
    FieldType.INT: "integer",
    FieldType.FLOAT: "float",
    FieldType.BOOL: "bool",
    FieldType.ARRAY: "keyword",
}


def read_shape(name: str, info: Mapping[str, Any]) -> CollectionShape:
    """The shape of a collection out of the result of `GET /collections/{name}`. Raises StoreBroken, Unsupported."""
    try:
        config = info["config"]
        params = config["params"]
        if params.get("sharding_method") == "custom":
            raise Unsupported(
                f"collection {name!r} is sharded by keys of its own, which cannot be carried yet",
                store=KIND,
                collection=name,
            )
        hnsw = {**_DEFAULT_HNSW, **_given(config.get("hnsw_config"))}
        vectors = _dense_fields(
            params.get("vectors") or {}, hnsw, config.get("quantization_config")
        ) + _sparse_fields(params.get("sparse_vectors") or {})
        ours = (config.get("metadata") or {}).get(_OURS) or {}
        fields = tuple(_read_field(field) for field in ours.get("fields", ()))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise StoreBroken(
            f"the configuration of collection {name!r} cannot be read: {error!r}",
            store=KIND,
            collection=name,
        ) from None
    key = IdField(ours.get("key", _DEFAULT_KEY), IdKind.MIXED)
    return CollectionShape(name, key, vectors, fields, True, (), {KIND: _read_native(info)})


def strict_limits(shape: CollectionShape) -> dict[str, Any]:
    """What strict mode sets for a collection, by Qdrant's names; empty when it is off."""
    given: dict[str, Any] = (shape.native.get(KIND) or {}).get("strict_mode_config") or {}
    return given if given.get("enabled") else {}


def _given(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Options that are set."""
    return {name: value for name, value in (options or {}).items() if value is not None}


def _dense_fields(
    vectors: Mapping[str, Any], hnsw: Mapping[str, Any], quantised: Mapping[str, Any] | None
) -> tuple[VectorField, ...]:
    """`quantised` is how vectors are that say nothing of their own."""
    named = {"": vectors} if "size" in vectors and "distance" in vectors else vectors
    return tuple(_dense_field(name, params, hnsw, quantised) for name, params in named.items())


def _dense_field(
    name: str, params: Mapping[str, Any], hnsw: Mapping[str, Any], quantised: Mapping[str, Any] | None
) -> VectorField:
    graph = {**hnsw, **_given(params.get("hnsw_config"))}
    index = VectorIndex("hnsw", {"m": graph["m"], "ef_construction": graph["ef_construct"]})
    return VectorField(
        name,
        VectorKind.MULTI if params.get("multivector_config") else VectorKind.DENSE,
        DATATYPES.get(params.get("datatype") or "float32", Element.FLOAT32),
        params["size"],
        DISTANCES[params["distance"]],
        nullable=True,
        index=index if graph["m"] else None,
        quantised=_quantised(params.get("quantization_config") or quantised),
    )


def _quantised(config: Mapping[str, Any] | None) -> str:
    return next((f"{KIND}:{way}" for way in _given(config)), "")


def _sparse_fields(vectors: Mapping[str, Any]) -> tuple[VectorField, ...]:
    return tuple(VectorField(name, VectorKind.SPARSE, metric=Metric.DOT, nullable=True) for name in vectors)


def _read_native(info: Mapping[str, Any]) -> dict[str, Any]:
    config = info["config"]
    params = config["params"]
    native: dict[str, Any] = {name: params[name] for name in _PARAMS if params.get(name) is not None}
    for told, wanted in _CONFIGS.items():
        if given := _given(config.get(told)):
            native[wanted] = given
    vectors = params.get("vectors") or {}
    named = {"": vectors} if "size" in vectors and "distance" in vectors else vectors
    extras = {name: _vector_extras(given) for name, given in named.items()}
    extras |= {name: _given(given) for name, given in (params.get("sparse_vectors") or {}).items()}
    native["vectors"] = {name: given for name, given in extras.items() if given}
    metadata = {key: value for key, value in (config.get("metadata") or {}).items() if key != _OURS}
    if metadata:
        native["metadata"] = metadata
    schema = {name: _index_schema(field) for name, field in (info.get("payload_schema") or {}).items()}
    if schema:
        native["payload_schema"] = schema
    return native


def _vector_extras(params: Mapping[str, Any]) -> dict[str, Any]:
    extras = {name: value for name, value in _given(params).items() if name not in _VECTOR_OWN}
    if extras.get("datatype") in DATATYPES:
        del extras["datatype"]
    return extras


def _index_schema(field: Mapping[str, Any]) -> Any:
    """The schema with which an index can be asked for again: its parameters, or only its type."""
    params = _given(field.get("params"))
    return {"type": field["data_type"], **params} if params else field["data_type"]


# Our own part of the metadata.


def _read_field(given: Mapping[str, Any]) -> Field:
    element = given.get("element")
    return Field(
        given["name"],
        FieldType(given["type"]),
        given.get("nullable", True),
        FieldType(element) if element else None,
        given.get("max_length"),
        given.get("indexed", False),
    )


def _write_field(field: Field) -> dict[str, Any]:
    written: dict[str, Any] = {"name": field.name, "type": str(field.type)}
    if not field.nullable:
        written["nullable"] = False
    if field.element is not None:
        written["element"] = str(field.element)
    if field.max_length is not None:
        written["max_length"] = field.max_length
    if field.indexed:
        written["indexed"] = True
    return written


def needs_metadata(shape: CollectionShape) -> bool:
    """Whether a shape says what Qdrant can only keep in a collection's metadata (1.16 and later)."""
    return bool(shape.fields) or shape.id.name != _DEFAULT_KEY


# Making.


def write_create(shape: CollectionShape) -> dict[str, Any]:
    """The body of `PUT /collections/{name}`. Raises Unsupported for what Qdrant cannot hold."""
    native: Mapping[str, Any] = shape.native.get(KIND) or {}
    body = {name: native[name] for name in (*_PARAMS, *_CONFIGS.values()) if name in native}
    extras = native.get("vectors") or {}
    dense = {
        vector.name: {**extras.get(vector.name, {}), **_dense_params(vector, native)}
        for vector in shape.vectors
        if vector.kind is not VectorKind.SPARSE
    }
    sparse = {
        vector.name: _sparse_params(vector, extras)
        for vector in shape.vectors
        if vector.kind is VectorKind.SPARSE
    }
    if "" in dense and len(dense) > 1:
        raise Unsupported("qdrant has either one vector without a name or named ones", collection=shape.name)
    body["vectors"] = dense.get("", dense)
    if sparse:
        body["sparse_vectors"] = sparse
    metadata = dict(native.get("metadata") or {})
    if needs_metadata(shape):
        metadata[_OURS] = {"key": shape.id.name, "fields": [_write_field(field) for field in shape.fields]}
    if metadata:
        body["metadata"] = metadata
    return body


def _dense_params(vector: VectorField, native: Mapping[str, Any]) -> dict[str, Any]:
    if vector.metric not in METRICS or not vector.dim or vector.element not in ELEMENTS:
        raise Unsupported(
            f"qdrant cannot hold vector {vector.name!r}: {vector.element} of {vector.dim} dimensions by {vector.metric}",
            hint="give a metric with --metric if the source declares none" if vector.metric is None else "",
        )
    params: dict[str, Any] = {"size": vector.dim, "distance": METRICS[vector.metric]}
    if vector.element is not Element.FLOAT32:
        params["datatype"] = ELEMENTS[vector.element]
    if vector.kind is VectorKind.MULTI:
        params["multivector_config"] = {"comparator": "max_sim"}
    graph = _graph(vector, native)
    if graph:
        extras = (native.get("vectors") or {}).get(vector.name, {})
        params["hnsw_config"] = {**extras.get("hnsw_config", {}), **graph}
    return params


def _graph(vector: VectorField, native: Mapping[str, Any]) -> dict[str, Any]:
    """What an index of the shape asks for beyond what the collection would give it anyway."""
    if vector.index is None or vector.index.kind != "hnsw":
        return {}
    extras = (native.get("vectors") or {}).get(vector.name, {})
    given = {
        **_DEFAULT_HNSW,
        **_given(native.get("hnsw_config")),
        **_given(extras.get("hnsw_config")),
    }
    params = vector.index.params
    wanted = {
        "m": params.get("m", given["m"]),
        "ef_construct": params.get("ef_construction", given["ef_construct"]),
    }
    return {name: value for name, value in wanted.items() if given[name] != value}


def _sparse_params(vector: VectorField, extras: Mapping[str, Any]) -> dict[str, Any]:
    if not vector.name:
        raise Unsupported("a sparse vector needs a name in qdrant")
    if vector.metric not in (None, Metric.DOT):
        raise Unsupported(f"qdrant compares sparse vectors by dot, not by {vector.metric}")
    params: dict[str, Any] = extras.get(vector.name, {})
    return params


def write_indexes(shape: CollectionShape) -> list[dict[str, Any]]:
    """The bodies of `PUT /collections/{name}/index`, one a payload index."""
    native = (shape.native.get(KIND) or {}).get("payload_schema") or {}
    declared = {
        _quoted(field.name): _INDEX_TYPES[field.type]
        for field in shape.fields
        if field.indexed and field.type in _INDEX_TYPES
    }
    return [{"field_name": name, "field_schema": schema} for name, schema in {**declared, **native}.items()]


def _quoted(key: str) -> str:
    return key if key.replace("_", "a").replace("-", "a").isalnum() else f'"{key}"'


def settle(shape: CollectionShape) -> CollectionShape:
    """The shape as Qdrant would make it: keys of its own kind, vectors that may be missing, any payload key."""
    vectors = tuple(
        replace(vector, nullable=True, metric=Metric.DOT, dim=None)
        if vector.kind is VectorKind.SPARSE
        else replace(vector, nullable=True)
        for vector in shape.vectors
    )
    key = IdField(shape.id.name or _DEFAULT_KEY, IdKind.MIXED)
    return replace(shape, id=key, vectors=vectors, dynamic=True, partitions=())


# As a server: the reverse of reading.


def write_info(shape: CollectionShape, points: int) -> dict[str, Any]:
    """The result of `GET /collections/{name}` for a shape, wherever its records are."""
    body = write_create(settle(shape))
    native = shape.native.get(KIND) or {}
    metadata = native.get("metadata")
    params = {name: body[name] for name in (*_PARAMS, "vectors", "sparse_vectors") if name in body}
    config: dict[str, Any] = {
        "params": {
            "shard_number": 1,
            "replication_factor": 1,
            "write_consistency_factor": 1,
            "on_disk_payload": True,
            **params,
        },
        "hnsw_config": {**_DEFAULT_HNSW, "full_scan_threshold": 10_000, **body.get("hnsw_config", {})},
        "optimizer_config": {
            "deleted_threshold": 0.2,
            "vacuum_min_vector_number": 1000,
            "default_segment_number": 0,
            "flush_interval_sec": 5,
            **body.get("optimizers_config", {}),
        },
        "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0, **body.get("wal_config", {})},
        "quantization_config": body.get("quantization_config"),
    }
    if "strict_mode_config" in body:
        config["strict_mode_config"] = body["strict_mode_config"]
    if metadata:
        config["metadata"] = metadata
    schema = {}
    for index in write_indexes(shape):
        given = index["field_schema"]
        params_of = given if isinstance(given, dict) else None
        data_type = given["type"] if isinstance(given, dict) else given
        schema[index["field_name"]] = {"data_type": data_type, "points": points}
        if params_of:
            schema[index["field_name"]]["params"] = params_of
    return {
        "status": "green",
        "optimizer_status": "ok",
        "points_count": points,
        "indexed_vectors_count": points,
        "segments_count": 1,
        "config": config,
        "payload_schema": schema,
    }
