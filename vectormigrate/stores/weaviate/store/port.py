"""`Store` over Weaviate: the blocking parts in threads of this store's own, pages one after the other, and ranges.

A scan goes by the ids of objects, tenant by tenant. The surprise: Weaviate draws no samples and sorts by no id, so the
ranges of a large class are found by looking what stands behind ids evenly spread between the first and the last.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace
from itertools import pairwise
from typing import ParamSpec, TypeVar
from uuid import UUID

from vectormigrate.model.batch import Batch
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import CollectionShape, IdKind, KeyOrder
from vectormigrate.model.errors import ConfigInvalid
from vectormigrate.model.filter import Filter, Native
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Payload, RecordId
from vectormigrate.stores.base import EVERYWHERE, Content, Endpoint, Page, Range, Store, StoreInfo
from vectormigrate.stores.options import seconds
from vectormigrate.stores.weaviate.wire.objects import object_id
from vectormigrate.stores.weaviate.wire.shape import left_out

from .catalog import CAPABILITIES, Catalog
from .link import Link
from .reader import Reader
from .searcher import Searcher
from .splitting import Splitting
from .tenants import Tenants
from .woken import Woken
from .writer import Writer

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = 8
_WAKE = {"": False, "no": False, "yes": True}


class WeaviateStore(Store):
    """One Weaviate. Options: `timeout`, `slow_timeout`, `quarantine` (seconds), `grpc_host`, `grpc_port`, `consistency`
    (one, quorum, all), `wake_tenants` (yes, no), and `keys`: `tenants` lets new classes keep compound keys of text and
    UUID as tenant and id.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        wake = endpoint.options.get("wake_tenants", "")
        if wake not in _WAKE:
            raise ConfigInvalid("the weaviate option 'wake_tenants' is yes or no")
        keys = endpoint.options.get("keys", "")
        if keys not in ("", "tenants"):
            raise ConfigInvalid("the weaviate option 'keys' is tenants, or left out")
        self._capabilities = CAPABILITIES
        if keys:
            kinds = CAPABILITIES.id_kinds | {IdKind.COMPOUND}
            orders = CAPABILITIES.key_order | {KeyOrder.OTHER}
            self._capabilities = replace(CAPABILITIES, id_kinds=kinds, key_order=orders)
        self._link = Link(endpoint)
        self._tenants = Tenants(self._link, Woken(endpoint.notes, self._link.address.name), wake=_WAKE[wake])
        self._catalog = Catalog(self._link, self._tenants)
        self._reader = Reader(self._catalog)
        self._searcher = Searcher(self._catalog, self._reader)
        self._splitting = Splitting(self._catalog, self._reader)
        self._writer = Writer(self._catalog, self._reader)
        self._quarantine = seconds(endpoint, "quarantine", 60.0)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="weaviate")

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    async def _run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: call(*args, **kwargs))

    def identity(self) -> str:
        return "weaviate:" + re.sub(
            r"^(localhost|\[::1\])(?=:)", "127.0.0.1", self._link.address.name.lower()
        )

    async def locate(self, collection: str) -> str:
        return f"{self.identity()}/{await self._run(self._catalog.resolve, collection)}"

    async def info(self) -> StoreInfo:
        version = await self._run(self._link.version_text)
        await self._run(self._link.check_health)
        await self._run(self._catalog.collections)
        return StoreInfo(
            "weaviate", version, {"address": self._link.address.name, "grpc": self._link.address.grpc}
        )

    async def collections(self) -> list[str]:
        return await self._run(self._catalog.collections)

    async def aliases(self, collection: str = "") -> Mapping[str, str]:
        return await self._run(self._catalog.aliases)

    async def partitions(self, collection: str) -> Mapping[str, str]:
        return await self._run(self._catalog.partitions, collection)

    async def describe(self, collection: str) -> CollectionShape:
        return (await self._run(self._catalog.describe, collection)).shape

    def left_out(self, source: CollectionShape, made: CollectionShape) -> list[str]:
        return left_out(source, made)

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
        bounds = await self._run(self._splitting.bounds, collection, parts)
        edges = [None, *map(self.cursor_of, bounds), None]
        return [Range(lower, upper) for lower, upper in pairwise(edges)]

    async def scan(
        self, collection: str, span: Range, *, limit: int | None = None, content: Content = Content.FULL
    ) -> AsyncGenerator[Page, None]:
        bare = content is Content.IDS
        lower = await self._run(self._splitting.spot, collection, span.lower)
        upper = await self._run(self._splitting.spot, collection, span.upper)
        for tenant in await self._run(self._reader.tenants, collection):
            if (lower and tenant < lower.tenant) or (upper and tenant > upper.tenant):
                continue
            after = lower.id if lower and tenant == lower.tenant else None
            last = upper.id if upper and tenant == upper.tenant else None
            pages = self._pages(collection, tenant, after, last, limit or CAPABILITIES.scan_page, bare)
            async with aclosing(pages):
                async for batch in pages:
                    yield Page(batch, self.cursor_of(batch.ids[-1]))

    async def _pages(
        self, collection: str, tenant: str, after: UUID | None, last: UUID | None, size: int, bare: bool
    ) -> AsyncGenerator[Batch, None]:
        """The records of a tenant behind an id, up to and with another."""
        more = True
        while more:
            batch, more = await self._run(self._reader.page, collection, tenant, after, size, bare=bare)
            places = [object_id(record_id) for record_id in batch.ids]
            if last is not None and places and places[-1] >= last:
                more = False
                batch = batch.slice(0, sum(place <= last for place in places))
            if len(batch):
                after = places[-1]
                yield batch

    async def select(
        self,
        collection: str,
        where: Filter,
        span: Range = EVERYWHERE,
        *,
        limit: int | None = None,
        content: Content = Content.FULL,
    ) -> AsyncGenerator[Page, None]:
        """No filter goes with a cursor: what Weaviate alone can say is asked for by itself, and everything else read."""
        if not isinstance(where, Native):
            async with aclosing(
                super().select(collection, where, span, limit=limit, content=content)
            ) as pages:
                async for page in pages:
                    yield page
            return
        found = await self._run(self._matching, collection, where, span)
        size = limit or CAPABILITIES.scan_page
        for start in range(0, len(found), size):
            batch = await self.fetch(collection, found[start : start + size], content=content)
            if len(batch):
                yield Page(batch, self.cursor_of(batch.ids[-1]))

    def _matching(self, collection: str, where: Native, span: Range) -> list[RecordId]:
        """The ids that a filter in Weaviate's words finds in a range, in the order of a scan."""
        lower, upper = (self._splitting.spot(collection, bound) for bound in (span.lower, span.upper))
        spots = {
            spot: record_id
            for record_id in self._searcher.matching(collection, where)
            if (spot := self._splitting.spot(collection, self.cursor_of(record_id)))
        }
        return [
            spots[spot]
            for spot in sorted(spots)
            if (lower is None or lower < spot) and (upper is None or spot <= upper)
        ]

    async def fetch(
        self, collection: str, ids: Sequence[RecordId], *, content: Content = Content.FULL
    ) -> Batch:
        return await self._run(self._reader.fetch, collection, ids, bare=content is Content.IDS)

    async def query(self, collection: str, query: Query) -> list[Match]:
        return await self._run(self._searcher.query, collection, query)

    # Writing.

    async def upsert(self, collection: str, batch: Batch, *, fresh: bool = False) -> WriteResult:
        return await self._run(self._writer.upsert, collection, batch)

    async def patch(self, collection: str, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        return await self._run(self._writer.patch, collection, ids, payload)

    async def delete(self, collection: str, ids: Sequence[RecordId]) -> WriteResult:
        return await self._run(self._writer.delete, collection, ids)

    # Ordering.

    async def barrier(self, collection: str, *, position: str = "") -> None:
        """Nothing to wait for: a write is acknowledged by as many replicas as reads ask that the two overlap."""
        await self._run(self._catalog.opened, collection)

    async def settle(self) -> float:
        return self._quarantine

    async def close(self) -> None:
        await asyncio.to_thread(self._tenants.restore)
        await asyncio.to_thread(self._link.close)
        await asyncio.to_thread(self._threads.shutdown)
