"""Records by key or expression, in order, and counted, from any store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import CollectionShape
from vectormigrate.stores.base import Store
from vectormigrate.stores.milvus.wire.fields import Output, read_output
from vectormigrate.stores.milvus.wire.native import keeps_order, layout_of
from vectormigrate.stores.milvus.wire.results import joined
from vectormigrate.stores.milvus.wire.server import MAX_WINDOW
from vectormigrate.stores.milvus.wire.tokens import ExpressionInvalid

from .matching import Chosen, choose
from .problems import invalid

COUNT = "count(*)"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a query asks for."""

    expression: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    output: Sequence[str] = ()
    partitions: Sequence[str] = ()
    limit: int | None = None
    offset: int = 0
    iterating: bool = False
    """A page of an iterator: in the order of keys whatever the expression lists."""


async def count(store: Store, shape: CollectionShape, asked: Asked) -> int:
    """How many records match."""
    chosen = choose(store, shape, asked.expression, asked.values, asked.partitions)
    if chosen.everything:
        return await store.count(shape.name)
    if chosen.predicate.ids is not None:
        return len(await chosen.listed(chosen.predicate.ids, bare=True))
    return len(await chosen.ids())


async def query(store: Store, shape: CollectionShape, asked: Asked) -> tuple[Batch, Output]:
    """The matching records and what is wanted of them. Raises Problem."""
    try:
        output = read_output(asked.output, layout_of(shape))
    except ExpressionInvalid as error:
        raise invalid(str(error)) from None
    if asked.limit is None and not asked.expression.strip():
        raise invalid("empty expression should be used with limit")
    check_window(asked.offset, asked.limit)
    chosen = choose(store, shape, asked.expression, asked.values, asked.partitions)
    ids = chosen.predicate.ids
    if ids is not None:
        if asked.iterating or not keeps_order(shape):
            ids = tuple(sorted(ids))
        batch = await chosen.listed(ids, bare=output.bare)
        return _cut(batch, asked), output
    if chosen.ordered:
        return await _paged(chosen, asked, bare=output.bare), output
    found = sorted(await chosen.ids())
    stop = len(found) if asked.limit is None else asked.offset + asked.limit
    return await chosen.listed(found[asked.offset : stop], bare=output.bare), output


async def _paged(chosen: Chosen, asked: Asked, *, bare: bool) -> Batch:
    parts: list[Batch] = []
    wanted = None if asked.limit is None else asked.offset + asked.limit
    total = 0
    async with aclosing(chosen.pages(limit=wanted, bare=bare)) as pages:
        async for batch in pages:
            parts.append(batch)
            total += len(batch)
            if wanted is not None and total >= wanted:
                break
    return _cut(joined(parts), asked)


def _cut(batch: Batch, asked: Asked) -> Batch:
    stop = len(batch) if asked.limit is None else asked.offset + asked.limit
    return batch.slice(asked.offset, stop)


def check_window(offset: int, limit: int | None) -> None:
    """Raise Problem for more than Milvus gives at once."""
    if offset < 0 or (limit is not None and (limit < 1 or offset + limit > MAX_WINDOW)):
        raise invalid(
            f"invalid max query result window, (offset+limit) should be in range [1, {MAX_WINDOW}], "
            f"but got {offset + (limit or 0)}"
        )
