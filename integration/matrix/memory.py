"""The reference store, by our port: it has no other client."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

from vectormigrate.model.batch import batch_of_records
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.specification import StoreRef
from vectormigrate.stores.base import EVERYWHERE, Endpoint
from vectormigrate.stores.memory import forget, open_store, shared

from .kinds import Table
from .side import Held, Side, vectors_of


class MemorySide(Side):
    """A database of this process."""

    kind = "memory"

    def __init__(self, url: str) -> None:
        self._url = url

    def ref(self, name: str, table: Table, *, target: bool = False) -> StoreRef:
        return StoreRef(self.kind, self._url, self.name(name))

    def own(self, table: Table) -> Table:
        # An id is in one partition only.
        twice = {kind for kind, some in table.rows.items() if len({one.id for one in some}) < len(some)}
        return table.only(table.rows.keys() - twice) if twice else table

    def make(self, name: str, table: Table) -> None:
        asyncio.run(self._make(replace(table.shape, name=self.name(name)), table))

    async def _make(self, shape: CollectionShape, table: Table) -> None:
        async with open_store(Endpoint(self.kind, self._url)) as store:
            made = await store.create(shape)
            empty = dict.fromkeys(field.name for field in shape.fields)  # as columns are
            records = [replace(one, payload={**empty, **one.payload}) for one in table.records]
            batch = batch_of_records(records, made.vectors, partitioned=bool(made.partitions))
            result = await store.upsert(shape.name, batch)
            assert not result.refused, result.refused

    def read(self, name: str) -> list[Held]:
        return asyncio.run(self._read(self.name(name)))

    async def _read(self, name: str) -> list[Held]:
        async with (
            open_store(Endpoint(self.kind, self._url)) as store,
            aclosing(store.scan(name, EVERYWHERE)) as pages,
        ):
            records = [record async for page in pages for record in page.batch.records()]
        return [Held(one.id, dict(one.payload), vectors_of(one), one.partition) for one in records]

    def exists(self, name: str) -> bool:
        return self.name(name) in shared(self._url).tables

    def drop(self, name: str) -> None:
        shared(self._url).tables.pop(self.name(name), None)

    def close(self) -> None:
        forget(self._url)
