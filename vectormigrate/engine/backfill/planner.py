"""Splits a collection into ranges: enough for all workers to end together, not so many that each is a trifle."""

from __future__ import annotations

from vectormigrate.stores.base import Range, Store

RANGES_A_WORKER = 4
RECORDS_A_RANGE = 2_000
"""Below this a range costs more than it gives."""


async def plan_ranges(source: Store, collection: str, *, total: int, workers: int) -> list[Range]:
    """The ranges of a backfill, in key order, covering every possible key."""
    parts = max(1, min(workers * RANGES_A_WORKER, total // RECORDS_A_RANGE))
    ranges = await source.split(collection, parts)
    if not ranges or ranges[0].lower is not None or ranges[-1].upper is not None:
        raise AssertionError(
            f"{source.capabilities.kind} split {collection!r} into ranges that do not cover it"
        )
    return ranges
