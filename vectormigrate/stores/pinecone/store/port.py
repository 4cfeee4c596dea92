"""`Store` over Pinecone, and what Pinecone can and cannot do.

Reads through one store see what was written through it: they wait until it is visible. For what others wrote there is
`barrier`, which is exact where it is given a position, or where this store may write and so can ask for one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from itertools import pairwise

from vectormigrate.model.batch import Batch
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import CollectionShape, Element, IdKind, KeyOrder
from vectormigrate.model.errors import CollectionMissing, ConfigInvalid, Unsupported
from vectormigrate.model.filter import Filter
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Payload, RecordId
from vectormigrate.stores.base import EVERYWHERE, Content, Endpoint, Page, Range, Store, StoreInfo
from vectormigrate.stores.pinecone.errors import NamespaceMissing
from vectormigrate.stores.pinecone.wire.admission import metadata_fault
from vectormigrate.stores.pinecone.wire.metadata import MAX_BYTES
from vectormigrate.stores.pinecone.wire.records import (
    MAX_SPARSE_INDEX,
    MAX_WEIGHTS,
    canonical_namespace,
    sent_namespace,
    to_partition,
)
from vectormigrate.stores.pinecone.wire.shape import MAX_DIM, MAX_ID, WORDS, Keys, left_out

from .catalog import Catalog, Opened
from .deleter import Deleter
from .inventory import Inventory
from .link import Link, seconds, together
from .reader import Reader
from .searcher import Searcher
from .selecting import Selecting, in_the_model
from .splitting import Splitting
from .waiting import Waiting
from .writer import MOST_RECORDS, Writer

CAPABILITIES = Capabilities(
    kind="pinecone",
    id_kinds=frozenset({IdKind.TEXT}),
    key_order=frozenset({KeyOrder.BYTES, KeyOrder.OTHER}),
    elements=frozenset({Element.FLOAT32}),
    metrics=frozenset(WORDS),
    field_types=frozenset(),
    dynamic=True,
    sparse=True,
    nullable_sparse=True,
    empty_sparse=False,
    max_weights=MAX_WEIGHTS,
    max_sparse_index=MAX_SPARSE_INDEX,
    partitions=True,
    partition_pattern=r"[\x00-\x7f]{0,512}",
    zero_vectors=False,
    zero_vector_under_cosine=False,
    nul_in_text=False,
    scan_page=500,
    write_batch=MOST_RECORDS,
    max_id_bytes=MAX_ID,
    ascii_ids=True,
    max_payload_bytes=MAX_BYTES,
    max_dim=MAX_DIM,
    max_vectors=2,
    max_dense=1,
    name_pattern=r"[^$].*",
    collection_pattern=r"[a-z0-9]([a-z0-9-]{0,43}[a-z0-9])?(/.+)?",
)
_PROBE = "_vm_barrier"
"""An id that nobody has: deleting it changes nothing and says how far the log of a namespace goes."""


class PineconeStore(Store):
    """The indexes of one project, or one host of an index. Options, all optional:

    `timeout`: seconds for an answer. `slow_timeout`: for an index to be made or to go. `quarantine`: seconds after
    which no unanswered request can land. `visible_after`: seconds after which a write is taken to be visible where
    Pinecone says nothing about it. `fetch_lag`: seconds that fetch and list may trail queries, waited behind a position
    besides. `api_version`; `cloud` and `region` of new indexes; `host`: the address of the
    data plane, `{index}` in it the name, instead of asking the control plane (which is then not used). `keys`:
    `namespaced` lets new indexes keep compound keys as namespace and id. `sparse`: whether dense records may have
    sparse values where the index does not say, `auto` (under dotproduct), `yes`, `no`. `inventory`: a file of the ids of
    indexes that cannot list theirs, see `inventory.py`.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._capabilities = CAPABILITIES
        keys = endpoint.options.get("keys", "")
        if keys not in ("", "namespaced"):
            raise ConfigInvalid("the pinecone option 'keys' is namespaced, or left out")
        if keys:
            kinds = CAPABILITIES.id_kinds | {IdKind.COMPOUND}
            self._capabilities = replace(CAPABILITIES, id_kinds=kinds)
        self._quarantine = seconds(endpoint.options, "quarantine", 60.0)
        self._link = Link(endpoint)
        self._catalog = Catalog(self._link, endpoint.options, lambda: self._capabilities)
        self._reader = Reader(self._catalog, Inventory(endpoint.options.get("inventory", "")))
        self._waiting = Waiting(self._catalog, seconds(endpoint.options, "visible_after", 60.0))
        deleter = Deleter(self._catalog, self._reader, self._waiting)
        self._writer = Writer(self._catalog, self._reader, deleter, self._capabilities)
        self._searcher = Searcher(self._catalog, self._reader)
        self._selecting = Selecting(self._catalog, self._reader, self._searcher)
        self._splitting = Splitting(self._catalog, self._reader)
        self._fetch_lag = seconds(endpoint.options, "fetch_lag", 0.0)
        self._writes = False

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    # Looking around, making and unmaking.

    async def info(self) -> StoreInfo:
        names = await self._catalog.names()
        wait = f"reads wait {self._waiting.visible_after:g} s (--source-option visible_after=SECONDS)"
        return StoreInfo(
            "pinecone",
            self._link.version,
            {"address": self._link.control, "indexes": str(len(names))},
            (f"behind a write whose answer has no log sequence number, {wait}",),
        )

    async def collections(self) -> list[str]:
        return await self._catalog.names()

    async def partitions(self, collection: str) -> Mapping[str, str]:
        return await self._catalog.partitions(collection)

    async def describe(self, collection: str) -> CollectionShape:
        return (await self._catalog.describe(collection)).shape

    def misfits(self, batch: Batch) -> Mapping[int, str]:
        faults = {row: metadata_fault(payload) for row, payload in enumerate(batch.payload)}
        return {row: fault for row, fault in faults.items() if fault}

    def left_out(self, source: CollectionShape, made: CollectionShape) -> list[str]:
        return left_out(source, made)

    async def check_create(self, shape: CollectionShape) -> None:
        self._catalog.check_create(shape)

    async def create(self, shape: CollectionShape) -> CollectionShape:
        self._writes = True
        return await self._catalog.create(shape)

    async def finish_load(self, shape: CollectionShape) -> None:
        """Wait: Pinecone indexes as it takes in."""
        self._writes = True
        await self.barrier(shape.name)

    async def drop(self, collection: str) -> None:
        await self._catalog.drop(collection)

    # Reading.

    async def _readable(self, collection: str) -> tuple[Opened, list[str]]:
        """A collection and its namespaces, up to date with what this store has written."""
        opened = await self._catalog.opened(collection)
        namespaces = await self._catalog.namespaces(opened) if opened.freshness.stale() else []
        await self._waiting.settle(opened, namespaces)
        return opened, namespaces

    async def count(self, collection: str) -> int:
        opened, _ = await self._readable(collection)
        return await self._reader.count(opened)

    async def split(self, collection: str, parts: int) -> list[Range]:
        opened, _ = await self._readable(collection)
        cuts = await self._splitting.cuts(opened, parts) if parts > 1 else []
        bounds = [None, *(self.cursor_of(one) for one in cuts), None]
        return [Range(lower, upper) for lower, upper in pairwise(bounds)]

    async def scan(
        self, collection: str, span: Range, *, limit: int | None = None, content: Content = Content.FULL
    ) -> AsyncGenerator[Page, None]:
        opened, _ = await self._readable(collection)
        size = limit or self.capabilities.scan_page
        pages = self._reader.pages(opened, span, size, bare=content is Content.IDS)
        try:
            async for batch in pages:
                yield Page(batch, self.cursor_of(batch.ids[-1]))
        finally:
            await pages.aclose()

    async def select(
        self,
        collection: str,
        where: Filter,
        span: Range = EVERYWHERE,
        *,
        limit: int | None = None,
        content: Content = Content.FULL,
    ) -> AsyncGenerator[Page, None]:
        opened, _ = await self._readable(collection)
        if (written := await self._selecting.narrowed(opened, where)) is not None:
            size = limit or self.capabilities.scan_page
            pages = self._selecting.pages(opened, written, span, size, bare=content is Content.IDS)
            try:
                async for batch in pages:
                    yield Page(batch, self.cursor_of(batch.ids[-1]))
            except Unsupported:  # an older server, before the first page
                pass
            else:
                return
            finally:
                await pages.aclose()
        everything = super().select(collection, in_the_model(where), span, limit=limit, content=content)
        async with aclosing(everything) as found:
            async for page in found:
                yield page

    async def fetch(
        self, collection: str, ids: Sequence[RecordId], *, content: Content = Content.FULL
    ) -> Batch:
        opened, _ = await self._readable(collection)
        return await self._reader.fetch(opened, ids, bare=content is Content.IDS)

    async def query(self, collection: str, query: Query) -> list[Match]:
        query.check_plain()
        opened, namespaces = await self._readable(collection)
        return await self._searcher.query(opened, query, namespaces or await self._catalog.namespaces(opened))

    # Writing.

    async def upsert(self, collection: str, batch: Batch, *, fresh: bool = False) -> WriteResult:
        self._writes = True
        return await self._writer.upsert(await self._catalog.opened(collection), batch)

    async def patch(self, collection: str, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        self._writes = True
        opened, _ = await self._readable(collection)
        return await self._writer.patch(opened, ids, payload)

    async def delete(self, collection: str, ids: Sequence[RecordId]) -> WriteResult:
        self._writes = True
        return await self._writer.delete(await self._catalog.opened(collection), ids)

    # Ordering.

    async def barrier(self, collection: str, *, position: str = "") -> None:
        """A position is the `x-pinecone-request-lsn` of a write, or lines of `namespace=number` where there are several
        namespaces: there a number alone means nothing. Without one, a store that is a target deletes an id that
        nobody has, whose answer says how far the log goes; a source is never written to, and time passes.
        """
        opened = await self._catalog.opened(collection)
        namespaces = await self._catalog.namespaces(opened)
        at = [read_position(line) for line in position.split("\n")] if position else []
        if at and (len(namespaces) == 1 or all(namespace is not None for namespace, _ in at)):
            for namespace, number in at:
                opened.freshness.must_see(namespace or namespaces[0], number)
            await self._waiting.settle(opened, namespaces)
            await asyncio.sleep(self._fetch_lag)
        elif self._writes:
            await together(partial(self._learn, opened), namespaces)
        else:
            await self._waiting.for_time()
        await self._waiting.settle(opened, namespaces)

    async def _learn(self, opened: Opened, namespace: str) -> None:
        body = {"namespace": sent_namespace(namespace), "ids": [_PROBE]}
        try:
            answer = await self._catalog.call(opened, "POST", "/vectors/delete", body=body, writing=True)
        except NamespaceMissing:
            return
        if answer.committed is not None:
            opened.freshness.must_see(namespace, answer.committed)

    async def settle(self) -> float:
        self._writes = True
        return self._quarantine

    def identity(self) -> str:
        return f"pinecone:{self.endpoint.options.get('host') or self._link.control}/{self._link.project}"

    async def locate(self, collection: str) -> str:
        try:
            opened = await self._catalog.opened(collection)
        except CollectionMissing:
            return f"{self.identity()}/{collection}"
        scope = "*" if opened.layout.keys is not Keys.ID else to_partition(opened.layout.namespace) or ""
        return f"pinecone:{opened.base.lower()}/{scope}"

    async def close(self) -> None:
        await self._link.close()


def read_position(position: str) -> tuple[str | None, int]:
    """The namespace, if it says, and the number of a position. Raises Unsupported for anything else."""
    namespace, equals, number = position.rpartition("=")
    if not number.isdecimal():
        raise Unsupported(f"{position!r} is no position in a namespace's log", store="pinecone")
    return canonical_namespace(namespace) if equals else None, int(number)
