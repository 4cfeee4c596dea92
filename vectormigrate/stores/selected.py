"""A store around a source: shows only the records that a migration moves, and passes writes on.

Everything that reads the source of a migration reads it through here, so that backfill, replays, comparisons and
rollbacks agree on what belongs without knowing of it. Whole records are read to be judged, unless the store can say
itself which match.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import IdField
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.filter import And, Filter
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import RecordId
from vectormigrate.model.selection import Selection

from .base import EVERYWHERE, Content, Page, Range, Store
from .wrapper import Wrapper


def selected(store: Store, selection: Selection) -> Store:
    """The store, showing what belongs; itself where everything does."""
    return SelectedStore(store, selection) if selection else store


class SelectedStore(Wrapper):
    """One source, in part."""

    def __init__(self, inner: Store, selection: Selection) -> None:
        super().__init__(inner)
        self._selection = selection
        self._keys: dict[str, IdField] = {}

    async def _key(self, collection: str) -> IdField:
        if collection not in self._keys:
            self._keys[collection] = (await self._inner.describe(collection)).id
        return self._keys[collection]

    async def count(self, collection: str) -> int:
        """Counted by reading: no store is trusted to count what matches."""
        total = 0
        async with aclosing(self.scan(collection, EVERYWHERE, content=Content.IDS)) as pages:
            async for page in pages:
                total += len(page.batch)
        return total

    async def scan(
        self, collection: str, span: Range, *, limit: int | None = None, content: Content = Content.FULL
    ) -> AsyncGenerator[Page, None]:
        key = await self._key(collection)
        async with aclosing(self._read(collection, self._selection.filter(key), span, limit)) as pages:
            async for page in pages:
                batch = self._belonging(page.batch, key, content)
                if len(batch):
                    yield Page(batch, page.cursor)

    async def select(
        self,
        collection: str,
        where: Filter,
        span: Range = EVERYWHERE,
        *,
        limit: int | None = None,
        content: Content = Content.FULL,
    ) -> AsyncGenerator[Page, None]:
        key = await self._key(collection)
        ours = self._selection.filter(key)
        both = where if ours is None else And((ours, where))
        async with aclosing(self._read(collection, both, span, limit)) as pages:
            async for page in pages:
                batch = self._belonging(page.batch, key, content)
                if len(batch):
                    yield Page(batch, page.cursor)

    async def _read(
        self, collection: str, where: Filter | None, span: Range, limit: int | None
    ) -> AsyncGenerator[Page, None]:
        """Whole records that may match: asked for where the store understands the filter, else picked out of all."""
        if where is None:
            async with aclosing(self._inner.scan(collection, span, limit=limit)) as pages:
                async for page in pages:
                    yield page
            return
        given = False
        try:
            async with aclosing(self._inner.select(collection, where, span, limit=limit)) as pages:
                async for page in pages:
                    given = True
                    yield page
            return
        except Unsupported:
            if given:
                raise
        async with aclosing(Store.select(self._inner, collection, where, span, limit=limit)) as pages:
            async for page in pages:
                yield page

    def _belonging(self, batch: Batch, key: IdField, content: Content) -> Batch:
        rows = self._selection.rows(batch, key)
        batch = batch if len(rows) == len(batch) else batch.take(rows)
        return Batch(batch.ids, payload=[{} for _ in batch.ids]) if content is Content.IDS else batch

    async def fetch(
        self, collection: str, ids: Sequence[RecordId], *, content: Content = Content.FULL
    ) -> Batch:
        key = await self._key(collection)
        return self._belonging(await self._inner.fetch(collection, ids), key, content)

    async def query(self, collection: str, query: Query) -> list[Match]:
        ours = self._selection.filter(await self._key(collection))
        if ours is not None:
            query = replace(query, filter=ours if query.filter is None else And((ours, query.filter)))
        return await self._inner.query(collection, query)
