"""A store around the target of an earlier migration: shows its records as they were in the source of that migration.

Whoever copies from here copies what left, ids, names, types and layout, by the inverse of the plan by which it went. A
record that cannot be said so, because somebody else wrote it, has a fault, and stands under the id that it has here.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import CollectionShape, KeyOrder
from vectormigrate.model.errors import RecordRefused, StoreBroken, Unsupported
from vectormigrate.model.filter import Filter
from vectormigrate.model.identity import IdRule
from vectormigrate.model.inverse import Inverse
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Payload, RecordId
from vectormigrate.model.specification import WayBack

from .base import EVERYWHERE, Content, Page, Range, Store
from .surrogate import keyed
from .wrapper import Wrapper


def returned(store: Store, back: WayBack | None) -> Store:
    """The store in the terms of where its records came from; itself where there is no way back to go."""
    return store if back is None else ReturnedStore(store, back)


class ReturnedStore(Wrapper):
    """One collection as its records were before they came here. To be read only."""

    def __init__(self, inner: Store, back: WayBack) -> None:
        super().__init__(keyed(inner, back.plan, back.shape.id))
        self._back = back
        self._inverse = Inverse(back.plan, back.shape)

    async def describe(self, collection: str) -> CollectionShape:
        """What the source was, under the name that is asked for, with pages in the order in which they come here."""
        held = await self._inner.describe(collection)
        shape, same = self._back.shape, self._back.plan.id_rule is IdRule.SAME
        order = held.id.order if same else KeyOrder.OTHER
        partitions = (held.partitions or shape.partitions) if shape.partitions else ()
        return replace(shape, name=collection, id=replace(shape.id, order=order), partitions=partitions)

    def _batch(self, batch: Batch, content: Content) -> Batch:
        ids = [self._inverse.source_id(one) for one in batch.ids]
        if content is Content.IDS:
            known = [here if one is None else one for one, here in zip(ids, batch.ids, strict=True)]
            return Batch(known, payload=[{} for _ in known])
        if None not in ids:
            try:
                return self._inverse.batch(batch)
            except (RecordRefused, StoreBroken):
                pass  # one of them: which is found out below
        return self._one_by_one(batch)

    def _one_by_one(self, batch: Batch) -> Batch:
        faults = dict(batch.faults)
        ids: list[RecordId] = []
        payloads: list[Payload] = []
        for row, (one, payload) in enumerate(zip(batch.ids, batch.payload, strict=True)):
            source_id = self._inverse.source_id(one)
            ids.append(one if source_id is None else source_id)
            payloads.append({})
            if source_id is None:
                faults.setdefault(row, "no id of the migration's source became this one")
                continue
            try:
                payloads[row] = self._inverse.payload(payload, source_id)
            except (RecordRefused, StoreBroken) as error:
                faults.setdefault(row, error.message)
        columns, places = self._inverse.columns(batch), self._inverse.partitions(batch)
        return replace(batch, ids=ids, vectors=columns, payload=payloads, partition=places, faults=faults)

    async def scan(
        self, collection: str, span: Range, *, limit: int | None = None, content: Content = Content.FULL
    ) -> AsyncGenerator[Page, None]:
        async with aclosing(self._inner.scan(collection, span, limit=limit, content=content)) as pages:
            async for page in pages:
                yield Page(self._batch(page.batch, content), page.cursor)

    def select(
        self,
        collection: str,
        where: Filter,
        span: Range = EVERYWHERE,
        *,
        limit: int | None = None,
        content: Content = Content.FULL,
    ) -> AsyncGenerator[Page, None]:
        """By reading everything: a filter is about what the records were."""
        return Store.select(self, collection, where, span, limit=limit, content=content)

    def cursor_of(self, record_id: RecordId) -> str:
        return self._inner.cursor_of(self._inverse.target_id(record_id))

    def key_of(self, cursor: str) -> RecordId:
        key = self._inner.key_of(cursor)
        source = self._inverse.source_id(key)
        return key if source is None else source

    async def fetch(
        self, collection: str, ids: Sequence[RecordId], *, content: Content = Content.FULL
    ) -> Batch:
        wanted = [self._inverse.target_id(one) for one in ids]
        return self._batch(await self._inner.fetch(collection, wanted, content=content), content)

    # Nobody asks for these: what stands still is copied, and neither searched nor written.

    async def query(self, collection: str, query: Query) -> list[Match]:
        raise _read_only(collection)

    async def upsert(self, collection: str, batch: Batch, *, fresh: bool = False) -> WriteResult:
        raise _read_only(collection)

    async def insert(self, collection: str, batch: Batch) -> WriteResult:
        raise _read_only(collection)

    async def patch(self, collection: str, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        raise _read_only(collection)

    async def delete(self, collection: str, ids: Sequence[RecordId]) -> WriteResult:
        raise _read_only(collection)


def _read_only(collection: str) -> Unsupported:
    return Unsupported(
        "the source of a way back is copied, and neither searched nor written", collection=collection
    )
