"""A worker's side of a comparison: compares the spans it leases and sends home what it sees."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from vectormigrate.engine.work import Assignment, Compared, Coordinator, ForeignAmong
from vectormigrate.model.batch import Batch
from vectormigrate.model.finding import Finding
from vectormigrate.model.record import RecordId, id_text

from .fullscan import Span, compare_range
from .sides import ForeignCheck, Sides


def ask_foreign(coordinator: Coordinator, *, untouched: bool) -> ForeignCheck:
    """A check that asks the coordinator. `untouched`: records that were overwritten by request count as ours."""

    async def foreign(target_ids: Sequence[RecordId]) -> set[RecordId]:
        texts = {id_text(one): one for one in target_ids}
        found = await coordinator.ask(ForeignAmong(tuple(texts), untouched))
        return {texts[text] for text in found}

    return foreign


class CompareTask:
    """Compares spans for one worker."""

    def __init__(self, coordinator: Coordinator, sides: Sides) -> None:
        self._coordinator = coordinator
        self._sides = sides

    async def compare(self, assignment: Assignment) -> None:
        """Compare one span to its end. Raises what the stores raise."""
        number, seen = assignment.number, 0

        async def sink(found: Sequence[Finding]) -> None:
            part = Compared(number, findings=tuple(msgspec.to_builtins(one) for one in found))
            await self._coordinator.ask(part)

        def progress(records: int) -> None:
            nonlocal seen
            seen += records

        span = msgspec.convert(assignment.span, Span)
        result = await compare_range(self._sides, span, sink, progress)
        await self._coordinator.ask(Compared(number, records=seen, result=result.as_dict()))


def differing(sides: Sides, written: Batch, read_back: Batch) -> tuple[str, ...]:
    """Source id texts of translated records that read back otherwise, or not at all: the check behind the copy."""
    joined, comparison = sides.judge(written, read_back)
    found = [*sides.missing(joined.missing), *(comparison.findings if comparison else ())]
    return tuple(dict.fromkeys(finding.id for finding in found))
