"""The two collections under comparison, and everything needed to bring a record of one to its twin in the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from vectormigrate.model import identity
from vectormigrate.model.batch import Batch
from vectormigrate.model.errors import RecordRefused
from vectormigrate.model.finding import Finding, FindingKind
from vectormigrate.model.mapping import Translator
from vectormigrate.model.record import RecordId, id_text
from vectormigrate.stores.base import Content, Store

from .align import Joined, join
from .compare import Comparer, Comparison
from .reading import Reading

ForeignCheck: TypeAlias = Callable[[Sequence[RecordId]], Awaitable[set[RecordId]]]
"""Of these target ids, the ones whose record in the target is not ours; two tasks may ask at once."""

Sink: TypeAlias = Callable[[Sequence[Finding]], Awaitable[None]]
"""Takes findings as they are found, never none at a time; two tasks may call it at once."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at some records by id showed."""

    comparison: Comparison | None
    """None when no record was on both sides."""
    findings: list[Finding]
    """Of everything: missing, extra and different records."""
    foreign: frozenset[RecordId]
    """Target ids left out because the record there is not ours."""
    misread: int = 0
    """Records, equal otherwise, that the application would read otherwise."""

    def count(self, kind: FindingKind) -> int:
        """How many findings of a kind there are."""
        return sum(finding.kind is kind for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Sides:
    """Source and target, the way from one to the other, and what counts as equal."""

    source: Store
    source_collection: str
    target: Store
    target_collection: str
    translator: Translator
    comparer: Comparer
    foreign: ForeignCheck | None = None
    """None when everything in the target is ours."""
    reading: Reading | None = None
    """What compares what the application reads, where records are laid out anew."""

    async def foreign_among(self, target_ids: Sequence[RecordId]) -> set[RecordId]:
        """The ids whose record in the target is not ours."""
        return set() if self.foreign is None or not target_ids else await self.foreign(target_ids)

    def source_id(self, target_id: RecordId) -> RecordId | None:
        """The id on the source; None when no source id maps to it."""
        return identity.to_source(self.comparer.id_rule, target_id)

    def target_id(self, source_id: RecordId) -> RecordId:
        """The id on the target."""
        return identity.to_target(self.comparer.id_rule, source_id)

    def missing(self, target_ids: Sequence[RecordId]) -> list[Finding]:
        """Findings for records, named by their target ids, that only the source has."""
        found = []
        for target_id in target_ids:
            source_id = self.source_id(target_id)
            found.append(Finding(FindingKind.MISSING, id_text(target_id if source_id is None else source_id)))
        return found

    def judge(self, source: Batch, target: Batch) -> tuple[Joined, Comparison | None]:
        """Join two batches, both in the target's terms, and compare what is on both sides."""
        joined = join(source, target)
        return joined, self.comparer(joined.source, joined.target) if joined.source.ids else None

    async def look(self, source_ids: Sequence[RecordId], target_ids: Sequence[RecordId] = ()) -> Look:
        """Read these records on both sides and compare them. `target_ids` are looked for on the target as well."""
        batch = await self.source.fetch(self.source_collection, source_ids)
        translation = await asyncio.to_thread(self.translator, batch)
        refused = refusals(batch, translation.refused)
        # An id that cannot be mapped is not asked for: the target may not even understand the question.
        unfit = {batch.ids[row] for row, _ in translation.refused}
        mapped = [self.target_id(source_id) for source_id in source_ids if source_id not in unfit]
        wanted = list(dict.fromkeys([*mapped, *target_ids]))
        found = await self.target.fetch(self.target_collection, wanted)
        foreign = await self.foreign_among(wanted)
        joined, comparison = await asyncio.to_thread(
            self.judge, without(translation.batch, foreign), without(found, foreign)
        )
        findings = list(comparison.findings) if comparison else []
        misread: list[Finding] = []
        if self.reading is not None:
            told = {finding.id for finding in findings}
            unlike = self.reading.differences(batch, without(found, foreign))
            misread = [finding for finding in unlike if finding.id not in told]
        return Look(
            comparison,
            [*refused, *self.missing(joined.missing), *extra(joined.extra), *findings, *misread],
            frozenset(foreign),
            len(misread),
        )

    async def absent_in_source(self, target_ids: Sequence[RecordId]) -> list[RecordId]:
        """Of these ids of the target, those that have no record in the source."""
        sources = {target_id: self.source_id(target_id) for target_id in target_ids}
        asked = [source_id for source_id in sources.values() if source_id is not None]
        held = (
            await self.source.fetch(self.source_collection, asked, content=Content.IDS)
            if asked
            else Batch([])
        )
        known = set(held.ids)
        return [target_id for target_id, source_id in sources.items() if source_id not in known]


def refusals(source: Batch, refused: Sequence[tuple[int, RecordRefused]]) -> list[Finding]:
    """Findings for source records that the mapping cannot translate, so that the target cannot have them."""
    return [
        Finding(FindingKind.MISSING, id_text(source.ids[row]), f"cannot be mapped: {error.message}")
        for row, error in refused
    ]


def extra(target_ids: Sequence[RecordId]) -> list[Finding]:
    """Findings for records that only the target has."""
    return [Finding(FindingKind.EXTRA, id_text(target_id)) for target_id in target_ids]


def without(batch: Batch, ids: set[RecordId]) -> Batch:
    """A batch without some records."""
    if not ids or ids.isdisjoint(batch.ids):
        return batch
    return batch.take([row for row, record_id in enumerate(batch.ids) if record_id not in ids])
