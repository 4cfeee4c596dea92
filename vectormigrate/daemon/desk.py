"""The commands as a daemon does them, whoever asks: over a network, over a socket, a tool. One method a command.

What is to be done was checked before it comes here: `merged` holds every setting of the command with its value. Live
migrations are their host's business, offline ones are run here as any process would run them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from vectormigrate.model.access import Principal, Scope
from vectormigrate.model.clock import Clock
from vectormigrate.model.documents import (
    Approvals,
    AuditLog,
    DeadLetters,
    Events,
    Examined,
    Findings,
    Keys,
    MigrateResult,
    Migrations,
    Operation,
    Operations,
    SchemaDocument,
)
from vectormigrate.model.errors import GateRefused, PhaseError, UsageError
from vectormigrate.model.specification import Mode, Specification
from vectormigrate.model.status import (
    CaptureReport,
    LiveStatus,
    MigrationStatus,
    PlanDocument,
    RollbackReport,
    SwapReport,
    ValidationReport,
)
from vectormigrate.state import approvals, waivers

from . import operations, paging, rehearsing, vec
from .capture import Action, capture
from .chronicle import page_of
from .config import Merged
from .control import Control
from .doctor import doctor
from .foreseeing import plan
from .homeward import went
from .hosting import Host
from .keyring import Keyring
from .levers import change_of, released, throttling
from .promise import hold
from .recommending import schema
from .report.composing import composed
from .saying import sealed, worded
from .secrets import Secrets
from .setting import Value
from .settings import MIGRATE, SIDES
from .specify import Request, described, overlay, specify
from .trail import Trail
from .validate_settings import comparing
from .viewing import Viewer

T = TypeVar("T")
_DAY = 86_400.0
_PAGE = ("limit", "offset", "cursor")


@dataclass(frozen=True, slots=True)
class Asked:
    """One command, checked."""

    who: Principal
    migration_id: str
    """"" for a command that is about none, or about several."""
    words: Mapping[str, str | None]
    """The other arguments without a flag."""
    merged: Merged

    def value(self, name: str) -> Any:
        """The value of a setting."""
        return self.merged[name].value


class Desk:
    """Does what is asked of one daemon."""

    def __init__(
        self,
        control: Control,
        host: Host | None,
        keyring: Keyring,
        trail: Trail,
        under_way: operations.Operations,
        secrets: Secrets,
        clock: Clock,
        looks: Container[str],
    ) -> None:
        """`looks` are the commands that change nothing."""
        self._control = control
        self._host = host
        self._keyring = keyring
        self._trail = trail
        self._operations = under_way
        self._secrets = secrets
        self._clock = clock
        self._looks = looks
        self._moving = asyncio.Lock()

    def _view(self) -> Viewer:
        return Viewer.open(self._control.state)

    def _spec(self, asked: Asked) -> Specification:
        with self._view() as viewer:
            return viewer.specification(asked.migration_id)

    def expect(self, migration_id: str) -> None:
        """Raise UnknownMigration unless it is there."""
        with self._view() as viewer:
            viewer.specification(migration_id)

    # Looking.

    async def _seen(self, look: Callable[[Viewer], T]) -> T:
        """What the state file says, looked at beside the loop: marks are counted, of which there may be millions."""
        return await asyncio.to_thread(self._see, look)

    def _see(self, look: Callable[[Viewer], T]) -> T:
        with self._view() as viewer:
            return look(viewer)

    async def status(self, asked: Asked) -> MigrationStatus:
        found = await self._seen(lambda viewer: viewer.status(asked.migration_id))
        if found.mode is Mode.OFFLINE:
            return found
        try:
            return replace(found, live=await self._live(asked, "status", LiveStatus))
        except (PhaseError, UsageError):  # it is over
            return found

    async def list(self, asked: Asked) -> Migrations:
        return await self._seen(lambda viewer: paging.migrations(viewer, asked.value))

    async def gates(self, asked: Asked) -> LiveStatus:
        return await self._live(asked, "status", LiveStatus)

    async def findings(self, asked: Asked) -> Findings:
        return await self._seen(lambda viewer: paging.findings(viewer, asked.migration_id, asked.value))

    async def dead_letters(self, asked: Asked) -> DeadLetters:
        would, dry_run = "", asked.value("dry-run")
        if asked.value("retry"):
            would = (await self._live(asked, "retry", MigrationStatus, dry_run=dry_run)).would
        found = await self._seen(lambda viewer: paging.dead_letters(viewer, asked.migration_id, asked.value))
        return replace(found, would=would)

    async def report(self, asked: Asked) -> dict[str, Any]:
        """A `LastReport`."""
        now = self._clock.now()
        return await self._seen(
            lambda viewer: composed(viewer, asked.migration_id, self._control.state, now, self._looks)
        )

    async def plan(self, asked: Asked) -> PlanDocument:
        request = self._request(asked)
        told = await plan(request.specification, self._with(request))
        return replace(told, arguments=sealed(worded((*SIDES, *MIGRATE), asked.merged), request))

    async def schema(self, asked: Asked) -> SchemaDocument:
        known = self._known(asked.migration_id) if asked.migration_id else None
        request = described(asked.merged) if known is None else overlay(known, asked.merged)
        return await schema(request.specification, asked.value("field"), self._with(request))

    async def doctor(self, asked: Asked) -> Examined:
        request = None
        if asked.migration_id or asked.value("source-type") or asked.value("target-type"):
            request = self._request(asked)
        secrets = self._secrets if request is None else self._with(request)
        checks = await doctor(request.specification if request else None, self._control.state, secrets)
        return Examined(checks, all(check.ok for check in checks))

    async def events(self, asked: Asked) -> Events:
        wanted = asked.migration_id or None
        return page_of(self._control.database, asked.value("after"), wanted, asked.value("limit"))

    async def operations(self, asked: Asked) -> Operations:
        return self._operations.page(asked.migration_id or None, *map(asked.value, _PAGE))

    async def operation(self, asked: Asked) -> Operation:
        return self._operations.get(asked.words["operation"] or "")

    # Changing.

    async def migrate(self, asked: Asked) -> MigrationStatus | PlanDocument:
        request = self._request(asked)
        spec = request.specification
        if asked.value("dry-run"):
            return await plan(spec, self._with(request))
        _refuse_literals(request)
        if spec.mode is not Mode.OFFLINE:
            if asked.value("plan-digest") and not self._known(spec.id):
                hold(asked.value("plan-digest"), await plan(spec, self._secrets))
            return msgspec.convert(await self._hosting().create(spec), MigrationStatus)
        if not self._known(spec.id):
            # An id is not taken by a wish that cannot be had.
            hold(asked.value("plan-digest"), await plan(spec, self._secrets, strict=True))
            await self._control.create(spec)
        return await self._control.run(spec.id)

    async def resume(self, asked: Asked) -> MigrationStatus:
        dry_run = asked.value("dry-run")
        if self._onward(asked).mode is not Mode.OFFLINE:
            return await self._live(asked, "resume", MigrationStatus, dry_run=dry_run)
        if dry_run:
            self._control.check_idle(asked.migration_id)
            return rehearsing.resumed(await self.status(asked))
        return await self._control.run(asked.migration_id)

    async def pause(self, asked: Asked) -> MigrationStatus:
        dry_run = asked.value("dry-run")
        if self._spec(asked).mode is not Mode.OFFLINE:
            return await self._live(asked, "pause", MigrationStatus, dry_run=dry_run)
        if dry_run:
            return rehearsing.paused(await self.status(asked))
        if self._control.runs(asked.migration_id):
            return await self._control.halt(asked.migration_id, pause=True)
        return await self._control.pause(asked.migration_id)

    async def throttle(self, asked: Asked) -> MigrationStatus:
        return await self._adjust(asked, throttling(asked.merged))

    async def unthrottle(self, asked: Asked) -> MigrationStatus:
        return await self._adjust(asked, released(held=self._spec(asked).throttle_hold))

    async def set(self, asked: Asked) -> MigrationStatus:
        change = asked.words["change"]
        changes = change_of(change) if change else {}
        if not changes:
            return await self.status(asked)
        return await self._adjust(asked, changes)

    async def _adjust(self, asked: Asked, changes: Mapping[str, Value]) -> MigrationStatus:
        if asked.value("dry-run"):
            return rehearsing.adjusted(await self.status(asked), changes)
        return await self._control.adjust(asked.migration_id, changes, by=asked.who.name)

    async def waive(self, asked: Asked) -> MigrationStatus:
        reason = asked.value("reason")
        if not reason or not reason.strip():
            raise UsageError("to go without a record wants a reason", hint="say why: --reason TEXT")
        record = str(asked.words["record"])
        if asked.value("dry-run"):
            self._control.database.read(lambda tx: waivers.check(tx, asked.migration_id, [record]))
            return rehearsing.waived(await self.status(asked), record)
        return await self._control.waive(asked.migration_id, [record], reason, by=asked.who.name)

    async def approvals(self, asked: Asked) -> Approvals:
        return Approvals(self._control.approvals(asked.migration_id))

    async def approve(self, asked: Asked) -> Approvals:
        step = asked.words["step"] or ""
        if asked.value("dry-run"):
            if asked.migration_id:
                self.expect(asked.migration_id)
            waiting = self._control.database.read(lambda tx: approvals.open_to(tx, asked.migration_id, step))
            return rehearsing.approved(waiting)
        return Approvals(await self._control.approve(asked.migration_id, step, by=asked.who.name))

    async def validate(self, asked: Asked) -> ValidationReport | MigrationStatus:
        words, mode = comparing(asked.value), self._onward(asked).mode
        if asked.value("dry-run"):
            self._control.check_idle(asked.migration_id)
            return rehearsing.compared(await self.status(asked), words)
        if mode is not Mode.OFFLINE:
            return await self._live(asked, "validate", ValidationReport, **words)
        return await self._control.validate(asked.migration_id, **words)

    async def repair(self, asked: Asked) -> MigrationStatus | ValidationReport:
        self._onward(asked)
        return await self._control.repair(asked.migration_id, dry_run=asked.value("dry-run"))

    async def rollback(self, asked: Asked) -> RollbackReport:
        dry_run = asked.value("dry-run")
        if self._onward(asked).mode is not Mode.OFFLINE:
            return await self._live(asked, "rollback", RollbackReport, dry_run=dry_run)
        return await self._control.rollback(asked.migration_id, dry_run=dry_run)

    async def abort(self, asked: Asked) -> MigrationStatus:
        dry_run = asked.value("dry-run")
        if self._host is not None and self._spec(asked).mode is not Mode.OFFLINE:
            return await self._live(asked, "abort", MigrationStatus, dry_run=dry_run)
        return await self._control.abort(asked.migration_id, dry_run=dry_run)

    async def attest(self, asked: Asked) -> MigrationStatus:
        words = {"by": asked.value("by") or asked.who.name, "dry_run": asked.value("dry-run")}
        return await self._live(asked, "attest", MigrationStatus, **words)

    async def cutover(self, asked: Asked) -> SwapReport:
        words = {"dry_run": asked.value("dry-run"), "no_way_back": asked.value("no-way-back")}
        return await self._live(asked, "cutover", SwapReport, **words)

    async def revert(self, asked: Asked) -> SwapReport:
        return await self._live(asked, "revert", SwapReport, dry_run=asked.value("dry-run"))

    async def commit(self, asked: Asked) -> MigrationStatus:
        return await self._live(asked, "commit", MigrationStatus, dry_run=asked.value("dry-run"))

    async def allow_deletes(self, asked: Asked) -> LiveStatus:
        words = {"by": asked.value("by") or asked.who.name, "dry_run": asked.value("dry-run")}
        return await self._live(asked, "allow-deletes", LiveStatus, **words)

    async def reads(self, asked: Asked) -> LiveStatus:
        words = {"share": asked.value("share"), "dry_run": asked.value("dry-run")}
        return await self._live(asked, "reads", LiveStatus, **words)

    async def capture(self, asked: Asked) -> CaptureReport:
        request = self._request(asked)
        action = Action(str(asked.words["action"]))
        return await capture(
            action,
            request.specification,
            self._with(request),
            asked.value("way"),
            self._control.state,
            taken=asked.value("taken"),
            dry_run=asked.value("dry-run"),
        )

    async def vec(self, asked: Asked) -> MigrateResult:
        if self._moving.locked():
            raise GateRefused("vectors are being moved already", hint="wait until that has ended")
        async with self._moving:
            environ = self._secrets.environ
            moving = vec.move(
                asked.value("from") or "",
                vec.destination(asked.value("to"), environ),
                batch_size=asked.value("batch-size"),
                dry_run=asked.value("dry-run"),
                environ=environ,
            )
            return await (moving if self._host is None else self._host.telemetry.moving(moving))

    # Who may ask, and who did.

    async def keys(self, asked: Asked) -> Keys:
        key, action = str(asked.words.get("key") or ""), asked.words["action"]
        if action in ("rotate", "revoke") and not key:
            raise UsageError(
                f"keys {action} needs the id of a key",
                hint="`vectormigrate keys list` shows those there are",
            )
        if asked.value("dry-run") and action != "list":
            return self._rehearsed(str(action), key, asked)
        match action:
            case "create":
                days = asked.value("days")
                lifetime = None if days is None else days * _DAY
                secret, made = await self._keyring.create(
                    Scope(asked.value("scope")), asked.value("label"), lifetime
                )
                return Keys([made], secret)
            case "rotate":
                secret, made = await self._keyring.rotate(key, asked.value("overlap"))
                return Keys([made], secret)
            case "revoke":
                return Keys([await self._keyring.revoke(key)])
            case _:
                return Keys(self._keyring.every())

    def _rehearsed(self, action: str, key: str, asked: Asked) -> Keys:
        if action == "create":
            lasts = f" for {asked.value('days'):g} days" if asked.value("days") is not None else ""
            return Keys([], would=f"a key of scope {asked.value('scope')} would be made{lasts}")
        held = [self._keyring.one(key)]
        if action == "revoke":
            return Keys(held, would=f"{key} would open nothing any more")
        self._keyring.check_good(key)
        overlap = f"{key} would go on for {asked.value('overlap'):g} s"
        return Keys(held, would=f"a key with the same rights would be made, and {overlap}")

    async def audit(self, asked: Asked) -> AuditLog:
        if asked.words["action"] == "verify":
            against = asked.value("against")
            return await self._trail.verify(Path(against) if against else None)
        wanted = asked.value("migration")
        return self._trail.page(wanted, *map(asked.value, _PAGE))

    # What they have in common.

    def _known(self, migration_id: str) -> Specification | None:
        try:
            with self._view() as viewer:
                return viewer.specification(migration_id)
        except UsageError:
            return None

    def _request(self, asked: Asked) -> Request:
        known = self._known(asked.migration_id) if asked.migration_id else None
        if known is not None:
            return overlay(known, asked.merged)
        name = asked.migration_id or "unnamed"
        return specify(name, asked.merged, lambda other: went(self._control.state, other))

    def _onward(self, asked: Asked) -> Specification:
        """A migration that is gone on with: what is given with it again must be as it was."""
        request = overlay(self._spec(asked), asked.merged)
        _refuse_literals(request)
        return request.specification

    def _with(self, request: Request) -> Secrets:
        return replace(self._secrets, literals={**self._secrets.literals, **request.literals})

    def _hosting(self) -> Host:
        if self._host is None:
            raise GateRefused("that is for a daemon to do", hint="start one with `vectormigrate serve`")
        return self._host

    async def _live(self, asked: Asked, verb: str, answer: type[T], **arguments: Any) -> T:
        """What the host says to a word about a live migration."""
        self._spec(asked)  # tells an unknown one from one that it does not host
        return msgspec.convert(await self._hosting().answer(verb, asked.migration_id, arguments), answer)


def _refuse_literals(request: Request) -> None:
    if request.literals:
        raise UsageError(
            "a secret by value is not stored, so a daemon cannot go on with it after a restart",
            hint="name the store in the daemon's configuration, or the secret as ${NAME}, env:NAME or file:PATH",
        )
