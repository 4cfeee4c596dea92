"""The verbs: create, run, pause, validate, roll back, look. The only door for `api` and `cli`.

A `Control` owns the state file for as long as it is open and is the composition root of everything it runs. Planning
(`foreseeing.py`) needs no ownership and writes nothing, like looking (`viewing.py`) and checking (`doctor.py`).
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Self, Unpack

import msgspec

from vectormigrate.engine import aborting, resting
from vectormigrate.engine.dualwrite.terms import Terms
from vectormigrate.engine.live import Live
from vectormigrate.engine.migration import Conductor
from vectormigrate.engine.validate.compare import DEFAULT_THRESHOLD
from vectormigrate.model.clock import Clock
from vectormigrate.model.comparing import Comparing
from vectormigrate.model.division import whole_of
from vectormigrate.model.documents import Approval
from vectormigrate.model.errors import (
    AuthenticationFailed,
    GateRefused,
    StateFull,
    StateLocked,
    UsageError,
    VectormigrateError,
)
from vectormigrate.model.events import Event, Retried
from vectormigrate.model.phase import Phase
from vectormigrate.model.points import reached
from vectormigrate.model.specification import Mode, Specification
from vectormigrate.model.status import MigrationStatus, RollbackReport, ValidationReport
from vectormigrate.state import approvals, levers, migrations, sessions, views, waivers
from vectormigrate.state.database import Database, Transaction
from vectormigrate.state.migrations import Migration
from vectormigrate.stores.retry import RetryPolicy, RetryStore

from .approving import approved, check_approved
from .control_socket import COMMAND, SET, Answerer, listening
from .crewing import crew_for, prepare, worker_count
from .hosting import Host
from .levers import anew
from .live_terms import LiveSettings
from .parting import parts_of
from .passages import Passage
from .recruits import Recruits
from .run import Run
from .secrets import Secrets
from .supervisor import Supervisor
from .surroundings import surroundings
from .tasks import Stores, SystemClock
from .telemetry.messenger import Messenger
from .telemetry.telemetry import Telemetry, each
from .whole import Whole

logger = logging.getLogger(__name__)
_GIVE_AGAIN = (
    "; a password given by value is not stored: give it again, with --source-url or --target-url, or once and for all"
    " as ${NAME} in its place"
)


def _ignore(_: Event) -> None:
    """Nobody listens."""


class Control:
    """The owner of a state file. Use it as an async context manager: its session starts and ends with the block."""

    def __init__(
        self,
        database: Database,
        secrets: Secrets,
        on_event: Callable[[Event], None],
        clock: Clock,
        recruits: Recruits | None = None,
        *,
        serving: bool = False,
    ) -> None:
        """`serving`: requests pass through this process, whether the state file takes anything or not."""
        self._serving = serving
        self._recruits = recruits or Recruits()
        self._database = database
        self._secrets = replace(secrets, notes=str(database.path.parent))
        self._on_event = on_event
        self._clock = clock
        self._session: sessions.Session | None = None
        self._runs: dict[str, Run] = {}
        self._wholes: dict[str, Whole] = {}
        self._stopping = False
        self._host: Host | None = None
        self.receive: Answerer | None = None
        """Who hears words from other shells before the host does, while there is one."""

    @classmethod
    def open(
        cls,
        state: Path,
        *,
        secrets: Secrets,
        on_event: Callable[[Event], None] = _ignore,
        clock: Clock | None = None,
        recruits: Recruits | None = None,
        serving: bool = False,
    ) -> Control:
        """Own the state file; `recruits` are the workers that it takes first. Raises StateLocked, StateNewer, StateBroken, StateFull."""
        return cls(Database.open(state), secrets, on_event, clock or SystemClock(), recruits, serving=serving)

    async def __aenter__(self) -> Self:
        try:
            self._session = await self._begin()
            reached("start.owned")
        except BaseException:
            self._database.close()
            raise
        return self

    async def _begin(self) -> sessions.Session:
        at = self._clock.now().isoformat()
        try:
            return await self._database.write(lambda tx: sessions.begin(tx, at=at))
        except StateFull as error:
            if not self._serving:
                raise
            logger.warning("%s; writes are let through without marks until that is mended", error.message)
            self._database.owe(lambda tx: sessions.begin(tx, at=at))
            return self._database.read(sessions.unrecorded)

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            orderly = kind is None or issubclass(kind, Exception)
            if self._session is not None and orderly and (self._host is None or self._host.quiet):
                epoch, at = self._session.epoch, self._clock.now().isoformat()
                reached("stop.closed")
                await self._database.write(lambda tx: sessions.end(tx, epoch, at=at))
                reached("stop.clean")
        finally:
            self._database.close()

    @property
    def database(self) -> Database:
        """What it owns."""
        return self._database

    @property
    def state(self) -> Path:
        """The state file."""
        return self._database.path

    # The verbs. Of a migration of several parts each is done to one part after the other (`whole.Whole`).

    async def create(self, spec: Specification) -> MigrationStatus:
        """Add a migration, with the parts that the source has now if it is one of several; the same again is a no-op. Raises
        MigrationExists for other settings, and for parts what the source says.
        """
        known = self._database.read(lambda tx: views.parts(tx, spec.id))
        parts = await parts_of(spec, self._secrets) if spec.division and not known else []
        await self.add([spec, *parts])
        return self._status(spec.id)

    async def add(self, specs: Sequence[Specification]) -> None:
        """Add migrations, all or none; what was set of a whole goes for a part that comes later."""
        at = self._clock.now().isoformat()
        await self._database.write(lambda tx: migrations.add(tx, specs, at=at))

    async def run(self, migration_id: str) -> MigrationStatus:
        """Run or resume until verified, paused or asked to stop. Raises what ended it otherwise."""
        if self._status(migration_id).phase is Phase.CREATED:
            await check_approved(self._database, migration_id, "migrate", self._clock)
        if (asked := self._divided(migration_id)) is not None:
            async with self._as_a_whole(asked) as whole:
                await whole.run()
            return self._status(migration_id)
        async with self._conducting(migration_id) as conductor:
            phase = await conductor.run()
            # It may have come to its end meanwhile.
            if self._runs[migration_id].pausing and phase is not Phase.VERIFIED:
                await resting.rest(self._database, migration_id, self._clock, self._on_event)
        return self._status(migration_id)

    async def repair(self, migration_id: str, *, dry_run: bool) -> MigrationStatus | ValidationReport:
        """Make the target of a verified migration what its source is now, or only compare them. Raises GateRefused for one
        that is not verified, and for a live one.
        """
        self._check_offline(migration_id)
        if dry_run:
            return await self.validate(migration_id, full=True)
        if (asked := self._divided(migration_id)) is not None:
            async with self._as_a_whole(asked) as whole:
                await whole.repair()
            return self._status(migration_id)
        async with self._conducting(migration_id) as conductor:
            await conductor.reopen()
            await conductor.run()
        return self._status(migration_id)

    async def validate(self, migration_id: str, **how: Unpack[Comparing]) -> ValidationReport:
        """Compare source and target, and keep the report."""
        if (asked := self._divided(migration_id)) is not None:
            async with self._as_a_whole(asked) as whole:
                return await whole.validate(**how)
        async with self._conducting(migration_id, how.get("threshold") or DEFAULT_THRESHOLD) as conductor:
            return await conductor.validate(**how)

    async def rollback(
        self, migration_id: str, *, dry_run: bool, remove_unknown: bool = False
    ) -> RollbackReport:
        """Take out of the target what the migration put in. Repeatable."""
        async with (
            nullcontext() if dry_run else approved(self._database, migration_id, "rollback", self._clock)
        ):
            if (asked := self._divided(migration_id)) is not None:
                async with self._as_a_whole(asked) as whole:
                    return await whole.rollback(dry_run=dry_run, remove_unknown=remove_unknown)
            async with self._conducting(migration_id) as conductor:
                return await conductor.rollback(dry_run=dry_run, remove_unknown=remove_unknown)

    async def pause(self, migration_id: str) -> MigrationStatus:
        """Rest where it is until resumed; for a migration that no process runs. Needs neither side."""
        if (asked := self._divided(migration_id)) is not None:
            await self._whole(asked).pause()
            return self._status(migration_id)
        await resting.rest(self._database, migration_id, self._clock, self._on_event)
        return self._status(migration_id)

    async def abort(self, migration_id: str, *, dry_run: bool) -> MigrationStatus:
        """End one that put nothing into its target. Raises GateRefused where it may have. Needs neither side."""
        self.check_idle(migration_id)
        await aborting.abort(self._database, migration_id, self._clock, self._on_event, dry_run=dry_run)
        return self._status(migration_id)

    def stop(self) -> None:
        """Ask what runs to finish its batches, write its checkpoints and return; what is asked for from now on ends at once."""
        self._stopping = True
        for whole in self._wholes.values():
            whole.stop()
        for run in self._runs.values():
            run.stop()
        if self._host is not None:
            self._host.stop()

    async def halt(self, migration_id: str, *, pause: bool) -> MigrationStatus:
        """Stop what this process works on at its next checkpoint. Raises GateRefused when that is something else."""
        if (whole := self._wholes.get(migration_id)) is not None:
            await whole.halt(pause=pause)
            return self._status(migration_id)
        run = self._runs.get(migration_id)
        if run is None:
            raise GateRefused(
                f"the process that owns the state file does not run {migration_id!r}",
                hint="there is nothing to stop; `vectormigrate list` shows what runs",
            )
        run.pausing = run.pausing or pause
        run.stop()
        await run.idle.wait()
        return self._status(migration_id)

    async def adjust(self, migration_id: str, changes: Mapping[str, Any], *, by: str = "") -> MigrationStatus:
        """Set what can be set while a migration runs; whoever runs it goes by it, here or later. `by`: who asked."""
        at = self._clock.now().isoformat()

        def put(tx: Transaction) -> list[str]:
            ids = [migration_id, *(part.id for part in views.parts(tx, migration_id))]
            for one in ids:
                levers.put(tx, one, changes, at=at, by=by, asked=one == migration_id)
            return ids

        self._status(migration_id)
        for one in await self._database.write(put):
            if one in self._runs:
                self._runs[one].adjust(anew=anew(changes))
            elif self._host is not None:
                self._host.adjust(one, anew=anew(changes))
        return self._status(migration_id)

    async def waive(self, migration_id: str, ids: Sequence[str], reason: str, *, by: str) -> MigrationStatus:
        """Go without records that the target refused. Raises GateRefused for one that it did not. `by`: who says so."""
        at = self._clock.now().isoformat()
        self._status(migration_id)
        await self._database.write(lambda tx: waivers.waive(tx, migration_id, ids, reason, at=at, by=by))
        return self._status(migration_id)

    def approvals(self, migration_id: str) -> list[Approval]:
        """Steps that wait for one; of every migration for no id."""
        return self._database.read(lambda tx: approvals.every(tx, migration_id))

    async def approve(self, migration_id: str, step: str, *, by: str) -> list[Approval]:
        """Approve of a step, or of whatever is pending for no step; of every migration for no id. `by`: who approves."""
        at = self._clock.now().isoformat()
        if migration_id:
            self._status(migration_id)
        return await self._database.write(lambda tx: approvals.approve(tx, migration_id, step, at=at, by=by))

    def runs(self, migration_id: str) -> bool:
        """Whether this process works on an offline migration."""
        return migration_id in self._runs or migration_id in self._wholes

    @asynccontextmanager
    async def hosting(
        self,
        passages: Mapping[str, Passage],
        supervisor: Supervisor,
        settings: LiveSettings,
        telemetry: Telemetry,
        messenger: Messenger | None = None,
    ) -> AsyncIterator[Host]:
        """Host the live migrations of the state file behind these listeners, and answer other shells."""
        assert self._session is not None, "a Control is used as an async context manager"
        self._on_event = each(self._on_event, telemetry.on_event)
        host = self._host = Host(
            self._database,
            self._session,
            self._secrets,
            passages,
            supervisor,
            self._clock,
            self._on_event,
            settings,
            telemetry,
            messenger,
        )
        try:
            await host.open()
            reached("start.loaded")
            async with listening(self._database.path, self._hear):
                host.start()
                yield host
        finally:
            await host.close()

    async def _hear(self, verb: str, migration_id: str, arguments: dict[str, Any]) -> dict[str, Any]:
        assert self._host is not None
        return await (self.receive or self._host.answer)(verb, migration_id, arguments)

    def _check_offline(self, migration_id: str) -> None:
        if self._database.read(lambda tx: views.specification(tx, migration_id)).mode is not Mode.OFFLINE:
            raise GateRefused(
                "a live migration mends by itself what a comparison finds",
                hint=f"compare again with `vectormigrate validate {migration_id} --full`",
            )

    def check_idle(self, migration_id: str) -> None:
        """Raise GateRefused while this process works on it."""
        if self.runs(migration_id):
            raise GateRefused(
                f"{migration_id!r} is being worked on", hint=f"see where: vectormigrate status {migration_id}"
            )

    # Putting it together.

    def _divided(self, migration_id: str) -> Specification | None:
        """What a migration of several parts was asked to do; None for one of one piece."""
        spec = self._database.read(lambda tx: views.specification(tx, migration_id))
        return spec if spec.division else None

    def _whole(self, asked: Specification) -> Whole:
        return Whole(self, self._database, asked, self._secrets, self._clock, self._on_event)

    @asynccontextmanager
    async def _as_a_whole(self, asked: Specification) -> AsyncIterator[Whole]:
        async with self._advising(asked), self._listening():
            self.check_idle(asked.id)
            whole = self._wholes[asked.id] = self._whole(asked)
            if self._stopping:
                whole.stop()
            try:
                yield whole
            finally:
                del self._wholes[asked.id]
                whole.idle.set()

    @asynccontextmanager
    async def _conducting(
        self, migration_id: str, threshold: float = DEFAULT_THRESHOLD
    ) -> AsyncIterator[Conductor]:
        async with self._listening():
            self.check_idle(migration_id)
            run = self._runs[migration_id] = Run(stopping=self._stopping)  # before its stores are opened
            try:
                async with self._conductor(migration_id, threshold) as conductor:
                    yield run.take(conductor)
            finally:
                del self._runs[migration_id]
                run.idle.set()

    @asynccontextmanager
    async def _conductor(self, migration_id: str, threshold: float) -> AsyncIterator[Conductor]:
        """Of an offline migration, on its open stores."""
        assert self._session is not None, "a Control is used as an async context manager"
        migration = self._database.read(lambda tx: migrations.get(tx, migration_id))
        spec = migration.specification
        secrets = self._secrets
        if whole := whole_of(migration_id):
            asked = self._database.read(lambda tx: views.specification(tx, whole))
            secrets = secrets.lent(asked.source, spec.source).lent(asked.target, spec.target)
        source, target = [await secrets.reach(side, migration_id) for side in (spec.source, spec.target)]
        prepare(self._recruits, spec)
        async with (
            self._advising(spec),
            Stores.open(source, target, spec.mapping.selection, spec.back) as stores,
        ):
            policy = RetryPolicy(attempts=1 + spec.max_retries)
            yield Conductor(
                self._database,
                self._session,
                migration_id,
                RetryStore(stores.source, policy),
                RetryStore(stores.target, policy, on_retry=partial(self._retried, migration_id)),
                lambda planned, ranges, writing: crew_for(
                    self._database,
                    planned,
                    ranges,
                    stores,
                    self._on_event,
                    threshold=threshold,
                    writing=writing,
                    recruits=self._recruits,
                    serving=self._host is not None,
                ),
                self._clock,
                self._on_event,
                workers=worker_count(spec),
                make_live=lambda planned: self._offline(planned, stores),
                inputs=surroundings(self._clock),
            )

    def _listening(self) -> AbstractAsyncContextManager[None]:
        """Words from other shells, unless somebody hears them already."""
        heard = self._host is not None or self._runs or self._wholes
        return nullcontext() if heard else listening(self._database.path, self._answer)

    def _offline(self, migration: Migration, stores: Stores) -> Live:
        """What pays the marks of a migration that nobody writes to: what a comparison found absent is absent."""
        assert self._session is not None
        assert migration.source_shape is not None
        assert migration.mapping is not None
        spec = migration.specification
        return Live(
            self._database,
            self._session,
            spec,
            stores.source,
            stores.target,
            migration.source_shape,
            migration.mapping,
            self._clock,
            self._on_event,
            self._database.gap,
            terms=Terms(
                quarantine=spec.quarantine,
                coalesce=0.0,
                delete_confirmation=0.0,
                replay_batch=min(spec.batch_size, stores.target.capabilities.write_batch),
                replay_concurrency=1,
            ),
        )

    @asynccontextmanager
    async def _advising(self, spec: Specification) -> AsyncIterator[None]:
        try:
            yield
        except AuthenticationFailed as error:
            referred = self._secrets.literals or "${" in spec.source.url + spec.target.url
            if not (referred or error.hint.endswith(_GIVE_AGAIN)):  # a part's error passes here twice
                error.hint += _GIVE_AGAIN
            raise

    def _retried(self, migration_id: str, attempt: int, wait: float, error: VectormigrateError) -> None:
        self._on_event(Retried(migration_id, attempt, wait, error.message))

    async def _answer(self, verb: str, migration_id: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """A word from another shell."""
        if verb == SET:
            adjusted = await self.adjust(migration_id, arguments["changes"], by=arguments["by"])
            return dict(msgspec.to_builtins(adjusted))
        if verb == COMMAND:
            raise StateLocked(
                "the state file is in use by another command",
                hint="look with `vectormigrate status`, or wait until it ends",
            )
        if verb not in ("pause", "stop"):
            raise UsageError(f"unknown word {verb!r}")
        status: dict[str, Any] = msgspec.to_builtins(await self.halt(migration_id, pause=verb == "pause"))
        return status

    def _status(self, migration_id: str) -> MigrationStatus:
        """As whoever asks may go on from it: a daemon stays, a command ends and leaves the file to the next."""
        stays = self._host is not None
        return self._database.read(lambda tx: views.status(tx, migration_id, owned=stays))
