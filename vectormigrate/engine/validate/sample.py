"""A seeded random sample of both sides, without reading all of either, and the bound that it gives.

Source records are drawn and looked up in the target (missing and different ones), target ids are drawn and looked
up in the source (extra ones). Up to `UNIFORM_LIMIT` records the ids of a side are read through once and drawn by
reservoir: every record is as likely as any other. Beyond, ranges of about equal size are drawn first and records
inside them: every record can be drawn, but as likely as any other only as far as the store cuts its ranges equal.
`Sampled.uniform` says which of the two it was, and the report's sentence says so too.

A sample bounds the share of records that differ. It never says that two sides are equal.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from vectormigrate.model.finding import FindingKind
from vectormigrate.model.record import RecordId
from vectormigrate.stores.base import Content, Range, Store

from .sides import Sides, Sink, extra
from .tally import Tally

UNIFORM_LIMIT = 200_000
"""Up to so many records all ids of a side are read to draw from."""
_STRATUM = 2_000
_LOOK = 200
_SPAN_LIMIT = 4_096


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a sample saw. Its counts of `tally` are of sampled records; the whole sides are counted beside it."""

    tally: Tally
    source_total: int
    target_total: int
    """Foreign records included."""
    foreign_total: int
    """Foreign records of the whole target."""
    skipped_total: int | None
    """Source records of the whole source whose place in the target a foreign record has; None if nobody counted."""
    drawn: int
    """Source records that were compared or found missing, the denominator of the bound."""
    target_drawn: int
    """Target records that were looked up in the source."""
    seed: int
    uniform: bool
    moving: int = 0
    """Records that may have come or gone between the two counts."""

    @property
    def differing(self) -> int:
        """Drawn source records that are missing or different."""
        return self.tally.missing + self.tally.mismatched

    @property
    def counts_agree(self) -> bool:
        """Whether both sides hold as many records as they should; as far as that can be known."""
        absent = self.source_total - (self.target_total - self.foreign_total)
        if self.skipped_total is None:
            return -self.moving <= absent <= self.foreign_total + self.moving
        return abs(absent - self.skipped_total) <= self.moving


async def compare_sample(
    sides: Sides,
    size: int,
    seed: int,
    sink: Sink,
    *,
    foreign_total: int = 0,
    skipped_total: int | None = None,
    moving: Callable[[], int] = lambda: 0,
) -> Sampled:
    """Compare `size` random records, and look up as many random records of the target in the source.

    The two totals are the caller's knowledge: what of each side has no twin and still is in its count. `moving` says, after
    both sides were counted, how many records may have come or gone between.
    """
    chance = random.Random(seed)  # noqa: S311 a sample needs repetition, not secrecy
    source_total = await sides.source.count(sides.source_collection)
    target_total = await sides.target.count(sides.target_collection)
    moved = moving()
    tally = Tally()
    source_ids = await draw(sides.source, sides.source_collection, source_total, size, chance)
    for start in range(0, len(source_ids), _LOOK):
        await _forward(sides, source_ids[start : start + _LOOK], tally, sink)
    target_ids = await draw(sides.target, sides.target_collection, target_total, size, chance)
    for start in range(0, len(target_ids), _LOOK):
        await _reverse(sides, target_ids[start : start + _LOOK], tally, sink)
    return Sampled(
        tally,
        source_total,
        target_total,
        foreign_total,
        skipped_total,
        tally.compared + tally.missing,
        tally.target_count,
        seed,
        max(source_total, target_total) <= UNIFORM_LIMIT,
        moved,
    )


@dataclass(frozen=True, slots=True)
class Named:
    """What comparing records by their ids saw."""

    tally: Tally
    asked: int

    @property
    def nowhere(self) -> int:
        """Ids that neither side has."""
        seen = self.tally
        return self.asked - seen.compared - seen.missing - seen.extra - seen.skipped - seen.uncopied


async def compare_ids(sides: Sides, ids: Sequence[RecordId], sink: Sink) -> Named:
    """Compare the records of these ids of the source."""
    tally = Tally()
    for start in range(0, len(ids), _LOOK):
        await _forward(sides, ids[start : start + _LOOK], tally, sink)
    return Named(tally, len(ids))


async def _forward(sides: Sides, source_ids: Sequence[RecordId], tally: Tally, sink: Sink) -> None:
    look = await sides.look(source_ids)
    tally.source_count += len(source_ids)
    tally.skipped += len(look.foreign)
    tally.missing += look.count(FindingKind.MISSING)
    # Deleted at the source since it was drawn, and still on the target.
    tally.extra += look.count(FindingKind.EXTRA)
    if look.comparison is not None:
        tally.add(look.comparison)
    tally.mismatched += look.misread
    if look.findings:
        tally.note(look.findings)
        await sink(look.findings)


async def _reverse(sides: Sides, target_ids: Sequence[RecordId], tally: Tally, sink: Sink) -> None:
    foreign = await sides.foreign_among(target_ids)
    owned = [target_id for target_id in target_ids if target_id not in foreign]
    tally.foreign += len(foreign)
    tally.target_count += len(owned)
    findings = extra(await sides.absent_in_source(owned))
    tally.extra += len(findings)
    if findings:
        tally.note(findings)
        await sink(findings)


async def draw(store: Store, collection: str, total: int, size: int, chance: random.Random) -> list[RecordId]:
    """Ids of at most `size` random records."""
    if size <= 0 or total == 0:
        return []
    if total <= UNIFORM_LIMIT:
        return await _reservoir(store, collection, Range(), size, chance)
    ranges = await store.split(collection, min(_SPAN_LIMIT, math.ceil(total / _STRATUM)))
    wanted = [0] * len(ranges)
    for _ in range(size):
        wanted[chance.randrange(len(ranges))] += 1
    drawn: list[RecordId] = []
    for span, share in zip(ranges, wanted, strict=True):
        if share:
            drawn += await _reservoir(store, collection, span, share, chance)
    return drawn


async def _reservoir(
    store: Store, collection: str, span: Range, size: int, chance: random.Random
) -> list[RecordId]:
    """Draw from a scan of unknown length: each record replaces a held one with the right probability."""
    held: list[RecordId] = []
    seen = 0
    pages = store.scan(collection, span, content=Content.IDS)
    async with aclosing(pages):
        async for page in pages:
            for record_id in page.batch.ids:
                seen += 1
                if len(held) < size:
                    held.append(record_id)
                elif (place := chance.randrange(seen)) < size:
                    held[place] = record_id
    return held


def upper_bound_95(found: int, drawn: int) -> float:
    """The largest share of differing records that still makes `found` or fewer among `drawn` as likely as 5 %.

    Clopper and Pearson's one-sided bound; with nothing found it is 1 - 0.05^(1/n), about 3/n.
    """
    if found >= drawn:
        return 1.0
    low, high = found / drawn, 1.0
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        if _at_most(found, drawn, middle) > 0.05:
            low = middle
        else:
            high = middle
    return high


def _at_most(found: int, drawn: int, share: float) -> float:
    """The probability of at most `found` among `drawn` when each differs with probability `share` (0 < share < 1)."""
    yes, no = math.log(share), math.log1p(-share)
    every = math.lgamma(drawn + 1)
    return math.fsum(
        math.exp(every - math.lgamma(k + 1) - math.lgamma(drawn - k + 1) + k * yes + (drawn - k) * no)
        for k in range(found + 1)
    )
