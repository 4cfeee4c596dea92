"""The table of commands as MCP tools, and those that are inherited beside them: schemas, annotations, structured answers.

A command that destroys is asked for twice: the first answer says what would happen and holds a `plan_token`, the second
brings it. What lasts answers with an operation; a client that wants progress is told of it until the operation has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cached_property
from typing import Any

import msgspec
from mcp import types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server

from vectormigrate import __version__
from vectormigrate.model.access import Principal
from vectormigrate.model.documents import Operation
from vectormigrate.model.errors import UsageError, VectormigrateError

from . import bodies, schemas
from .command import ID, Command, Effect
from .commands import COMMANDS
from .inherited import Door, Inherited
from .plan_tokens import SECONDS, PlanTokens

_EVERY = 0.5
"""Seconds between two looks at what a client wants to hear the progress of."""
_LIFE = 0.001
"""Records by which progress grows when none came: each number has to be larger than the one before, and silence is a timeout."""
_TOKEN = "plan_token"  # noqa: S105 a name
_PLAN: schemas.Schema = {
    "type": "string",
    "description": "What the answer without it held: consent to exactly that.",
}
_INSTRUCTIONS = (
    "Moves collections between vector databases, live and provably. Commands that destroy or swap answer first with what"
    " they would do and a plan_token: show that to a person before you call again with it. What lasts answers with an"
    " operation: ask for it with the tool `operation`."
)
Context = ServerRequestContext[Any, Any]


class Tools:
    """All of them over one door."""

    def __init__(
        self,
        door: Door,
        inherited: Inherited,
        tokens: PlanTokens,
        principal: Callable[[Context], Principal],
        ends: Callable[[], bool] = lambda: False,
    ) -> None:
        """`ends`: whether who serves this is about to end, and waits for what is being answered."""
        self._door = door
        self._inherited = inherited
        self._tokens = tokens
        self._principal = principal
        self._ends = ends
        self._commands = {command.name.replace("-", "_"): command for command in COMMANDS if command.scope}

    def server(self) -> Server[Any]:
        """An MCP server of them."""
        return Server(
            "vectormigrate",
            version=__version__,
            instructions=_INSTRUCTIONS,
            on_list_tools=self._list,
            on_call_tool=self._call,
        )

    # Listing.

    async def _list(self, ctx: Context, params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=self.listed)

    @cached_property
    def listed(self) -> list[types.Tool]:
        """As a client sees them."""
        own = [_tool(name, command) for name, command in self._commands.items()]
        return own + [
            types.Tool(
                name=tool.name,
                description=tool.summary,
                input_schema=tool.schema,
                annotations=_annotated(tool.effect, idempotent=tool.effect is Effect.LOOKS),
            )
            for tool in self._inherited.tools.values()
        ]

    # Calling.

    async def _call(self, ctx: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        given = dict(params.arguments or {})
        try:
            document = bodies.plain(await self._do(ctx, params.name, given))
        except VectormigrateError as error:
            text = bodies.dump(error.as_dict()).decode()
            return types.CallToolResult(content=[types.TextContent(type="text", text=text)], is_error=True)
        text = bodies.dump(document).decode()
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=text)], structured_content=document
        )

    async def _do(self, ctx: Context, name: str, given: dict[str, Any]) -> Any:
        who = self._principal(ctx)
        if name in self._inherited.tools:
            return await self._inherited.call(who, name, given)
        command = self._commands.get(name)
        if command is None:
            raise UsageError(f"there is no tool {name[:80]!r}")
        token = given.pop(_TOKEN, None)
        if command.effect is not Effect.DESTROYS:
            return await self._run(ctx, who, command, given)
        if not command.destroys(given):
            return {"done": True, "result": await self._run(ctx, who, command, given)}
        standing = await self._standing(who, given)
        if token is None:
            return await self._plan(who, command, given, standing)
        self._tokens.redeem(str(token), who, command.name, given, standing)
        return {"done": True, "result": await self._run(ctx, who, command, given)}

    async def _run(self, ctx: Context, who: Principal, command: Command, given: dict[str, Any]) -> Any:
        if not command.lasting:
            return await self._door.ask(who, command.name, given)
        operation = await self._door.begin(who, command.name, given)
        wanted = (ctx.meta or {}).get("progress_token")
        told = 0.0
        while wanted is not None and operation.state == "running" and not self._ends():
            await asyncio.sleep(_EVERY)
            operation, done, total = await self._door.look(who, operation)
            told = max(done, told + _LIFE)
            # Of a collection in use more may be copied than there was in the beginning.
            await ctx.session.report_progress(told, total if total is None or told < total + 1 else None)
        return operation

    async def _standing(self, who: Principal, given: dict[str, Any]) -> str:
        """What a consent depends on: a migration that has moved since is another matter."""
        if not given.get(ID):
            return ""
        found = bodies.plain(await self._door.ask(who, "status", {ID: given[ID]}))
        return f"{found['phase']} {found['primary']} {found['attested_by']}"

    async def _plan(
        self, who: Principal, command: Command, given: dict[str, Any], standing: str
    ) -> dict[str, Any]:
        plan = None
        if any(setting.key == "dry_run" for setting in command.arguments):
            plan = await self._door.ask(who, command.name, {**given, "dry_run": True})
        return {
            "done": False,
            "would": command.summary,
            "plan": plan,
            _TOKEN: self._tokens.issue(who, command.name, given, standing),
            "expires_in": SECONDS,
        }


def _tool(name: str, command: Command) -> types.Tool:
    taken = schemas.of_arguments(command)
    if command.effect is Effect.DESTROYS:
        taken["properties"][_TOKEN] = _PLAN
    return types.Tool(
        name=name,
        description=f"{command.summary} {command.details}".strip(),
        input_schema=taken,
        output_schema=_answered(command),
        annotations=_annotated(command.effect, idempotent=command.idempotent),
    )


def _answered(command: Command) -> schemas.Schema:
    kind = Operation if command.lasting else schemas.result_type(command.result)
    (told,), components = msgspec.json.schema_components(
        [kind], ref_template="#/$defs/{name}", schema_hook=schemas.shown_as_text
    )
    components = {name: schemas.portable(schema) for name, schema in components.items()}
    if command.effect is not Effect.DESTROYS:
        return {"type": "object", "$defs": components, **told}
    return {
        "type": "object",
        "properties": {
            "done": {"type": "boolean", "description": "False: nothing was done, and this is what would be."},
            "result": told,
            "would": {"type": "string"},
            "plan": {"description": "What a dry run says; null where there is none."},
            _TOKEN: _PLAN,
            "expires_in": {"type": "integer", "description": "Seconds for which the token is good."},
        },
        "required": ["done"],
        "$defs": components,
    }


def _annotated(effect: Effect, *, idempotent: bool) -> types.ToolAnnotations:
    looks = effect is Effect.LOOKS
    return types.ToolAnnotations(
        read_only_hint=looks,
        destructive_hint=effect is Effect.DESTROYS,
        idempotent_hint=idempotent,
        open_world_hint=not looks,
    )
