"""The REST API as an OpenAPI 3.1 document, made from the table of commands."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import Any

from vectormigrate import __version__

from . import bodies, problem, schemas
from .command import Command, Route, outside
from .commands import COMMANDS

_TEMPLATE = "#/components/schemas/{name}"
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "Problem details (RFC 9457). `code` is stable.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "retryable": {"type": "boolean"},
        "hint": {"type": "string"},
        "store": {"type": "string"},
        "collection": {"type": "string"},
        "ids": {"type": "array", "items": {"type": "string"}},
        "retry_after": {"type": "number"},
    },
    "required": ["type", "title", "status", "detail", "code", "retryable"],
}
_REFUSALS = (400, 401, 403, 404, 409, 412, 413, 415, 421, 422, 429, 500, 502, 503, 504)


@cache
def encoded() -> bytes:
    """The document as it is served."""
    return bodies.dump(document())


def document() -> dict[str, Any]:
    """The document."""
    served = [command for command in COMMANDS if command.scope is not None]
    results, components = schemas.of_results(served, _TEMPLATE)
    paths: dict[str, Any] = {}
    for command in served:
        for route in command.routes:
            entry = _entry(command, route, results[command.name])
            paths.setdefault(route.url, {})[route.method.lower()] = entry
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "vectormigrate",
            "version": __version__,
            "description": "What the daemon does when it is asked. Every path needs a key.",
        },
        "paths": paths,
        "components": {
            "schemas": {**components, "Problem": _PROBLEM},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}],
    }


def _entry(command: Command, route: Route, result: schemas.Schema) -> dict[str, Any]:
    in_path = route.names
    taken = schemas.of_arguments(command, leave_out=(*in_path, *route.given))
    items = {outside(item.name): item for item in command.positionals}
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": schemas.of_positional(items[name])}
        for name in in_path
    ]
    entry: dict[str, Any] = {
        "operationId": _operation_id(command, route),
        "summary": command.summary,
        "description": f"{command.details} Needs the scope {command.scope}.".strip(),
        "responses": _responses(command, route, result),
    }
    if route.method == "GET":
        parameters += [
            {"name": name, "in": "query", "required": name in taken.get("required", ()), "schema": schema}
            for name, schema in taken["properties"].items()
        ]
    else:
        content = {bodies.MEDIA: {"schema": taken}}
        entry["requestBody"] = {"required": bool(taken.get("required")), "content": content}
        parameters.append(_header("Idempotency-Key", "The same request under the same key is done once."))
    return {**entry, "parameters": parameters}


def _responses(command: Command, route: Route, result: schemas.Schema) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if command.lasting:
        schema = {"$ref": _TEMPLATE.format(name="Operation")}
        told["202"] = {"description": "Begun.", "content": {bodies.MEDIA: {"schema": schema}}}
    else:
        content: dict[str, Any] = {bodies.MEDIA: {"schema": result}}
        if command.name == "events":
            content["text/event-stream"] = {"schema": {"type": "string"}}
        told["200"] = {"description": "Done.", "content": content}
    if route.method == "GET":
        told["304"] = {"description": "As it was."}
    failed = {problem.MEDIA: {"schema": {"$ref": _TEMPLATE.format(name="Problem")}}}
    for status in _REFUSALS:
        told[str(status)] = {"description": HTTPStatus(status).phrase, "content": failed}
    return told


def _operation_id(command: Command, route: Route) -> str:
    words = [command.name.replace("-", "_"), *route.given.values()]
    if len(command.routes) > 1 and not route.given:
        words.append("_".join(piece for piece in route.path.split("/") if piece and piece[0] != "{"))
        words.append(route.method.lower())
    return "_".join(words).replace("-", "_")


def _header(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "schema": {"type": "string"}, "description": description}
