"""The concurrent full scan: every id of both sides counted once, in bounded memory, range by range.

Both sides are read at the same time, one page ahead, while the page before is translated and compared in a thread.
A range is compared by `compare_range`, which keeps nothing: it runs in any process, and `combine` adds up
what the ranges saw. How the sides are brought together depends on their order of keys:

- MERGE, when both scan in the same known order and the id rule keeps it: one pass over both, no look-up.
- FORWARD and REVERSE otherwise: a pass over the source that asks the target by id, and a pass over the target's
  ids that asks the source.

The end of a scan is believed only if the counts agree (`Totals.doubts`): a store that hides a shard answers "not
found" as politely as one that never had the record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

import msgspec

from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import CollectionShape, KeyOrder
from vectormigrate.model.identity import IdRule
from vectormigrate.model.record import RecordId
from vectormigrate.stores.base import Content, Range

from .align import Ahead, Ascending, Joined, aligned, foreseen
from .compare import Comparison
from .sides import Sides, Sink, extra, refusals, without
from .tally import Tally, digest

LOOKUP_PAGE = 500
"""Records of one look-up by id."""
PAGE_BYTES = 4 * 2**20
"""Most bytes of vectors of a page: about three pages of each side are held at once, for each range that is compared, and
what the processor's cache cannot hold is fetched from memory several times.
"""

_MERGEABLE = {
    (IdRule.SAME, KeyOrder.NUMERIC, KeyOrder.NUMERIC),
    (IdRule.SAME, KeyOrder.BYTES, KeyOrder.BYTES),
    (IdRule.SAME, KeyOrder.UUID, KeyOrder.UUID),
    (IdRule.UUID_TEXT, KeyOrder.UUID, KeyOrder.BYTES),
    (IdRule.INT_UUID, KeyOrder.NUMERIC, KeyOrder.UUID),
}
"""Id rule, order of the source, order of the target: where both scans give the mapped ids in Python's own order."""


class Method(StrEnum):
    """How one range is compared."""

    MERGE = "merge"
    FORWARD = "forward"
    REVERSE = "reverse"


@dataclass(frozen=True, slots=True)
class Span:
    """One range to compare. A REVERSE span has no `source` range to look at, a FORWARD one no `target`."""

    method: Method
    source: Range = field(default_factory=Range)
    target: Range = field(default_factory=Range)


@dataclass(frozen=True, slots=True)
class RangeResult:
    """What the comparison of one range saw."""

    span: Span
    tally: Tally

    def as_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Self:
        """Undo `as_dict`."""
        return msgspec.convert(plain, cls)

    def summary(self) -> dict[str, object]:
        """One line of the report: bounds, counts and the digest of both sides."""
        bounds = self.span.target if self.span.method is Method.REVERSE else self.span.source
        tally = self.tally
        return {
            "method": self.span.method.value,
            "lower": bounds.lower,
            "upper": bounds.upper,
            "source_count": tally.source_count,
            "target_count": tally.target_count,
            "compared": tally.compared,
            "missing": tally.missing,
            "extra": tally.extra,
            "mismatched": tally.mismatched,
            "source_digest": f"{tally.source_digest:016x}",
            "target_digest": f"{tally.target_digest:016x}",
        }


def mergeable(source: CollectionShape, target: CollectionShape, rule: IdRule) -> bool:
    """Whether two scans give the same ids in the same order."""
    return (rule, source.id.order, target.id.order) in _MERGEABLE


async def plan_spans(sides: Sides, parts: int, ranges: list[Range] | None = None) -> list[Span]:
    """Ranges that together cover both sides, about `parts` of them a pass.

    `ranges` of the source may be given, such as those of the backfill; they must cover every possible key.
    """
    source = await sides.source.describe(sides.source_collection)
    target = await sides.target.describe(sides.target_collection)
    ranges = ranges or await sides.source.split(sides.source_collection, parts)
    if mergeable(source, target, sides.comparer.id_rule):
        return [Span(Method.MERGE, span, _across(sides, span)) for span in ranges]
    backward = await sides.target.split(sides.target_collection, parts)
    return [
        *(Span(Method.FORWARD, source=span) for span in ranges),
        *(Span(Method.REVERSE, target=span) for span in backward),
    ]


def _across(sides: Sides, span: Range) -> Range:
    """The target's range of the same ids."""

    def carry(cursor: str | None) -> str | None:
        if cursor is None:
            return None
        return sides.target.cursor_of(sides.target_id(sides.source.key_of(cursor)))

    return Range(carry(span.lower), carry(span.upper))


async def compare_range(
    sides: Sides, span: Span, sink: Sink, progress: Callable[[int], None] | None = None
) -> RangeResult:
    """Compare one range. Findings go to `sink` page by page; `progress` is told how many records were done."""
    scan = _Scan(sides, sink, progress or (lambda _: None))
    try:
        match span.method:
            case Method.MERGE:
                await scan.merge(span)
            case Method.FORWARD:
                await scan.forward(span)
            case Method.REVERSE:
                await scan.reverse(span)
    except BaseExceptionGroup as group:
        raise foreseen(group) from None
    return RangeResult(span, scan.tally)


@dataclass(slots=True)
class _Scan:
    """One range on its way through; the methods differ in where the other side's records come from."""

    sides: Sides
    sink: Sink
    progress: Callable[[int], None]
    tally: Tally = field(default_factory=Tally)

    async def merge(self, span: Span) -> None:
        sides = self.sides
        size = self._page(min(sides.source.capabilities.scan_page, sides.target.capabilities.scan_page))
        ours = Ascending(sides.source.endpoint.kind, sides.source_collection)
        theirs = Ascending(sides.target.endpoint.kind, sides.target_collection)

        async def read_source(batch: Batch) -> Batch | None:
            ours.check(batch.ids)
            return await self._translated(batch)

        async def read_target(batch: Batch) -> Batch | None:
            theirs.check(batch.ids)
            return await self._owned(batch)

        left = Ahead(sides.source.scan(sides.source_collection, span.source, limit=size), read_source)
        right = Ahead(sides.target.scan(sides.target_collection, span.target, limit=size), read_target)
        async with asyncio.TaskGroup() as group:
            group.create_task(left.fill(), name="read source")
            group.create_task(right.fill(), name="read target")
            async with aclosing(aligned(left, right)) as parts:
                async for source, target in parts:
                    joined, common = await self._judge(source, target)
                    self._digest(common + digest(joined.missing), common + digest(joined.extra))
                    self.progress(len(source))

    async def forward(self, span: Span) -> None:
        sides = self.sides

        async def read(batch: Batch) -> tuple[Batch, Batch] | None:
            source = await self._translated(batch)
            if source is None:
                return None
            return source, await sides.target.fetch(sides.target_collection, source.ids)

        size = self._page(LOOKUP_PAGE)
        pages = Ahead(sides.source.scan(sides.source_collection, span.source, limit=size), read)
        async with asyncio.TaskGroup() as group:
            group.create_task(pages.fill(), name="read source, ask target")
            while (pair := await pages.get()) is not None:
                joined, common = await self._judge(*pair)
                self._digest(common + digest(joined.missing), 0)
                self.progress(len(pair[0]))

    async def reverse(self, span: Span) -> None:
        sides = self.sides

        async def read(batch: Batch) -> list[RecordId] | None:
            owned = await self._owned(batch)
            if owned is None:
                return None
            self._digest(0, digest(owned.ids))
            return await sides.absent_in_source(owned.ids)

        pages = Ahead(
            sides.target.scan(sides.target_collection, span.target, limit=LOOKUP_PAGE, content=Content.IDS),
            read,
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(pages.fill(), name="read target ids, ask source")
            while (absent := await pages.get()) is not None:
                await self._tell_extra(absent)

    def _page(self, most: int) -> int:
        """Records a page: as many as the stores like, but no more bytes of vectors than `PAGE_BYTES`."""
        return max(1, min(most, PAGE_BYTES // max(1, self.sides.comparer.record_bytes)))

    async def _translated(self, batch: Batch) -> Batch | None:
        """A page of the source in the target's terms, without what is not ours to compare; None if nothing is left."""
        self.tally.source_count += len(batch)
        translation = await asyncio.to_thread(self.sides.translator, batch)
        refused = refusals(batch, translation.refused)
        if refused:
            self.tally.missing += len(refused)
            self.tally.note(refused)
            await self.sink(refused)
        kept = without(translation.batch, await self.sides.foreign_among(translation.batch.ids))
        self.tally.skipped += len(translation.batch) - len(kept)
        return kept if kept.ids else None

    async def _owned(self, batch: Batch) -> Batch | None:
        """A page of the target without foreign records; None if nothing is left."""
        kept = without(batch, await self.sides.foreign_among(batch.ids))
        self.tally.foreign += len(batch) - len(kept)
        self.tally.target_count += len(kept)
        return kept if kept.ids else None

    async def _judge(self, source: Batch, target: Batch) -> tuple[Joined, int]:
        """Compare what is settled, tell what differs and what only one side has; with the digest of common ids."""
        joined, comparison, common = await asyncio.to_thread(self._work, source, target)
        findings = self.sides.missing(joined.missing)
        self.tally.missing += len(findings)
        if comparison is not None:
            self.tally.add(comparison)
            findings += comparison.findings
        if findings:
            self.tally.note(findings)
            await self.sink(findings)
        await self._tell_extra(joined.extra)
        return joined, common

    def _work(self, source: Batch, target: Batch) -> tuple[Joined, Comparison | None, int]:
        """The part of judging that costs; one digest of the common ids serves both sides."""
        joined, comparison = self.sides.judge(source, target)
        return joined, comparison, digest(joined.source.ids)

    def _digest(self, source: int, target: int) -> None:
        self.tally.source_digest = (self.tally.source_digest + source) % 2**64
        self.tally.target_digest = (self.tally.target_digest + target) % 2**64

    async def _tell_extra(self, target_ids: list[RecordId]) -> None:
        if target_ids:
            findings = extra(target_ids)
            self.tally.extra += len(findings)
            self.tally.note(findings)
            await self.sink(findings)


@dataclass(frozen=True, slots=True)
class Totals:
    """A whole scan."""

    tally: Tally
    ranges: tuple[dict[str, object], ...]
    doubts: tuple[str, ...]
    """Why the scan proves nothing, if so: counts that do not agree."""


def combine(
    results: Iterable[RangeResult], source_total: int, target_total: int, *, moving: int = 0
) -> Totals:
    """Add up the ranges of a scan. The totals are what `Store.count` says of each side, foreign records included; `moving`
    is how many records may have come or gone between two of those numbers.
    """
    tally, ranges = Tally(), []
    for result in results:
        tally.merge(result.tally)
        ranges.append(result.summary())
    return Totals(tally, tuple(ranges), tuple(_doubts(tally, source_total, target_total, moving)))


def _doubts(tally: Tally, source_total: int, target_total: int, moving: int) -> list[str]:
    doubts = []
    if abs(tally.source_count - source_total) > moving:
        doubts.append(f"the source counts {source_total:,} records and its scan gave {tally.source_count:,}")
    scanned = tally.target_count + tally.foreign
    if abs(scanned - target_total) > moving:
        doubts.append(f"the target counts {target_total:,} records and its scan gave {scanned:,}")
    met = tally.compared + tally.extra
    if abs(met - tally.target_count) > moving:
        doubts.append(
            f"the target's scan gave {tally.target_count:,} records of ours, look-ups by id met {met:,}"
        )
    return doubts
