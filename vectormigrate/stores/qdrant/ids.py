"""Point ids: unsigned 64-bit integers and UUIDs, side by side in one collection, numbers first.

Qdrant takes a UUID in any of four spellings and always gives back the hyphenated one; anything else, `-1`, `1.0`, `"5"`,
is refused as its server refuses it.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias
from uuid import UUID

from vectormigrate.model.record import RecordId
from vectormigrate.stores.qdrant.pb import qdrant_common_pb2

PointId: TypeAlias = int | UUID

MAX_NUMBER = 2**64 - 1

_SIMPLE = re.compile(r"[0-9a-fA-F]{32}")
_HYPHENATED = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_WRAPPED = re.compile(rf"(?:urn:uuid:)?{_HYPHENATED}|\{{{_HYPHENATED}\}}")
_DIGITS = re.compile(r"\+?[0-9]+")


def read_id(value: object) -> PointId:
    """The id that a JSON value is. Raises ValueError in the server's words."""
    if type(value) is int and 0 <= value <= MAX_NUMBER:
        return value
    if isinstance(value, str) and (found := _uuid(value)) is not None:
        return found
    raise ValueError(
        f"value {_shown(value)} is not a valid point ID, valid values are either an unsigned integer or a UUID"
    )


def read_path_id(text: str) -> PointId:
    """The id that a piece of a URL's path is: digits are a number there. Raises ValueError."""
    if _DIGITS.fullmatch(text) and int(text) <= MAX_NUMBER:
        return int(text)
    return read_id(text)


def write_id(record_id: RecordId) -> int | str:
    """An id as a JSON value. Raises ValueError for one that no point can have."""
    if isinstance(record_id, UUID):
        return str(record_id)
    if type(record_id) is int and 0 <= record_id <= MAX_NUMBER:
        return record_id
    raise ValueError(f"{record_id!r} is neither an unsigned 64-bit integer nor a UUID")


def read_message_id(message: Any) -> PointId:
    """The id in a protobuf `PointId`. Raises ValueError."""
    if message.WhichOneof("point_id_options") == "num":
        return int(message.num)
    return read_id(message.uuid)


def write_message_id(record_id: RecordId) -> Any:
    """An id as a protobuf `PointId`. Raises ValueError for one that no point can have."""
    written = write_id(record_id)
    return (
        qdrant_common_pb2.PointId(uuid=written)
        if isinstance(written, str)
        else qdrant_common_pb2.PointId(num=written)
    )


def is_point_id(record_id: RecordId) -> bool:
    """Whether a point could have this id."""
    return isinstance(record_id, UUID) or (type(record_id) is int and 0 <= record_id <= MAX_NUMBER)


def order(point: PointId) -> tuple[bool, int]:
    """What ids sort by in a scroll: numbers by value, then UUIDs by their bytes."""
    return (True, point.int) if isinstance(point, UUID) else (False, point)


def following(point: PointId) -> PointId | None:
    """The smallest id above this one, whether or not a point has it; None above the last UUID.

    A scroll starts *at* its offset, so the way to go on behind a point is to ask from here.
    """
    if isinstance(point, UUID):
        return UUID(int=point.int + 1) if point.int < 2**128 - 1 else None
    return point + 1 if point < MAX_NUMBER else UUID(int=0)


def _uuid(text: str) -> UUID | None:
    return UUID(text) if _SIMPLE.fullmatch(text) or _WRAPPED.fullmatch(text) else None


def _shown(value: object) -> str:
    return f'"{value[:100]}"' if isinstance(value, str) else str(value)[:100]
