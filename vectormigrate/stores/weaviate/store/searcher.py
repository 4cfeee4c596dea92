"""Searches, and ids by filter: by Weaviate where it can say what is asked, and the rest of it by looking at the records.

What Weaviate finds may be too much (see `filters.py`), so more is asked for until enough of it is meant, up to the
most that a search may return; beyond that, and for an exact search, every record is looked at.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import Metric, VectorField, VectorKind
from vectormigrate.model.errors import ShapeMismatch, Unsupported
from vectormigrate.model.filter import And, Filter, Native, foreign_words, matches
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Array, RecordId, SparseVector
from vectormigrate.stores import exact
from vectormigrate.stores.weaviate import pb
from vectormigrate.stores.weaviate.filters import DIALECT, Narrowed, narrow
from vectormigrate.stores.weaviate.wire.conditions import sought
from vectormigrate.stores.weaviate.wire.objects import object_id
from vectormigrate.stores.weaviate.wire.scores import from_distance
from vectormigrate.stores.weaviate.wire.vectors import write_dense, write_multi

from .catalog import Catalog, Opened
from .reader import MOST, Reader

_PAGE = 500


class Searcher:
    """Answers queries. Blocking; safe to share between threads."""

    def __init__(self, catalog: Catalog, reader: Reader) -> None:
        self._catalog = catalog
        self._reader = reader

    def query(self, name: str, query: Query) -> list[Match]:
        opened = self._catalog.opened(name)
        if query.words is not None:
            return self._ranked(opened, query, query.words)
        vector = _searched(opened, query)
        condition = query.filter or And(())
        narrowed = narrow(condition, lambda key, value: sought(opened.layout, key, value))
        comparable = vector.kind is VectorKind.DENSE and vector.metric is not Metric.HAMMING
        here = comparable and not isinstance(condition, Native)
        if not (query.exact and here):
            found = self._search(opened, query, vector, condition, narrowed)
            if found is not None:
                return found
        if not here:
            raise Unsupported(f"weaviate finds at most {MOST} records", store="weaviate", collection=name)
        return self._search_here(opened, query, vector, condition)

    def _ranked(self, opened: Opened, query: Query, words: Native) -> list[Match]:
        """What Weaviate ranks by words, in its own words and with its own scores: those of a tenant are of that tenant alone."""
        if words.dialect != DIALECT:
            raise foreign_words(words)
        narrowed = narrow(query.filter or And(()), lambda key, value: sought(opened.layout, key, value))
        if not narrowed.exact:
            raise Unsupported(
                "weaviate ranks words among other records than those of this filter",
                store="weaviate",
                collection=opened.shape.name,
            )
        found: list[Match] = []
        for tenant in self._reader.tenants(opened.shape.name):
            request = self._reader.request(opened, tenant, min(query.limit, MOST), bare=not query.with_record)
            request.MergeFromString(words.value)
            request.metadata.score = True
            if narrowed.message is not None:
                request.filters.CopyFrom(narrowed.message)
            batch, told = self._reader.search(opened, request, bare=not query.with_record)
            found += [_match(batch, row, told[row].score, query) for row in range(len(batch))]
        return sorted(found, key=lambda match: match.score, reverse=True)[: query.limit]

    def matching(self, name: str, condition: Native) -> list[RecordId]:
        """The ids of what a filter in Weaviate's own words finds, as many as Weaviate itself would act on at once."""
        opened = self._catalog.opened(name)
        narrowed = narrow(condition, lambda key, value: sought(opened.layout, key, value))
        found: list[RecordId] = []
        for tenant in self._reader.tenants(name):
            request = self._reader.request(opened, tenant, MOST, bare=True)
            request.filters.CopyFrom(narrowed.message)
            found += self._reader.search(opened, request, bare=True)[0].ids
        return found

    def _search(
        self, opened: Opened, query: Query, vector: VectorField, condition: Filter, narrowed: Narrowed
    ) -> list[Match] | None:
        """The nearest that match; None when Weaviate's most is not enough to tell."""
        wanted = query.limit if narrowed.exact else min(query.limit * 2, MOST)
        while wanted <= MOST:
            found: list[Match] = []
            whole = True
            for tenant in self._reader.tenants(opened.shape.name):
                matched, count = self._near(opened, tenant, query, vector, condition, narrowed, wanted)
                whole = whole and count < wanted
                found += matched
            if whole or narrowed.exact or len(found) >= query.limit:
                return _best(found, query, vector)
            wanted = wanted * 4 if wanted * 4 <= MOST or wanted == MOST else MOST
        return None

    def _near(
        self,
        opened: Opened,
        tenant: str,
        query: Query,
        vector: VectorField,
        condition: Filter,
        narrowed: Narrowed,
        limit: int,
    ) -> tuple[list[Match], int]:
        """The nearest of one tenant that match, of so many that Weaviate found."""
        bare = narrowed.exact and not query.with_record
        request = self._reader.request(opened, tenant, limit, bare=bare)
        request.metadata.distance = True
        if narrowed.message is not None:
            request.filters.CopyFrom(narrowed.message)
        request.near_vector.CopyFrom(_near_vector(vector, np.asarray(query.vector, np.float32)))
        batch, told = self._reader.search(opened, request, bare=bare)
        metric = vector.metric or Metric.COSINE
        matched = [
            _match(batch, row, from_distance(metric, told[row].distance), query)
            for row in range(len(batch))
            if narrowed.exact or _matches(condition, batch, row)
        ]
        return matched, len(batch)

    def _search_here(
        self, opened: Opened, query: Query, vector: VectorField, condition: Filter
    ) -> list[Match]:
        """Look at every record, and keep the nearest of those that match."""
        best: list[Match] = []
        for tenant in self._reader.tenants(opened.shape.name):
            after, more = None, True
            while more:
                batch, more = self._reader.page(opened.shape.name, tenant, after, _PAGE)
                if not len(batch):
                    break
                after = object_id(batch.ids[-1])
                column = batch.vectors[vector.name]
                scores = exact.scores(column, query.vector, vector.metric or Metric.COSINE)
                best += [
                    _match(batch, row, float(scores[row]), query)
                    for row in range(len(batch))
                    if column.has(row) and _matches(condition, batch, row)
                ]
                best = _best(best, query, vector)
        return best


def _match(batch: Batch, row: int, score: float, query: Query) -> Match:
    return Match(batch.ids[row], score, batch.record(row) if query.with_record else None)


def _matches(condition: Filter, batch: Batch, row: int) -> bool:
    return matches(condition, batch.ids[row], batch.payload[row])


def _best(found: list[Match], query: Query, vector: VectorField) -> list[Match]:
    nearest_first = (vector.metric or Metric.COSINE).higher_is_nearer
    return sorted(found, key=lambda match: match.score, reverse=nearest_first)[: query.limit]


def _near_vector(vector: VectorField, asked: Array) -> Any:
    message = pb.NearVector()
    if vector.name:
        message.targets.target_vectors.append(vector.name)
    if vector.kind is VectorKind.MULTI:
        kind = pb.Vectors.VECTOR_TYPE_MULTI_FP32
        message.vectors.add(name=vector.name, vector_bytes=write_multi(asked), type=kind)
    else:
        message.vector_bytes = write_dense(asked)
    return message


def _searched(opened: Opened, query: Query) -> VectorField:
    """The vector field that a query is about. Raises ShapeMismatch when the two do not fit."""
    found = next((one for one in opened.shape.vectors if one.name == query.using), None)
    mismatch = f"there is no vector {query.using!r}" if found is None else _mismatch(found, query)
    if found is None or mismatch:
        raise ShapeMismatch(mismatch, store="weaviate", collection=opened.shape.name)
    return found


def _mismatch(found: VectorField, query: Query) -> str:
    """Why a query does not fit a vector; empty when it does."""
    dimensions = 2 if found.kind is VectorKind.MULTI else 1
    if isinstance(query.vector, SparseVector) or query.vector.ndim != dimensions:
        return f"vector {found.name!r} is {found.kind}"
    if found.dim is not None and query.vector.shape[-1] != found.dim:
        return f"vector {found.name!r} has {found.dim} dimensions and the query {query.vector.shape[-1]}"
    return ""
