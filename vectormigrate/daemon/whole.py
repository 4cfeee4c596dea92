"""The verbs of a migration of several parts: each is done to one part after another, and the answers are summed up.

A part that cannot go on does not keep the others from it; what would keep all of them from it (a store that is away, a key
that is not accepted) ends the run. The source is asked again before and behind every run: parts that have come meanwhile are
taken in before, and told of behind. There is nothing to checkpoint here: what was done is what the parts say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol, Unpack

from vectormigrate.model.clock import Clock
from vectormigrate.model.comparing import Comparing
from vectormigrate.model.errors import (
    AuthenticationFailed,
    ConfigInvalid,
    FinishedWithFindings,
    GateRefused,
    PermissionDenied,
    StateError,
    UsageError,
    VectormigrateError,
)
from vectormigrate.model.events import Event, Progress, Warned
from vectormigrate.model.phase import FINAL, Phase
from vectormigrate.model.specification import Specification
from vectormigrate.model.status import MigrationStatus, RollbackReport, ValidationReport
from vectormigrate.model.whole import rollback_of, validation_of
from vectormigrate.state import findings, views
from vectormigrate.state.database import Database

from . import parting
from .secrets import Secrets

_UNDER_WAY = (Phase.PREFLIGHT, Phase.PASSTHROUGH, Phase.BACKFILL, Phase.CATCH_UP)
_DONE = (Phase.VERIFIED, *FINAL)
_UNPLANNED = (Phase.CREATED, Phase.PREFLIGHT)
_NAMED = 5


class Words(Protocol):
    """What can be done to one part, be it live or not."""

    async def add(self, specs: Sequence[Specification]) -> None:
        """Take in parts that have come."""

    async def validate(self, migration_id: str, **how: Unpack[Comparing]) -> ValidationReport: ...

    async def rollback(self, migration_id: str, *, dry_run: bool, remove_unknown: bool) -> RollbackReport: ...

    async def pause(self, migration_id: str) -> object: ...


class Verbs(Words, Protocol):
    """What can be done to one part that is offline: `control.Control`."""

    async def run(self, migration_id: str) -> MigrationStatus: ...

    async def repair(self, migration_id: str, *, dry_run: bool) -> object: ...

    async def halt(self, migration_id: str, *, pause: bool) -> MigrationStatus: ...

    def runs(self, migration_id: str) -> bool: ...


class Parted:
    """What goes for every migration of several parts, in the process that owns the state file."""

    def __init__(
        self,
        words: Words,
        database: Database,
        asked: Specification,
        secrets: Secrets,
        clock: Clock,
        on_event: Callable[[Event], None],
    ) -> None:
        self._words = words
        self._database = database
        self._asked = asked
        self._id = asked.id
        self._secrets = secrets
        self._clock = clock
        self._on_event = on_event
        self._stopping = False

    async def validate(self, **how: Unpack[Comparing]) -> ValidationReport:
        """Compare every part that was copied; a part that was not, and one that has come since, is told as lacking. Raises as
        `comparable`.
        """
        planned = comparable(self._id, self._statuses(), how)
        reports = []
        for number, part in enumerate(planned):
            if self._stopping:
                break
            self._on_event(Progress(self._id, "parts", number, len(planned)))
            reports.append(await self._words.validate(part.migration_id, **how))
        if not reports:
            raise GateRefused(f"the comparison of {self._id!r} was stopped before it had begun")
        return await self._keep(reports, await self._lacking(reports))

    async def _keep(self, reports: Sequence[ValidationReport], lacking: Sequence[str]) -> ValidationReport:
        """Keep what the parts proved as one report, which says what they do not cover."""
        report = validation_of(self._id, reports, lacking)
        at = self._clock.now().isoformat()
        await self._database.write(lambda tx: findings.add_report(tx, report, at=at))
        return report

    async def _lacking(self, reports: Sequence[ValidationReport]) -> list[str]:
        """What of the source these reports do not cover; nothing where they are the whole."""
        seen = {report.migration_id for report in reports}
        others = [part for part in self._statuses() if part.migration_id not in seen]
        unseen = [part for part in others if part.phase not in FINAL]
        if unseen:
            return [f"{len(unseen):,} parts were not compared"]
        come = await self._come()
        if come:
            return [f"parts of the source are not in the migration: {names(come)}"]
        held = sum(report.source_count for report in reports) + sum(part.total or 0 for part in others)
        more = await parting.outside(self._asked, self._secrets, held)
        return [f"{more:,} records of the source are in no part"] if more else []

    async def rollback(self, *, dry_run: bool, remove_unknown: bool) -> RollbackReport:
        """Take every part out of the target, the last first. Repeatable."""
        waiting, reports = self._undoable(), []
        while waiting and not self._stopping:
            part = waiting.pop()
            reports.append(
                await self._words.rollback(part.migration_id, dry_run=dry_run, remove_unknown=remove_unknown)
            )
        untouched = sum(part.copied for part in waiting if part.phase not in FINAL)
        return rollback_of(self._id, reports, untouched, dry_run=dry_run)

    def _undoable(self) -> list[MigrationStatus]:
        return list(self._statuses())

    async def pause(self) -> None:
        """Rest where it is, for one that no process runs. Raises GateRefused when none of it is under way."""
        for part in under_way(self._id, self._statuses()):
            await self._words.pause(part)

    # What is there.

    def _statuses(self) -> tuple[MigrationStatus, ...]:
        return self._database.read(lambda tx: views.status(tx, self._id)).parts

    async def _take_in(self) -> None:
        come = await self._come()
        if come:
            await self._words.add(come)
            self._on_event(
                Warned(self._id, f"parts have come to the source, and are taken in: {names(come)}")
            )

    async def _come(self) -> list[Specification]:
        known = self._database.read(lambda tx: views.parts(tx, self._id))
        return await parting.come(self._asked, self._secrets, known)


class Whole(Parted):
    """One that is offline."""

    def __init__(
        self,
        verbs: Verbs,
        database: Database,
        asked: Specification,
        secrets: Secrets,
        clock: Clock,
        on_event: Callable[[Event], None],
    ) -> None:
        super().__init__(verbs, database, asked, secrets, clock, on_event)
        self._verbs = verbs
        self.idle = asyncio.Event()
        """Set when what it was asked for has ended."""

    def stop(self) -> None:
        """Begin no further part. The part under way is stopped by whoever runs it."""
        self._stopping = True

    async def run(self) -> None:
        """Take in what has come, and run every part that is not done. Raises what keeps all from it, or else what the first
        part that failed says, when the others are through.
        """
        check_onward(self._id, self._statuses())
        await self._take_in()
        await self._each(self._verbs.run, _DONE)

    async def repair(self) -> None:
        """Make the target of every part what its source is now. Raises as `run` does, and GateRefused while a part is not
        verified.
        """
        unfinished = [part for part in self._statuses() if part.phase not in _DONE]
        if unfinished:
            raise GateRefused(
                f"{len(unfinished):,} parts of {self._id!r} are not verified, {unfinished[0].migration_id} for one",
                hint=f"go on with `vectormigrate resume {self._id}`",
            )
        await self._each(lambda part: self._verbs.repair(part, dry_run=False), FINAL)

    async def _each(self, work: Callable[[str], Awaitable[object]], beside: Collection[Phase]) -> None:
        """Do it to every part that is not in one of these phases."""
        failed: list[tuple[str, VectormigrateError]] = []
        parts = self._statuses()
        for number, part in enumerate(parts):
            if self._stopping:
                break
            if part.phase in beside:
                continue
            self._on_event(Progress(self._id, "parts", number, len(parts)))
            try:
                await work(part.migration_id)
            except VectormigrateError as error:
                if _concerns_all(error):
                    raise
                failed.append((part.migration_id, error))
        if failed:
            raise worst(failed)
        if all(part.phase in _DONE for part in self._statuses()):
            self._on_event(Progress(self._id, "parts", len(parts), len(parts)))
            await self._prove()

    async def _prove(self) -> None:
        """Keep what the parts proved as one report, and tell of what is in none of them."""
        done = [part for part in self._statuses() if part.phase is Phase.VERIFIED]
        latest = self._database.read(
            lambda tx: [findings.latest_report(tx, part.migration_id) for part in done]
        )
        reports = [report for report in latest if report is not None]
        lacking = await self._lacking(reports)
        await self._keep(reports, lacking)
        if lacking:
            raise FinishedWithFindings(
                f"every part is verified, and not all of the source is in them: {'; '.join(lacking)}",
                hint=f"`vectormigrate resume {self._id}` takes in parts that have come",
            )

    async def halt(self, *, pause: bool) -> None:
        """Stop behind the next checkpoint of the part under way, and begin no other."""
        self.stop()
        for part in self._statuses():
            if self._verbs.runs(part.migration_id):
                await self._verbs.halt(part.migration_id, pause=pause)
        await self.idle.wait()


def _resting(part: MigrationStatus) -> Phase:
    return part.resume_phase or part.phase


def names(parts: Sequence[Specification]) -> str:
    named = ", ".join(part.id for part in parts[:_NAMED])
    return f"{named}{' ...' if len(parts) > _NAMED else ''}"


def _concerns_all(error: VectormigrateError) -> bool:
    """Whether the other parts would fail of the same."""
    return error.retryable or isinstance(
        error, AuthenticationFailed | PermissionDenied | ConfigInvalid | StateError
    )


def worst(failed: Sequence[tuple[str, VectormigrateError]]) -> VectormigrateError:
    """The first that is more than findings, if one is, with the part in its message."""
    part, error = next((one for one in failed if not isinstance(one[1], FinishedWithFindings)), failed[0])
    more = f" (and {len(failed) - 1:,} more of its parts failed)" if len(failed) > 1 else ""
    error.message = f"part {part}: {error.message}{more}"
    error.args = (error.message,)
    return error


def check_onward(migration_id: str, parts: Sequence[MigrationStatus]) -> None:
    """Raise GateRefused when every part is over."""
    phases = {part.phase for part in parts}
    if phases and phases <= FINAL:
        raise GateRefused(
            f"every part of {migration_id!r} is over: it cannot go on",
            hint="start a new one under another id",
        )


def comparable(migration_id: str, parts: Sequence[MigrationStatus], how: Comparing) -> list[MigrationStatus]:
    """The parts that can be compared. Raises GateRefused when there is none, and UsageError for records by their ids, which say
    nothing of the part that they are in.
    """
    if how.get("ids"):
        raise UsageError(
            "an id does not say which part it is in",
            hint=f"name the part: `vectormigrate list` shows them, {migration_id}:NAME",
        )
    left = [part for part in parts if part.phase not in FINAL]
    planned = [part for part in left if _resting(part) not in _UNPLANNED]
    if not planned:
        raise GateRefused(
            f"migration {migration_id!r} has no part with anything to compare",
            hint=f"copy first: `vectormigrate resume {migration_id}`",
        )
    return planned


def under_way(migration_id: str, parts: Sequence[MigrationStatus]) -> list[str]:
    """The parts that can be paused. Raises GateRefused when there is none."""
    going = [part.migration_id for part in parts if part.phase in _UNDER_WAY]
    if not going:
        raise GateRefused(
            f"no part of {migration_id!r} is under way",
            hint=f"see where it is: vectormigrate status {migration_id}",
        )
    return going
