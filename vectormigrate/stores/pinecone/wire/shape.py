"""Index descriptions of both generations to and from collection shapes.

Until API version 2025-10 an index has `dimension`, `metric`, `vector_type` and `spec`; from 2026-07 on it has
`schema.fields` (`_values` and `_sparse_values` are the vectors of the vectors API) and `deployment`.

Pinecone has no place for the names of a key and of vectors, nor for what its namespaces mean, so an index that we
make carries them as tags. How namespaces and ids make up the key of a record is `Keys`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

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

DEFAULT_NAMESPACE = "__default__"
SCHEMA_VERSION = "2026-07"
"""The first API version whose index descriptions have a schema."""
PLACE = ("aws", "us-east-1")
MAX_ID = 512
MAX_DIM = 20_000

METRICS = {"cosine": Metric.COSINE, "dotproduct": Metric.DOT, "euclidean": Metric.EUCLID}
WORDS = {metric: word for word, metric in METRICS.items()}

_TAG_PREFIX = "vm_"
_TAG_ID, _TAG_DENSE, _TAG_SPARSE = "vm_id", "vm_dense", "vm_sparse"
TAG_KEYS = "vm_keys"
"""The tag that says what the namespaces of an index mean: one of `Keys`."""
_TAG_FIRST, _TAG_SECOND = "vm_first", "vm_second"
_MAX_TAG = 120


class Keys(StrEnum):
    """What identifies a record of an index."""

    ID = "id"
    """Its id: one namespace is all there is."""
    NAMESPACED = "namespaced"
    """A compound key of namespace and id, because ids repeat across namespaces."""
    PARTITIONED = "partitioned"
    """Its id, unique over all namespaces, which are the partitions of the collection."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a collection's parts stand in Pinecone's objects."""

    collection: str
    dense: str | None
    """The name of the column that is `values`; None for a sparse index."""
    sparse: str | None
    """The name of the column that is `sparseValues`; None when records have none."""
    dim: int | None = None
    keys: Keys = Keys.ID
    namespace: str = DEFAULT_NAMESPACE
    """The one namespace, for `Keys.ID`."""
    part_kinds: tuple[IdKind, IdKind] = (IdKind.TEXT, IdKind.TEXT)
    """What namespace and id are written from, for `Keys.NAMESPACED`."""


def layout_of(shape: CollectionShape, namespace: str = DEFAULT_NAMESPACE) -> Layout:
    """The layout that a shape has: the first dense and the first sparse vector are the ones that Pinecone shows."""
    dense = next((vector for vector in shape.vectors if vector.kind is VectorKind.DENSE), None)
    sparse = next((vector for vector in shape.vectors if vector.kind is VectorKind.SPARSE), None)
    keys = Keys.PARTITIONED if shape.partitions else Keys.ID
    kinds = (IdKind.TEXT, IdKind.TEXT)
    if shape.id.kind is IdKind.COMPOUND and len(shape.id.parts) == 2:
        keys = Keys.NAMESPACED
        kinds = (shape.id.parts[0].kind, shape.id.parts[1].kind)
    return Layout(
        shape.name,
        dense.name if dense else None,
        sparse.name if sparse else None,
        dense.dim if dense else None,
        keys,
        namespace,
        kinds,
    )


@dataclass(frozen=True, slots=True)
class Index:
    """One index as the control plane describes it, either generation."""

    name: str
    dimension: int | None
    """None for a sparse index."""
    metric: Metric
    host: str = ""
    ready: bool = True
    state: str = "Ready"
    sparse: bool | None = None
    """Whether records may have sparse values beside dense ones; None when the description does not say."""
    pod: Mapping[str, Any] | None = None
    """`environment`, `pod_type`, `replicas`, `shards` of a pod index; None for the others."""
    cloud: str = ""
    region: str = ""
    """Of a serverless index; `PLACE` is written where they are empty."""
    byoc: str = ""
    """The environment in a cloud of one's own; "" for the others."""
    protected: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    apart: Mapping[str, Any] = field(default_factory=dict)
    """What another index is not given: `read_capacity` if dedicated, `embed`, `cmek_id`, and `indexed`, which is what of the
    metadata can be filtered by.
    """
    foreign: tuple[str, ...] = ()
    """Vector fields that the vectors API does not reach: an index with these is for the documents API."""


def read_index(described: Mapping[str, Any]) -> Index:
    """An index description, parsed, of either generation. Raises KeyError or TypeError for anything else."""
    status = described.get("status") or {}
    common: dict[str, Any] = {
        "name": described["name"],
        "host": described.get("host") or "",
        "ready": bool(status.get("ready", True)),
        "state": status.get("state") or "Ready",
        "protected": described.get("deletion_protection") == "enabled",
        "tags": dict(described.get("tags") or {}),
        "apart": _read_apart(described),
    }
    if "deployment" in described:
        return Index(**common, **_read_schema(described), **_read_deployment(described["deployment"]))
    spec = described.get("spec") or {}
    byoc = spec.get("byoc") or {}
    place = byoc or spec.get("serverless") or {}
    if described.get("vector_type") == "sparse":
        vectors: dict[str, Any] = {"dimension": None, "metric": Metric.DOT, "sparse": True}
    else:
        metric = METRICS[described.get("metric") or "cosine"]
        # Sparse values can be queried under dotproduct only.
        vectors = {
            "dimension": described["dimension"],
            "metric": metric,
            "sparse": None if metric is Metric.DOT else False,
        }
    return Index(
        **common,
        **vectors,
        pod=spec.get("pod"),
        cloud=place.get("cloud") or "",
        region=place.get("region") or "",
        byoc=byoc.get("environment") or "",
    )


def _read_apart(described: Mapping[str, Any]) -> dict[str, Any]:
    spec = described.get("spec") or {}
    place = spec.get("byoc") or spec.get("serverless") or {}
    reading = described.get("read_capacity") or place.get("read_capacity") or {}
    told = {
        "read_capacity": reading if reading.get("mode") == "Dedicated" else None,
        "embed": described.get("embed"),
        "cmek_id": described.get("cmek_id"),
        "indexed": (place.get("schema") or {}).get("fields"),
    }
    return {key: value for key, value in told.items() if value}


def _read_schema(described: Mapping[str, Any]) -> dict[str, Any]:
    fields: Mapping[str, Any] = (described.get("schema") or {}).get("fields") or {}
    vectors = {name: one for name, one in fields.items() if str(one.get("type", "")).endswith("_vector")}
    vectors |= {name: one for name, one in fields.items() if one.get("type") == "semantic_text"}
    dense, sparse = vectors.pop("_values", None), vectors.pop("_sparse_values", None)
    metric = METRICS[dense.get("metric") or "cosine"] if dense else Metric.DOT
    has_sparse: bool | None = bool(sparse)
    if dense and not sparse and metric is Metric.DOT:
        has_sparse = None
    return {
        "dimension": dense["dimension"] if dense else None,
        "metric": metric,
        "sparse": has_sparse,
        "foreign": tuple(sorted(vectors)),
    }


def _read_deployment(deployment: Mapping[str, Any]) -> dict[str, Any]:
    if deployment.get("deployment_type") == "pod":
        return {"pod": {key: value for key, value in deployment.items() if key != "deployment_type"}}
    if deployment.get("deployment_type") == "byoc":
        return {"byoc": deployment["environment"]}
    return {
        "cloud": deployment.get("cloud") or "",
        "region": deployment.get("region") or "",
    }


def write_index(index: Index, version: str) -> dict[str, Any]:
    """The description of an index in the generation that a request's `X-Pinecone-Api-Version` asks for."""
    described: dict[str, Any] = {
        "name": index.name,
        "host": index.host,
        "status": {"ready": index.ready, "state": index.state},
        "deletion_protection": "enabled" if index.protected else "disabled",
    }
    if index.tags:
        described["tags"] = dict(index.tags)
    if version >= SCHEMA_VERSION:
        described |= {"schema": write_schema(index), "deployment": _write_deployment(index)}
        described["read_capacity"] = {"mode": "OnDemand", "status": {"state": "Ready"}}
        return described
    described["metric"] = WORDS[index.metric]
    described["vector_type"] = "sparse" if index.dimension is None else "dense"
    if index.dimension is not None:
        described["dimension"] = index.dimension
    described["spec"] = write_spec(index)
    return described


def write_schema(index: Index) -> dict[str, Any]:
    """`schema` of the newer generation: the vectors under the names that the vectors API reserves."""
    fields: dict[str, Any] = {}
    if index.dimension is not None:
        fields["_values"] = {
            "type": "dense_vector",
            "dimension": index.dimension,
            "metric": WORDS[index.metric],
        }
    if index.sparse or index.dimension is None:
        fields["_sparse_values"] = {"type": "sparse_vector"}
    return {"fields": fields}


def _write_deployment(index: Index) -> dict[str, Any]:
    if index.byoc:
        return {"deployment_type": "byoc", "environment": index.byoc}
    if index.pod is None:
        return {"deployment_type": "managed", **_write_place(index)}
    return {
        "deployment_type": "pod",
        "environment": index.pod.get("environment", ""),
        "pod_type": index.pod.get("pod_type", "p1.x1"),
        "replicas": index.pod.get("replicas", 1),
        "shards": index.pod.get("shards", 1),
    }


def write_spec(index: Index) -> dict[str, Any]:
    """`spec` of the older generation."""
    if index.pod is not None:
        return {"pod": dict(index.pod)}
    return {"byoc": {"environment": index.byoc}} if index.byoc else {"serverless": _write_place(index)}


def _write_place(index: Index) -> dict[str, str]:
    return {"cloud": index.cloud or PLACE[0], "region": index.region or PLACE[1]}


def create_request(index: Index, version: str) -> dict[str, Any]:
    """The body of `POST /indexes` that makes an index like this, in the generation of the version."""
    body = write_index(index, version)
    for answered in ("host", "status", "read_capacity"):
        body.pop(answered, None)
    return body


# Indexes and shapes.


def index_of(shape: CollectionShape, **place: Any) -> Index:
    """The index that a shape describes, tagged with the names that Pinecone has no place for.

    `place` is what a shape does not say: host, cloud, region, byoc, pod, state. Raises ValueError, saying why, for a shape
    that no index can be.
    """
    dense = [vector for vector in shape.vectors if vector.kind is VectorKind.DENSE]
    sparse = [vector for vector in shape.vectors if vector.kind is VectorKind.SPARSE]
    if (
        len(dense) > 1
        or len(sparse) > 1
        or len(dense) + len(sparse) != len(shape.vectors)
        or not shape.vectors
    ):
        raise ValueError("an index holds one dense vector, one sparse vector, or one of each")
    metric = _metric_of(dense, sparse)
    tags = {_TAG_ID: _escape(shape.id.name), TAG_KEYS: str(layout_of(shape).keys)}
    for tag, vectors in ((_TAG_DENSE, dense), (_TAG_SPARSE, sparse)):
        if vectors:
            tags[tag] = _escape(vectors[0].name)
    if shape.id.kind is IdKind.COMPOUND:
        if len(shape.id.parts) != 2 or shape.partitions:
            raise ValueError("a compound key must have two parts, which become namespace and id")
        first, second = shape.id.parts
        tags[_TAG_FIRST] = _escape(f"{first.kind}.{first.name}")
        tags[_TAG_SECOND] = _escape(f"{second.kind}.{second.name}")
    return Index(
        shape.name,
        dense[0].dim if dense else None,
        metric,
        sparse=bool(sparse),
        tags=tags,
        **place,
    )


def _metric_of(dense: Sequence[VectorField], sparse: Sequence[VectorField]) -> Metric:
    for vector in (*dense, *sparse):
        if vector.kind is VectorKind.DENSE and (not vector.dim or vector.element is not Element.FLOAT32):
            raise ValueError(f"vector {vector.name!r} must be float32 and have a dimension")
        if sparse and vector.metric not in (None, Metric.DOT):
            raise ValueError("sparse vectors, and dense ones beside them, are compared by dot product only")
    if sparse:
        return Metric.DOT
    metric = dense[0].metric or Metric.COSINE
    if metric not in WORDS:
        raise ValueError(f"pinecone does not compare by {metric}")
    return metric


def shape_of(
    index: Index, namespaces: Sequence[str], *, keys: Keys | None = None, sparse: bool | None = None
) -> CollectionShape:
    """The shape of an index whose namespaces are these (canonical).

    `keys` is what the caller wants its namespaces to mean, None to go by the tags, or else by whether there are
    several. `sparse` says whether dense records may have sparse values where the index does not.
    """
    tags = {key: _unescape(value) for key, value in index.tags.items()}
    made_here = _TAG_ID in tags
    if keys is None:
        keys = Keys(tags[TAG_KEYS]) if tags.get(TAG_KEYS) in [*Keys] else None
    if keys is None:
        keys = Keys.NAMESPACED if len(namespaces) > 1 else Keys.ID
    vectors = []
    if index.dimension is not None:
        vectors.append(
            VectorField(
                tags.get(_TAG_DENSE, "values"), dim=index.dimension, metric=index.metric, nullable=False
            )
        )
    has_sparse = index.sparse
    if has_sparse is None:
        has_sparse = _TAG_SPARSE in tags if made_here else sparse is not False
    if has_sparse or (sparse and not made_here):
        name = tags.get(_TAG_SPARSE, "sparse_values")
        vectors.append(
            VectorField(name, VectorKind.SPARSE, metric=Metric.DOT, nullable=index.dimension is not None)
        )
    partitions = tuple(sorted(set(namespaces) - {DEFAULT_NAMESPACE})) if keys is Keys.PARTITIONED else ()
    return CollectionShape(
        index.name,
        _id_field(tags, keys),
        tuple(vectors),
        dynamic=True,
        partitions=partitions,
        native=_native(index),
    )


def _native(index: Index) -> dict[str, Any]:
    """What only another index can take over, and what not even that: the place, tags that are not ours, and the rest."""
    tags = {key: value for key, value in index.tags.items() if not key.startswith(_TAG_PREFIX)}
    told = {
        "cloud": index.cloud,
        "region": index.region,
        "byoc": index.byoc,
        "tags": tags,
        "protected": index.protected,
        "pod": dict(index.pod or {}),
        **index.apart,
    }
    kept = {key: value for key, value in told.items() if value}
    return {"pinecone": kept} if kept else {}


def place_of(native: Mapping[str, Any], asked: Mapping[str, str]) -> dict[str, str]:
    """Where a copy of an index is made. What was `asked` for comes first."""
    wanted = ("cloud", "region") if asked else ("cloud", "region", "byoc")
    return {key: native[key] for key in wanted if key in native} | dict(asked)


def left_out(source: CollectionShape, made: CollectionShape) -> list[str]:
    """What an index says of itself and its copy does not: a line each. What is protected could not be taken away by a
    rollback; what is paid for, or kept elsewhere, is not ours to order.
    """
    native: Mapping[str, Any] = source.native.get("pinecone") or {}
    told = []
    if source.id.kind is IdKind.COMPOUND and made.id.kind is not IdKind.COMPOUND:
        told.append(
            "the target's index has one namespace, their names are part of its ids: --target-option keys=namespaced keeps them"
        )
    if pod := native.get("pod"):
        told.append(
            f"the source runs on pods ({pod.get('pod_type')}): the target's index is serverless, where --target-option cloud "
            "and region say"
        )
    if native.get("indexed") or (native.get("pod") or {}).get("metadata_config"):
        told.append("only some metadata of the source can be filtered by, all of the target's can")
    if native.get("protected"):
        told.append("deletion protection is not carried: switch it on behind the cutover")
    if native.get("read_capacity"):
        told.append("dedicated read capacity is not carried: configure it ahead of the cutover")
    if embed := native.get("embed"):
        told.append(
            f"texts are turned into vectors by {embed.get('model')} in the source's index: the target's takes vectors alone"
        )
    if native.get("cmek_id"):
        told.append(
            "the source is encrypted with a key of your own, the target's index is not: make that yourself to have it so"
        )
    return told


def _id_field(tags: Mapping[str, str], keys: Keys) -> IdField:
    name = tags.get(_TAG_ID, "id")
    if keys is not Keys.NAMESPACED:
        return IdField(name, IdKind.TEXT, KeyOrder.BYTES, MAX_ID)
    parts = (
        _part(tags.get(_TAG_FIRST, "text.namespace")),
        _part(tags.get(_TAG_SECOND, "text.id")),
    )
    return IdField(tags.get(_TAG_ID, "key"), IdKind.COMPOUND, KeyOrder.OTHER, None, parts)


def _part(text: str) -> IdField:
    kind, _, name = text.partition(".")
    order = KeyOrder.BYTES if kind == IdKind.TEXT else KeyOrder.OTHER
    return IdField(name, IdKind(kind), order, MAX_ID if kind == IdKind.TEXT else None)


# Tags hold letters, digits and ";@_-.+ " only; anything else in a name is "+" and two hexadecimal digits a byte.


def _escape(name: str) -> str:
    escaped = re.sub(
        r"[^0-9A-Za-z;@_. -]", lambda one: "".join(f"+{byte:02x}" for byte in one[0].encode()), name
    )
    if not escaped or len(escaped) > _MAX_TAG:
        raise ValueError(f"the name {name[:40]!r} cannot be kept in a tag of {_MAX_TAG} characters")
    return escaped


def _unescape(tag: str) -> str:
    parts = re.split(r"((?:\+[0-9a-f]{2})+)", tag)
    parts[1::2] = [bytes.fromhex(part.replace("+", "")).decode(errors="replace") for part in parts[1::2]]
    return "".join(parts)
