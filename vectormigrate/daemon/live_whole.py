"""The words to a live migration of several parts: each is said to one part after another, and the answers are summed up.

Every part is a live migration like any other, with a lane, marks, gates and a primary of its own, so nothing here knows how
records get across. A swap of all parts is one swap after another, begun only when every part could be swapped. Its surprise:
it may end midway. What was swapped by then stays so, is told, and the same word again goes on with the rest.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeVar, Unpack

import msgspec

from vectormigrate.model.clock import Clock
from vectormigrate.model.comparing import Comparing
from vectormigrate.model.errors import GateRefused, VectormigrateError
from vectormigrate.model.events import Event
from vectormigrate.model.phase import FINAL, RESTING, Phase
from vectormigrate.model.specification import Specification
from vectormigrate.model.status import (
    GateStatus,
    LiveStatus,
    MigrationStatus,
    RollbackReport,
    SwapReport,
    ValidationReport,
)
from vectormigrate.model.whole import live_of, swap_of, would_of
from vectormigrate.state import views
from vectormigrate.state.database import Database

from .approving import approved
from .parting import parts_of
from .secrets import Secrets
from .whole import Parted, check_onward, names, under_way, worst

T = TypeVar("T")
_LOOK = 10.0
"""Seconds for which nobody asks the source again whether parts have come, just to show it."""
_SWAPPED = (Phase.REVERSED, Phase.COMMITTED)


class Hosting(Protocol):
    """Who hosts the parts: `hosting.Host`."""

    async def answer(self, verb: str, migration_id: str, arguments: dict[str, Any]) -> dict[str, Any]: ...

    async def check(self, specification: Specification) -> None:
        """Raise what would keep one from starting."""

    async def store(self, specifications: Sequence[Specification]) -> None:
        """Add them to the state file, all or none."""

    async def begin(self, migration_id: str) -> None:
        """Host one that is in the state file, or go on with it where it rests."""


class _Parts:
    """Words to parts, as typed calls: the `whole.Words` of a host."""

    def __init__(self, host: Hosting, asked: Specification) -> None:
        self._host = host
        self._asked = asked

    async def ask(self, verb: str, part: MigrationStatus | str, kind: type[T], **arguments: Any) -> T:
        name = part if isinstance(part, str) else part.migration_id
        return msgspec.convert(await self._host.answer(verb, name, arguments), kind)

    async def add(self, specs: Sequence[Specification]) -> None:
        """Nothing is stored unless all of them can start."""
        for spec in specs:
            try:
                await self._host.check(spec)
            except VectormigrateError as error:
                raise worst([(spec.id, error)]) from error
        await self._host.store([self._asked, *specs])
        for spec in specs:
            await self._host.begin(spec.id)

    async def validate(self, migration_id: str, **how: Unpack[Comparing]) -> ValidationReport:
        return await self.ask("validate", migration_id, ValidationReport, **how)

    async def rollback(self, migration_id: str, *, dry_run: bool, remove_unknown: bool) -> RollbackReport:
        return await self.ask("rollback", migration_id, RollbackReport, dry_run=dry_run)

    async def pause(self, migration_id: str) -> MigrationStatus:
        return await self.ask("pause", migration_id, MigrationStatus)


class LiveWhole(Parted):
    """One live migration of several parts, in the daemon that hosts them. What a word raises for a part, its id is in front of."""

    def __init__(
        self,
        host: Hosting,
        database: Database,
        asked: Specification,
        secrets: Secrets,
        clock: Clock,
        on_event: Callable[[Event], None],
    ) -> None:
        self._parts = _Parts(host, asked)
        super().__init__(self._parts, database, asked, secrets, clock, on_event)
        self._swapping = False
        self._looked: tuple[float, GateStatus] | None = None
        """When the source was last asked for its parts, and what is said of it."""

    async def create(self) -> None:
        """Add it with the parts that the source has now, or go on with it where it rests. Raises MigrationExists for other
        settings, and what would keep a part from starting.
        """
        if self._database.read(lambda tx: views.parts(tx, self._id)):
            await self._parts.add([])
            await self.resume()
        else:
            await self._parts.add(await parts_of(self._asked, self._secrets))

    async def answer(self, verb: str, arguments: dict[str, Any]) -> object:
        """A word of `hosting.VERBS`. Raises what the word raises."""
        if verb in STEERING:
            return await self._steer(verb, arguments)
        word: Callable[..., Awaitable[object]] = getattr(self, verb.replace("-", "_"))
        return await word(**arguments)

    # Looking.

    async def status(self) -> LiveStatus:
        """Of every part that is not over. Raises GateRefused when all of them are."""
        return await self._told("status", {})

    async def reads(self, *, share: float, dry_run: bool = False) -> LiveStatus:
        """Let the secondaries answer a share of the reads. Raises GateRefused while a part cannot."""
        await self._told("reads", {"share": share, "dry_run": True})
        return await self._told("reads", {"share": share, "dry_run": dry_run})

    async def allow_deletes(self, *, by: str, dry_run: bool = False) -> LiveStatus:
        """Believe what every part lacks."""
        return await self._told("allow-deletes", {"by": by, "dry_run": dry_run})

    async def _told(self, verb: str, arguments: dict[str, Any]) -> LiveStatus:
        going = self._going()
        if not going:
            raise GateRefused(f"every part of {self._id!r} is over: nothing is marked")
        told = await self._each(going, lambda part: self._parts.ask(verb, part, LiveStatus, **arguments))
        return live_of(self._id, told, [await self._complete()])

    # Steering.

    async def _steer(self, verb: str, arguments: dict[str, Any]) -> MigrationStatus:
        if arguments.get("dry_run", False):
            status = self._status()
            told = await self._each(self._meant(verb), lambda part: self._steered(verb, part, arguments))
            return replace(status, would=would_of(told) or "nothing would change")
        if verb == "resume":
            await self._take_in()
            self._looked = None
        await self._each(self._meant(verb), lambda part: self._steered(verb, part, arguments))
        return self._status()

    async def resume(self) -> None:
        """Take in what has come, and go on with what rests."""
        await self._steer("resume", {})

    def _meant(self, verb: str) -> list[MigrationStatus]:
        """The parts that the word can be about. Raises GateRefused where there can be none."""
        going = self._going()
        check_onward(self._id, self._statuses())
        match verb:
            case "attest":
                return [part for part in going if not part.attested_by]
            case "pause":
                named = under_way(self._id, going)
                return [part for part in going if part.migration_id in named]
            case "resume":
                return [part for part in going if part.phase in RESTING]
            case _:
                return going

    async def _steered(self, verb: str, part: MigrationStatus, arguments: dict[str, Any]) -> MigrationStatus:
        return await self._parts.ask(verb, part, MigrationStatus, **arguments)

    # Who answers.

    async def cutover(self, *, dry_run: bool, no_way_back: bool) -> SwapReport:
        """Let the target answer, part by part, once every part could be swapped. Raises GateRefused with what keeps which part,
        before anything was changed, and what keeps a later part from it, behind those that are swapped.
        """
        async with self._alone("cutover", dry_run=dry_run):
            left = [part for part in self._going() if part.phase is not Phase.REVERSED]
            if not left:
                raise GateRefused(
                    f"no part of {self._id!r} is left to be cut over",
                    hint=f"see: vectormigrate status {self._id}",
                )
            words = {"no_way_back": no_way_back}
            foreseen = await self._foreseen("cutover", left, words, [await self._complete(anew=True)])
            if dry_run:
                return foreseen
            closed = {gate.name: f"{gate.name}: {gate.reason}" for gate in foreseen.gates if not gate.open}
            if closed:
                accepts = "; --no-way-back accepts that there is none" if "way back" in closed else ""
                raise GateRefused(
                    f"not yet, and nothing was changed: {'; '.join(closed.values())}",
                    hint=f"`vectormigrate gates {self._id}` shows all of them; a part can be cut over by its own id{accepts}",
                )
            return await self._swap("cutover", left, words)

    async def revert(self, *, dry_run: bool) -> SwapReport:
        """Let the source answer again, the last part first. Raises as `cutover` does."""
        async with self._alone("revert", dry_run=dry_run):
            left = [part for part in reversed(self._going()) if part.phase is Phase.REVERSED]
            if not left:
                raise GateRefused(
                    f"no part of {self._id!r} is cut over", hint=f"see: vectormigrate status {self._id}"
                )
            return await (
                self._foreseen("revert", left, {}, []) if dry_run else self._swap("revert", left, {})
            )

    async def commit(self, *, dry_run: bool = False) -> MigrationStatus:
        """Give up the way back of every part. Raises GateRefused, before anything was changed, while one is not cut over, or not
        in the migration.
        """
        going = self._going()
        check_onward(self._id, self._statuses())
        gate = await self._complete(anew=True)
        behind = [part.migration_id for part in going if part.phase is not Phase.REVERSED]
        if behind or not gate.open:
            why = (
                f"{len(behind):,} of its parts are not cut over, {behind[0]} for one"
                if behind
                else gate.reason
            )
            raise GateRefused(
                f"{self._id!r} cannot be committed as a whole: {why}",
                hint=f"cut over the rest first: vectormigrate cutover {self._id}; or commit parts by their own ids",
            )
        async with self._alone("commit", dry_run=dry_run):
            ask = partial(self._parts.ask, "commit", kind=MigrationStatus, dry_run=dry_run)
            await self._each(going, lambda part: ask(part))
        return self._status()

    async def _foreseen(
        self, verb: str, parts: Sequence[MigrationStatus], words: dict[str, Any], more: Sequence[GateStatus]
    ) -> SwapReport:
        """Every part's dry run. A part that is elsewhere on its way is a closed gate, not the end of looking."""
        reports = []
        for part in parts:
            try:
                found = await self._parts.ask(verb, part, SwapReport, dry_run=True, **words)
            except GateRefused as error:
                gate = GateStatus("phase", open=False, reason=error.message)
                found = SwapReport(part.migration_id, True, part.primary, False, None, (gate,))
            reports.append(found)
        return swap_of(self._id, reports, self._status().primary, more)

    async def _swap(self, verb: str, parts: Sequence[MigrationStatus], words: dict[str, Any]) -> SwapReport:
        done: list[SwapReport] = []
        for part in parts:
            try:
                done.append(await self._parts.ask(verb, part, SwapReport, dry_run=False, **words))
            except VectormigrateError as error:
                raise self._midway(verb, part, error, len(done), len(parts)) from error
        return swap_of(self._id, done, self._status().primary)

    def _midway(
        self, verb: str, part: MigrationStatus, error: VectormigrateError, done: int, of: int
    ) -> VectormigrateError:
        failed = worst([(part.migration_id, error)])
        there, here = ("target", "source") if verb == "cutover" else ("source", "target")
        failed.message += (
            f" ({done:,} of {of:,} parts are answered by the {there} now, the others by the {here} as before)"
        )
        failed.args = (failed.message,)
        failed.hint = f"`vectormigrate {verb} {self._id}` goes on with the others"
        if verb == "cutover" and done:
            failed.hint += f", `vectormigrate revert {self._id}` takes back those that are through"
        return failed

    @asynccontextmanager
    async def _alone(self, step: str, *, dry_run: bool = False) -> AsyncIterator[None]:
        """One such word at a time, on one approval for all parts. Raises GateRefused."""
        if dry_run:
            yield
            return
        if self._swapping:
            raise GateRefused(f"another word about who answers {self._id!r} is being done: wait for its end")
        self._swapping = True
        try:
            async with approved(self._database, self._id, step, self._clock):
                yield
        finally:
            self._swapping = False

    # The end.

    async def rollback(self, *, dry_run: bool, remove_unknown: bool = True) -> RollbackReport:
        """Take every part out of the target. Raises GateRefused, before anything was changed, while one is cut over."""
        swapped = [part.migration_id for part in self._statuses() if part.phase in _SWAPPED]
        if swapped:
            raise GateRefused(
                f"the target answers the application for {len(swapped):,} parts of {self._id!r}, {swapped[0]} for one: taking"
                " their records away would lose them",
                hint=f"`vectormigrate revert {self._id}` first, or roll the others back by their own ids",
            )
        async with self._alone("rollback", dry_run=dry_run):
            return await super().rollback(dry_run=dry_run, remove_unknown=remove_unknown)

    async def abort(self, *, dry_run: bool) -> MigrationStatus:
        """End every part. Raises GateRefused, before anything was changed, where one may have put something into its target."""
        check_onward(self._id, self._statuses())
        for dry in (True, *(() if dry_run else (False,))):
            ask = partial(self._parts.ask, "abort", kind=MigrationStatus, dry_run=dry)
            await self._each(self._going(), lambda part, ask=ask: ask(part))  # type: ignore[misc] # a default binds it
        return self._status()

    # What they have in common.

    def _status(self) -> MigrationStatus:
        return self._database.read(lambda tx: views.status(tx, self._id, owned=True))

    def _going(self) -> list[MigrationStatus]:
        return [part for part in self._statuses() if part.phase not in FINAL]

    def _undoable(self) -> list[MigrationStatus]:
        return self._going()

    async def _each(
        self, parts: Iterable[MigrationStatus], work: Callable[[MigrationStatus], Awaitable[T]]
    ) -> list[T]:
        """Do it to all of them, whatever becomes of one. Raises the worst of what they raised, behind the last."""
        done: list[T] = []
        failed: list[tuple[str, VectormigrateError]] = []
        for part in parts:
            try:
                done.append(await work(part))
            except VectormigrateError as error:
                failed.append((part.migration_id, error))
        if failed:
            raise worst(failed)
        return done

    async def _complete(self, *, anew: bool = False) -> GateStatus:
        """Whether all that the source has now is in a part; looked at now and then, unless `anew`."""
        now = self._clock.monotonic()
        if anew or self._looked is None or now - self._looked[0] > _LOOK:
            try:
                come, why = await self._come(), ""
            except VectormigrateError as error:
                come, why = [], f"the source could not be asked for its parts: {error.message}"
            if come:
                why = f"not in the migration yet, and not moved: {names(come)}; `vectormigrate resume {self._id}` takes them in"
            self._looked = now, GateStatus("parts", not why, why)
        return self._looked[1]


STEERING = frozenset({"attest", "pause", "resume", "retry"})
"""Words that are answered with where the migration is."""
