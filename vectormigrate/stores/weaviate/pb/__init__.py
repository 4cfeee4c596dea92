"""The generated messages of Weaviate, out of the installed weaviate-client, without importing it.

Importing anything of `weaviate` runs its package: two seconds of processor time in every process. Its generated modules
import each other through that package, so they cannot be loaded beside it; but each holds the serialized description of
its file as one literal, and that is all that message classes are made of. In a process that imports the client as
well, the two share their classes through protobuf's descriptor pool.

Messages and enumerations are attributes by the name that they have in the package `weaviate.v1`: `BatchObject`, `Filters`.
"""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pool, message_factory, struct_pb2
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

_PACKAGE = "weaviate.v1"
_FILES = (
    "base",
    "properties",
    "generative",
    "base_search",
    "search_get",
    "aggregate",
    "batch",
    "batch_delete",
    "tenants",
)
"""In an order in which each stands behind those that it imports."""


def _descriptions(path: Path) -> list[bytes]:
    """The serialized file descriptions that a generated module holds: one."""
    tree = ast.parse(path.read_bytes())
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr == "AddSerializedFile"
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, bytes)
    ]


def _load() -> Any:
    client = find_spec("weaviate")
    if client is None or client.origin is None:
        raise ModuleNotFoundError("weaviate-client is not installed", name="weaviate")
    # One folder a generation of protobuf's Python runtime; the descriptions in them are the same.
    folder = Path(client.origin).parent / "proto" / "v1" / "v6300" / "v1"
    pool: Any = descriptor_pool.Default()
    assert pool.FindFileByName(struct_pb2.DESCRIPTOR.name)  # the others import it
    for name in _FILES:
        for description in _descriptions(folder / f"{name}_pb2.py"):
            pool.AddSerializedFile(description)
    return pool


_POOL = _load()


def __getattr__(name: str) -> Any:
    """A message class, or an enumeration with its numbers as attributes."""
    try:
        made: Any = message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
    except KeyError:
        try:
            made = EnumTypeWrapper(_POOL.FindEnumTypeByName(f"{_PACKAGE}.{name}"))
        except KeyError:
            raise AttributeError(name) from None
    globals()[name] = made
    return made
