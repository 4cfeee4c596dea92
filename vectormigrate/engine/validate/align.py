"""Bringing records of two sides together by id: reading ahead, merging two ordered scans, joining two batches.

Two scans in the same key order are merged: whatever both have read up to the smaller of their last ids is settled
and can be compared, the rest waits for the next page. No id is ever remembered, so memory does not grow with the
collection. Which orders can be merged is decided in `fullscan.py`.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from operator import lt
from typing import Any, Generic, TypeVar, cast

from vectormigrate.model.batch import Batch
from vectormigrate.model.errors import StoreBroken, VectormigrateError
from vectormigrate.model.record import RecordId, id_text
from vectormigrate.stores.base import Page

T = TypeVar("T")


class Ahead(Generic[T]):
    """Pages of one side, prepared and read ahead: while one is worked on, one waits and one is being read.

    `fill` is the reading end and runs as a task of whoever calls `get`. `prepare` turns a page's batch into what
    `get` gives, or None to leave it out.
    """

    def __init__(
        self, pages: AsyncGenerator[Page, None], prepare: Callable[[Batch], Awaitable[T | None]]
    ) -> None:
        self._pages = pages
        self._prepare = prepare
        self._ready: asyncio.Queue[T | None] = asyncio.Queue(maxsize=1)

    async def fill(self) -> None:
        """Read to the end."""
        async with aclosing(self._pages) as pages:
            async for page in pages:
                prepared = await self._prepare(page.batch)
                if prepared is not None:
                    await self._ready.put(prepared)
        await self._ready.put(None)

    async def get(self) -> T | None:
        """The next, or None behind the last."""
        return await self._ready.get()


async def aligned(source: Ahead[Batch], target: Ahead[Batch]) -> AsyncGenerator[tuple[Batch, Batch]]:
    """Pairs of batches that together hold every record of both sides once, an id never in two pairs.

    Both sides must be in the same strictly ascending order and without empty batches.
    """
    left, right = await source.get(), await target.get()
    while left is not None and right is not None:
        lefts, rights = cast(list[Any], left.ids), cast(list[Any], right.ids)
        horizon = min(lefts[-1], rights[-1])
        here, there = bisect_right(lefts, horizon), bisect_right(rights, horizon)
        yield left.slice(0, here), right.slice(0, there)
        left = left.slice(here, len(left)) if here < len(left) else await source.get()
        right = right.slice(there, len(right)) if there < len(right) else await target.get()
    while left is not None:
        yield left, Batch([])
        left = await source.get()
    while right is not None:
        yield Batch([]), right
        right = await target.get()


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """Two batches by id: `source` and `target` hold the common records in the same order."""

    source: Batch
    target: Batch
    missing: list[RecordId]
    """Only in the source."""
    extra: list[RecordId]
    """Only in the target."""


def join(source: Batch, target: Batch) -> Joined:
    """Bring two batches together by id, whatever their order."""
    if source.ids == target.ids:
        return Joined(source, target, [], [])
    where = {record_id: row for row, record_id in enumerate(target.ids)}
    here = [row for row, record_id in enumerate(source.ids) if record_id in where]
    there = [where.pop(source.ids[row]) for row in here]
    common = set(here)
    missing = [record_id for row, record_id in enumerate(source.ids) if row not in common]
    return Joined(source.take(here), target.take(there), missing, list(where))


class Ascending:
    """Checks that a scan keeps its promise: a merge of scans out of order would invent findings."""

    def __init__(self, store: str, collection: str) -> None:
        self._store = store
        self._collection = collection
        self._last: RecordId | None = None

    def check(self, ids: list[RecordId]) -> None:
        """Raise StoreBroken unless these ids, and those of the pages before, ascend."""
        keys = cast(list[Any], ids if self._last is None else [self._last, *ids])
        try:
            ordered = all(map(lt, keys, keys[1:]))
        except TypeError:
            ordered = False
        if not ordered:
            raise StoreBroken(
                "a scan gave keys twice or out of order",
                hint="the key must be unique and its order stable: nothing can be proven about this collection",
                store=self._store,
                collection=self._collection,
                ids=tuple(id_text(record_id)[:200] for record_id in ids[:1]),
            )
        self._last = ids[-1]


def foreseen(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What to raise instead of a task group's exceptions: the first foreseen error in it, else the group."""
    for inner in group.exceptions:
        error = foreseen(inner) if isinstance(inner, BaseExceptionGroup) else inner
        if isinstance(error, VectormigrateError):
            return error
    return group
