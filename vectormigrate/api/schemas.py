"""The table of commands as JSON Schema: what each takes and what it answers. OpenAPI and MCP are made from these."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from functools import cache
from typing import Any

import msgspec

from vectormigrate.daemon.setting import Kind, Setting

from .command import Command, Positional, outside

Schema = dict[str, Any]

_HOMES = ("vectormigrate.model.status", "vectormigrate.model.documents")
_KINDS: dict[Kind, Schema] = {
    Kind.TEXT: {"type": "string"},
    Kind.INT: {"type": "integer"},
    Kind.FLOAT: {"type": "number"},
    Kind.FLAG: {"type": "boolean"},
    Kind.NAMES: {"type": "array", "items": {"type": "string"}},
    Kind.PAIRS: {"type": "object", "additionalProperties": {"type": "string"}},
}


@cache
def result_type(name: str) -> type:
    """The class that rows name."""
    for home in _HOMES:
        found = getattr(importlib.import_module(home), name, None)
        if found is not None:
            return found  # type: ignore[no-any-return] # of a module
    raise LookupError(name)


def of_setting(setting: Setting) -> Schema:
    """One setting as a property."""
    schema: Schema = {**_KINDS[setting.kind], "description": setting.help}
    if setting.choices:
        schema["enum"] = list(setting.choices)
    if setting.least is not None:
        schema["minimum"] = setting.least
    if setting.most is not None:
        schema["maximum"] = setting.most
    if setting.default is not None and setting.default not in ("", ()):
        schema["default"] = setting.default
    return schema


def of_positional(item: Positional) -> Schema:
    """An argument without a flag as a property."""
    schema: Schema = {"type": "string", "minLength": 1, "description": item.help}
    if item.choices:
        schema["enum"] = list(item.choices)
    return schema


def of_arguments(command: Command, leave_out: Iterable[str] = ()) -> Schema:
    """All that a command takes, but for some arguments by their names in a request."""
    out = set(leave_out)
    items = {outside(item.name): item for item in command.positionals if outside(item.name) not in out}
    properties = {name: of_positional(item) for name, item in items.items()}
    properties |= {one.key: of_setting(one) for one in command.arguments if one.key not in out}
    required = [name for name, item in items.items() if item.required]
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": required} if required else schema


def of_results(commands: Iterable[Command], template: str) -> tuple[dict[str, Schema], dict[str, Schema]]:
    """What commands answer, by their names, and the classes that these refer to, as `template` has it."""
    wanted = list(commands)
    told, components = msgspec.json.schema_components(
        [result_type(command.result) for command in wanted], ref_template=template, schema_hook=shown_as_text
    )
    return {command.name: schema for command, schema in zip(wanted, told, strict=True)}, components


def shown_as_text(kind: type) -> Schema:
    """Values that are shown as texts; an `object` is any value that JSON has."""
    return (
        {"description": "Any value."} if kind is object else {"type": "string", "description": kind.__name__}
    )


def portable(schema: Any) -> Any:
    """The same schema without a bare `false`, which is one but which not every reader of schemas takes for one."""
    if isinstance(schema, dict):
        return {
            key: {"not": {}} if one is False and key == "items" else portable(one)
            for key, one in schema.items()
        }
    return [portable(one) for one in schema] if isinstance(schema, list) else schema
