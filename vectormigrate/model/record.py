"""One stored item: id, vectors, payload, partition; and the canonical text of an id.

Ids stay of the kind they were: text, signed integer or UUID, or a tuple of those (a compound key). Values
of a payload are Python's own types; what has no native type in a store is that store's, or the mapping's,
business. Many records travel as columns: see `batch.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

import numpy.typing as npt

ScalarId: TypeAlias = str | int | UUID
RecordId: TypeAlias = ScalarId | tuple[ScalarId, ...]

Payload: TypeAlias = dict[str, Any]
"""Top-level keys to values: None, bool, int, float, str, bytes, Decimal, datetime, date, time, UUID, and lists and
dicts of those. A missing key and a key with None are different things.
"""

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class SparseVector:
    """A sparse vector: 0-based ascending `indices` (int64, shape (k,)) and `values` (float32, shape (k,))."""

    indices: Array
    values: Array


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One item. `dense` holds (dim,) arrays, `multi` (tokens, dim) arrays; a vector that is absent has no key."""

    id: RecordId
    dense: Mapping[str, Array] = field(default_factory=dict)
    sparse: Mapping[str, SparseVector] = field(default_factory=dict)
    multi: Mapping[str, Array] = field(default_factory=dict)
    payload: Payload = field(default_factory=dict)
    partition: str | None = None


def id_text(record_id: RecordId) -> str:
    """The canonical text of an id: its kind, a colon, its value. Injective over all kinds, so `1` and `"1"` differ.

    `i:5`, `s:doc-1`, `u:0b0e...` (lower case, hyphens), `c:["i:5","s:a"]`. Used wherever an id is stored or shown.
    """
    if isinstance(record_id, str):
        return "s:" + record_id
    if isinstance(record_id, int):
        return f"i:{record_id}"
    if isinstance(record_id, UUID):
        return f"u:{record_id}"
    return "c:" + json.dumps([id_text(part) for part in record_id], ensure_ascii=False, separators=(",", ":"))


def parse_id(text: str) -> RecordId:
    """Invert `id_text`. Raises ValueError for anything that it did not write."""
    record_id = _parse(text)
    if record_id is None or id_text(record_id) != text:
        raise ValueError(f"not an id text: {text!r}")
    return record_id


def _parse(text: str) -> RecordId | None:
    kind, _, rest = text.partition(":")
    match kind:
        case "s":
            return rest
        case "i":
            return int(rest)
        case "u":
            return UUID(rest)
        case "c":
            parts = json.loads(rest)
            return tuple(map(_scalar, parts)) if isinstance(parts, list) else None
        case _:
            return None


def _scalar(text: object) -> ScalarId:
    part = parse_id(text) if isinstance(text, str) else ()
    if isinstance(part, tuple):
        raise ValueError(f"not part of a compound key: {text!r}")  # noqa: TRY004 the text is wrong, not its type
    return part
