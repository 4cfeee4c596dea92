"""Searches that Qdrant answered, as question and matches in neutral terms, so that another store can be asked the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from google.protobuf.message import DecodeError

from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import SparseVector
from vectormigrate.stores.qdrant.filters import from_filter
from vectormigrate.stores.qdrant.ids import read_id, read_message_id
from vectormigrate.stores.qdrant.pb import points_pb2
from vectormigrate.stores.qdrant.wire import asking
from vectormigrate.stores.qdrant.wire.questions import Nearest, Search
from vectormigrate.stores.qdrant.wire.requests import read_older_search, read_search

from .searching import by_frequency

Found = tuple[Query, list[Match]]

READERS = {"query": read_search, "search": read_older_search}
"""Of the operations that are observed."""
CALLS: dict[str, tuple[Any, Callable[[Any], Search], Any]] = {
    "query": (points_pb2.QueryPoints, asking.read_search, points_pb2.QueryResponse),
    "search": (points_pb2.SearchPoints, asking.read_older_search, points_pb2.SearchResponse),
}
"""The same over gRPC, with the messages of question and answer."""


class _Hit(msgspec.Struct):
    id: int | str
    score: float


class _Hits(msgspec.Struct):
    points: list[_Hit]


class _Answer(msgspec.Struct):
    result: list[_Hit] | _Hits


_ANSWER = msgspec.json.Decoder(_Answer)


def found(operation: str, asked: bytes, answered: bytes, shape: CollectionShape) -> Found | None:
    """One search over REST; None when it has no neutral form, or no answer."""
    try:
        request = READERS[operation](asked)
        result = _ANSWER.decode(answered).result
        hits = result.points if isinstance(result, _Hits) else result
        matches = [Match(read_id(hit.id), hit.score) for hit in hits]
    except (ValueError, msgspec.DecodeError):
        return None
    query = neutral(request, shape)
    return None if query is None else (query, matches)


def heard(operation: str, asked: bytes, answered: bytes, shape: CollectionShape) -> Found | None:
    """The same of one search over gRPC."""
    question, read, answer = CALLS[operation]
    try:
        request = read(question.FromString(asked))
        hits = answer.FromString(answered).result
        matches = [Match(read_message_id(hit.id), hit.score) for hit in hits]
    except (ValueError, DecodeError):
        return None
    query = neutral(request, shape)
    return None if query is None else (query, matches)


def neutral(request: Search, shape: CollectionShape) -> Query | None:
    """A search in neutral terms; None for any but the nearest to a vector, from an offset, over a threshold, weighted by
    frequency, or with words of its own.
    """
    target = request.query.target if isinstance(request.query, Nearest) else None
    if not isinstance(target, np.ndarray | SparseVector) or request.prefetch:
        return None
    if request.offset or request.threshold is not None:
        return None
    if all(vector.name != request.using for vector in shape.vectors) or by_frequency(shape, request.using):
        return None
    try:
        where = from_filter(request.filter) if request.filter else None
    except (Unsupported, ValueError, LookupError, TypeError, AttributeError):
        return None
    return Query(target, request.using, request.limit, where, request.exact)
