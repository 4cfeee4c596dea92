"""A store around a store: delegates the whole port, each request through one method that a wrapper overrides."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from vectormigrate.model.batch import Batch
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.filter import Filter
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Payload, RecordId

from .base import EVERYWHERE, Content, Page, Range, Store, StoreInfo

T = TypeVar("T")


class Wrapper(Store):
    """Passes everything on. Override `_through` to stand around each request."""

    def __init__(self, inner: Store) -> None:
        self.endpoint = inner.endpoint
        self._inner = inner

    async def _through(
        self, request: Callable[[], Awaitable[T]], *, records: int = 0, repeatable: bool = True
    ) -> T:
        """Perform one request that writes so many records.

        `repeatable` says that doing it twice is the same as once, so that it may be repeated even when nobody knows
        whether it was applied.
        """
        return await request()

    @property
    def capabilities(self) -> Capabilities:
        return self._inner.capabilities

    async def info(self) -> StoreInfo:
        return await self._through(lambda: self._inner.info())

    async def collections(self) -> list[str]:
        return await self._through(lambda: self._inner.collections())

    async def aliases(self, collection: str = "") -> Mapping[str, str]:
        return await self._through(lambda: self._inner.aliases(collection))

    async def partitions(self, collection: str) -> Mapping[str, str]:
        return await self._through(lambda: self._inner.partitions(collection))

    async def describe(self, collection: str) -> CollectionShape:
        return await self._through(lambda: self._inner.describe(collection))

    async def check_create(self, shape: CollectionShape) -> None:
        await self._through(lambda: self._inner.check_create(shape))

    def misfits(self, batch: Batch) -> Mapping[int, str]:
        return self._inner.misfits(batch)

    def left_out(self, source: CollectionShape, made: CollectionShape) -> list[str]:
        return self._inner.left_out(source, made)

    async def create(self, shape: CollectionShape) -> CollectionShape:
        return await self._through(lambda: self._inner.create(shape), repeatable=False)

    async def finish_load(self, shape: CollectionShape) -> None:
        await self._through(lambda: self._inner.finish_load(shape))

    async def add_alias(self, alias: str, collection: str) -> None:
        await self._through(lambda: self._inner.add_alias(alias, collection))

    async def drop(self, collection: str) -> None:
        await self._through(lambda: self._inner.drop(collection))

    async def count(self, collection: str) -> int:
        return await self._through(lambda: self._inner.count(collection))

    async def split(self, collection: str, parts: int) -> list[Range]:
        return await self._through(lambda: self._inner.split(collection, parts))

    async def scan(
        self, collection: str, span: Range, *, limit: int | None = None, content: Content = Content.FULL
    ) -> AsyncGenerator[Page, None]:
        def open_at(lower: str | None) -> AsyncGenerator[Page, None]:
            return self._inner.scan(collection, Range(lower, span.upper), limit=limit, content=content)

        pages = _Pages(open_at, span.lower)
        try:
            while (page := await self._through(pages.read)) is not None:
                yield page
        finally:
            await pages.close()

    async def select(
        self,
        collection: str,
        where: Filter,
        span: Range = EVERYWHERE,
        *,
        limit: int | None = None,
        content: Content = Content.FULL,
    ) -> AsyncGenerator[Page, None]:
        def open_at(lower: str | None) -> AsyncGenerator[Page, None]:
            return self._inner.select(
                collection, where, Range(lower, span.upper), limit=limit, content=content
            )

        pages = _Pages(open_at, span.lower)
        try:
            while (page := await self._through(pages.read)) is not None:
                yield page
        finally:
            await pages.close()

    def cursor_of(self, record_id: RecordId) -> str:
        return self._inner.cursor_of(record_id)

    def key_of(self, cursor: str) -> RecordId:
        return self._inner.key_of(cursor)

    def identity(self) -> str:
        return self._inner.identity()

    async def locate(self, collection: str) -> str:
        return await self._through(lambda: self._inner.locate(collection))

    async def fetch(
        self, collection: str, ids: Sequence[RecordId], *, content: Content = Content.FULL
    ) -> Batch:
        return await self._through(lambda: self._inner.fetch(collection, ids, content=content))

    async def query(self, collection: str, query: Query) -> list[Match]:
        return await self._through(lambda: self._inner.query(collection, query))

    async def upsert(self, collection: str, batch: Batch, *, fresh: bool = False) -> WriteResult:
        return await self._through(
            lambda: self._inner.upsert(collection, batch, fresh=fresh), records=len(batch)
        )

    async def insert(self, collection: str, batch: Batch) -> WriteResult:
        return await self._through(
            lambda: self._inner.insert(collection, batch), records=len(batch), repeatable=False
        )

    async def patch(self, collection: str, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        return await self._through(lambda: self._inner.patch(collection, ids, payload), records=len(ids))

    async def delete(self, collection: str, ids: Sequence[RecordId]) -> WriteResult:
        return await self._through(lambda: self._inner.delete(collection, ids), records=len(ids))

    async def barrier(self, collection: str, *, position: str = "") -> None:
        await self._through(lambda: self._inner.barrier(collection, position=position))

    async def settle(self) -> float:
        return await self._through(lambda: self._inner.settle())

    def lead(self, quarantine: float, unsure: Sequence[RecordId] | None = ()) -> None:
        self._inner.lead(quarantine, unsure)

    @property
    def doubting(self) -> bool:
        return self._inner.doubting

    def unsure(self, ids: Sequence[RecordId]) -> Mapping[RecordId, float]:
        return self._inner.unsure(ids)

    async def close(self) -> None:
        await self._inner.close()


class _Pages:
    """A scan that can be asked again after an error: it goes on behind the last page that was given."""

    def __init__(
        self, open_at: Callable[[str | None], AsyncGenerator[Page, None]], lower: str | None
    ) -> None:
        self._open_at = open_at
        self._lower = lower
        self._pages: AsyncGenerator[Page, None] | None = None

    async def read(self) -> Page | None:
        """The next page, or None behind the last."""
        if self._pages is None:
            self._pages = self._open_at(self._lower)
        try:
            page = await anext(self._pages, None)
        except BaseException:
            self._pages = None  # an iterator that raised is finished; the next attempt needs another
            raise
        if page is not None:
            self._lower = page.cursor
        return page

    async def close(self) -> None:
        if self._pages is not None:
            await self._pages.aclose()
