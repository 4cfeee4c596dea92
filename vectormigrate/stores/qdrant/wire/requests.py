"""The bodies of REST requests that read, as `questions`; `asking` makes the same values out of gRPC messages.

One endpoint each: what they have in common is one struct, of whose members each endpoint looks at its own. Writes are
`changes`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from vectormigrate.stores.qdrant.ids import read_id

from .changes import RawFilter
from .queries import (
    NULL,
    Discovered,
    Liked,
    decoded,
    discovered,
    read_example,
    read_order,
    read_query,
    recommended,
)
from .questions import (
    NOTHING,
    Beyond,
    Count,
    Facet,
    Groups,
    Invalid,
    Matrix,
    Nearest,
    Query,
    Refused,
    Retrieve,
    Scroll,
    Search,
    Wanted,
    checked,
)

_OWN = frozenset({"query", "prefetch", "using", "filter", "params", "score_threshold"})
GROUPS, GROUP_SIZE = 10, 3
"""Of a query by groups that does not say how many."""


class _Reading(msgspec.Struct):
    """The fields of every read; which of them mean something depends on the endpoint."""

    ids: list[Any] | None = None
    with_payload: bool | list[str] | dict[str, Any] | None = None
    with_vector: bool | list[str] | None = None
    filter: RawFilter | None = None
    limit: int | None = None
    offset: int | str | None = None
    using: str | None = None
    query: msgspec.Raw = NULL
    vector: msgspec.Raw = NULL
    score_threshold: float | None = None
    params: dict[str, Any] | None = None
    prefetch: list[_Reading] | _Reading | None = None
    lookup_from: Any = None
    order_by: msgspec.Raw = NULL
    shard_key: Any = None
    group_by: str | None = None
    group_size: int | None = None
    with_lookup: Any = None


class _Searches(msgspec.Struct):
    searches: list[msgspec.Raw]


class _Keyed(msgspec.Struct):
    key: str


class _Sampled(msgspec.Struct):
    sample: int | None = None


_READING = msgspec.json.Decoder(_Reading)


def read_retrieve(body: bytes) -> Retrieve:
    """The body of `POST .../points`. Raises ValueError, as all of these do."""
    given = _reading(body)
    if given.ids is None:
        raise ValueError("missing field `ids`")
    return Retrieve(tuple(map(read_id, given.ids)), _wanted(given, payload=True))


def read_scroll(body: bytes) -> Scroll:
    """The body of `POST .../points/scroll`."""
    given = _reading(body)
    order = None if bytes(given.order_by).strip() == b"null" else read_order(given.order_by)
    offset = None if given.offset is None else read_id(given.offset)
    if order is not None and offset is not None:
        raise Invalid("Cannot use an `offset` when using `order_by`")
    return Scroll(_wanted(given, payload=True), _limit(given), offset, given.filter, order)


def read_count(body: bytes) -> Count:
    """The body of `POST .../points/count`."""
    return Count(_reading(body).filter)


def read_search(body: bytes) -> Search:
    """The body of `POST .../points/query`."""
    return replace(_asked(_reading(body)), native=_native(body))


def read_older_search(body: bytes) -> Search:
    """The body of `POST .../points/search`."""
    return _older(_reading(body))


def read_recommend(body: bytes) -> Search:
    """The body of `POST .../points/recommend`."""
    return _search(_reading(body), recommended(decoded(Liked, body)))


def read_discover(body: bytes) -> Search:
    """The body of `POST .../points/discover`."""
    return _search(_reading(body), discovered(decoded(Discovered, body)))


def each(body: bytes) -> list[bytes]:
    """The bodies in that of a batch."""
    return [bytes(one) for one in decoded(_Searches, body).searches]


def read_groups(body: bytes) -> Groups:
    """The body of `POST .../points/query/groups`."""
    given = _reading(body)
    search = replace(_asked(given), native=_native(body))
    return grouped(search, given.group_by, given.group_size or GROUP_SIZE, lookup=given.with_lookup)


def read_older_groups(body: bytes) -> Groups:
    """The body of `POST .../points/search/groups`."""
    given = _reading(body)
    return grouped(_older(given), given.group_by, given.group_size, lookup=given.with_lookup)


def read_recommend_groups(body: bytes) -> Groups:
    """The body of `POST .../points/recommend/groups`."""
    given = _reading(body)
    return grouped(read_recommend(body), given.group_by, given.group_size, lookup=given.with_lookup)


def grouped(search: Search, by: str | None, size: int | None, *, lookup: Any) -> Groups:
    """A search by groups. Raises Refused for what makes Qdrant look elsewhere as well, ValueError."""
    if not by or not size:
        raise ValueError("missing field `group_by` or `group_size`")
    if size < 1:
        raise Invalid(f"[group_size: value {size} invalid, must be 1 or larger]")
    if lookup:
        raise Refused("groups cannot be looked up in another collection")
    if search.prefetch:
        raise Refused("what is grouped must be one search, without prefetches")
    return Groups(search, by, size)


def read_facet(body: bytes) -> Facet:
    """The body of `POST .../facet`."""
    given = _reading(body)
    return Facet(decoded(_Keyed, body).key, _limit(given), given.filter)


def read_matrix(body: bytes) -> Matrix:
    """The body of `POST .../points/search/matrix/...`."""
    given, sample = _reading(body), decoded(_Sampled, body).sample
    limit = 3 if given.limit is None else _limit(given)
    return matrix(given.using or "", 10 if sample is None else sample, limit, given.filter)


def matrix(using: str, sample: int, limit: int, where: RawFilter | None) -> Matrix:
    """A matrix of distances. Raises Invalid."""
    if sample < 2:
        raise Invalid(f"[sample: value {sample} invalid, must be 2 or larger]")
    return Matrix(using, sample, limit, where)


def _reading(body: bytes) -> _Reading:
    try:
        given = _READING.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if given.shard_key is not None:
        raise Refused("there are no shard keys here")
    return given


def _asked(given: _Reading, *, inner: bool = False) -> Search:
    """A search in the newer way; one of a prefetch wants nothing but ids."""
    listed = (
        given.prefetch if isinstance(given.prefetch, list) else [given.prefetch] if given.prefetch else []
    )
    parts = tuple(_asked(part, inner=True) for part in listed)
    try:
        return _search(given, read_query(given.query), parts, inner=inner)
    except Beyond as beyond:
        return _search(given, None, parts, inner=inner, beyond=str(beyond))


def _native(body: bytes) -> dict[str, Any]:
    """What a query searches for, as it came, without how much of what it finds is wanted."""
    return {name: value for name, value in decoded(dict[str, Any], body).items() if name in _OWN}


def _search(
    given: _Reading,
    query: Query | None,
    prefetch: tuple[Search, ...] = (),
    *,
    inner: bool = False,
    beyond: str = "",
) -> Search:
    if given.lookup_from is not None:
        raise Refused("a vector cannot be looked up in another collection")
    params = given.params or {}
    if params.get("idf") is not None:
        beyond = beyond or "scores cannot be weighted by frequency"
    offset = given.offset or 0
    if not isinstance(offset, int) or offset < 0:
        raise ValueError("offset: value must be an unsigned integer")
    return checked(
        Search(
            query,
            NOTHING if inner else _wanted(given, payload=False),
            given.using or "",
            _limit(given),
            0 if inner else offset,
            given.filter,
            given.score_threshold,
            bool(params.get("exact")),
            prefetch,
            beyond,
        )
    )


def _older(given: _Reading) -> Search:
    text = bytes(given.vector)
    if text == b"null":
        raise ValueError("missing field `vector`")
    if not text.lstrip().startswith(b"{"):
        return _search(given, Nearest(read_example(given.vector)))
    named = decoded(dict[str, msgspec.Raw], text)
    if named.keys() != {"name", "vector"}:
        raise ValueError("vector: neither numbers nor `name` and `vector`")
    given.using = decoded(str, bytes(named["name"]))
    return _search(given, Nearest(read_example(named["vector"])))


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
