"""What a client asks over gRPC, read into the same values as the bodies of REST: see `changes` and `requests`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import VectorField
from vectormigrate.model.record import Array, SparseVector
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
from .columns import ascending
from .conditions import read_filter
from .messages import packed_floats, read_points
from .requests import DEFAULT_K, Count, Invalid, Nearest, Refused, Retrieve, Scroll, Wanted, fusion

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


# Reads. All raise ValueError.


def read_retrieve(message: Message) -> Retrieve:
    """A `GetPoints`."""
    _check_shards(message)
    return Retrieve(tuple(map(read_message_id, message.ids)), _wanted(message, payload=True))


def read_scroll(message: Message) -> Scroll:
    """A `ScrollPoints`."""
    _check_shards(message)
    if message.HasField("order_by"):
        raise Refused("points are scrolled in the order of their ids only")
    return Scroll(
        _wanted(message, payload=True),
        _limit(message.limit) if message.HasField("limit") else 10,
        read_message_id(message.offset) if message.HasField("offset") else None,
        _filter(message),
    )


def read_count(message: Message) -> Count:
    """A `CountPoints`."""
    _check_shards(message)
    return Count(_filter(message))


def read_query(message: Message) -> Nearest:
    """A `QueryPoints`."""
    limit = _limit(message.limit) if message.HasField("limit") else 10
    if not message.prefetch:
        return _nearest(message, _asked(message), message.using, limit)
    parts = [_part(part) for part in message.prefetch]
    return fusion(_nearest(message, None, "", limit), parts, _k(message.query))


def _asked(message: Message) -> Array | SparseVector | PointId | None:
    """What a `QueryPoints` or a `PrefetchQuery` is nearest to."""
    if message.HasField("lookup_from"):
        raise Refused("a vector cannot be looked up in another collection")
    if not message.HasField("query"):
        return None
    kind = message.query.WhichOneof("variant")
    if kind != "nearest":
        raise Refused(f"a query by {kind} is beyond a search for the nearest points")
    return _target(message.query.nearest)


def _part(message: Message) -> Nearest:
    """A `PrefetchQuery`."""
    if message.prefetch:
        raise Refused("searches can be combined once only")
    return Nearest(
        _asked(message),
        Wanted(payload=False),
        message.using,
        _limit(message.limit) if message.HasField("limit") else 10,
        0,
        _filter(message),
        message.score_threshold if message.HasField("score_threshold") else None,
        _exact(message),
    )


def _k(query: Message) -> int:
    """The `k` of a query by reciprocal ranks. Raises Refused for another one."""
    match query.WhichOneof("variant"):
        case "fusion" if query.fusion == points_pb2.RRF:
            return DEFAULT_K
        case "rrf" if not query.rrf.weights:
            return int(query.rrf.k or DEFAULT_K)
        case _:
            raise Refused("searches cannot be combined by prefetch but by their ranks (`rrf`)")


def _exact(message: Message) -> bool:
    if message.params.HasField("idf"):
        raise Refused("scores cannot be weighted by frequency")
    return bool(message.params.exact)


def read_search(message: Message) -> Nearest:
    """A `SearchPoints`."""
    numbers = np.array(message.vector, np.float32)
    indices = message.sparse_indices.data
    target = _sparse(indices, numbers) if message.HasField("sparse_indices") else numbers
    return _nearest(message, target, message.vector_name, _limit(message.limit))


def _nearest(
    message: Message, target: Array | SparseVector | PointId | None, using: str, limit: int
) -> Nearest:
    _check_shards(message)
    return Nearest(
        target,
        _wanted(message, payload=False),
        using,
        limit,
        message.offset,
        _filter(message),
        message.score_threshold if message.HasField("score_threshold") else None,
        _exact(message),
    )


def _target(given: Message) -> Array | SparseVector | PointId:
    match given.WhichOneof("variant"):
        case "id":
            return read_message_id(given.id)
        case "dense":
            return _floats(given.dense)
        case "sparse":
            return _sparse(given.sparse.indices, _floats(given.sparse, "values"))
        case "multi_dense":
            tokens = [_floats(token) for token in given.multi_dense.vectors]
            if len({len(token) for token in tokens}) != 1:
                raise ValueError("the vectors of a query must be equally long")
            return np.stack(tokens)
        case other:
            raise Refused(f"a query by {other} is beyond a search for the nearest points")


def _floats(message: Message, name: str = "data") -> Array:
    return np.frombuffer(packed_floats(message, name), "<f4")


def _sparse(indices: Sequence[int], values: Array) -> SparseVector:
    if len(indices) != len(values):
        raise ValueError("a sparse vector must have as many indices as values")
    return ascending(SparseVector(np.array(indices, np.int64), values))


def _filter(message: Message) -> dict[str, Any] | None:
    return read_filter(message.filter) if message.HasField("filter") else None


def _limit(limit: int) -> int:
    if limit < 1:
        raise Invalid(f"[limit: value {limit} invalid, must be 1 or larger]")
    return limit


def _check_shards(message: Message) -> None:
    if message.HasField("shard_key_selector"):
        raise Refused("there are no shard keys here")


def _wanted(message: Message, *, payload: bool) -> Wanted:
    vectors: bool | tuple[str, ...] = message.with_vectors.enable
    if message.with_vectors.WhichOneof("selector_options") == "include":
        vectors = tuple(message.with_vectors.include.names)
    wish = message.with_payload
    match wish.WhichOneof("selector_options"):
        case "enable":
            return Wanted(wish.enable, vectors=vectors)
        case "include":
            return Wanted(True, tuple(wish.include.fields), vectors=vectors)
        case "exclude":
            return Wanted(True, None, tuple(wish.exclude.fields), vectors)
        case _:
            return Wanted(payload, vectors=vectors)
