"""Pinecone's metadata to and from payloads: flat, and only text, doubles, booleans and lists of text.

What metadata has no word for travels along and comes back as it was: integers that a double holds are numbers, and
`_vm_ints` lists their keys; everything else (null, objects, mixed lists, integers beyond 2**53, moments, bytes) is
left out of the native keys and stands as JSON text under `_vm_meta`. A native key always wins over what `_vm_meta`
says of it, so an application that overwrites the key by Pinecone's own means is believed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from vectormigrate.model import jsonvalue
from vectormigrate.model.record import Payload

INTS = "_vm_ints"
"""The reserved key that lists which numbers are integers."""
REST = "_vm_meta"
"""The reserved key for all that metadata cannot say, as JSON text."""
MAX_BYTES = 40 * 1024
"""Of one record's metadata, as JSON: Pinecone's published limit of 40 KB."""
_EXACT = 2**53


@dataclass(frozen=True, slots=True)
class Split:
    """A payload in Pinecone's words: what it can say, which of those are integers, and what it cannot."""

    native: dict[str, Any]
    ints: list[str]
    rest: dict[str, Any]


def split(payload: Mapping[str, Any]) -> Split:
    """Sort the keys of a payload by what metadata can hold."""
    native: dict[str, Any] = {}
    ints: list[str] = []
    rest: dict[str, Any] = {}
    for key, value in payload.items():
        if key.startswith("$") or key in (INTS, REST) or not _is_native(value):
            rest[key] = value
            continue
        native[key] = value
        if type(value) is int:
            ints.append(key)
    return Split(native, ints, rest)


def to_metadata(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata that `from_metadata` gives back exactly. Raises ValueError for types that no payload holds."""
    parts = split(payload)
    metadata = parts.native
    if parts.ints:
        metadata[INTS] = parts.ints
    if parts.rest:
        metadata[REST] = jsonvalue.dumps(parts.rest).decode()
    return metadata


def from_metadata(metadata: Mapping[str, Any] | None) -> Payload:
    """A payload out of metadata as Pinecone sends it: every number a float, but for those we know to be integers."""
    if not metadata:
        return {}
    payload: Payload = {key: float(value) if type(value) is int else value for key, value in metadata.items()}
    ints, rest = payload.get(INTS), payload.get(REST)
    if isinstance(ints, list):
        del payload[INTS]
        for key in ints:
            value = payload.get(key)
            if type(value) is float and value.is_integer():
                payload[key] = int(value)
    if isinstance(rest, str) and (held := _read_rest(rest)) is not None:
        del payload[REST]
        payload = {**held, **payload}
    return payload


def fault(metadata: Mapping[str, Any]) -> str:
    """Why Pinecone would refuse metadata that a client sent, in words like its own; empty when it would not."""
    for key, value in metadata.items():
        if key.startswith("$"):
            return f"metadata keys may not start with '$': {key!r}"
        if not _is_allowed(value):
            return (
                f"Metadata value must be a string, number, boolean or list of strings, got "
                f"{orjson.dumps(value, default=str).decode()[:100]} for field {key!r}"
            )
    size = len(orjson.dumps(metadata))
    if size > MAX_BYTES:
        return f"metadata size is {size} bytes, which exceeds the limit of {MAX_BYTES} bytes per vector"
    return ""


def _is_native(value: Any) -> bool:
    """Whether metadata holds this value so that a filter and a reader see what it is."""
    if type(value) is int:
        return -_EXACT <= value <= _EXACT
    return _is_allowed(value)


def _is_allowed(value: Any) -> bool:
    if isinstance(value, str | bool):
        return True
    if isinstance(value, int | float):
        return math.isfinite(value)
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _read_rest(text: str) -> dict[str, Any] | None:
    try:
        held = jsonvalue.loads(text)
    except ValueError:
        return None
    return held if isinstance(held, dict) else None
