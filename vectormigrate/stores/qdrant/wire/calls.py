"""Writes over gRPC, read into the same values as the bodies of REST: see `changes`. Reads are `asking`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import VectorField
from vectormigrate.stores.qdrant.ids import PointId, read_message_id
from vectormigrate.stores.qdrant.pb import points_pb2

from . import payloads
from .changes import (
    Change,
    ClearPayload,
    Delete,
    DeletePayload,
    DeleteVectors,
    Reader,
    Selected,
    SetPayload,
    Strange,
    UpdateVectors,
    Upsert,
)
from .conditions import read_filter
from .messages import read_points

Message: TypeAlias = Any
"""A generated message: they carry no types."""

WRITES: dict[str, Message] = {
    "upsert": points_pb2.UpsertPoints,
    "delete": points_pb2.DeletePoints,
    "update_vectors": points_pb2.UpdatePointVectors,
    "delete_vectors": points_pb2.DeletePointVectors,
    "set_payload": points_pb2.SetPayloadPoints,
    "overwrite_payload": points_pb2.SetPayloadPoints,
    "delete_payload": points_pb2.DeletePayloadPoints,
    "clear_payload": points_pb2.ClearPayloadPoints,
    "batch": points_pb2.UpdateBatchPoints,
}
"""The message of each write of points, by the name of its operation."""

_MODES = {0: "upsert", 1: "insert_only", 2: "update_only"}


def read_changes(operation: str, message: Message) -> list[Change]:
    """What a write asks for, one value for each operation of a batch. Raises ValueError in words for the client."""
    if operation != "batch":
        return [_READERS[operation](message)]
    return [_member(member) for member in message.operations]


def names_shards(operation: str, message: Message) -> bool:
    """Whether a write says which shards it is for."""
    if operation != "batch":
        return bool(message.HasField("shard_key_selector"))
    inner = [getattr(one, one.WhichOneof("operation") or "upsert") for one in message.operations]
    return any("shard_key_selector" in {field.name for field, _ in one.ListFields()} for one in inner)


_MEMBERS = {
    "delete_points": "delete",
    "delete_deprecated": "delete",
    "clear_payload_deprecated": "clear_payload",
}
"""Operations of a batch that go by another name than on their own."""


def _member(member: Message) -> Change:
    name = member.WhichOneof("operation")
    if name is None:
        return Strange("that is not known here")
    given = getattr(member, name)
    if name.endswith("_deprecated"):
        selected = _selected(given)
        return Delete(selected) if name.startswith("delete") else ClearPayload(selected)
    return _READERS[_MEMBERS.get(name, name)](given)


def _upsert(message: Message) -> Upsert:
    ids, read = _points(message.points)
    mode: Any = _MODES.get(message.update_mode)
    if mode is None:
        raise ValueError(f"there is no update mode {message.update_mode}")
    return Upsert(ids, read, _condition(message), mode)


def _update_vectors(message: Message) -> UpdateVectors:
    ids, read = _points([points_pb2.PointStruct(id=one.id, vectors=one.vectors) for one in message.points])
    return UpdateVectors(ids, read, _condition(message))


def _points(points: Sequence[Message]) -> tuple[tuple[PointId, ...], Reader]:
    def read(fields: Sequence[VectorField]) -> Batch:
        return read_points(points, fields)

    return tuple(read_message_id(point.id) for point in points), read


def _condition(message: Message) -> dict[str, Any] | None:
    return read_filter(message.update_filter) if message.HasField("update_filter") else None


def _selected(selector: Message) -> Selected:
    match selector.WhichOneof("points_selector_one_of"):
        case "points":
            return Selected(tuple(map(read_message_id, selector.points.ids)))
        case "filter":
            return Selected(filter=read_filter(selector.filter))
        case _:
            raise ValueError("PointsSelector is missing")


def _set_payload(message: Message) -> SetPayload:
    key = message.key if message.HasField("key") else None
    return SetPayload(_selected(message.points_selector), payloads.read_message(message.payload), key)


def _overwrite_payload(message: Message) -> SetPayload:
    payload = payloads.read_message(message.payload)
    return SetPayload(_selected(message.points_selector), payload, replace=True)


_READERS: dict[str, Callable[[Message], Change]] = {
    "upsert": _upsert,
    "update_vectors": _update_vectors,
    "delete": lambda message: Delete(_selected(message.points)),
    "delete_vectors": lambda message: DeleteVectors(
        _selected(message.points_selector), tuple(message.vectors.names)
    ),
    "set_payload": _set_payload,
    "overwrite_payload": _overwrite_payload,
    "delete_payload": lambda message: DeletePayload(_selected(message.points_selector), tuple(message.keys)),
    "clear_payload": lambda message: ClearPayload(_selected(message.points)),
}
