"""Searches: by Pinecone where it can say what is asked, else by reading every record.

The surprise: what metadata cannot hold natively is invisible to Pinecone's filters, so a namespace that has such
records is filtered here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import Metric, VectorField, VectorKind
from vectormigrate.model.errors import ShapeMismatch, Unsupported
from vectormigrate.model.filter import And, Filter, Native, matches
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import SparseVector
from vectormigrate.stores import exact
from vectormigrate.stores.base import Range
from vectormigrate.stores.pinecone import filters
from vectormigrate.stores.pinecone.errors import NamespaceMissing, unreadable
from vectormigrate.stores.pinecone.wire import metadata
from vectormigrate.stores.pinecone.wire.records import from_score, sent_namespace, sparse_values, to_key

from .catalog import Catalog, Opened
from .link import together
from .reader import Reader
from .waiting import probe_body

MOST = 10_000
"""Matches of one query."""
_PAGE = 500


class Searcher:
    """Answers queries."""

    def __init__(self, catalog: Catalog, reader: Reader) -> None:
        self._catalog = catalog
        self._reader = reader

    async def query(self, opened: Opened, query: Query, namespaces: Sequence[str]) -> list[Match]:
        vector = _searched(opened, query)
        metric = vector.metric or Metric.COSINE
        condition = await self.filter(opened, query.filter, namespaces)
        beside = vector.kind is VectorKind.SPARSE and opened.layout.dense is not None
        if query.exact or query.limit > MOST or condition is None or beside:
            return await self._search_here(opened, query, metric)
        body = _body(query, condition)
        found = await together(lambda one: self._ask(opened, body, one, metric), namespaces)
        best = [hit for hits in found for hit in hits]
        best.sort(key=lambda hit: hit[1], reverse=metric.higher_is_nearer)
        del best[query.limit :]
        records: dict[Any, Any] = {}
        if query.with_record:
            batch = await self._reader.located(opened, [place for place, _ in best])
            records = {record.id: record for record in batch.records()}
        keys = [to_key(opened.layout, *place) for place, _ in best]
        return [Match(key, score, records.get(key)) for key, (_, score) in zip(keys, best, strict=True)]

    async def _ask(
        self, opened: Opened, body: dict[str, Any], namespace: str, metric: Metric
    ) -> list[tuple[tuple[str, str], float]]:
        try:
            answer = await self._catalog.call(
                opened, "POST", "/query", body=body | {"namespace": sent_namespace(namespace)}
            )
        except NamespaceMissing:
            return []
        opened.freshness.saw(namespace, answer)
        try:
            return [
                ((namespace, one["id"]), from_score(metric, one.get("score") or 0.0))
                for one in answer.body.get("matches") or []
            ]
        except (AttributeError, KeyError, TypeError) as error:
            raise unreadable(opened.place, f"a match: {error!r}") from None

    async def filter(
        self, opened: Opened, condition: Filter | None, namespaces: Sequence[str]
    ) -> dict[str, Any] | None:
        """The filter object to send, empty for none; None when Pinecone cannot say it of these records."""
        if condition is None:
            return {}
        try:
            written = filters.to_json(condition)
        except Unsupported:
            if isinstance(condition, Native):
                raise
            return None
        if isinstance(condition, Native):
            return written  # whoever says it in Pinecone's words means what Pinecone sees
        probe = {"filter": {metadata.REST: {"$exists": True}}}
        hidden = await together(
            lambda one: self._ask(opened, probe_body(opened, one) | probe, one, Metric.DOT), namespaces
        )
        return None if any(hidden) else written

    async def _search_here(self, opened: Opened, query: Query, metric: Metric) -> list[Match]:
        """Look at every record, and keep the nearest of those that match."""
        best: list[Match] = []
        condition = query.filter or And(())
        async for batch in self._reader.pages(opened, Range(), _PAGE, bare=False):
            column = batch.vectors[query.using]
            scores = exact.scores(column, query.vector, metric)
            rows = [row for row in range(len(batch)) if column.has(row) and _matches(condition, batch, row)]
            best += [
                Match(batch.ids[row], float(scores[row]), batch.record(row) if query.with_record else None)
                for row in rows
            ]
            best.sort(key=lambda match: match.score, reverse=metric.higher_is_nearer)
            del best[query.limit :]
        return best


def _matches(condition: Filter, batch: Batch, row: int) -> bool:
    return matches(condition, batch.ids[row], batch.payload[row])


def _searched(opened: Opened, query: Query) -> VectorField:
    """The vector field that a query is about. Raises ShapeMismatch when the two do not fit."""
    found = next((one for one in opened.shape.vectors if one.name == query.using), None)
    if found is None:
        raise opened.place.error(ShapeMismatch, f"there is no vector {query.using!r}")
    if isinstance(query.vector, SparseVector) is not (found.kind is VectorKind.SPARSE):
        raise opened.place.error(ShapeMismatch, f"vector {found.name!r} is {found.kind}")
    if not isinstance(query.vector, SparseVector) and len(query.vector) != found.dim:
        raise opened.place.error(
            ShapeMismatch,
            f"vector {found.name!r} has {found.dim} dimensions and the query {len(query.vector)}",
        )
    return found


def _body(query: Query, condition: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"topK": query.limit, "includeValues": False, "includeMetadata": False}
    if condition:
        body["filter"] = condition
    if isinstance(query.vector, SparseVector):
        return body | {"sparseVector": sparse_values(query.vector)}
    return body | {"vector": np.ascontiguousarray(query.vector, np.float32)}
