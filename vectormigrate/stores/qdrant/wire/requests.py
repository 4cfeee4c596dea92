"""What a client wants to read of Qdrant, as values, and the bodies of REST requests read into them.

`calls` makes the same values out of gRPC messages. What only Qdrant itself can answer (formulas, recommendation, order by
a key, ...) is `Refused` here, so that nobody further in can answer it wrongly. Writes are `changes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np

from vectormigrate.model.record import Array, SparseVector
from vectormigrate.stores.qdrant.ids import PointId, read_id

from .changes import RawFilter
from .columns import ascending
from .points import read_floats

_NULL = msgspec.Raw(b"null")


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much of a point to give back. Patterns are JSON paths; vectors are all, none, or those named."""

    payload: bool = True
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    vectors: bool | tuple[str, ...] = False

    @property
    def anything(self) -> bool:
        return self.payload or self.vectors is not False


@dataclass(frozen=True, slots=True)
class Retrieve:
    """Points by their ids."""

    ids: tuple[PointId, ...]
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Scroll:
    """Points in the order of their ids, from `offset` on, that one included."""

    wanted: Wanted
    limit: int = 10
    offset: PointId | None = None
    filter: RawFilter | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many points match."""

    filter: RawFilter | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """The points nearest to a vector, or to the vector of a point, which is then left out. None: points by their ids."""

    target: Array | SparseVector | PointId | None
    wanted: Wanted
    using: str = ""
    limit: int = 10
    offset: int = 0
    filter: RawFilter | None = None
    threshold: float | None = None
    exact: bool = False
    fused: Fused | None = None
    """Several searches in place of one for `target`."""


@dataclass(frozen=True, slots=True, eq=False)
class Fused:
    """Searches whose rankings are added up: a point gets 1 / (rank + `k`) of each, ranks counted from 0."""

    parts: tuple[Nearest, ...]
    k: int = 2


class _Reading(msgspec.Struct):
    """The fields of every read; which of them mean something depends on the endpoint."""

    ids: list[Any] | None = None
    with_payload: bool | list[str] | dict[str, Any] | None = None
    with_vector: bool | list[str] | None = None
    filter: RawFilter | None = None
    limit: int | None = None
    offset: int | str | None = None
    using: str | None = None
    query: msgspec.Raw = _NULL
    vector: msgspec.Raw = _NULL
    score_threshold: float | None = None
    params: dict[str, Any] | None = None
    prefetch: list[_Reading] | _Reading | None = None
    lookup_from: Any = None
    order_by: Any = None
    shard_key: Any = None


class _Searches(msgspec.Struct):
    searches: list[_Reading]


DEFAULT_K = 2
_READING = msgspec.json.Decoder(_Reading)
_SEARCHES = msgspec.json.Decoder(_Searches)


class Invalid(ValueError):
    """A request that can be read and asks for what nothing can be."""


class Refused(ValueError):
    """A well-formed request for something that only Qdrant itself can do."""


def read_retrieve(body: bytes) -> Retrieve:
    """The body of `POST .../points`. Raises ValueError, as all of these do."""
    given = _reading(body)
    if given.ids is None:
        raise ValueError("missing field `ids`")
    return Retrieve(tuple(map(read_id, given.ids)), _wanted(given, payload=True))


def read_scroll(body: bytes) -> Scroll:
    """The body of `POST .../points/scroll`."""
    given = _reading(body)
    if given.order_by is not None:
        raise Refused("points are scrolled in the order of their ids only")
    offset = None if given.offset is None else read_id(given.offset)
    return Scroll(_wanted(given, payload=True), _limit(given), offset, given.filter)


def read_count(body: bytes) -> Count:
    """The body of `POST .../points/count`."""
    return Count(_reading(body).filter)


def read_query(body: bytes) -> Nearest:
    """The body of `POST .../points/query`."""
    return _query(_reading(body))


def read_queries(body: bytes) -> list[Nearest]:
    """The body of `POST .../points/query/batch`."""
    return [_query(given) for given in _searches(body)]


def _query(given: _Reading) -> Nearest:
    if not given.prefetch:
        return _nearest(given, _target(bytes(given.query)), given.using or "")
    listed = given.prefetch if isinstance(given.prefetch, list) else [given.prefetch]
    parts = [_nearest(part, _target(bytes(part.query)), part.using or "") for part in listed if _plain(part)]
    return fusion(_nearest(given, None, ""), parts, read_fusion(bytes(given.query)))


def _plain(part: _Reading) -> bool:
    """Raises Refused for a prefetch of prefetches."""
    if part.prefetch:
        raise Refused("searches can be combined once only")
    return True


def fusion(request: Nearest, parts: Sequence[Nearest], k: int) -> Nearest:
    """A request that adds up the rankings of others, which its filter is a part of. Raises Refused."""
    if any(part.target is None for part in parts):
        raise Refused("what is combined must be searches for the nearest points")
    both = ({"must": [one for one in (request.filter, part.filter) if one]} for part in parts)
    exact = request.exact
    asked = (
        replace(part, filter=where, exact=part.exact or exact)
        for part, where in zip(parts, both, strict=True)
    )
    return replace(request, fused=Fused(tuple(asked), k))


def read_fusion(text: bytes) -> int:
    """The `k` of a query by reciprocal ranks. Raises Refused for another one."""
    query = msgspec.json.decode(text)
    match query:
        case {"fusion": "rrf"}:
            return DEFAULT_K
        case {"rrf": {"weights": list()}}:
            raise Refused("rankings cannot be weighted")
        case {"rrf": dict(told)}:
            return int(told.get("k") or DEFAULT_K)
        case _:
            raise Refused("searches cannot be combined by prefetch but by their ranks (`rrf`)")


def read_search(body: bytes) -> Nearest:
    """The body of `POST .../points/search`."""
    return _search(_reading(body))


def read_searches(body: bytes) -> list[Nearest]:
    """The body of `POST .../points/search/batch`."""
    return [_search(given) for given in _searches(body)]


def _reading(body: bytes) -> _Reading:
    try:
        given = _READING.decode(body)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
    _check_shards(given)
    return given


def _searches(body: bytes) -> list[_Reading]:
    try:
        given = _SEARCHES.decode(body).searches
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
    for one in given:
        _check_shards(one)
    return given


def _check_shards(given: _Reading) -> None:
    if given.shard_key is not None:
        raise Refused("there are no shard keys here")


def _limit(given: _Reading) -> int:
    if given.limit is None:
        return 10
    if given.limit < 1:
        raise Invalid(f"[limit: value {given.limit} invalid, must be 1 or larger]")
    return given.limit


def _wanted(given: _Reading, *, payload: bool) -> Wanted:
    wish = payload if given.with_payload is None else given.with_payload
    vectors: bool | tuple[str, ...]
    vectors = tuple(given.with_vector) if isinstance(given.with_vector, list) else bool(given.with_vector)
    if isinstance(wish, bool):
        return Wanted(wish, vectors=vectors)
    if isinstance(wish, list):
        return Wanted(True, tuple(wish), vectors=vectors)
    if wish.keys() == {"include"}:
        return Wanted(True, tuple(wish["include"]), vectors=vectors)
    if wish.keys() == {"exclude"}:
        return Wanted(True, None, tuple(wish["exclude"]), vectors)
    raise ValueError("with_payload: neither `include` nor `exclude`")


def _nearest(given: _Reading, target: Array | SparseVector | PointId | None, using: str) -> Nearest:
    if given.lookup_from is not None:
        raise Refused("a vector cannot be looked up in another collection")
    params = given.params or {}
    if params.get("idf") is not None:
        raise Refused("scores cannot be weighted by frequency")
    offset = given.offset or 0
    if not isinstance(offset, int) or offset < 0:
        raise ValueError("offset: value must be an unsigned integer")
    return Nearest(
        target,
        _wanted(given, payload=False),
        using,
        _limit(given),
        offset,
        given.filter,
        given.score_threshold,
        bool(params.get("exact")),
    )


def _search(given: _Reading) -> Nearest:
    text = bytes(given.vector)
    if text == b"null":
        raise ValueError("missing field `vector`")
    if not text.lstrip().startswith(b"{"):
        return _nearest(given, _target(text), "")
    named: dict[str, msgspec.Raw] = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    if named.keys() != {"name", "vector"}:
        raise ValueError("vector: neither numbers nor `name` and `vector`")
    return _nearest(given, _target(bytes(named["vector"])), str(msgspec.json.decode(named["name"])))


def _target(text: bytes) -> Array | SparseVector | PointId | None:
    text = text.strip()
    if text.startswith(b"["):
        return read_floats(text)
    if not text.startswith(b"{"):
        value = msgspec.json.decode(text)
        return None if value is None else read_id(value)
    named: dict[str, msgspec.Raw] = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    if named.keys() == {"indices", "values"}:
        indices = np.array(msgspec.json.decode(named["indices"], type=list[int]), np.int64)
        return ascending(SparseVector(indices, read_floats(bytes(named["values"]))))
    if "nearest" not in named:
        raise Refused(
            f"a query by {', '.join(named)[:60] or 'nothing'} is beyond a search for the nearest points"
        )
    if msgspec.json.decode(named.get("mmr", _NULL)) is not None:
        raise Refused("answers cannot be made diverse by mmr")
    return _target(bytes(named["nearest"]))
