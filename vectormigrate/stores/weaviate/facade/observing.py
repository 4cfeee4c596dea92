"""Searches that Weaviate answered, as question and matches in neutral terms, so that another store can be asked the same."""

from __future__ import annotations

from uuid import UUID

from google.protobuf.message import DecodeError

from vectormigrate.model.collection import CollectionShape, VectorField
from vectormigrate.model.query import Match, Query
from vectormigrate.stores.weaviate import pb
from vectormigrate.stores.weaviate.wire.clauses import Unanswerable, read_clause
from vectormigrate.stores.weaviate.wire.meaning import translate
from vectormigrate.stores.weaviate.wire.scores import from_distance
from vectormigrate.stores.weaviate.wire.searches import Near, read_search
from vectormigrate.stores.weaviate.wire.shape import layout_of

from .names import Place

Found = tuple[Query, list[Match]]


def found(place: Place, asked: bytes, answered: bytes, shape: CollectionShape) -> Found | None:
    """One search over gRPC; None when it has no neutral form: not by a vector, from an offset, within a distance, or with
    a filter that the model has no words for.
    """
    try:
        request = pb.SearchRequest.FromString(asked)
        results = pb.SearchReply.FromString(answered).results
        ask = read_search(request)
        where = None if ask.where is None else translate(read_clause(ask.where, layout_of(shape)))
        field = _searched(ask.near, shape)
    except (DecodeError, ValueError, KeyError, Unanswerable):
        return None
    if (
        not isinstance(ask.near, Near)
        or ask.near.vector is None
        or ask.near.limited
        or ask.near.fused
        or ask.offset
    ):
        return None
    told = request.metadata.distance and field.metric is not None
    if not told or field.metric is None or (ask.where is not None and where is None):
        return None
    matches = [
        Match(
            place.key(UUID(bytes=one.metadata.id_as_bytes)),
            from_distance(field.metric, one.metadata.distance),
        )
        for one in results
    ]
    return Query(ask.near.vector, field.name, ask.limit, where), matches


def _searched(near: Near | None, shape: CollectionShape) -> VectorField:
    """The vector that is compared. Raises KeyError, ValueError when that is not clear."""
    if near is not None and near.using:
        return shape.vector(near.using)
    [only] = shape.vectors
    return only
