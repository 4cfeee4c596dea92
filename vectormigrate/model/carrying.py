"""What only a like store understands of a collection, under the names that its vectors and fields get there.

A store keeps it in its part of `CollectionShape.native`, by name where it concerns one: `vectors` by vector, `payload_schema` by payload
key or path, `properties` as a list of objects that have a `name`. Everything else there is nobody's name, and stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

VECTORS, PATHS, PROPERTIES = "vectors", "payload_schema", "properties"


def renamed(
    native: Mapping[str, Any], vectors: Mapping[str, str], fields: Mapping[str, str]
) -> dict[str, Any]:
    """The same for other names: old to new. What has no new name is told under its old one."""
    vectors = {old: new for old, new in vectors.items() if old != new}
    fields = {old: new for old, new in fields.items() if old != new}
    if not vectors and not fields:
        return dict(native)
    return {kind: _part(part, vectors, fields) for kind, part in native.items()}


def _part(part: Any, vectors: Mapping[str, str], fields: Mapping[str, str]) -> Any:
    if not isinstance(part, Mapping):
        return part
    told = dict(part)
    if isinstance(named := told.get(VECTORS), Mapping):
        told[VECTORS] = _moved(named, {name: vectors.get(name, name) for name in named})
    if isinstance(paths := told.get(PATHS), Mapping):
        told[PATHS] = _moved(paths, {path: _path(path, fields) for path in paths})
    if isinstance(listed := told.get(PROPERTIES), list):
        told[PROPERTIES] = [{**one, "name": fields.get(one["name"], one["name"])} for one in listed]
    return told


def _moved(told: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """What was renamed has its new name, whoever was called so before."""
    stays = {name: told[name] for name, new in names.items() if new == name}
    return stays | {new: told[name] for name, new in names.items() if new != name}


def _path(path: str, fields: Mapping[str, str]) -> str:
    first, dot, rest = path.partition(".")
    many = "[]" * first.endswith("[]")
    name = fields.get(path) or fields.get(first.removesuffix("[]"))
    return path if name is None else name if path in fields else f"{name}{many}{dot}{rest}"
