"""One validation from its start to its report: plan the spans, let the crew compare, look again, judge, keep.

A full scan runs in the crew's workers; a sample and every second look run here. Nothing is written to either side.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from vectormigrate.engine.throttle import Throttle
from vectormigrate.engine.work import Coordinator, Crew
from vectormigrate.model.clock import Clock
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.comparing import SAMPLED, Comparing, check_meant
from vectormigrate.model.errors import Stopped
from vectormigrate.model.events import Event, FindingConfirmed, Validated
from vectormigrate.model.finding import Finding, FindingKind
from vectormigrate.model.identity import read_id
from vectormigrate.model.mapping import MappingPlan, Translator
from vectormigrate.model.measure import Histogram
from vectormigrate.model.record import RecordId, id_text, parse_id
from vectormigrate.model.specification import Existing, Specification
from vectormigrate.model.status import ValidationReport
from vectormigrate.state import findings, ownership, waivers
from vectormigrate.state.database import Database, Transaction
from vectormigrate.stores.base import Store

from .compare import DEFAULT_THRESHOLD, Comparer, effective_threshold, inexact_doubles
from .coordinator import CompareCoordinator
from .fullscan import Totals, combine, plan_spans
from .reading import Reading
from .recall import compare_searches
from .recheck import LOOKS, Rechecked, recheck
from .report import Run, full_report, ids_report, sample_report, searched_report
from .sample import compare_ids, compare_sample
from .sides import Sides
from .task import ask_foreign

_RECORDS_A_SPAN = 5_000
_MOST_SPANS = 256
LEAST_RECALL = 0.9
"""Of what the source finds, what the target has to find where nothing is said."""
_SEED = 0
"""Of searches beside a comparison that chose nothing."""
_RECHECKED = 5_000
"""More findings than this are not looked at again: something is wrong at large, and every one is kept."""


class Validation:
    """One validation of one migration. Use it once."""

    def __init__(
        self,
        database: Database,
        spec: Specification,
        source: Store,
        target: Store,
        shape: CollectionShape,
        plan: MappingPlan,
        crew: Callable[[int], Crew],
        clock: Clock,
        on_event: Callable[[Event], None],
        *,
        writing: Callable[[Sequence[str]], set[str]] = lambda _: set(),
        settling: float = 0.0,
        moving: Callable[[], Callable[[], int]] = lambda: lambda: 0,
        rechecks: Histogram | None = None,
        telling: Callable[[Sequence[Finding]], list[Finding]] = list,
    ) -> None:
        """`writing` names those of some source ids that are being written, of which nothing can be said; `settling` is
        how many seconds a difference must last between two looks; `moving` begins to count the records that come or go on
        either side, and gives the question how many that can have been; `rechecks` is told how long second looks take;
        `telling` leaves out what is only not copied yet.
        """
        self._rechecks = rechecks or Histogram()
        self._writing = writing
        self._moving = moving
        self._settling = settling
        self._database = database
        self._spec = spec
        self._source = source
        self._target = target
        self._shape = shape
        self._plan = plan
        self._crew = crew
        self._clock = clock
        self._on_event = on_event
        self.throttle: Throttle | None = None
        """What the workers keep to when they compare everything."""
        self._running: CompareCoordinator | None = None
        self._stopped = False
        self._telling = telling
        self._postponed = 0
        """Records of the sample that the copy had not come to."""

    def stop(self) -> None:
        """Hand out nothing further; the validation then raises Stopped, for it proves nothing."""
        self._stopped = True
        if self._running is not None:
            self._running.stop()

    async def compare(self, how: Comparing) -> ValidationReport:
        """Compare what is asked for, and keep the report; not one of some ids, for it proves nothing of the collection. Raises
        UsageError for an id that cannot be one of the source, and for ids together with everything.
        """
        check_meant(how)
        run = self._begin(how.get("threshold"))
        ids = how.get("ids")
        if how.get("full"):
            report = await self._full(run)
        elif ids:
            report = await self._some(run, [read_id(one, self._shape.id.kind) for one in dict.fromkeys(ids)])
        else:
            report = await self._sample(run, how.get("sample_size") or SAMPLED, how.get("seed"))
        if count := how.get("searches"):
            least = how.get("least_recall")
            report = await self._searched(report, count, LEAST_RECALL if least is None else least)
        return report if ids else await self._keep(report)

    async def _full(self, run: Run) -> ValidationReport:
        """Compare every record of both sides."""
        await self._database.write(lambda tx: findings.forget(tx, self._spec.id))
        totals = await self._scan(None, self._telling)
        rechecked = await self._look_again(
            run.threshold, totals.tally.missing + totals.tally.extra + totals.tally.mismatched
        )
        return full_report(self._ended(run), totals, rechecked)

    async def reconcile(self, on_findings: Callable[[Transaction, list[Finding]], None]) -> Totals:
        """Compare every record of both sides; what differs is told in the transaction that keeps it."""
        await self._database.write(lambda tx: findings.forget(tx, self._spec.id))
        totals = await self._scan(on_findings)
        await self._database.write(lambda tx: findings.forget(tx, self._spec.id))
        return totals

    async def _some(self, run: Run, ids: Sequence[RecordId]) -> ValidationReport:
        """Compare the records of these ids of the source; what is known of others stays known."""
        found: list[Finding] = []
        told = 0

        async def sink(more: Sequence[Finding]) -> None:
            nonlocal told
            told += len(more)
            found.extend(self._telling(more))

        sides = self._sides(run.threshold)
        await self._source.barrier(self._spec.source.collection)
        await self._target.barrier(self._plan.target.name)
        compared = await compare_ids(sides, ids, sink)
        compared.tally.postpone(told - len(found), self._telling)
        rechecked = await self._recheck(run.threshold, found) if 0 < len(found) <= _RECHECKED else None
        names = {id_text(name) for one in ids for name in (one, sides.target_id(one))}
        at = self._clock.now().isoformat()

        def keep(tx: Transaction) -> None:
            findings.settle(tx, self._spec.id, names)
            if rechecked is None:
                findings.add(tx, self._spec.id, found, at=at)
            else:
                self._add(tx, rechecked, at)

        await self._database.write(keep)
        return ids_report(self._ended(run), compared, rechecked)

    async def _searched(self, report: ValidationReport, count: int, least: float) -> ValidationReport:
        """The same with searches; ok only if the target finds enough of what the source finds."""
        vectors = [plan for plan in self._plan.vectors if plan.kept]
        seed = report.seed if report.seed is not None else _SEED
        sides = self._sides(report.threshold)
        return searched_report(
            report, await compare_searches(sides, vectors, count, seed, self._clock), least
        )

    async def _sink(self, found: Sequence[Finding]) -> None:
        kept, at = self._telling(found), self._clock.now().isoformat()
        self._postponed += len(found) - len(kept)
        await self._database.write(lambda tx: findings.add(tx, self._spec.id, kept, at=at))

    async def _sample(self, run: Run, size: int, seed: int | None) -> ValidationReport:
        """Compare a random sample, and count both sides."""
        chosen = seed if seed is not None else random.SystemRandom().randrange(2**31)
        await self._database.write(lambda tx: findings.forget(tx, self._spec.id))
        await self._target.barrier(self._plan.target.name)
        foreign = self._database.read(lambda tx: ownership.untouched_count(tx, self._spec.id))
        # How many source records are left out for them may have changed since the backfill counted it.
        skipped = None if foreign else 0
        sampled = await compare_sample(
            self._sides(run.threshold),
            size,
            chosen,
            self._sink,
            foreign_total=foreign,
            skipped_total=skipped,
            moving=self._apart(),
        )
        tally = sampled.tally
        tally.postpone(self._postponed, self._telling)
        sampled = replace(sampled, drawn=sampled.drawn - self._postponed)
        rechecked = await self._look_again(run.threshold, tally.missing + tally.extra + tally.mismatched)
        return sample_report(self._ended(run), sampled, rechecked)

    async def again(self) -> None:
        """Forget what the last validation found and is equal by now; of very many findings none."""
        held = self._held()
        last = self._database.read(lambda tx: findings.latest_report(tx, self._spec.id))
        if not held or len(held) > _RECHECKED or last is None:
            return
        rechecked = await self._recheck(last.threshold, held)
        same = {finding.id for finding in rechecked.confirmed}
        left = same | {finding.id for finding in rechecked.unsettled}
        at = self._clock.now().isoformat()
        await self._database.write(
            lambda tx: findings.keep_only(tx, self._spec.id, left, confirmed=same, at=at)
        )

    # Steps.

    async def _scan(
        self,
        on_findings: Callable[[Transaction, list[Finding]], None] | None,
        telling: Callable[[Sequence[Finding]], list[Finding]] = list,
    ) -> Totals:
        sides = self._sides(DEFAULT_THRESHOLD)
        await self._target.barrier(self._plan.target.name)
        moving = self._moving()
        source_total, target_total = await self._counts()
        parts = max(1, min(_MOST_SPANS, source_total // _RECORDS_A_SPAN))
        spans = await plan_spans(sides, parts)
        coordinator = CompareCoordinator(
            self._database,
            self._spec.id,
            spans,
            total=source_total,
            now=self._clock.now,
            on_event=self._on_event,
            on_findings=on_findings,
            telling=telling,
        )
        coordinator.throttle = self.throttle
        self._running = coordinator
        if self._stopped:
            coordinator.stop()
        await self._crew(len(spans)).run(coordinator)
        if not coordinator.complete:
            raise Stopped(
                "the comparison was stopped before its end, and proves nothing",
                hint="run the same command again",
            )
        totals = combine(
            (coordinator.results[number] for number in sorted(coordinator.results)),
            source_total,
            target_total,
            moving=moving(),
        )
        totals.tally.postpone(coordinator.untold, telling)
        return totals

    def _unsaid(self, ids: Sequence[str]) -> set[str]:
        """Those source ids of which nothing can be said: they are being written, or somebody goes without them."""
        return self._writing(ids) | self._database.read(lambda tx: waivers.among(tx, self._spec.id, ids))

    def _apart(self) -> Callable[[], int]:
        """Begin to count by how many records the sides may differ: those that come or go, and those that somebody goes without."""
        moving, without = self._moving(), self._database.read(lambda tx: waivers.count(tx, self._spec.id))
        return lambda: moving() + without

    async def _counts(self) -> tuple[int, int]:
        source = await self._source.count(self._spec.source.collection)
        return source, await self._target.count(self._plan.target.name)

    async def _look_again(self, threshold: float, found: int) -> Rechecked | None:
        held = self._held()
        if not found or len(held) > _RECHECKED:
            return None
        rechecked = await self._recheck(threshold, held)
        at = self._clock.now().isoformat()

        def keep(tx: Transaction) -> None:
            findings.forget(tx, self._spec.id)
            self._add(tx, rechecked, at)

        await self._database.write(keep)
        return rechecked

    def _add(self, tx: Transaction, rechecked: Rechecked, at: str) -> None:
        findings.add(tx, self._spec.id, rechecked.confirmed, at=at, generation=1 + LOOKS)
        findings.add(tx, self._spec.id, rechecked.unsettled, at=at)

    def _held(self) -> list[Finding]:
        return self._database.read(lambda tx: findings.page(tx, self._spec.id, ("", "", ""), _RECHECKED + 1))

    async def _recheck(self, threshold: float, held: Sequence[Finding]) -> Rechecked:
        began = self._clock.monotonic()
        sides = self._sides(threshold)
        names = {finding: _source_text(sides, finding) for finding in held}
        written: set[str] = set()

        async def pause() -> None:
            written.update(self._unsaid(list(names.values())))
            await asyncio.sleep(self._settling)
            await self._source.barrier(self._spec.source.collection)
            await self._target.barrier(self._plan.target.name)

        rechecked = await recheck(sides, held, pause)
        written.update(self._unsaid(list(names.values())))
        rechecked.leave_out(lambda finding: _source_text(sides, finding) in written)
        self._rechecks.observe(self._clock.monotonic() - began)
        return rechecked

    async def _keep(self, report: ValidationReport) -> ValidationReport:
        sides = {"source": await self._source.info(), "target": await self._target.info()}
        stores = {side: f"{info.kind} {info.version}" for side, info in sides.items()}
        report = replace(report, stores=stores)
        at = self._clock.now().isoformat()
        await self._database.write(lambda tx: findings.add_report(tx, report, at=at))
        self._on_event(Validated(self._spec.id, report.method, report.ok, report.compared, report.statement))
        if not report.ok and (held := self._database.read(lambda tx: findings.count(tx, self._spec.id))):
            self._on_event(FindingConfirmed(self._spec.id, held))
        return report

    def _begin(self, threshold: float | None) -> Run:
        ruling = effective_threshold(DEFAULT_THRESHOLD if threshold is None else threshold)
        return Run(self._spec.id, self._clock.now(), self._clock.monotonic(), ruling)

    def _ended(self, run: Run) -> Run:
        return Run(run.migration_id, run.started_at, self._clock.monotonic() - run.seconds, run.threshold)

    def _sides(self, threshold: float) -> Sides:
        asking: Coordinator = CompareCoordinator(
            self._database, self._spec.id, (), total=0, now=self._clock.now, on_event=self._on_event
        )
        layout, key = self._plan.layout, self._target.endpoint.redact_key
        translator = Translator(self._plan, self._target.capabilities, key)
        return Sides(
            self._source,
            self._spec.source.collection,
            self._target,
            self._plan.target.name,
            translator,
            Comparer(
                self._plan,
                self._shape,
                threshold=threshold,
                inexact_doubles=inexact_doubles(self._source.capabilities, self._target.capabilities),
            ),
            ask_foreign(asking, untouched=self._spec.existing is Existing.OVERWRITE),
            None if layout is None else Reading(layout, self._plan.id_rule, translator),
        )


def _source_text(sides: Sides, finding: Finding) -> str:
    """The source id of a finding, as text; that of the target where no source id leads to it."""
    if finding.kind is not FindingKind.EXTRA:
        return finding.id
    source = sides.source_id(parse_id(finding.id))
    return finding.id if source is None else id_text(source)
