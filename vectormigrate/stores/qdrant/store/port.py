"""`Store` over Qdrant: the blocking parts in threads of this store's own, pages one after the other, and ranges.

The surprise: ids are numbers first and then UUIDs, in one order that Python cannot sort by itself; `ids.order` can.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import Any, ParamSpec, TypeVar

from vectormigrate.model.batch import Batch
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import CollectionShape, VectorField, VectorKind
from vectormigrate.model.errors import ShapeMismatch, StoreError, Unsupported
from vectormigrate.model.filter import Filter, Native, foreign_words
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Payload, RecordId, SparseVector
from vectormigrate.stores.base import EVERYWHERE, Content, Endpoint, Page, Range, Store, StoreInfo
from vectormigrate.stores.options import seconds
from vectormigrate.stores.qdrant import filters
from vectormigrate.stores.qdrant.ids import PointId, following, is_point_id, order

from .catalog import CAPABILITIES, Catalog
from .link import Link
from .reader import Reader
from .writer import Writer

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = 8
_LISTED = 20_000
"""Up to so many records, the ids are all read to cut a collection into ranges; beyond, a sample decides."""
_LISTING_PAGE = 10_000
_SAMPLES = 200
"""Sampled ids a range: bounds come within a few per cent of equal sizes."""


class QdrantStore(Store):
    """One Qdrant. Options: `timeout`, `slow_timeout`, `quarantine` (seconds), `grpc_port` and `consistency`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._link = Link(endpoint)
        self._catalog = Catalog(self._link)
        self._reader = Reader(self._catalog)
        self._writer = Writer(self._catalog, self._reader)
        self._quarantine = seconds(endpoint, "quarantine", 60.0)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="qdrant")

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    async def _run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: call(*args, **kwargs))

    def identity(self) -> str:
        return "qdrant:" + re.sub(r"^(localhost|\[::1\])(?=:)", "127.0.0.1", self._link.address.name.lower())

    async def locate(self, collection: str) -> str:
        return f"{self.identity()}/{await self._run(self._catalog.resolve, collection)}"

    async def info(self) -> StoreInfo:
        version = await self._run(self._link.version_text)
        await self._run(self._catalog.collections)
        records = f"grpc, port {self._link.address.grpc_port}" if self._link.fast else "rest"
        return StoreInfo("qdrant", version, {"address": self._link.address.name, "records by": records})

    async def collections(self) -> list[str]:
        return await self._run(self._catalog.collections)

    async def aliases(self, collection: str = "") -> Mapping[str, str]:
        return await self._run(self._catalog.aliases)

    async def describe(self, collection: str) -> CollectionShape:
        return (await self._run(self._catalog.describe, collection)).shape

    async def check_create(self, shape: CollectionShape) -> None:
        await self._run(self._catalog.check_create, shape)

    async def create(self, shape: CollectionShape) -> CollectionShape:
        return await self._run(self._catalog.create, shape)

    async def finish_load(self, shape: CollectionShape) -> None:
        await self._run(self._catalog.finish_load, shape.name)

    async def add_alias(self, alias: str, collection: str) -> None:
        await self._run(self._catalog.add_alias, alias, collection)

    async def drop(self, collection: str) -> None:
        await self._run(self._catalog.drop, collection)

    # Reading.

    async def count(self, collection: str) -> int:
        return await self._run(self._reader.count, collection)

    async def split(self, collection: str, parts: int) -> list[Range]:
        total = await self._run(self._reader.count, collection)
        if parts < 2 or total < 2:
            return [Range()]
        points = await self._points(collection, total, parts)
        cuts = {len(points) * part // parts for part in range(1, parts)} - {0}
        bounds = [self.cursor_of(points[cut - 1]) for cut in sorted(cuts)]
        return [Range(lower, upper) for lower, upper in zip([None, *bounds], [*bounds, None], strict=True)]

    async def _points(self, collection: str, total: int, parts: int) -> list[PointId]:
        """Ids in order, all of them or a fair sample."""
        if total > _LISTED:
            try:
                drawn = await self._run(self._reader.sample, collection, max(_LISTED // 4, _SAMPLES * parts))
                return sorted(set(drawn), key=order)
            except StoreError as error:
                if error.retryable:
                    raise  # servers before 1.11 draw no samples: then all ids are read
        pages = self._pages(collection, EVERYWHERE, _LISTING_PAGE, bare=True)
        return [record_id async for page in pages for record_id in _point_ids(page.ids)]

    async def scan(
        self, collection: str, span: Range, *, limit: int | None = None, content: Content = Content.FULL
    ) -> AsyncGenerator[Page, None]:
        async with aclosing(
            self._pages(collection, span, limit or CAPABILITIES.scan_page, bare=content is Content.IDS)
        ) as pages:
            async for batch in pages:
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
        try:
            written = filters.to_filter(where)
        except Unsupported:
            if isinstance(where, Native):
                raise
            async with aclosing(
                super().select(collection, where, span, limit=limit, content=content)
            ) as selected:
                async for page in selected:
                    yield page
            return
        size, bare = limit or CAPABILITIES.scan_page, content is Content.IDS
        async with aclosing(self._pages(collection, span, size, bare=bare, where=written)) as pages:
            async for batch in pages:
                yield Page(batch, self.cursor_of(batch.ids[-1]))

    async def _pages(
        self,
        collection: str,
        span: Range,
        size: int,
        *,
        bare: bool = False,
        where: dict[str, Any] | None = None,
    ) -> AsyncGenerator[Batch, None]:
        start = None if span.lower is None else self._behind(span.lower)
        last = None if span.upper is None else order(_point_id(self.key_of(span.upper)))
        more = span.lower is None or start is not None
        while more:
            batch, more = await self._run(self._reader.page, collection, start, size, bare=bare, where=where)
            if not len(batch):
                return
            start = following(_point_id(batch.ids[-1]))
            more = more and start is not None
            if last is not None and order(_point_id(batch.ids[-1])) >= last:
                more = False
                batch = batch.slice(0, sum(order(point) <= last for point in _point_ids(batch.ids)))
            if len(batch):
                yield batch

    def _behind(self, cursor: str) -> PointId | None:
        return following(_point_id(self.key_of(cursor)))

    async def fetch(
        self, collection: str, ids: Sequence[RecordId], *, content: Content = Content.FULL
    ) -> Batch:
        return await self._run(self._reader.fetch, collection, ids, bare=content is Content.IDS)

    async def query(self, collection: str, query: Query) -> list[Match]:
        if query.words is not None:
            if query.words.dialect != filters.DIALECT or query.filter is not None:
                raise foreign_words(query.words)
            return await self._run(self._reader.asked, collection, query, query.words.value)
        opened = await self._run(self._catalog.opened, collection)
        _check_query(opened.shape, query)
        where = None if query.filter is None else filters.to_filter(query.filter)
        return await self._run(self._reader.query, collection, query, where)

    # Writing.

    async def upsert(self, collection: str, batch: Batch, *, fresh: bool = False) -> WriteResult:
        return await self._run(self._writer.upsert, collection, batch)

    async def patch(self, collection: str, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        return await self._run(self._writer.patch, collection, ids, payload)

    async def delete(self, collection: str, ids: Sequence[RecordId]) -> WriteResult:
        return await self._run(self._writer.delete, collection, ids)

    # Ordering.

    async def barrier(self, collection: str, *, position: str = "") -> None:
        """Nothing to wait for behind writes of our own: each was applied when it was acknowledged, on every replica that
        takes part, and reads ask a majority. Behind others' (`position`, any operation id), which may have been
        acknowledged unapplied, a write that changes nothing passes through the same queue and is waited for.
        """
        if position:
            await self._run(self._writer.pass_queue, collection)

    async def settle(self) -> float:
        return self._quarantine

    async def close(self) -> None:
        await asyncio.to_thread(self._link.close)
        await asyncio.to_thread(self._threads.shutdown)


def _point_id(record_id: RecordId) -> PointId:
    if not is_point_id(record_id) or isinstance(record_id, str | tuple):
        raise StoreError(f"{record_id!r} is no point of a qdrant collection")
    return record_id


def _point_ids(ids: Iterable[RecordId]) -> list[PointId]:
    return [_point_id(record_id) for record_id in ids]


def _check_query(shape: CollectionShape, query: Query) -> None:
    """Raise ShapeMismatch when a query does not fit the vector that it is about."""
    mismatch = _mismatch(shape, query)
    if mismatch:
        raise ShapeMismatch(mismatch, store="qdrant", collection=shape.name)


def _mismatch(shape: CollectionShape, query: Query) -> str:
    field = next((vector for vector in shape.vectors if vector.name == query.using), None)
    if field is None:
        return f"there is no vector {query.using!r}"
    if isinstance(query.vector, SparseVector):
        return "" if field.kind is VectorKind.SPARSE else f"vector {field.name!r} is {field.kind}"
    return _dense_mismatch(field, query.vector)


def _dense_mismatch(field: VectorField, vector: Any) -> str:
    if field.kind is VectorKind.SPARSE or vector.ndim != (2 if field.kind is VectorKind.MULTI else 1):
        return f"vector {field.name!r} is {field.kind}"
    if vector.shape[-1] != field.dim:
        return f"vector {field.name!r} has {field.dim} dimensions and the query {vector.shape[-1]}"
    return ""
