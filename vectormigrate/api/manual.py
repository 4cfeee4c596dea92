"""The OpenAPI document as a page for people: one file, no script, nothing from elsewhere.

Its style is in it: a browser shows the key that it was asked for below the path where it was asked, and nowhere else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from . import openapi
from .schemas import Schema

_HERE = files(__package__)
_STYLE = _HERE.joinpath("manual.css").read_text()
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_JSON = "application/json"
_TEMPLATE = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(
    _HERE.joinpath("manual.html").read_text()
)


@cache
def page() -> str:
    """The page."""
    document = openapi.document()
    schemas = document["components"]["schemas"]
    return _TEMPLATE.render(
        style=_STYLE,
        info=document["info"],
        requests=[
            _request(method.upper(), path, entry)
            for path, entries in document["paths"].items()
            for method, entry in entries.items()
        ],
        documents=[
            {"name": name, "description": schema.get("description", ""), "rows": list(_rows(schema))}
            for name, schema in sorted(schemas.items())
        ],
    )


def _request(method: str, path: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    body = entry.get("requestBody", {}).get("content", {}).get(_JSON, {}).get("schema", {})
    status, answer = next(iter(entry["responses"].items()))
    told = answer["content"][_JSON]["schema"]
    return {
        "id": entry["operationId"],
        "method": method,
        "path": path,
        "summary": entry["summary"],
        "description": entry["description"],
        "parameters": [
            _row(
                one["name"], {"description": one.get("description", ""), **one["schema"]}, one.get("required")
            )
            for one in entry["parameters"]
        ],
        "body": list(_rows(body)),
        "status": status,
        "answer": _referred(told),
    }


def _rows(schema: Schema) -> Iterator[dict[str, Any]]:
    required = schema.get("required", ())
    for name, one in schema.get("properties", {}).items():
        yield _row(name, one, name in required)


def _row(name: str, schema: Schema, required: object) -> dict[str, Any]:
    words = [schema.get("description", "")]
    if "enum" in schema:
        words.append(f"One of {', '.join(map(str, schema['enum']))}.")
    if schema.get("default") not in (None, "", [], {}):
        words.append(f"Default: {schema['default']}.")
    return {
        "name": name,
        "type": _type(schema),
        "link": _referred(schema) or _referred(schema.get("items") or {}),
        "required": bool(required),
        "help": " ".join(filter(None, words)),
    }


def _type(schema: Schema) -> str:
    if named := _referred(schema):
        return named
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    told = str(schema.get("type", "anything"))
    return f"list of {_type(schema['items'])}" if told == "array" and schema.get("items") else told


def _referred(schema: Schema) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]
