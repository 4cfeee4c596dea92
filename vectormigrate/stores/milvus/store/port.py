"""`Store` over Milvus: the blocking client in threads of this store's own, pages one after the other, and searches.

The surprise: a search that must be exact reads the records and is answered here. So is one whose filter Milvus cannot say, unless
few match: then only their payloads are read, and Milvus is asked for the nearest of their ids.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np

from vectormigrate.model.batch import Batch
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import CollectionShape, Element, Metric, VectorField, VectorKind
from vectormigrate.model.errors import ShapeMismatch, Unsupported
from vectormigrate.model.filter import Filter, HasId, Native, foreign_words, matches
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Payload, Record, RecordId, SparseVector
from vectormigrate.stores import exact
from vectormigrate.stores.base import EVERYWHERE, Content, Endpoint, Page, Range, Store, StoreInfo
from vectormigrate.stores.milvus import filters
from vectormigrate.stores.milvus.wire import requests, results
from vectormigrate.stores.milvus.wire.declared import left_out
from vectormigrate.stores.milvus.wire.native import DIALECT
from vectormigrate.stores.milvus.wire.records import never_returned
from vectormigrate.stores.milvus.wire.schema import DataType
from vectormigrate.stores.milvus.wire.server import MAX_WINDOW
from vectormigrate.stores.options import seconds

from .catalog import Catalog, Opened
from .link import Link
from .reader import EVERYTHING, Condition, Reader
from .writer import Writer

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = 8
_LISTING = 200_000
"""Ids that one page of a listing may hold where the server sets no limit."""
_NAMED = 10_000
"""Records that a search names one by one, where Milvus has no words for its filter."""
_EXACT_INDEXES = frozenset({"flat", "BIN_FLAT", "BRUTE_FORCE"})


class MilvusStore(Store):
    """One Milvus. Options: `timeout`, `slow_timeout`, `quarantine` (seconds) and `database`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._link = Link(endpoint)
        self._catalog = Catalog(self._link)
        self._reader = Reader(self._catalog)
        self._writer = Writer(self._catalog, self._reader)
        self._quarantine = seconds(endpoint, "quarantine", 60.0)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="milvus")
        self._capabilities: Capabilities | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Those of the server that answers; dials, and blocks for it, when nothing has dialled before."""
        if self._capabilities is None:
            self._capabilities = self._catalog.server.capabilities()
        return self._capabilities

    async def _run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: call(*args, **kwargs))

    def identity(self) -> str:
        address, database = self._link.address, self.endpoint.options.get("database", "")
        place = str(Path(address.path).resolve()) if address.path else address.target.lower()
        place = re.sub(r"^(localhost|\[::1\])(?=:)", "127.0.0.1", place)
        return f"milvus:{place}/{database or 'default'}"

    async def info(self) -> StoreInfo:
        await self._run(self._catalog.collections)
        server = self._catalog.server
        kind = "milvus lite" if server.lite else "milvus"
        details = {"server": kind, "address": self._link.name}
        if self._link.absent:
            details["database"] = "not there yet: made when a collection is created"
        return StoreInfo("milvus", server.version, details)

    async def collections(self) -> list[str]:
        return await self._run(self._catalog.collections)

    async def aliases(self, collection: str = "") -> Mapping[str, str]:
        return await self._run(self._catalog.aliases, collection)

    async def partitions(self, collection: str) -> Mapping[str, str]:
        return await self._run(self._catalog.partitions, collection)

    def misfits(self, batch: Batch) -> Mapping[int, str]:
        return never_returned(batch.ids, self._catalog.server)

    async def describe(self, collection: str) -> CollectionShape:
        return (await self._run(self._catalog.describe, collection)).shape

    def left_out(self, source: CollectionShape, made: CollectionShape) -> list[str]:
        return left_out(source, made, self._catalog.server)

    async def check_create(self, shape: CollectionShape) -> None:
        await self._run(self._catalog.check_create, shape)

    async def create(self, shape: CollectionShape) -> CollectionShape:
        return await self._run(self._catalog.create, shape)

    async def finish_load(self, shape: CollectionShape) -> None:
        await self._run(self._catalog.finish_load, shape)

    async def add_alias(self, alias: str, collection: str) -> None:
        await self._run(self._catalog.add_alias, alias, collection)

    async def drop(self, collection: str) -> None:
        await self._run(self._catalog.drop, collection)

    # Reading.

    async def count(self, collection: str) -> int:
        return await self._run(self._reader.count, collection)

    async def split(self, collection: str, parts: int) -> list[Range]:
        opened = await self._run(self._catalog.readable, collection)
        total = await self._run(self._reader.count, collection) if parts > 1 else 0
        if total < 2:
            return [Range()]
        size = self._catalog.server.page_limit or _LISTING
        wanted = {total * part // parts for part in range(1, parts)} - {0}
        bounds: list[str] = []
        seen = 0
        async for batch in self._batches(opened, Range(), size, content=Content.IDS):
            bounds += [
                self.cursor_of(batch.ids[place - seen - 1])
                for place in sorted(wanted)
                if seen < place <= seen + len(batch)
            ]
            seen += len(batch)
        return [Range(lower, upper) for lower, upper in zip([None, *bounds], [*bounds, None], strict=True)]

    async def scan(
        self, collection: str, span: Range, *, limit: int | None = None, content: Content = Content.FULL
    ) -> AsyncGenerator[Page, None]:
        opened = await self._run(self._catalog.readable, collection)
        size = limit or self.capabilities.scan_page
        async for batch in self._batches(opened, span, size, content=content):
            yield Page(batch, self.cursor_of(batch.ids[-1]))

    async def select(
        self,
        collection: str,
        where: Filter,
        span: Range = EVERYWHERE,
        *,
        limit: int | None = None,
        content: Content = Content.FULL,
    ) -> AsyncGenerator[Page, None]:
        """Asks Milvus where it can say exactly that, and otherwise reads everything."""
        opened = await self._run(self._catalog.readable, collection)
        condition = self._condition(opened, where)
        if condition is None:
            async with aclosing(
                super().select(collection, where, span, limit=limit, content=content)
            ) as pages:
                async for page in pages:
                    yield page
            return
        size = limit or self.capabilities.scan_page
        async for batch in self._batches(opened, span, size, content=content, condition=condition):
            yield Page(batch, self.cursor_of(batch.ids[-1]))

    def _condition(self, opened: Opened, where: Filter) -> Condition | None:
        """A filter as Milvus says it, its own words as they are; None where it has no words for it."""
        if isinstance(where, Native):
            if where.dialect != DIALECT:
                raise foreign_words(where)
            text, values = where.value
            return Condition(text, values)
        expression = self._expression(opened, where)
        return None if expression is None else Condition(expression)

    async def _batches(
        self,
        opened: Opened,
        span: Range,
        size: int,
        *,
        content: Content = Content.FULL,
        condition: Condition = EVERYTHING,
    ) -> AsyncIterator[Batch]:
        layout = opened.layout
        lower = None if span.lower is None else self.key_of(span.lower)
        upper = None if span.upper is None else self.key_of(span.upper)
        more = True
        while more:
            expression = filters.key_between(layout.key.name, layout.id_kind, lower, upper)
            batch, more = await self._run(
                self._reader.page, opened.shape.name, expression, size, content=content, condition=condition
            )
            if len(batch):
                yield batch
                lower = batch.ids[-1]

    async def fetch(
        self, collection: str, ids: Sequence[RecordId], *, content: Content = Content.FULL
    ) -> Batch:
        return await self._run(self._reader.fetch, collection, ids, content=content)

    # Searching.

    async def query(self, collection: str, query: Query) -> list[Match]:
        opened = await self._run(self._catalog.readable, collection)
        if query.words is not None:
            return await self._ranked(opened, query, query.words)
        field = self._searched(opened, query)
        condition = EVERYTHING if query.filter is None else self._condition(opened, query.filter)
        column = next(column for column in opened.layout.vectors if column.name == field.name)
        exactly = query.exact and (field.index is None or field.index.kind not in _EXACT_INDEXES)
        beyond = query.limit > MAX_WINDOW or column.type == DataType.BFloat16Vector
        if exactly or beyond:
            return await self._search_here(opened, query, field, condition)
        if condition is None:
            assert query.filter is not None, "without one there is nothing to say"
            found = await self._looked_up(collection, query.filter)
            if found is None:
                return await self._search_here(opened, query, field, None)
            return await self.query(collection, replace(query, filter=found)) if found.ids else []
        request = requests.search_request(
            opened.layout,
            column,
            query.vector,
            metric=field.metric or Metric.COSINE,
            limit=query.limit,
            expression=condition.text,
            values=condition.values,
            index=field.index,
        )
        answer = await self._run(self._catalog.read, "Search", request, opened)
        hits = results.read_matches(answer.results, field.metric or Metric.COSINE)
        records = await self._records(collection, [hit for hit, _ in hits]) if query.with_record else {}
        return [Match(hit, score, records.get(hit)) for hit, score in hits]

    async def _ranked(self, opened: Opened, query: Query, words: Native) -> list[Match]:
        """What Milvus ranks in its own words, with its own scores, as it comes."""
        if words.dialect != DIALECT or query.filter is not None:
            raise foreign_words(words)
        method, given = words.value
        request = requests.given_request(opened.layout, method, given)
        answer = await self._run(self._catalog.read, method, request, opened)
        hits = results.read_matches(answer.results, Metric.DOT)
        name = opened.shape.name
        records = await self._records(name, [hit for hit, _ in hits]) if query.with_record else {}
        return [Match(hit, score, records.get(hit)) for hit, score in hits]

    async def _looked_up(self, collection: str, where: Filter) -> HasId | None:
        """What matches a filter that Milvus has no words for, found without reading vectors; None where a list of ids would not do."""
        if isinstance(where, HasId):
            return None
        ids: list[RecordId] = []
        async with aclosing(self.select(collection, where, content=Content.PAYLOAD)) as pages:
            async for page in pages:
                ids += page.batch.ids
                if len(ids) > _NAMED:
                    return None
        return HasId(tuple(ids))

    async def _records(self, collection: str, ids: Sequence[RecordId]) -> dict[RecordId, Record]:
        batch = await self._run(self._reader.fetch, collection, ids)
        return {record.id: record for record in batch.records()}

    def _searched(self, opened: Opened, query: Query) -> VectorField:
        """The vector field that a query is about. Raises ShapeMismatch when the two do not fit."""
        name = opened.layout.collection
        field = next((vector for vector in opened.shape.vectors if vector.name == query.using), None)
        if field is None:
            raise ShapeMismatch(f"there is no vector {query.using!r}", store="milvus", collection=name)
        sparse = isinstance(query.vector, SparseVector)
        if sparse != (field.kind is VectorKind.SPARSE):
            raise ShapeMismatch(f"vector {field.name!r} is {field.kind}", store="milvus", collection=name)
        if not isinstance(query.vector, SparseVector):
            given = len(query.vector) * (8 if field.element is Element.BINARY else 1)
            if given != field.dim:
                raise ShapeMismatch(
                    f"vector {field.name!r} has {field.dim} dimensions and the query {given}",
                    store="milvus",
                    collection=name,
                )
        return field

    def _expression(self, opened: Opened, condition: Filter) -> str | None:
        nulls = self._catalog.server.nullable_fields
        try:
            return filters.to_expression(condition, opened.shape, single=opened.layout.single, nulls=nulls)
        except Unsupported:
            return None

    async def _search_here(
        self, opened: Opened, query: Query, field: VectorField, condition: Condition | None
    ) -> list[Match]:
        """Look at every record that may match, and keep the nearest."""
        metric = field.metric or Metric.COSINE
        best: list[Match] = []
        size = self.capabilities.scan_page
        async for batch in self._batches(opened, Range(), size, condition=condition or EVERYTHING):
            scores = exact.scores(batch.vectors[field.name], query.vector, metric)
            wanted = np.array([_may_match(batch, row, field, query, condition) for row in range(len(batch))])
            rows = np.flatnonzero(wanted)
            order = rows[
                np.argsort(-scores[rows] if metric.higher_is_nearer else scores[rows], kind="stable")
            ]
            best += [
                Match(batch.ids[row], float(scores[row]), batch.record(row) if query.with_record else None)
                for row in order[: query.limit]
            ]
            best.sort(key=lambda match: match.score, reverse=metric.higher_is_nearer)
            del best[query.limit :]
        return best

    # Writing.

    async def upsert(self, collection: str, batch: Batch, *, fresh: bool = False) -> WriteResult:
        return await self._run(self._writer.upsert, collection, batch)

    async def patch(self, collection: str, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        return await self._run(self._writer.patch, collection, ids, payload)

    async def delete(self, collection: str, ids: Sequence[RecordId]) -> WriteResult:
        return await self._run(self._writer.delete, collection, ids)

    # Ordering.

    async def barrier(self, collection: str, *, position: str = "") -> None:
        """Nothing to wait for: every read here asks for strong consistency."""

    async def settle(self) -> float:
        return 0.0 if self._link.address.path else self._quarantine

    async def close(self) -> None:
        await asyncio.to_thread(self._link.close)
        await asyncio.to_thread(self._threads.shutdown)


def _may_match(batch: Batch, row: int, field: VectorField, query: Query, said: Condition | None) -> bool:
    if not batch.vectors[field.name].has(row):
        return False
    if query.filter is None or said is not None:
        return True
    return matches(query.filter, batch.ids[row], batch.payload[row])
