"""The same searches on both sides: how much of what the source finds the target finds, and how long each takes.

What is searched for are vectors of records, chosen at random: every application's searches look somewhat like its records.
The source's answer is the measure, right or wrong: what an application misses after a cutover is what it had before.
Searches are made one at a time, the two sides in turn, so that neither is measured under the load of the other.
"""

from __future__ import annotations

import asyncio
import math
import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from vectormigrate.model.clock import Clock
from vectormigrate.model.plan import VectorPlan
from vectormigrate.model.query import Query
from vectormigrate.model.record import Array, Record, RecordId, SparseVector
from vectormigrate.model.status import Searched
from vectormigrate.stores.base import Store

from .sample import draw
from .shadow import overlap, same_order
from .sides import Sides

LIMIT = 10
"""Results of a search."""
_PAGE = 100


@dataclass(slots=True)
class _Seen:
    """What the searches by one vector came to."""

    shares: list[float] = field(default_factory=list)
    orders: list[float] = field(default_factory=list)
    source: list[float] = field(default_factory=list)
    target: list[float] = field(default_factory=list)


async def compare_searches(
    sides: Sides, vectors: Sequence[VectorPlan], count: int, seed: int, clock: Clock
) -> tuple[Searched, ...]:
    """Search by each of these vectors of `count` random records. A vector that no drawn record has is left out. Raises
    Unsupported where a side cannot be searched, or not by such a vector.
    """
    chance = random.Random(seed)  # noqa: S311 a sample needs repetition, not secrecy
    total = await sides.source.count(sides.source_collection)
    ids = await draw(sides.source, sides.source_collection, total, count, chance)
    seen = {plan.source: _Seen() for plan in vectors}
    for start in range(0, len(ids), _PAGE):
        for plan, here, there in await _asked(sides, vectors, ids[start : start + _PAGE]):
            await _search(sides, here, there, clock, seen[plan.source])
    return tuple(_told(name, found) for name, found in seen.items() if found.shares)


async def _asked(
    sides: Sides, vectors: Sequence[VectorPlan], ids: Sequence[RecordId]
) -> list[tuple[VectorPlan, Query, Query]]:
    """Of each vector of each record the question to the source and that to the target."""
    batch = await sides.source.fetch(sides.source_collection, ids)
    translated = (await asyncio.to_thread(sides.translator, batch)).batch
    twins = {record.id: record for record in translated.records()}
    found = []
    for record in batch.records():
        twin = twins.get(sides.target_id(record.id))
        found += [] if twin is None else list(_pairs(vectors, record, twin))
    return found


def _pairs(
    vectors: Sequence[VectorPlan], record: Record, twin: Record
) -> Iterator[tuple[VectorPlan, Query, Query]]:
    for plan in vectors:
        here, there = _vector(record, plan.source), _vector(twin, plan.target)
        if here is not None and there is not None:
            yield plan, Query(here, plan.source, LIMIT), Query(there, plan.target, LIMIT)


def _vector(record: Record, name: str) -> Array | SparseVector | None:
    """The vector to search by; of a multi-vector, its tokens."""
    dense, multi = record.dense.get(name), record.multi.get(name)
    return record.sparse.get(name, multi) if dense is None else dense


async def _search(sides: Sides, here: Query, there: Query, clock: Clock, seen: _Seen) -> None:
    expected, source = await _timed(sides.source, sides.source_collection, here, clock)
    answered, target = await _timed(sides.target, sides.target_collection, there, clock)
    found = [one for one in map(sides.source_id, answered) if one is not None]
    seen.shares.append(overlap(expected, found))
    seen.orders.append(same_order(expected, found))
    seen.source.append(source)
    seen.target.append(target)


async def _timed(store: Store, collection: str, query: Query, clock: Clock) -> tuple[list[RecordId], float]:
    began = clock.monotonic()
    matches = await store.query(collection, query)
    return [match.id for match in matches], clock.monotonic() - began


def _told(vector: str, seen: _Seen) -> Searched:
    return Searched(
        vector,
        len(seen.shares),
        LIMIT,
        statistics.fmean(seen.shares),
        min(seen.shares),
        statistics.fmean(seen.orders),
        percentiles(seen.source),
        percentiles(seen.target),
    )


def percentiles(seconds: Sequence[float]) -> tuple[float, float, float]:
    """The 50th, 95th and 99th percentile (nearest rank), in milliseconds."""
    ordered = sorted(seconds)
    p50, p95, p99 = (ordered[math.ceil(share * len(ordered)) - 1] * 1000 for share in (0.50, 0.95, 0.99))
    return p50, p95, p99
