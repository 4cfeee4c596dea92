"""A query, answered from a neutral store with Pinecone's scores.

Dense and sparse together, Pinecone scores a record by the sum of both dot products. A store searches one vector at a
time, so both lists are read until nothing unseen can be better than what is wanted (the threshold algorithm of
Fagin, Lotem and Naor): the answer is exact if the two lists are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vectormigrate.model.collection import Metric
from vectormigrate.model.errors import ShapeMismatch, Unsupported
from vectormigrate.model.filter import Filter
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Array, Record, SparseVector
from vectormigrate.model.score import exact_score, side_by_side
from vectormigrate.stores.pinecone.filters import from_json
from vectormigrate.stores.pinecone.wire import requests, responses
from vectormigrate.stores.pinecone.wire.records import Malformed, read_numbers, read_sparse

from .rooms import Room

Json = dict[str, Any]

MOST = 10_000
"""Matches of one query."""

_FIELDS = (
    "namespace", "topK", "filter", "includeValues", "includeMetadata", "vector", "sparseVector", "id", "queries",
    "scanFactor", "maxCandidates",  # how hard to look, of which a neutral store knows nothing
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """A query, read and checked."""

    dense: Array | None
    sparse: SparseVector | None
    limit: int
    where: Filter | None


async def query(room: Room | None, body: Mapping[str, Any]) -> list[Json]:
    """The matches of a query, nearest first; none in a namespace that is not there. Raises Malformed, BadFilter."""
    where = from_json(body["filter"]) if body.get("filter") else None
    limit = requests.whole_number(body, "topK", 0, MOST)
    given = requests.text(body, "id")
    if body.get("queries"):
        raise Unsupported("several queries in one request are not served here")
    if bool(given) == bool(body.get("vector") or body.get("sparseVector")):
        raise Malformed("a query must have either a vector or an id")
    requests.only(body, _FIELDS)
    if room is None:
        return []
    wanted = await _by_id(room, given, limit, where) if given else _by_vector(room, body, limit, where)
    if wanted is None:
        return []
    values, metadata = requests.flag(body, "includeValues"), requests.flag(body, "includeMetadata")
    metric, found = await _search(room, wanted, with_record=values or metadata)
    shown = (
        responses.vector_object(
            match.record or Record(match.id), room.layout, values=values, metadata=metadata
        )
        for match in found
    )
    return [responses.scored(one, metric, match.score) for one, match in zip(shown, found, strict=True)]


async def _by_id(room: Room, given: str, limit: int, where: Filter | None) -> Wanted | None:
    batch = await room.fetch([given])
    if not len(batch):
        return None
    record, layout = batch.record(0), room.layout
    dense = record.dense.get(layout.dense) if layout.dense is not None else None
    sparse = record.sparse.get(layout.sparse) if layout.sparse is not None else None
    if dense is not None and sparse is not None:
        raise Unsupported("a query by the id of a record with dense and sparse values is not served here")
    return Wanted(dense, sparse, limit, where)


def _by_vector(room: Room, body: Mapping[str, Any], limit: int, where: Filter | None) -> Wanted:
    layout = room.layout
    dense = sparse = None
    if body.get("vector"):
        if layout.dense is None:
            raise Malformed("Index configuration does not support dense values")
        dense = read_numbers([body["vector"]], layout.dim or len(body["vector"]))[0]
    if body.get("sparseVector"):
        if layout.sparse is None:
            raise Malformed("Index configuration does not support sparse values")
        sparse = read_sparse(body["sparseVector"])
        if dense is None and layout.dense is not None:
            raise Malformed("a query of a dense index must have a dense vector")
    return Wanted(dense, sparse, limit, where)


async def _search(room: Room, wanted: Wanted, *, with_record: bool) -> tuple[Metric, list[Match]]:
    layout = room.layout
    if wanted.dense is not None and wanted.sparse is not None:
        return Metric.DOT, await _hybrid(room, wanted, wanted.dense, wanted.sparse)
    using = layout.sparse if wanted.dense is None else layout.dense
    vector = wanted.sparse if wanted.dense is None else wanted.dense
    if using is None or vector is None:
        raise ShapeMismatch("the index has no such vector", collection=room.collection)
    metric = room.shape.vector(using).metric or Metric.DOT
    asked = Query(vector, using, wanted.limit, wanted.where, with_record=with_record)
    if isinstance(vector, SparseVector):
        return metric, await room.nearest(asked, counts=_overlaps)
    return metric, await room.nearest(asked)


def _overlaps(match: Match) -> bool:
    """A sparse index finds what shares an index with the query; other stores show the rest too, at zero."""
    return match.score != 0.0


async def _hybrid(room: Room, wanted: Wanted, dense: Array, sparse: SparseVector) -> list[Match]:
    layout, depth = room.layout, max(wanted.limit, 50)
    assert layout.dense is not None
    assert layout.sparse is not None
    while True:
        by_dense = await room.nearest(Query(dense, layout.dense, depth, wanted.where, with_record=True))
        by_sparse = await room.nearest(Query(sparse, layout.sparse, depth, wanted.where, with_record=True))
        seen = {match.id: match.record for match in (*by_dense, *by_sparse) if match.record is not None}
        scored = sorted(
            (
                Match(one, _sum(record, layout.dense, layout.sparse, dense, sparse), record)
                for one, record in seen.items()
            ),
            key=lambda match: -match.score,
        )[: wanted.limit]
        all_seen = len(by_dense) < depth
        # A record that neither list has is no better than where both lists end; one without sparse values adds nothing.
        rest = max(by_sparse[-1].score, 0.0) if len(by_sparse) == depth else 0.0
        if all_seen or (len(scored) == wanted.limit and scored[-1].score >= by_dense[-1].score + rest):
            return scored
        depth *= 4


def _sum(record: Record, dense_name: str, sparse_name: str, dense: Array, sparse: SparseVector) -> float:
    held, weights = record.dense.get(dense_name), record.sparse.get(sparse_name)
    total = exact_score(Metric.DOT, dense.astype("f8"), held.astype("f8")) if held is not None else 0.0
    if weights is not None:
        total += exact_score(Metric.DOT, *side_by_side(sparse, weights))
    return total
