"""The tools that users of an earlier system know by name, with their inputs and answers to the letter.

They are a thin layer of words over the table of commands. JSON-RPC serves them, and MCP beside the table's own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from vectormigrate.daemon.api_settings import VEC_KINDS
from vectormigrate.daemon.recommending import schema_recommendation
from vectormigrate.daemon.setting import Kind, Setting
from vectormigrate.daemon.settings import STORE_KINDS
from vectormigrate.model.access import Principal
from vectormigrate.model.documents import Operation
from vectormigrate.model.errors import UnknownMigration, UsageError
from vectormigrate.model.phase import Phase
from vectormigrate.model.status import MigrationStatus

from . import schemas
from .command import ID, Effect
from .commands import BY_NAME
from .dispatch import Note

Answer = Callable[[Principal, dict[str, Any]], Awaitable[dict[str, Any]]]

STATUSES = ("not_started", "in_progress", "completed", "failed", "rolled_back")
_OF_PHASE: dict[Phase, str] = {
    Phase.CREATED: "not_started",
    Phase.VERIFIED: "completed",
    Phase.REVERSED: "completed",
    Phase.COMMITTED: "completed",
    Phase.FAILED: "failed",
    Phase.ABORTED: "failed",
    Phase.ROLLED_BACK: "rolled_back",
}
"""Every other phase is `in_progress`."""
_MOST = 500
_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Tool:
    """One of them."""

    name: str
    summary: str
    schema: schemas.Schema
    effect: Effect
    answer: Answer


def _id(help: str = "Id of the migration.") -> Setting:
    return Setting(name="migration-id", help=help)


_LIST = (
    Setting(name="status", choices=STATUSES, help="Only those."),
    Setting(name="limit", kind=Kind.INT, default=50, least=1, most=_MOST, help="Show at most this many."),
    Setting(name="offset", kind=Kind.INT, default=0, least=0, most=2**53, help="Leave out the first."),
    Setting(
        name="sort-by",
        choices=("created_at", "status", "migration_id"),
        default="created_at",
        help="What they are sorted by.",
    ),
    Setting(name="sort-order", choices=("desc", "asc"), default="desc", help="In which direction."),
)
_RECOMMEND = (
    Setting(name="source-type", choices=STORE_KINDS, help="Kind of the source store."),
    Setting(name="target-type", choices=STORE_KINDS, help="Kind of the target store."),
)
_VEC = (
    Setting(name="source", choices=VEC_KINDS, help="What holds the vectors."),
    Setting(name="dest-type", choices=VEC_KINDS, help="Where they go, instead of what QORTEX_VEC says."),
    Setting(name="batch-size", kind=Kind.INT, default=500, least=1, most=10_000, help="Vectors a batch."),
    Setting(name="dry-run", kind=Kind.FLAG, default=False, help="Only count."),
)


class Door(Protocol):
    """Where commands are done: `dispatch.Dispatcher`, or the way to one in another process."""

    async def ask(self, who: Principal, name: str, given: Mapping[str, Any]) -> Any:
        """What a command answers."""

    async def begin(self, who: Principal, name: str, given: Mapping[str, Any]) -> Operation:
        """Begin one that lasts."""

    async def look(self, who: Principal, begun: Operation) -> tuple[Operation, int, int | None]:
        """How far it is: the operation, records done, records in all. Not written down."""

    async def noted(self, note: Note, work: Callable[[], Awaitable[Any]], *, changes: bool) -> Any:
        """Do what is no command, and write it down as if it were."""


class Inherited:
    """All of them, over one door."""

    def __init__(self, dispatcher: Door) -> None:
        self._dispatcher = dispatcher
        anything: schemas.Schema = {"description": "The source's schema: fields to their types."}
        recommended = _object(_RECOMMEND, required=("source_type", "target_type"))
        recommended["properties"]["source_schema"] = anything
        self.tools = {
            tool.name: tool
            for tool in (
                Tool(
                    "migration_status",
                    "Where a migration is.",
                    _object((_id(),), required=(ID,)),
                    Effect.LOOKS,
                    self._status,
                ),
                Tool("list_migrations", "Every migration.", _object(_LIST), Effect.LOOKS, self._list),
                Tool(
                    "schema_recommendation",
                    "Which field of one kind of store becomes what in another.",
                    recommended,
                    Effect.LOOKS,
                    self._recommend,
                ),
                Tool(
                    "start_migration",
                    "Create a migration, or go on with it.",
                    schemas.of_arguments(BY_NAME["migrate"]),
                    Effect.CHANGES,
                    self._begins("migrate"),
                ),
                Tool(
                    "stop_migration",
                    "Stop a migration at its next checkpoint.",
                    schemas.of_arguments(BY_NAME["pause"]),
                    Effect.CHANGES,
                    self._begins("pause"),
                ),
                Tool(
                    "validate_migration",
                    "Compare source and target.",
                    schemas.of_arguments(BY_NAME["validate"]),
                    Effect.CHANGES,
                    self._begins("validate"),
                ),
                *(
                    Tool(
                        name,
                        "Copy all vectors of one of qortex's places into the one that QORTEX_VEC names.",
                        _object(_VEC, required=("source",)),
                        Effect.CHANGES,
                        self._vec,
                    )
                    for name in ("qortex_vec_migrate", "qortex_migrate_vec")
                ),
            )
        }

    async def call(self, who: Principal, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The answer of a tool. Raises UsageError for what it cannot take, and what the command raises."""
        return await self.tools[name].answer(who, dict(given))

    async def _status(self, who: Principal, given: dict[str, Any]) -> dict[str, Any]:
        values = _taken((_id(),), given, required=(ID,))
        try:
            found: MigrationStatus = await self._dispatcher.ask(who, "status", {ID: values[ID]})
        except UnknownMigration:
            return _told(str(values[ID]), None)
        return _told(found.migration_id, found)

    async def _list(self, who: Principal, given: dict[str, Any]) -> dict[str, Any]:
        values = _taken(_LIST, given)
        found = await self._dispatcher.ask(who, "list", {"limit": _PAGE})
        rows = [_line(one) for one in found.migrations]
        rows = [one for one in rows if values["status"] in (None, one["status"])]
        rows.sort(key=lambda one: one["migration_id"])
        rows.sort(key=lambda one: one[values["sort_by"]], reverse=values["sort_order"] == "desc")
        first, limit = values["offset"], values["limit"]
        page = rows[first : first + limit]
        return {"migrations": page, "total": len(rows), "limit": limit, "offset": first}

    async def _recommend(self, who: Principal, given: dict[str, Any]) -> dict[str, Any]:
        schema = given.pop("source_schema", None)
        values = _taken(_RECOMMEND, given, required=("source_type", "target_type"))
        note = Note(who, "schema_recommendation", "", dict(values))
        found = await self._dispatcher.noted(
            note,
            lambda: schema_recommendation(values["source_type"], values["target_type"], schema),
            changes=False,
        )
        document: dict[str, Any] = msgspec.to_builtins(found, enc_hook=str)
        return document

    async def _vec(self, who: Principal, given: dict[str, Any]) -> dict[str, Any]:
        values = _taken(_VEC, given, required=("source",))
        words = {"from": values["source"], "to": values["dest_type"]}
        words |= {name: values[name] for name in ("batch_size", "dry_run")}
        document: dict[str, Any] = msgspec.to_builtins(await self._dispatcher.ask(who, "vec", words))
        return document

    def _begins(self, command: str) -> Answer:
        async def begin(who: Principal, given: dict[str, Any]) -> dict[str, Any]:
            begun = await self._dispatcher.begin(who, command, given)
            return {"operation_id": begun.id, "state": begun.state, ID: begun.migration_id}

        return begin


def _object(settings: tuple[Setting, ...], required: tuple[str, ...] = ()) -> schemas.Schema:
    properties = {setting.key: schemas.of_setting(setting) for setting in settings}
    schema: schemas.Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": list(required)} if required else schema


def _taken(
    settings: tuple[Setting, ...], given: Mapping[str, Any], required: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Values by key, defaults where none was given. Numbers given as texts, and texts as numbers, are taken as meant."""
    known = {setting.key: setting for setting in settings}
    for name in given:
        if name not in known:
            raise UsageError(f"there is no argument {name[:80]!r}", hint=f"there are: {', '.join(known)}")
    values: dict[str, Any] = {}
    for key, setting in known.items():
        value = given.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and setting.kind is Kind.TEXT:
            value = str(value)
        values[key] = setting.default if value is None else setting.parse(value, key)
    missing = [key for key in required if not values[key]]
    if missing:
        raise UsageError(f"there is missing: {', '.join(missing)}")
    return values


def _status_of(found: MigrationStatus) -> str:
    return _OF_PHASE.get(found.phase, "in_progress")


def _told(migration_id: str, found: MigrationStatus | None) -> dict[str, Any]:
    total = 0 if found is None else found.total or 0
    copied = 0 if found is None else found.copied
    return {
        ID: migration_id,
        "status": "not_started" if found is None else _status_of(found),
        "progress": {
            "total_records": total,
            "migrated_records": copied,
            "percentage": _percent(copied, total),
        },
        "batches_processed": 0 if found is None else found.batches,
        "started_at": None if found is None else found.started_at,
        "ended_at": None if found is None else found.ended_at,
    }


def _line(found: MigrationStatus) -> dict[str, Any]:
    total = found.total or 0
    return {
        ID: found.migration_id,
        "status": _status_of(found),
        "created_at": found.created_at,
        "progress": {"total": total, "current": found.copied, "percent": _percent(found.copied, total)},
    }


def _percent(done: int, total: int) -> float:
    """Records that were copied twice count twice, but nothing is more than whole."""
    return round(min(100.0, 100.0 * done / total), 2) if total else 0.0
