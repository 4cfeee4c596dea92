"""What a client's write asks of Qdrant, as values, and the bodies of REST requests read into them.

`calls` makes the same values out of gRPC messages, so that whoever answers knows no transport. The surprise: vectors
and payloads stay raw until `read` is called, for most writes are passed on without anybody looking at them;
`without_numbers` even cuts the vectors out before anything is parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import msgspec

from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import VectorField
from vectormigrate.model.record import Payload
from vectormigrate.stores.qdrant.ids import PointId, read_id

from . import payloads
from .points import WirePoint, read_points

RawFilter: TypeAlias = dict[str, Any]
Reader: TypeAlias = Callable[[Sequence[VectorField]], Batch]
"""Reads the points of a write for a collection with these vectors. Raises ValueError."""


@dataclass(frozen=True, slots=True)
class Selected:
    """The points that a write is about: by id, by filter, or (payload and vector deletions) by both."""

    ids: tuple[PointId, ...] | None = None
    filter: RawFilter | None = None


@dataclass(frozen=True, slots=True)
class Upsert:
    """Put whole points; those that are there only where `condition` matches, or not at all, or only those, by `mode`."""

    ids: tuple[PointId, ...]
    read: Reader
    condition: RawFilter | None = None
    mode: Literal["upsert", "insert_only", "update_only"] = "upsert"
    texts: Sequence[WirePoint] = ()
    """The points as JSON text, where they came so."""

    @property
    def whole(self) -> bool:
        """Whether each point will be exactly what the request says."""
        return self.condition is None and self.mode == "upsert"


@dataclass(frozen=True, slots=True)
class UpdateVectors:
    """Replace the given vectors of points that are there, and keep the rest of them."""

    ids: tuple[PointId, ...]
    read: Reader
    condition: RawFilter | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove points."""

    points: Selected


@dataclass(frozen=True, slots=True)
class DeleteVectors:
    """Remove the named vectors of points."""

    points: Selected
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetPayload:
    """Merge into the payload, at the path `key` if there is one; None as a value removes. Or replace all of it."""

    points: Selected
    payload: Payload
    key: str | None = None
    replace: bool = False


@dataclass(frozen=True, slots=True)
class DeletePayload:
    """Remove what stands at these paths."""

    points: Selected
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClearPayload:
    """Remove the whole payload."""

    points: Selected


@dataclass(frozen=True, slots=True)
class Strange:
    """Something else."""

    what: str


Change: TypeAlias = (
    Upsert | UpdateVectors | Delete | DeleteVectors | SetPayload | DeletePayload | ClearPayload | Strange
)


_NULL = msgspec.Raw(b"null")


class _Columns(msgspec.Struct):
    ids: list[msgspec.Raw]
    vectors: list[msgspec.Raw] | dict[str, list[msgspec.Raw]]
    payloads: list[msgspec.Raw] | None = None


class _Points(msgspec.Struct):
    """The body of an upsert (either form) or of an update of vectors."""

    points: list[WirePoint] | None = None
    batch: _Columns | None = None
    update_filter: RawFilter | None = None
    update_mode: Literal["upsert", "insert_only", "update_only"] | None = None


class _Selector(msgspec.Struct):
    """The body of every other write."""

    points: list[msgspec.Raw] | None = None
    filter: RawFilter | None = None
    payload: msgspec.Raw = _NULL
    key: str | None = None
    keys: list[str] | None = None
    vector: list[str] | None = None


class _Operations(msgspec.Struct):
    operations: list[dict[str, msgspec.Raw]]


_POINTS = msgspec.json.Decoder(_Points)
_SELECTOR = msgspec.json.Decoder(_Selector)
_OPERATIONS = msgspec.json.Decoder(_Operations)


def read_changes(operation: str, body: bytes | msgspec.Raw) -> list[Change]:
    """What a write asks for, one value for each operation of a batch, in order.

    `operation` is the name that the batch endpoint knows it by, or "batch". Raises ValueError in words for the client.
    """
    try:
        if operation != "batch":
            return [_read_change(operation, body)]
        return [_read_member(member) for member in _OPERATIONS.decode(body).operations]
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def names_shards(operation: str, body: bytes) -> bool:
    """Whether a write that can be read says which shards it is for."""
    if b'"shard_key"' not in body:
        return False
    given = msgspec.json.decode(body)
    writes = [given]
    if operation == "batch":
        writes = [one for member in given["operations"] for one in member.values() if isinstance(one, dict)]
    return any(one.get("shard_key") is not None for one in writes)


def _read_member(member: dict[str, msgspec.Raw]) -> Change:
    known = [name for name in member if name in _READERS]
    if len(known) != 1:
        return Strange(", ".join(member)[:100])
    return _read_change(known[0], member[known[0]])


def _read_change(operation: str, body: bytes | msgspec.Raw) -> Change:
    return _READERS[operation](body)


def _upsert(body: bytes | msgspec.Raw) -> Upsert:
    given = _POINTS.decode(body)
    points = _listed(given)
    ids, read = _points(points)
    return Upsert(ids, read, given.update_filter, given.update_mode or "upsert", points)


def _update_vectors(body: bytes | msgspec.Raw) -> UpdateVectors:
    given = _POINTS.decode(body)
    ids, read = _points(_listed(given))
    return UpdateVectors(ids, read, given.update_filter)


def _listed(given: _Points) -> Sequence[WirePoint]:
    if given.batch is not None:
        return _transposed(given.batch)
    if given.points is None:
        raise ValueError("missing field `points`")
    return given.points


def _points(points: Sequence[WirePoint]) -> tuple[tuple[PointId, ...], Reader]:
    ids = _ids([point.id for point in points])

    def read(fields: Sequence[VectorField]) -> Batch:
        return read_points(points, fields, ids=ids)

    return ids, read


def _transposed(columns: _Columns) -> list[WirePoint]:
    count = len(columns.ids)
    if isinstance(columns.vectors, dict):
        names = [msgspec.json.encode(name) for name in columns.vectors]
        lengths = {len(column) for column in columns.vectors.values()}
        rows = zip(*columns.vectors.values(), strict=False)
        vectors = [
            msgspec.Raw(
                b"{%b}"
                % b",".join(b"%b:%b" % (name, bytes(raw)) for name, raw in zip(names, row, strict=True))
            )
            for row in rows
        ] or [msgspec.Raw(b"{}")] * (0 if lengths else count)
    else:
        vectors = columns.vectors
        lengths = {len(vectors)}
    bodies = columns.payloads if columns.payloads is not None else [_NULL] * count
    if lengths - {count} or len(bodies) != count:
        raise ValueError("number of ids, vectors and payloads must be equal")
    return [
        WirePoint(one, vector, payload)
        for one, vector, payload in zip(columns.ids, vectors, bodies, strict=True)
    ]


def _ids(raws: Sequence[msgspec.Raw]) -> tuple[PointId, ...]:
    return tuple(map(read_id, _SCALARS.decode(b"[%b]" % b",".join(map(bytes, raws)))))


_SCALARS: msgspec.json.Decoder[list[Any]] = msgspec.json.Decoder(list[Any])


def _selected(given: _Selector) -> Selected:
    if given.points is None and given.filter is None:
        raise ValueError("missing field `points` or `filter`")
    return Selected(None if given.points is None else _ids(given.points), given.filter)


def _delete(body: bytes | msgspec.Raw) -> Delete:
    return Delete(_selected(_SELECTOR.decode(body)))


def _delete_vectors(body: bytes | msgspec.Raw) -> DeleteVectors:
    given = _SELECTOR.decode(body)
    if not given.vector:
        raise ValueError("missing field `vector`")
    return DeleteVectors(_selected(given), tuple(given.vector))


def _set_payload(body: bytes | msgspec.Raw, *, replace: bool = False) -> SetPayload:
    given = _SELECTOR.decode(body)
    payload = payloads.loads(given.payload)
    if not isinstance(payload, dict):
        raise ValueError("missing field `payload`")  # noqa: TRY004 the request is wrong, not a type
    return SetPayload(_selected(given), payload, None if replace else given.key, replace)


def _overwrite_payload(body: bytes | msgspec.Raw) -> SetPayload:
    return _set_payload(body, replace=True)


def _delete_payload(body: bytes | msgspec.Raw) -> DeletePayload:
    given = _SELECTOR.decode(body)
    if given.keys is None:
        raise ValueError("missing field `keys`")
    return DeletePayload(_selected(given), tuple(given.keys))


def _clear_payload(body: bytes | msgspec.Raw) -> ClearPayload:
    return ClearPayload(_selected(_SELECTOR.decode(body)))


_READERS: dict[str, Callable[[bytes | msgspec.Raw], Change]] = {
    "upsert": _upsert,
    "update_vectors": _update_vectors,
    "delete": _delete,
    "delete_vectors": _delete_vectors,
    "set_payload": _set_payload,
    "overwrite_payload": _overwrite_payload,
    "delete_payload": _delete_payload,
    "clear_payload": _clear_payload,
}

CHANGES = frozenset({*_READERS, "batch"})
"""Operations that `read_changes` reads."""

_WORTH_CUTTING = 4096
_SHORTEST_CUT = 64


def without_numbers(body: bytes) -> bytes:
    """A body with the numbers of its long dense vectors left out: it parses ten times as fast and names the same ids.

    What is cut is the inside of a list that begins with a fraction and holds no quote: never an id, and where it is
    part of a text, a text that stays one. Filters may come to mean something else: read those from the body itself.
    """
    if len(body) < _WORTH_CUTTING:
        return body
    kept, done, start = [], 0, body.find(b"[")
    while start >= 0:
        end = body.find(b"]", start)
        start = max(start, body.rfind(b"[", start, end))  # the innermost list is the one that ends there
        if (
            end - start > _SHORTEST_CUT
            and body.find(b".", start, start + 32) >= 0
            and body.find(b'"', start, end) < 0
        ):
            kept.append(body[done : start + 1])
            done = start = end
        start = body.find(b"[", start + 1)
    kept.append(body[done:])
    return b"".join(kept)
