"""A store that stands for a Qdrant on its own: the vector without a name is held under one.

Only for stores that need a name for it, and only where nothing was migrated: after a cutover the store speaks Qdrant's
names already.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.filter import Filter
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import RecordId
from vectormigrate.stores.base import EVERYWHERE, Content, Page, Range, Store
from vectormigrate.stores.wrapper import Wrapper

HELD_AS = "vector"
"""The name of the vector without one."""


def emulated(store: Store) -> Store:
    """The store as a Qdrant: itself when it can do without the name."""
    return store if re.fullmatch(store.capabilities.name_pattern, "") else Emulated(store)


class Emulated(Wrapper):
    """Names the unnamed vector on the way in, and takes the name away on the way out."""

    async def describe(self, collection: str) -> CollectionShape:
        return _shape_out(await super().describe(collection))

    async def check_create(self, shape: CollectionShape) -> None:
        await super().check_create(_shape_in(shape))

    async def create(self, shape: CollectionShape) -> CollectionShape:
        return _shape_out(await super().create(_shape_in(shape)))

    async def finish_load(self, shape: CollectionShape) -> None:
        await super().finish_load(_shape_in(shape))

    async def scan(
        self, collection: str, span: Range, *, limit: int | None = None, content: Content = Content.FULL
    ) -> AsyncGenerator[Page, None]:
        async with aclosing(super().scan(collection, span, limit=limit, content=content)) as pages:
            async for page in pages:
                yield replace(page, batch=_batch(page.batch, HELD_AS, ""))

    async def select(
        self,
        collection: str,
        where: Filter,
        span: Range = EVERYWHERE,
        *,
        limit: int | None = None,
        content: Content = Content.FULL,
    ) -> AsyncGenerator[Page, None]:
        found = super().select(collection, where, span, limit=limit, content=content)
        async with aclosing(found) as pages:
            async for page in pages:
                yield replace(page, batch=_batch(page.batch, HELD_AS, ""))

    async def fetch(
        self, collection: str, ids: Sequence[RecordId], *, content: Content = Content.FULL
    ) -> Batch:
        return _batch(await super().fetch(collection, ids, content=content), HELD_AS, "")

    async def query(self, collection: str, query: Query) -> list[Match]:
        found = await super().query(collection, replace(query, using=query.using or HELD_AS))
        return [_match(match) for match in found]

    async def upsert(self, collection: str, batch: Batch, *, fresh: bool = False) -> WriteResult:
        return await super().upsert(collection, _batch(batch, "", HELD_AS), fresh=fresh)

    async def insert(self, collection: str, batch: Batch) -> WriteResult:
        return await super().insert(collection, _batch(batch, "", HELD_AS))


def _shape_in(shape: CollectionShape) -> CollectionShape:
    if any(vector.name == HELD_AS for vector in shape.vectors):
        raise Unsupported(
            f"a vector cannot be named {HELD_AS!r} here: the one without a name is held under it",
            collection=shape.name,
        )
    return _renamed(shape, "", HELD_AS)


def _shape_out(shape: CollectionShape) -> CollectionShape:
    return _renamed(shape, HELD_AS, "")


def _renamed(shape: CollectionShape, old: str, new: str) -> CollectionShape:
    vectors = tuple(replace(vector, name=new) if vector.name == old else vector for vector in shape.vectors)
    return replace(shape, vectors=vectors)


def _batch(batch: Batch, old: str, new: str) -> Batch:
    if old not in batch.vectors:
        return batch
    return replace(
        batch, vectors={new if name == old else name: column for name, column in batch.vectors.items()}
    )


def _match(match: Match) -> Match:
    record = match.record
    if record is None:
        return match
    dense = {"" if name == HELD_AS else name: vector for name, vector in record.dense.items()}
    multi = {"" if name == HELD_AS else name: vector for name, vector in record.multi.items()}
    return replace(match, record=replace(record, dense=dense, multi=multi))
