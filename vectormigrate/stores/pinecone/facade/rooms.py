"""Where records of an index stand in a neutral store: one room for each namespace.

An index is one collection of its own name. Either that is one namespace, and every other one is a collection called
`index/namespace` (so it is made here); or it holds all of them, in the first half of a compound key or as
partitions, as an index that was moved may: then a room is a part of a collection, and what the port cannot ask for
("only this part") is asked for in growing portions until enough of it belongs here.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace

from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import CollectionShape, KeyOrder
from vectormigrate.model.errors import CollectionExists, CollectionMissing, StoreError, Unsupported
from vectormigrate.model.filter import Filter, HasId
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import RecordId
from vectormigrate.stores.base import Content, Range, Store
from vectormigrate.stores.pinecone.wire.records import Malformed, from_key, to_key
from vectormigrate.stores.pinecone.wire.shape import Keys, Layout, layout_of

from .names import Names, belongs_to


@dataclass(frozen=True, slots=True)
class Room:
    """One namespace of one index in a store."""

    store: Store
    shape: CollectionShape
    layout: Layout

    @property
    def collection(self) -> str:
        return self.shape.name

    @property
    def alone(self) -> bool:
        """The collection holds nothing else."""
        return self.layout.keys is Keys.ID

    @property
    def sorted(self) -> bool:
        """A scan gives ids in the order that Pinecone lists them in."""
        return self.alone and self.shape.id.order is KeyOrder.BYTES

    def key(self, given: str) -> RecordId:
        """The key of an id. Raises Malformed when no record here can have it."""
        return to_key(self.layout, self.layout.namespace, given)

    def keys(self, ids: Sequence[str]) -> list[RecordId]:
        """The keys of ids, those left out that no record here can have."""
        keys = []
        for one in ids:
            with suppress(Malformed):
                keys.append(self.key(one))
        return keys

    def text(self, batch: Batch, row: int) -> str | None:
        """The id of a record as Pinecone says it; None when the record is in another namespace."""
        return self._text(batch.ids[row], batch.partition[row] if batch.partition else None)

    def _text(self, record_id: RecordId, partition: str | None) -> str | None:
        try:
            namespace, text = from_key(self.layout, record_id, partition)
        except Malformed:
            return None
        return text if namespace == self.layout.namespace else None

    def _ours(self, batch: Batch) -> Batch:
        if self.alone:
            return batch
        return batch.take([row for row in range(len(batch)) if self.text(batch, row) is not None])

    async def fetch(self, ids: Sequence[str]) -> Batch:
        """The records of these ids that exist."""
        return self._ours(await self.store.fetch(self.collection, self.keys(ids)))

    async def pages(
        self,
        where: Filter | None = None,
        lower: str | None = None,
        *,
        limit: int | None = None,
        content: Content = Content.FULL,
    ) -> AsyncGenerator[tuple[Batch, str], None]:
        """The records behind a cursor, matching a filter if there is one, page by page with the cursor behind each."""
        span = Range(lower)
        if self.layout.keys is Keys.PARTITIONED and content is Content.IDS:
            content = Content.PAYLOAD  # the partition is not told with ids alone
        if where is None:
            found = self.store.scan(self.collection, span, limit=limit, content=content)
        else:
            found = self.store.select(self.collection, where, span, limit=limit, content=content)
        async with aclosing(found) as pages:
            async for page in pages:
                yield self._ours(page.batch), page.cursor

    async def nearest(
        self, query: Query, counts: Callable[[Match], bool] = lambda match: True
    ) -> list[Match]:
        """The nearest records of this namespace, those that do not count left out. What the store cannot be asked for is
        looked for first.
        """
        told = query.with_record or self.layout.keys is Keys.PARTITIONED
        limit = query.limit
        while True:
            try:
                found = await self.store.query(self.collection, replace(query, limit=limit, with_record=told))
            except Unsupported:
                if query.filter is None or isinstance(query.filter, HasId):
                    raise
                query = replace(query, filter=HasId(await self._ids(query.filter)))
                continue
            ours = [match for match in found if self._is_ours(match) and counts(match)]
            if len(ours) >= query.limit or len(found) < limit:
                return ours[: query.limit]
            limit *= 4

    async def _ids(self, where: Filter) -> tuple[RecordId, ...]:
        async with aclosing(self.pages(where, content=Content.IDS)) as pages:
            return tuple([one async for batch, _ in pages for one in batch.ids])

    def _is_ours(self, match: Match) -> bool:
        if self.alone:
            return True
        return self._text(match.id, match.record.partition if match.record is not None else None) is not None

    async def count(self) -> int:
        """The number of records."""
        if self.alone:
            return await self.store.count(self.collection)
        total = 0
        async with aclosing(self.pages(content=Content.IDS)) as pages:
            async for batch, _ in pages:
                total += len(batch)
        return total


@dataclass(frozen=True, slots=True)
class Shelf:
    """One index in a store: the rooms of its namespaces."""

    store: Store
    index: str
    names: Names

    async def shape(self) -> CollectionShape:
        """The shape of one of its collections, which all have alike. Raises CollectionMissing without the index."""
        known = self.names.collections(self.index)[0]
        try:
            return await self._describe(known)
        except CollectionMissing:
            for collection in await self.collections():
                return await self.store.describe(collection)
            raise

    async def collections(self) -> list[str]:
        """The collections of the index."""
        return [name for name in await self.store.collections() if belongs_to(name, self.index)]

    async def room(self, namespace: str) -> Room | None:
        """The room of a namespace, None when there is no such namespace. Raises CollectionMissing without the index."""
        try:
            shape = await self._describe(self.names.place(self.index, namespace).collection)
        except CollectionMissing:
            shape = await self.shape()
            if layout_of(shape).keys is Keys.ID:
                return None
        return Room(self.store, shape, layout_of(shape, namespace))

    async def planned(self, namespace: str) -> tuple[Room, bool]:
        """The room that a namespace has or would have, and whether it has it."""
        room = await self.room(namespace)
        if room is not None:
            return room, True
        shape = replace(await self.shape(), name=self.names.place(self.index, namespace).collection)
        return Room(self.store, shape, layout_of(shape, namespace)), False

    async def made(self, planned: Room) -> Room:
        """The room, made: writing to a namespace is what makes it."""
        try:
            shape = await create(self.store, planned.shape)
        except CollectionExists:
            shape = await self.store.describe(planned.collection)
        return replace(planned, shape=shape)

    async def _describe(self, collection: str) -> CollectionShape:
        try:
            return await self.store.describe(collection)
        except StoreError as error:
            if isinstance(error, CollectionMissing) or _can_be_called(self.store, collection):
                raise
            raise CollectionMissing(f"there is no {collection!r}", collection=collection) from None

    async def counts(self) -> dict[str, int]:
        """The namespaces that there are, canonical, with the number of records in each; an empty default one is none."""
        shape = await self.shape()
        if layout_of(shape).keys is not Keys.ID:
            return await self._counts_inside(shape)
        counts = {
            self.names.namespace_of(self.index, collection): await self.store.count(collection)
            for collection in await self.collections()
        }
        own = self.names.namespace_of(self.index, self.index)
        if counts.get(own) == 0:
            del counts[own]
        return counts

    async def _counts_inside(self, shape: CollectionShape) -> dict[str, int]:
        layout, counts = layout_of(shape), dict[str, int]()
        content = Content.PAYLOAD if layout.keys is Keys.PARTITIONED else Content.IDS
        async with aclosing(self.store.scan(shape.name, Range(), content=content)) as pages:
            async for page in pages:
                for row, one in enumerate(page.batch.ids):
                    partition = page.batch.partition[row] if page.batch.partition else None
                    namespace = from_key(layout, one, partition)[0]
                    counts[namespace] = counts.get(namespace, 0) + 1
        return counts


async def create(store: Store, shape: CollectionShape) -> CollectionShape:
    """Make a collection, searchable at once. Raises CollectionExists, Unsupported."""
    if not _can_be_called(store, shape.name):
        raise Unsupported(
            f"the {store.capabilities.kind} store behind this cannot call anything {shape.name!r}"
        )
    made = await store.create(shape)
    await store.finish_load(made)
    return made


def _can_be_called(store: Store, collection: str) -> bool:
    return re.fullmatch(store.capabilities.collection_pattern, collection, re.DOTALL) is not None
