"""A client's expression over any store: as a filter where the model has the words, and otherwise by looking.

Looking reads every record that the superset leaves and decides one by one: right, and as slow as that is large. The key's
bounds are a range of the scan where the store keeps keys in Milvus' order, which is what lets iterators page. What only Milvus
knows is asked of another Milvus as it came (`itself`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing, nullcontext
from dataclasses import dataclass
from typing import Any

from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import CollectionShape, IdKind, KeyOrder
from vectormigrate.model.filter import Filter, HasId
from vectormigrate.model.record import RecordId
from vectormigrate.stores.base import Content, Page, Range, Store
from vectormigrate.stores.milvus.wire.expressions import Beyond, parse
from vectormigrate.stores.milvus.wire.native import layout_of
from vectormigrate.stores.milvus.wire.predicates import EVERYTHING, Predicate
from vectormigrate.stores.milvus.wire.schema import DEFAULT_PARTITION
from vectormigrate.stores.milvus.wire.tokens import ExpressionInvalid

from .itself import Passed, answering, passed
from .problems import invalid, no_partition, not_served

MOST = 100_000
"""Records that a filter answered by looking may match in a search."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Records of a collection by an expression and by partitions."""

    store: Store
    shape: CollectionShape
    predicate: Predicate | Passed
    partitions: frozenset[str | None] | None = None
    """None for all."""

    @property
    def ordered(self) -> bool:
        return in_order(self.shape)

    @property
    def everything(self) -> bool:
        """Whether no record is left out."""
        where, exact = self.predicate.superset()
        unbounded = self.predicate.bounds.lower is None and self.predicate.bounds.upper is None
        return where == EVERYTHING and exact and unbounded and self.partitions is None

    async def pages(self, *, limit: int | None = None, bare: bool = False) -> AsyncGenerator[Batch, None]:
        """The records in the store's order of keys; `bare` wants no more than their ids."""
        where, exact = self.predicate.superset()
        looking = not exact or self.partitions is not None
        content = Content.FULL if not bare else Content.PAYLOAD if looking else Content.IDS
        bounds = self.predicate.bounds
        span = Range(
            *(None if key is None else self.store.cursor_of(key) for key in (bounds.lower, bounds.upper))
        )
        found: AsyncGenerator[Page, None]
        if where == EVERYTHING:
            found = self.store.scan(self.shape.name, span, limit=None if looking else limit, content=content)
        else:
            found = self.store.select(
                self.shape.name, where, span, limit=None if looking else limit, content=content
            )
        async with aclosing(found) as pages:
            with self.asking():
                async for page in pages:
                    batch = self._kept(page.batch, exact=exact) if looking else page.batch
                    if len(batch):
                        yield batch

    def asking(self) -> AbstractContextManager[None]:
        """Around what the store is asked: its errors, where they are about words that were passed on, become Problems."""
        return answering(self.predicate.why) if isinstance(self.predicate, Passed) else nullcontext()

    def _kept(self, batch: Batch, *, exact: bool) -> Batch:
        rows = [
            row
            for row, record_id in enumerate(batch.ids)
            if (exact or self.predicate.holds(record_id, batch.payload[row]))
            and (self.partitions is None or (batch.partition or [None] * len(batch))[row] in self.partitions)
        ]
        return batch if len(rows) == len(batch) else batch.take(rows)

    async def ids(self) -> list[RecordId]:
        """All ids."""
        found: list[RecordId] = []
        async with aclosing(self.pages(bare=True)) as pages:
            async for batch in pages:
                found += batch.ids
        return found

    async def listed(self, ids: Sequence[RecordId], *, bare: bool = False) -> Batch:
        """The records of these ids that are there, in that order, and in the partitions."""
        if not ids:
            return Batch([])
        content = Content.IDS if bare and self.partitions is None else Content.FULL
        batch = await self.store.fetch(self.shape.name, ids, content=content)
        return batch if self.partitions is None else self._kept(batch, exact=True)

    async def filter(self) -> Filter | None:
        """For a search: a filter that exactly these records meet, partitions aside; None for all."""
        where, exact = self.predicate.superset()
        if exact:
            return None if where == EVERYTHING else where
        return await self.looked_up()

    async def looked_up(self) -> Filter:
        """The same as a list of ids. Raises Problem when there are too many."""
        found = await self.ids()
        if len(found) > MOST:
            raise not_served(f"more than {MOST} records match a filter that has to be looked for")
        return HasId(tuple(found))


def in_order(shape: CollectionShape) -> bool:
    """Whether the store keeps keys in Milvus' order."""
    return shape.id.order is (KeyOrder.NUMERIC if shape.id.kind is IdKind.INT else KeyOrder.BYTES)


def choose(
    store: Store,
    shape: CollectionShape,
    expression: str,
    values: Mapping[str, Any],
    partitions: Sequence[str] = (),
    *,
    paging: bool = True,
) -> Chosen:
    """What a request selects; `paging` says that pages are read, whose range can be bounded. Raises Problem."""
    layout = layout_of(shape)
    predicate: Predicate | Passed
    try:
        predicate = Predicate(parse(expression, values), layout, ordered=paging and in_order(shape))
    except Beyond as error:
        predicate = passed(store, layout, expression, values, str(error))
    except ExpressionInvalid as error:
        raise invalid(
            f"failed to create query plan: cannot parse expression: {expression}, error: {error}"
        ) from None
    return Chosen(store, shape, predicate, wanted_partitions(shape, partitions))


def wanted_partitions(shape: CollectionShape, names: Sequence[str]) -> frozenset[str | None] | None:
    """Partitions as records have them; None for all. Raises Problem for one that is not there."""
    for name in names:
        if name != DEFAULT_PARTITION and name not in shape.partitions:
            raise no_partition(name)
    if not names or {DEFAULT_PARTITION, *shape.partitions} <= set(names):
        return None
    return frozenset(None if name == DEFAULT_PARTITION else name for name in names)
