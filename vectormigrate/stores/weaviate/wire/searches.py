"""What a search asks for, whichever API it came by: which objects, in what order, and what of each is told.

What only Weaviate can answer (it calls a model, ranks words, groups, combines vectors) raises `Unanswerable` here: a
request is either understood whole or refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from vectormigrate.model.record import Array
from vectormigrate.stores.weaviate import pb

from .clauses import Unanswerable
from .vectors import read_dense, read_multi

MOST = 10_000
"""Objects that one search can reach, those that it skips included (`QUERY_MAXIMUM_RESULTS`)."""
DEFAULT_LIMIT = 10
"""Objects of a search that does not say how many (`QUERY_DEFAULTS_LIMIT`)."""
_REFUSED = {
    "group_by": "groups",
    "near_text": "a search for a meaning",
    "near_image": "a search for an image",
    "near_audio": "a search for a sound",
    "near_video": "a search for a video",
    "near_depth": "a search for a depth map",
    "near_thermal": "a search for a thermal image",
    "near_imu": "a search for a movement",
    "generative": "an answer that is generated",
    "rerank": "a second ranking",
    "boost": "a boosted ranking",
}


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """What is searched: a vector, or what is like an object."""

    vector: Array | None = None
    """(dim,) or (tokens, dim) float32."""
    object_id: str = ""
    using: str | None = None
    """The vector that is compared; None where the class has only one."""
    distance: float | None = None
    certainty: float | None = None
    fused: bool = False
    """Asked as a hybrid search in which only the vector counts: what is told is a score, and no distance."""

    @property
    def limited(self) -> bool:
        """Whether what is too far is left out."""
        return self.distance is not None or self.certainty is not None


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is told of an object besides its properties."""

    uuid: bool = False
    vector: bool = False
    vectors: tuple[str, ...] = ()
    created: bool = False
    updated: bool = False
    distance: bool = False
    certainty: bool = False
    score: bool = False
    consistent: bool = False


@dataclass(frozen=True, slots=True)
class Members:
    """Which properties are told: all but blobs and references, or those that are named, objects by their members."""

    everything: bool = True
    named: Mapping[str, Members | None] = field(default_factory=dict, hash=False)
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """What is told of the objects that a property points to."""

    name: str
    target: str = ""
    """The class, where there are several."""
    members: Members = field(default_factory=Members)
    metadata: Metadata = field(default_factory=Metadata)


@dataclass(frozen=True, slots=True)
class Sort:
    """One key to sort by."""

    name: str
    ascending: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """A search."""

    class_name: str
    tenant: str = ""
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    after: str | None = None
    """Go on behind this id; "" from the start."""
    sort: tuple[Sort, ...] = ()
    where: Any = None
    """A `Filters` message."""
    near: Near | None = None
    words: bytes | None = None
    """What ranks words, a `SearchRequest` of nothing else: only Weaviate itself knows what comes of it."""
    members: Members = field(default_factory=Members)
    metadata: Metadata = field(default_factory=Metadata)


def read_search(request: Any) -> Ask:
    """A `SearchRequest`. Raises ValueError for what Weaviate refuses, Unanswerable."""
    for name, what in _REFUSED.items():
        if request.HasField(name):
            raise Unanswerable(what)
    if request.autocut:
        raise Unanswerable("a cut where the scores jump")
    words = _read_words(request)
    near = _read_near(request) if words is None else None
    if (near is not None or words is not None) and request.sort_by:
        raise ValueError("sorting cannot be combined with search")
    return Ask(
        request.collection,
        request.tenant,
        request.limit or DEFAULT_LIMIT,
        request.offset,
        request.after or None,
        tuple(_read_sort(one) for one in request.sort_by),
        request.filters if request.HasField("filters") else None,
        near,
        words,
        read_members(request.properties) if request.HasField("properties") else Members(),
        read_metadata(request.metadata),
    )


def _read_sort(one: Any) -> Sort:
    if len(one.path) != 1:
        raise Unanswerable("an order by what is referred to")
    return Sort(one.path[0], one.ascending)


def _read_words(request: Any) -> bytes | None:
    """The part of a search that ranks words, if it has one. Raises Unanswerable for one that asks a model as well."""
    if request.HasField("bm25_search"):
        return bytes(pb.SearchRequest(bm25_search=request.bm25_search).SerializeToString())
    if not request.HasField("hybrid_search") or _counts_vectors_alone(request.hybrid_search):
        return None
    if request.hybrid_search.HasField("near_text"):
        raise Unanswerable("a search for a meaning")
    return bytes(pb.SearchRequest(hybrid_search=request.hybrid_search).SerializeToString())


def _counts_vectors_alone(hybrid: Any) -> bool:
    """Whether a hybrid search is one by a vector, which is how frameworks search."""
    alpha = hybrid.alpha_param if hybrid.use_alpha_param else hybrid.alpha
    plain = hybrid.fusion_type != pb.Hybrid.FUSION_TYPE_RANKED and not hybrid.HasField("vector_distance")
    return bool(
        alpha == 1 and plain and not hybrid.HasField("selection") and not hybrid.HasField("near_text")
    )


def _read_near(request: Any) -> Near | None:
    if request.HasField("near_vector"):
        return read_near_vector(request.near_vector)
    if request.HasField("hybrid_search"):
        return _read_hybrid(request.hybrid_search)
    return read_near_object(request.near_object) if request.HasField("near_object") else None


def _limits(near: Any, name: str) -> tuple[float | None, float | None]:
    distance = near.distance if near.HasField("distance") else None
    certainty = near.certainty if near.HasField("certainty") else None
    if distance is not None and certainty is not None:
        raise ValueError(f"{name}: cannot provide distance and certainty")
    if near.HasField("selection"):
        raise Unanswerable("a selection of what differs")
    return distance, certainty


def read_near_vector(near: Any) -> Near:
    """A `NearVector`. Raises ValueError, Unanswerable."""
    distance, certainty = _limits(near, "near_vector")
    using = _read_using(near)
    named = [(one.name, list(one.vectors) or [one]) for one in near.vector_for_targets]
    named += [(name, [pb.Vectors(vector_bytes=raw)]) for name, raw in near.vector_per_target.items()]
    if named:
        if len(named) > 1 or len(named[0][1]) > 1:
            raise Unanswerable("a search by several vectors at once")
        using, [vector] = named[0]
        return Near(_read_vector(vector), "", using, distance, certainty)
    if len(near.vectors) > 1:
        raise ValueError(f"near_vector: only 1 vector supported, found {len(near.vectors)} vectors")
    if near.vectors:
        return Near(_read_vector(near.vectors[0]), "", using, distance, certainty)
    if not near.vector_bytes and not near.vector:
        raise ValueError("near_vector: vector is required")
    vector = read_dense(near.vector_bytes) if near.vector_bytes else np.array(near.vector, np.float32)
    return Near(vector, "", using, distance, certainty)


def _read_hybrid(hybrid: Any) -> Near:
    """A `Hybrid` whose words count for nothing. Raises ValueError, Unanswerable."""
    near = hybrid.near_vector
    if not hybrid.HasField("near_vector"):
        names = {
            name: getattr(hybrid, name) for name in ("vector", "vector_bytes", "vectors", "target_vectors")
        }
        near = pb.NearVector(**names, targets=hybrid.targets if hybrid.HasField("targets") else None)
    return replace(read_near_vector(near), fused=True)


def read_near_object(near: Any) -> Near:
    """A `NearObject`. Raises ValueError, Unanswerable."""
    distance, certainty = _limits(near, "near_object")
    if not near.id:
        raise ValueError("near_object: id is required")
    return Near(None, near.id, _read_using(near), distance, certainty)


def _read_using(near: Any) -> str | None:
    names = list(near.targets.target_vectors) if near.HasField("targets") else list(near.target_vectors)
    if len(names) > 1:
        raise Unanswerable("a search by several vectors at once")
    return names[0] if names else None


def _read_vector(vector: Any) -> Array:
    many = getattr(vector, "type", 0) == pb.Vectors.VECTOR_TYPE_MULTI_FP32
    return read_multi(vector.vector_bytes) if many else read_dense(vector.vector_bytes)


def read_members(request: Any) -> Members:
    """A `PropertiesRequest`. A property that is named and has members is told with all of them."""
    named: dict[str, Members | None] = dict.fromkeys(request.non_ref_properties)
    named |= {one.prop_name: _read_object(one) for one in request.object_properties}
    references = tuple(
        Reference(
            one.reference_property,
            one.target_collection,
            read_members(one.properties) if one.HasField("properties") else Members(everything=False),
            read_metadata(one.metadata),
        )
        for one in request.ref_properties
    )
    return Members(request.return_all_nonref_properties, named, references)


def _read_object(request: Any) -> Members:
    named: dict[str, Members | None] = dict.fromkeys(request.primitive_properties)
    named |= {one.prop_name: _read_object(one) for one in request.object_properties}
    return Members(everything=False, named=named)


def read_metadata(request: Any) -> Metadata:
    """A `MetadataRequest`. Explanations of scores and profiles of searches are not there, and nothing is said of them."""
    return Metadata(
        request.uuid,
        request.vector,
        tuple(request.vectors),
        request.creation_time_unix,
        request.last_update_time_unix,
        request.distance,
        request.certainty,
        request.score,
        request.is_consistent,
    )
