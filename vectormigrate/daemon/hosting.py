"""The migrations with live writes that a serving process hosts: their stores, lanes, conductors, and the verbs on them.

Lanes are up before the first request is let in. Each conductor runs on until it rests: what may pass is tried again after
a while, what needs a person waits for `resume`. Marks are made whatever the conductor does.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext, suppress
from dataclasses import replace
from functools import partial
from typing import Any, Unpack

import msgspec

from vectormigrate.engine.live import Live
from vectormigrate.engine.online import OnlineConductor
from vectormigrate.engine.validate.compare import DEFAULT_THRESHOLD
from vectormigrate.engine.validate.shadow import Shadow
from vectormigrate.engine.work import Crew
from vectormigrate.model.clock import Clock
from vectormigrate.model.comparing import Comparing
from vectormigrate.model.division import whole_of
from vectormigrate.model.errors import StoreError, UnknownMigration, UsageError, VectormigrateError
from vectormigrate.model.events import Event, PhaseChanged, Progress, RangeDone, Validated, Warned
from vectormigrate.model.phase import FINAL, RESTING, Phase
from vectormigrate.model.specification import Mode, Specification
from vectormigrate.model.status import MigrationStatus
from vectormigrate.state import audit, checkpoints, journal, migrations, sessions, views
from vectormigrate.state.database import Database
from vectormigrate.state.migrations import Migration
from vectormigrate.stores import registry
from vectormigrate.stores.retry import RetryPolicy, RetryStore

from . import rehearsing
from .approving import approved, check_approved
from .attempts import AGAIN, Attempts
from .crew import TurnCrew
from .crewing import crew_for, worker_count
from .foreseeing import check_startable
from .hosted import Hosted
from .live_terms import LiveSettings
from .live_whole import LiveWhole
from .livemaking import make_live
from .passages import Passage, check_apart, fronting, learn, learnt
from .placing import settled_for_good
from .secrets import Secrets
from .supervisor import Supervisor
from .surroundings import surroundings
from .tasks import Stores
from .telemetry.exposition import exposition
from .telemetry.happenings import Happening
from .telemetry.messenger import Messenger
from .telemetry.telemetry import Telemetry, each

logger = logging.getLogger(__name__)
_SOON = 0.5
"""Seconds that a side may take to answer while the application waits for us to serve."""
_TRIED = 2.0
"""Seconds for which whoever has refused records tried again waits to hear what became of them."""


class Host:
    """All of them. `open` before the first request, `start` behind it."""

    def __init__(
        self,
        database: Database,
        session: sessions.Session,
        secrets: Secrets,
        passages: Mapping[str, Passage],
        supervisor: Supervisor,
        clock: Clock,
        on_event: Callable[[Event], None],
        settings: LiveSettings,
        telemetry: Telemetry,
        messenger: Messenger | None = None,
    ) -> None:
        """`passages` by the name of their listener."""
        self._database = database
        self._session = session
        self._secrets = replace(secrets, notes=str(database.path.parent))
        self._passages = passages
        self._supervisor = supervisor
        self._clock = clock
        self._on_event = each(on_event, self._heard)
        self._settings = settings
        self.telemetry = telemetry
        self._messenger = messenger
        self._hosted: dict[str, Hosted] = {}
        self._wholes: dict[str, LiveWhole] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        """By migration of several parts, of which one copies at a time."""
        self._creating = asyncio.Lock()
        self._stack = AsyncExitStack()

    async def open(self) -> None:
        """Take up every live migration of the state file, so that what is written to it is marked."""
        for status in self._database.read(views.each_status):
            migration = self._database.read(lambda tx, one=status.migration_id: migrations.get(tx, one))  # type: ignore[misc] # a default binds it
            over = migration.phase in FINAL and migration.phase is not Phase.COMMITTED
            whole = bool(migration.specification.division)
            if migration.specification.mode is not Mode.OFFLINE and not (over or whole):
                await self._take_up(migration)

    def start(self) -> None:
        """Go on with what does not rest."""
        for hosted in self._hosted.values():
            if hosted.conductor.migration.phase not in (Phase.PAUSED, Phase.ROLLING_BACK, Phase.COMMITTED):
                hosted.go.set()

    def stop(self) -> None:
        """Ask every conductor to come to its next checkpoint, and let none begin again. Requests and their marks go on."""
        for hosted in self._hosted.values():
            hosted.end()

    async def close(self) -> None:
        """Stop everything behind what is under way, and give the stores back."""
        self.stop()
        for hosted in self._hosted.values():
            if hosted.live is not None:
                hosted.live.stop()
        for hosted in self._hosted.values():
            await hosted.ended()
        await self._stack.aclose()

    @property
    def quiet(self) -> bool:
        """Whether no request of this process can still land: the next start need not wait then."""
        return all(hosted.live is None or hosted.live.quiet for hosted in self._hosted.values())

    async def numbers(self, *, open_metrics: bool = False) -> bytes:
        """What a scrape is answered with: `telemetry.exposition`."""
        hosted = [await one.numbers() for one in self._hosted.values()]
        epoch, clock = self._session.epoch, self._clock
        return await exposition(
            self.telemetry, self._database, epoch, hosted, clock, open_metrics=open_metrics
        )

    async def tell_status(self, every: float) -> None:
        """Tell whoever is told what happens where each migration is that is under way, every so many seconds, for ever."""
        while self._messenger is not None:
            await asyncio.sleep(every)
            for status in await self._database.aside(views.each_status):
                if status.phase not in FINAL:
                    values = msgspec.to_builtins(status)
                    self._messenger.tell(Happening("status", values.pop("migration_id"), values))

    # One migration.

    async def create(self, specification: Specification) -> dict[str, Any]:
        """Add a migration and start it; the same again goes on with it where it rests. Raises what would keep it from starting: an id is not
        taken by a wish that cannot be had.
        """
        async with self._creating:
            specification = await settled_for_good(specification, self._secrets, self._database)
            if specification.division:
                await self._whole(specification).create()
            else:
                await self.check(specification)
                await self.store([specification])
                await self.begin(specification.id)
        return self.status(specification.id)

    async def check(self, specification: Specification) -> None:
        """Raise what would keep it from starting, unless it is hosted."""
        fronting(self._passages, specification)
        if specification.id not in self._hosted:
            check_apart(self._passages, specification, self._others())
            reader = self._database.read(sessions.identity)
            await check_startable(specification, self._secrets, self._clock.monotonic, reader=reader)

    async def store(self, specifications: Sequence[Specification]) -> None:
        """Add them to the state file, all or none; those that are there are left."""
        at = self._clock.now().isoformat()
        await self._database.write(lambda tx: migrations.add(tx, specifications, at=at))

    async def begin(self, migration_id: str) -> None:
        """Host what is in the state file, and let it go; or go on with it where it rests."""
        if migration_id not in self._hosted:
            hosted = await self._take_up(self._database.read(lambda tx: migrations.get(tx, migration_id)))
            hosted.go.set()
        elif (hosted := self._hosted[migration_id]).conductor.migration.phase in RESTING:
            await self._resume(hosted)

    def _whole(self, asked: Specification) -> LiveWhole:
        return LiveWhole(self, self._database, asked, self._secrets, self._clock, self._on_event)

    def _divided(self, migration_id: str) -> Specification | None:
        """A live migration of several parts; None for any other id."""
        with suppress(UnknownMigration):
            asked = self._database.read(lambda tx: views.specification(tx, migration_id))
            return asked if asked.division and asked.mode is not Mode.OFFLINE else None
        return None

    def _others(self) -> list[Specification]:
        """Of what is hosted, and not over."""
        held = [hosted.conductor.migration for hosted in self._hosted.values()]
        return [one.specification for one in held if one.phase not in (Phase.ROLLED_BACK, Phase.ABORTED)]

    async def _take_up(self, migration: Migration) -> Hosted:
        spec = migration.specification
        passage = fronting(self._passages, spec)
        source, target = [await self._secrets.reach(side, spec.id) for side in (spec.source, spec.target)]
        opened = await self._stack.enter_async_context(
            Stores.open(source, target, spec.mapping.selection, serves=True)
        )
        stores = replace(
            opened,
            source=self.telemetry.store(spec.id, "source", opened.source),
            target=self.telemetry.store(spec.id, "target", opened.target),
        )
        capture = None
        if spec.mode is Mode.CAPTURED:
            capture = await self._stack.enter_async_context(
                registry.open_capture(source, spec.source.collection)
            )
            capture.reader = self._database.read(sessions.identity)
        lane_of: list[Live] = []
        shadow = Shadow(
            lambda: lane_of[0].lane.secondary, self._clock, lambda search: self._spawn(search, "shadow read")
        )
        policy = RetryPolicy(attempts=1 + spec.max_retries)
        # What is down now keeps nobody from being served: the application needs the source alone, and its writes are marked.
        met = migration.mapping is None or await self._soon(spec.id, stores.greet())

        def on_live(live: Live | None) -> None:
            hosted = self._hosted[spec.id]
            if live is None:
                if passage is not None:
                    passage.router.remove(spec.source.collection)
                if hosted.live is not None:
                    hosted.live.stop()
                hosted.live = None
                return
            lane_of[:] = [live]
            hosted.live = live
            if passage is not None:
                passage.router.add(spec.source.collection, live.lane)
            if self._settings.shadow and passage is not None:
                passage.router.shadow(spec.source.collection, self._settings.shadow, shadow.observe)
            hosted.work = self._supervisor.spawn(live.run(), name=f"replay {spec.id}")

        conductor = OnlineConductor(
            self._database,
            self._session,
            spec.id,
            RetryStore(stores.source, policy),
            RetryStore(stores.target, policy),
            partial(self._crew, stores),
            self._clock,
            self._on_event,
            workers=worker_count(spec),
            make_live=lambda planned: make_live(
                self._database,
                self._session,
                planned,
                stores,
                self._clock,
                self._on_event,
                self._database.gap,
                self._settings.terms,
                upstream=None if passage is None else passage.upstream,
                capture=capture,
                met=met,
                backfilling=lambda: self._backfilling(spec.id),
            ),
            on_live=on_live,
            visibility=self._settings.terms.visibility,
            limits=self._settings.gates,
            free_bytes=self._free_bytes,
            inputs=surroundings(self._clock),
        )
        self.telemetry.feel(conductor.throttle.felt, spec.id, "" if passage is None else passage.name)
        conductor.overlap = shadow.overlap
        if self._messenger is not None:
            conductor.allowed = self._messenger.ask
        conductor.on_look = lambda: learn(passage, stores.source, spec.source.collection)
        hosted = self._hosted[spec.id] = Hosted(conductor, stores, shadow, Attempts(self._clock.monotonic))
        hosted.idle.set()
        await conductor.open()
        if not await self._soon(spec.id, learn(passage, stores.source, spec.source.collection)):
            self._supervisor.spawn_lasting(
                self._learn_later(hosted, passage, stores), name=f"names {spec.id}"
            )
        self._supervisor.spawn_lasting(self._drive(spec.id, hosted), name=f"conductor {spec.id}")
        return hosted

    def _crew(self, stores: Stores, planned: Migration, ranges: int, writing: bool) -> Crew:
        crew = crew_for(
            self._database,
            planned,
            ranges,
            stores,
            self._on_event,
            threshold=DEFAULT_THRESHOLD,
            writing=writing,
            serving=True,
        )
        if not (writing and (whole := whole_of(planned.id))):
            return crew
        turn = self._turns.setdefault(whole, asyncio.Lock())
        return TurnCrew(crew, turn, self._hosted[planned.id].go.is_set)

    async def _soon(self, migration_id: str, work: Coroutine[Any, Any, None]) -> bool:
        """Do what dials a side, unless that does not answer; whether it did."""
        try:
            async with asyncio.timeout(_SOON):
                await work
        except (StoreError, TimeoutError) as error:
            why = error.message if isinstance(error, StoreError) else "no answer"
            self._on_event(Warned(migration_id, f"served without having asked both sides: {why}"))
            return False
        return True

    async def _learn_later(self, hosted: Hosted, passage: Passage | None, stores: Stores) -> None:
        """Writes by names that nobody knew left without a mark: both sides are compared when none of them can land."""
        specification = hosted.conductor.migration.specification
        while not await learnt(passage, stores.source, specification.source.collection):  # noqa: ASYNC110 nobody tells when it is there again
            await asyncio.sleep(_SOON)
        await asyncio.sleep(specification.quarantine)
        if hosted.live is not None:
            await hosted.live.scopes.suspect("the source's names were not known for a while")

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        _ = self._supervisor.spawn(work, name=name)

    def _backfilling(self, migration_id: str) -> bool:
        rows = self._database.read(lambda tx: checkpoints.ranges(tx, migration_id))
        return not all(row.done for row in rows)

    def _free_bytes(self) -> int:
        found = os.statvfs(self._database.path.parent)
        return found.f_bavail * found.f_frsize

    async def _drive(self, migration_id: str, hosted: Hosted) -> None:
        """Run the conductor whenever it may run."""
        while True:
            await hosted.go.wait()
            hosted.idle.clear()
            try:
                if hosted.conductor.migration.phase is Phase.CREATED:
                    await check_approved(self._database, migration_id, "migrate", self._clock)
                await hosted.conductor.run()
                hosted.attempts.came_further()
            except VectormigrateError as error:
                logger.warning("migration %s: %s: %s", migration_id, error.code, error.message)
                hosted.attempts.ended(error)
            finally:
                hosted.idle.set()
            if not hosted.attempts.another:
                hosted.go.clear()
            elif hosted.go.is_set():
                self._on_event(Warned(migration_id, f"trying again in {AGAIN:.0f} s"))
                await hosted.attempts.pause()

    def _heard(self, event: Event) -> None:
        """What is copied, compared or brought to its end is further than the attempt that failed."""
        further = isinstance(event, Progress | RangeDone | Validated)
        if isinstance(event, PhaseChanged):
            further = not {event.before, event.after} & set(RESTING)
        if further and event.migration_id in self._hosted:
            self._hosted[event.migration_id].attempts.came_further()

    # The verbs.

    async def answer(self, verb: str, migration_id: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """A word from another shell. Raises what the verb raises."""
        if verb == "create":
            return await self.create(msgspec.convert(arguments["specification"], Specification))
        if (asked := self._divided(migration_id)) is not None and verb in VERBS:
            async with self._creating if verb == "resume" else nullcontext():
                whole = self._wholes.setdefault(migration_id, self._whole(asked))
                answer = await whole.answer(verb, arguments)
            told: dict[str, Any] = msgspec.to_builtins(answer)
            return told
        hosted = self._hosted.get(migration_id)
        if hosted is None:
            raise UnknownMigration(
                f"the daemon does not host a migration {migration_id!r}",
                hint="`vectormigrate list` shows those there are; only live ones run in the daemon",
            )
        handler = getattr(self, f"_{verb.replace('-', '_')}", None)
        if handler is None or verb not in VERBS:
            raise UsageError(f"unknown word {verb!r}")
        if verb in rehearsing.LIVE and arguments.pop("dry_run", False):
            handler, arguments = self._rehearse, {"verb": verb, "share": arguments.get("share", 0.0)}
        document: dict[str, Any] = msgspec.to_builtins(await handler(hosted, **arguments))
        return document

    async def _rehearse(self, hosted: Hosted, *, verb: str, share: float) -> object:
        status = msgspec.convert(self.status(hosted.conductor.migration.id), MigrationStatus)
        look = hosted.status
        return await rehearsing.rehearse(verb, hosted.conductor, hosted.live, status, look, share=share)

    async def _attest(self, hosted: Hosted, *, by: str) -> object:
        await hosted.conductor.attest(by)
        return self.status(hosted.conductor.migration.id)

    async def _status(self, hosted: Hosted) -> object:
        return await hosted.status()

    async def _cutover(self, hosted: Hosted, *, dry_run: bool, no_way_back: bool) -> object:
        async with self._approved(hosted, "cutover", dry_run=dry_run):
            report = await hosted.conductor.cutover(dry_run=dry_run, no_way_back=no_way_back)
        hosted.shadow.forget()
        return report

    async def _revert(self, hosted: Hosted, *, dry_run: bool) -> object:
        async with self._approved(hosted, "revert", dry_run=dry_run):
            return await hosted.conductor.revert(dry_run=dry_run)

    async def _commit(self, hosted: Hosted, *, dry_run: bool = False) -> object:
        async with self._approved(hosted, "commit", dry_run=dry_run):
            await hosted.conductor.commit(dry_run=dry_run)
        return self.status(hosted.conductor.migration.id)

    async def _reads(self, hosted: Hosted, *, share: float) -> object:
        await hosted.conductor.set_reads(share)
        return await hosted.status()

    async def _pause(self, hosted: Hosted) -> object:
        await hosted.rest()
        return self.status(hosted.conductor.migration.id)

    async def _resume(self, hosted: Hosted) -> object:
        async with hosted.turn:
            hosted.conductor.check_onward()  # as it is when it is our turn: behind a rollback it is over
            hosted.let_go()
        with suppress(TimeoutError):  # what is told below is where it is now, not where it rested
            async with asyncio.timeout(_SOON):
                while hosted.conductor.migration.phase in RESTING:  # noqa: ASYNC110 only the file tells
                    await asyncio.sleep(_SOON / 50)
        return self.status(hosted.conductor.migration.id)

    async def _allow_deletes(self, hosted: Hosted, *, by: str) -> object:
        """What is absent though nobody deleted it is gone, says somebody who looked."""
        migration_id, at = hosted.conductor.migration.id, self._clock.now().isoformat()
        live = rehearsing.check_planned(hosted.live)
        await self._database.write(
            lambda tx: audit.record(tx, migration_id, "allow-deletes", at=at, detail=by)
        )
        await live.scheduler.believe()
        return await hosted.status()

    async def _retry(self, hosted: Hosted) -> object:
        """Records that were refused may have been mended, or the target."""
        migration_id = hosted.conductor.migration.id
        await self._database.write(lambda tx: journal.retry(tx, migration_id))
        if hosted.live is not None:
            hosted.live.look()
            await hosted.live.settled(within=_TRIED)
        return self.status(migration_id)

    async def _rollback(self, hosted: Hosted, *, dry_run: bool) -> object:
        if dry_run:
            return await hosted.conductor.rollback(dry_run=True, remove_unknown=True)
        async with self._approved(hosted, "rollback"), hosted.halted():
            return await hosted.conductor.rollback(dry_run=False, remove_unknown=True)

    async def _abort(self, hosted: Hosted, *, dry_run: bool) -> object:
        async with nullcontext() if dry_run else hosted.halted():
            await hosted.conductor.abort(dry_run=dry_run)
        return self.status(hosted.conductor.migration.id)

    async def _validate(self, hosted: Hosted, **how: Unpack[Comparing]) -> object:
        return await hosted.conductor.validate(**how)

    def _approved(
        self, hosted: Hosted, step: str, *, dry_run: bool = False
    ) -> AbstractAsyncContextManager[None]:
        if dry_run:
            return nullcontext()
        return approved(self._database, hosted.conductor.migration.id, step, self._clock)

    def adjust(self, migration_id: str, *, anew: bool) -> None:
        """Have a migration that is hosted go by what was set."""
        if migration_id in self._hosted:
            self._hosted[migration_id].conductor.adjust(anew=anew)

    def status(self, migration_id: str) -> dict[str, Any]:
        """Where a migration is, as anybody sees it."""
        document: dict[str, Any] = msgspec.to_builtins(
            self._database.read(lambda tx: views.status(tx, migration_id, owned=True))
        )
        return document


VERBS = frozenset(
    {"abort", "allow-deletes", "attest", "commit", "cutover", "pause", "reads"}
    | {"resume", "retry", "revert", "rollback", "status", "validate"}
)
"""What a daemon can be told about a migration."""
