"""What a client wants to read over gRPC, as `questions`; `requests` makes the same values out of REST bodies. All raise ValueError."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from vectormigrate.model.record import Array, SparseVector
from vectormigrate.stores.qdrant.ids import read_message_id
from vectormigrate.stores.qdrant.pb import points_pb2

from . import payloads
from .columns import ascending
from .conditions import read_filter
from .formulas import read_expression
from .messages import packed_floats
from .questions import (
    DEFAULT_K,
    NOTHING,
    Beyond,
    Count,
    Discover,
    Distributions,
    Diverse,
    Example,
    Facet,
    Formula,
    Groups,
    Invalid,
    Matrix,
    Nearest,
    OrderBy,
    Query,
    Ranks,
    Recommend,
    Refused,
    Retrieve,
    Sample,
    Scroll,
    Search,
    Strategy,
    Wanted,
    checked,
)
from .requests import GROUP_SIZE, GROUPS, grouped, matrix

Message: TypeAlias = Any
"""A generated message: they carry no types."""

_STRATEGIES = {
    points_pb2.AverageVector: Strategy.AVERAGE,
    points_pb2.BestScore: Strategy.BEST,
    points_pb2.SumScores: Strategy.SUM,
}


def read_retrieve(message: Message) -> Retrieve:
    """A `GetPoints`."""
    _check_shards(message)
    return Retrieve(tuple(map(read_message_id, message.ids)), _wanted(message, payload=True))


def read_scroll(message: Message) -> Scroll:
    """A `ScrollPoints`."""
    _check_shards(message)
    order = _order(message.order_by) if message.HasField("order_by") else None
    offset = read_message_id(message.offset) if message.HasField("offset") else None
    if order is not None and offset is not None:
        raise Invalid("Cannot use an `offset` when using `order_by`")
    return Scroll(_wanted(message, payload=True), _limit(message, 10), offset, _filter(message), order)


def read_count(message: Message) -> Count:
    """A `CountPoints`."""
    _check_shards(message)
    return Count(_filter(message))


def read_search(message: Message) -> Search:
    """A `QueryPoints`."""
    return replace(_newer(message, _limit(message, 10)), native=_native(message))


def _newer(message: Message, limit: int, *, inner: bool = False) -> Search:
    """A search with a query and prefetches."""
    parts = tuple(_newer(part, _limit(part, 10), inner=True) for part in message.prefetch)
    try:
        return _search(message, _asked(message), limit, parts, inner=inner)
    except Beyond as beyond:
        return _search(message, None, limit, parts, inner=inner, beyond=str(beyond))


def _native(message: Message) -> bytes:
    """What a query searches for, as it came, without how much of what it finds is wanted."""
    own = points_pb2.QueryPoints(prefetch=message.prefetch)
    for name in ("query", "using", "filter", "params", "score_threshold"):
        if message.HasField(name):
            value = getattr(message, name)
            if own.DESCRIPTOR.fields_by_name[name].message_type is None:
                setattr(own, name, value)
            else:
                getattr(own, name).CopyFrom(value)
    return bytes(own.SerializeToString())


def read_older_search(message: Message) -> Search:
    """A `SearchPoints`, or a `SearchPointGroups`."""
    numbers = np.array(message.vector, np.float32)
    indices = message.sparse_indices.data
    target = _sparse(indices, numbers) if message.HasField("sparse_indices") else numbers
    return _search(message, Nearest(target), _limit(message), using=message.vector_name)


def read_recommend(message: Message) -> Search:
    """A `RecommendPoints`, or a `RecommendPointGroups`."""
    liked = [*map(read_message_id, message.positive), *map(_older_vector, message.positive_vectors)]
    disliked = [*map(read_message_id, message.negative), *map(_older_vector, message.negative_vectors)]
    return _search(message, Recommend(liked, disliked, _strategy(message)), _limit(message))


def read_discover(message: Message) -> Search:
    """A `DiscoverPoints`."""
    target = _older_example(message.target.single) if message.HasField("target") else None
    pairs = [(_older_example(pair.positive), _older_example(pair.negative)) for pair in message.context]
    return _search(message, Discover(target, pairs), _limit(message))


def read_groups(message: Message) -> Groups:
    """A `QueryPointGroups`."""
    search = replace(_newer(message, _limit(message, GROUPS)), native=_native(message))
    return _grouped(search, message, message.group_size if message.HasField("group_size") else GROUP_SIZE)


def read_older_groups(message: Message) -> Groups:
    """A `SearchPointGroups`."""
    return _grouped(read_older_search(message), message, message.group_size)


def read_recommend_groups(message: Message) -> Groups:
    """A `RecommendPointGroups`."""
    return _grouped(read_recommend(message), message, message.group_size)


def _grouped(search: Search, message: Message, size: int) -> Groups:
    return grouped(search, message.group_by, size, lookup=message.HasField("with_lookup"))


def read_facet(message: Message) -> Facet:
    """A `FacetCounts`."""
    _check_shards(message)
    return Facet(message.key, _limit(message, 10), _filter(message))


def read_matrix(message: Message) -> Matrix:
    """A `SearchMatrixPoints`."""
    _check_shards(message)
    sample = message.sample if message.HasField("sample") else 10
    return matrix(message.using, sample, _limit(message, 3), _filter(message))


def _search(
    message: Message,
    query: Query | None,
    limit: int,
    prefetch: tuple[Search, ...] = (),
    *,
    using: str | None = None,
    inner: bool = False,
    beyond: str = "",
) -> Search:
    names = message.DESCRIPTOR.fields_by_name
    if not inner:
        _check_shards(message)
    if "lookup_from" in names and message.HasField("lookup_from"):
        raise Refused("a vector cannot be looked up in another collection")
    if message.params.HasField("idf"):
        beyond = beyond or "scores cannot be weighted by frequency"
    threshold = "score_threshold" in names and message.HasField("score_threshold")
    return checked(
        Search(
            query,
            NOTHING if inner else _wanted(message, payload=False),
            message.using if using is None else using,
            limit,
            message.offset if "offset" in names else 0,
            _filter(message),
            message.score_threshold if threshold else None,
            bool(message.params.exact),
            prefetch,
            beyond,
        )
    )


def _asked(message: Message) -> Query | None:
    """What a `QueryPoints` or a `PrefetchQuery` asks."""
    if not message.HasField("query"):
        return None
    kind = message.query.WhichOneof("variant")
    if kind not in _QUERIES:
        raise Beyond(f"a query by {kind} is answered by Qdrant alone")
    return _QUERIES[kind](getattr(message.query, kind))


def _recommend(given: Message) -> Recommend:
    return Recommend(
        list(map(_example, given.positive)), list(map(_example, given.negative)), _strategy(given)
    )


def _diverse(given: Message) -> Diverse:
    mmr = given.mmr
    return Diverse(
        _example(given.nearest),
        mmr.diversity if mmr.HasField("diversity") else 0.5,
        mmr.candidates_limit if mmr.HasField("candidates_limit") else None,
    )


def _fusion(kind: int) -> Query:
    return Distributions() if kind == points_pb2.DBSF else Ranks()


def _pairs(context: Message) -> list[tuple[Example, Example]]:
    return [(_example(pair.positive), _example(pair.negative)) for pair in context.pairs]


def _strategy(message: Message) -> Strategy:
    try:
        return _STRATEGIES[message.strategy]
    except KeyError:
        raise ValueError(f"there is no strategy {message.strategy}") from None


def _order(given: Message) -> OrderBy:
    return OrderBy(given.key, given.direction == points_pb2.Desc, _start(given.start_from))


def _start(given: Message) -> int | float | str | None:
    match given.WhichOneof("value"):
        case None:
            return None
        case "timestamp":
            return str(given.timestamp.ToDatetime().isoformat(timespec="microseconds"))
        case name:
            found: int | float | str = getattr(given, name)
            return found


_QUERIES: dict[str, Callable[[Message], Query]] = {
    "nearest": lambda given: Nearest(_example(given)),
    "nearest_with_mmr": _diverse,
    "recommend": _recommend,
    "discover": lambda given: Discover(_example(given.target), _pairs(given.context)),
    "context": lambda given: Discover(None, _pairs(given)),
    "order_by": _order,
    "sample": lambda given: Sample(),
    "formula": lambda given: Formula(
        read_expression(given.expression), payloads.read_message(given.defaults)
    ),
    "fusion": _fusion,
    "rrf": lambda given: Ranks(int(given.k or DEFAULT_K), tuple(given.weights)),
}
"""By the variant of a `Query`."""


def _example(given: Message) -> Example:
    """A `VectorInput`."""
    kind = given.WhichOneof("variant")
    return read_message_id(given.id) if kind == "id" else _vector(given, kind)


def _older_example(given: Message) -> Example:
    """A `VectorExample`."""
    return read_message_id(given.id) if given.HasField("id") else _older_vector(given.vector)


def _older_vector(given: Message) -> Example:
    """A `Vector`, or one of times when it had no variants."""
    kind = given.WhichOneof("vector")
    if kind is not None:
        return _vector(given, kind)
    numbers = np.array(given.data, np.float32)
    return _sparse(given.indices.data, numbers) if given.HasField("indices") else numbers


def _vector(given: Message, kind: str | None) -> Example:
    match kind:
        case "dense":
            return _floats(given.dense)
        case "sparse":
            return _sparse(given.sparse.indices, _floats(given.sparse, "values"))
        case "multi_dense":
            return _stacked(given.multi_dense)
        case other:
            raise Beyond(f"a query by {other} is answered by Qdrant alone")


def _stacked(given: Message) -> Array:
    tokens = [_floats(token) for token in given.vectors]
    if len({len(token) for token in tokens}) != 1:
        raise ValueError("the vectors of a query must be equally long")
    return np.stack(tokens)


def _floats(message: Message, name: str = "data") -> Array:
    return np.frombuffer(packed_floats(message, name), "<f4")


def _sparse(indices: Sequence[int], values: Array) -> SparseVector:
    if len(indices) != len(values):
        raise ValueError("a sparse vector must have as many indices as values")
    return ascending(SparseVector(np.array(indices, np.int64), values))


def _filter(message: Message) -> dict[str, Any] | None:
    return read_filter(message.filter) if message.HasField("filter") else None


def _limit(message: Message, default: int | None = None) -> int:
    """The limit of a request; `default` is for one that need not say."""
    if default is not None and not message.HasField("limit"):
        return default
    if message.limit < 1:
        raise Invalid(f"[limit: value {message.limit} invalid, must be 1 or larger]")
    return int(message.limit)


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
