"""The ways into a state file: as its owner, as a reader beside the owner, and as a word to the owner."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vectormigrate.daemon import capture, foreseeing
from vectormigrate.daemon.capture import Action
from vectormigrate.daemon.control import Control
from vectormigrate.daemon.crewing import prepare
from vectormigrate.daemon.doctor import doctor
from vectormigrate.daemon.recommending import schema
from vectormigrate.daemon.secrets import Literal, Secrets, StoreKey
from vectormigrate.daemon.specify import Request
from vectormigrate.daemon.viewing import Viewer
from vectormigrate.model.documents import SchemaDocument
from vectormigrate.model.errors import StateMissing, UnknownMigration
from vectormigrate.model.events import Event
from vectormigrate.model.specification import Specification
from vectormigrate.model.status import CaptureReport, Check, PlanDocument

from .call import Call


def view(call: Call) -> Viewer:
    """Read the state, whoever owns it."""
    try:
        return Viewer.open(call.state)
    except StateMissing as error:
        if not call.words.get("id"):
            raise
        raise UnknownMigration(
            f"there is no migration {call.migration_id!r}: {error.message}",
            hint="name the state file with --state FILE or VECTORMIGRATE_STATE",
        ) from None


def own(
    call: Call,
    literals: Mapping[StoreKey, Literal],
    on_event: Callable[[Event], None],
    *,
    serving: bool = False,
) -> Control:
    """Own the state. Raises StateLocked when somebody does."""
    return Control.open(
        call.state,
        secrets=Secrets(literals, call.environ),
        on_event=on_event,
        recruits=call.recruits,
        serving=serving,
    )


async def foresee(call: Call, request: Request, *, strict: bool = False) -> PlanDocument:
    """What a migration would do; owns nothing and writes nothing. `strict` raises what would keep it from starting."""
    prepare(call.recruits, request.specification)
    return await foreseeing.plan(
        request.specification, Secrets(request.literals, call.environ), strict=strict
    )


async def recommend(call: Call, request: Request) -> SchemaDocument:
    """What the source of a request holds and would become; owns nothing and writes nothing."""
    return await schema(request.specification, call.value("field"), Secrets(request.literals, call.environ))


async def examine(call: Call, request: Request | None) -> list[Check]:
    """Whether this machine, and the stores of a request, are fit; owns nothing."""
    if request is None:
        return await doctor(None, call.state, Secrets({}, call.environ))
    return await doctor(request.specification, call.state, Secrets(request.literals, call.environ))


async def watch(call: Call, request: Request, action: Action) -> CaptureReport:
    """Install, check or remove what tells of changes in the source of a request; owns nothing."""
    return await capture.capture(
        action,
        request.specification,
        Secrets(request.literals, call.environ),
        call.value("way"),
        call.state,
        taken=call.value("taken"),
        dry_run=call.value("dry-run"),
    )


def stored(call: Call) -> Specification | None:
    """The migration of the id that was given, if there is one."""
    try:
        with Viewer.open(call.state) as viewer:
            return viewer.specification(call.migration_id)
    except (StateMissing, UnknownMigration):
        return None
