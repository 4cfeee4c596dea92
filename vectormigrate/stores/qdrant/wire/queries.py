"""The `query` of a REST request, and the examples in it, as values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import numpy as np

from vectormigrate.model.record import SparseVector
from vectormigrate.stores.qdrant.ids import read_id

from .columns import ascending
from .points import read_floats
from .questions import (
    DEFAULT_K,
    Beyond,
    Discover,
    Distributions,
    Diverse,
    Example,
    Formula,
    Nearest,
    OrderBy,
    Query,
    Ranks,
    Recommend,
    Sample,
    Strategy,
)

NULL, _NONE = msgspec.Raw(b"null"), msgspec.Raw(b"{}")
T = TypeVar("T")


class Liked(msgspec.Struct):
    """Examples of a recommendation."""

    positive: list[msgspec.Raw] | None = None
    negative: list[msgspec.Raw] | None = None
    strategy: Strategy | None = None


class _Pair(msgspec.Struct):
    positive: msgspec.Raw
    negative: msgspec.Raw


class Discovered(msgspec.Struct):
    """A target and pairs of examples."""

    target: msgspec.Raw = NULL
    context: list[_Pair] | _Pair | None = None


class _Mmr(msgspec.Struct):
    diversity: float | None = None
    candidates_limit: int | None = None


class _Rrf(msgspec.Struct):
    k: int | None = None
    weights: list[float] | None = None


class _Order(msgspec.Struct):
    key: str
    direction: str | None = None
    start_from: int | float | str | None = None


def read_query(raw: msgspec.Raw) -> Query | None:
    """What is asked; None for nothing. Raises Beyond, ValueError."""
    text = bytes(raw).strip()
    if text == b"null":
        return None
    if not text.startswith(b"{"):
        return Nearest(read_example(raw))
    named = decoded(dict[str, msgspec.Raw], text)
    if named.keys() == {"indices", "values"}:
        return Nearest(read_example(raw))
    known = next((word for word in _READERS if word in named), None)
    if known is None:
        told = ", ".join(named)[:60] or "nothing"
        raise Beyond(f"a query by {told} is answered by Qdrant alone")
    return _READERS[known](named)


def decoded(kind: type[T], text: bytes | msgspec.Raw) -> T:
    """JSON text as a value of a type. Raises ValueError."""
    try:
        return msgspec.json.decode(bytes(text), type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def read_example(raw: msgspec.Raw) -> Example:
    """A vector of any kind, or the id of a point. Raises Beyond for what a model would make into a vector."""
    text = bytes(raw).strip()
    if text.startswith(b"["):
        return read_floats(text)
    if not text.startswith(b"{"):
        return read_id(decoded(object, text))
    named = decoded(dict[str, msgspec.Raw], text)
    if named.keys() != {"indices", "values"}:
        told = ", ".join(named)[:60] or "nothing"
        raise Beyond(f"a query by {told} is answered by Qdrant alone")
    indices = np.array(decoded(list[int], named["indices"]), np.int64)
    return ascending(SparseVector(indices, read_floats(bytes(named["values"]))))


def recommended(liked: Liked) -> Recommend:
    """A recommendation."""
    return Recommend(
        [read_example(one) for one in liked.positive or ()],
        [read_example(one) for one in liked.negative or ()],
        liked.strategy or Strategy.AVERAGE,
    )


def discovered(given: Discovered) -> Discover:
    """A search by pairs of examples."""
    target = None if bytes(given.target).strip() == b"null" else read_example(given.target)
    return Discover(target, _pairs(given.context))


def _pairs(given: list[_Pair] | _Pair | None) -> list[tuple[Example, Example]]:
    listed = given if isinstance(given, list) else [] if given is None else [given]
    return [(read_example(pair.positive), read_example(pair.negative)) for pair in listed]


def read_order(raw: msgspec.Raw) -> OrderBy:
    """An `order_by`: a key, or more about it."""
    given = decoded(str | _Order, raw)  # type: ignore[arg-type]  # a union is a type to msgspec
    if isinstance(given, str):
        return OrderBy(given)
    if given.direction not in (None, "asc", "desc"):
        raise ValueError(f"unknown variant `{given.direction}`, expected `asc` or `desc`")
    return OrderBy(given.key, given.direction == "desc", given.start_from)


def _nearest(named: dict[str, msgspec.Raw]) -> Query:
    target = read_example(named["nearest"])
    mmr = decoded(_Mmr | None, named.get("mmr", NULL))  # type: ignore[arg-type]  # as above
    if mmr is None:
        return Nearest(target)
    return Diverse(target, 0.5 if mmr.diversity is None else mmr.diversity, mmr.candidates_limit)


def _ranks(named: dict[str, msgspec.Raw]) -> Query:
    given = decoded(_Rrf, named["rrf"])
    return Ranks(given.k or DEFAULT_K, tuple(given.weights or ()))


def _fusion(named: dict[str, msgspec.Raw]) -> Query:
    kind = decoded(str, named["fusion"])
    if kind not in ("rrf", "dbsf"):
        raise ValueError(f"unknown variant `{kind}`, expected `rrf` or `dbsf`")
    return Ranks() if kind == "rrf" else Distributions()


def _sample(named: dict[str, msgspec.Raw]) -> Query:
    if decoded(str, named["sample"]) != "random":
        raise ValueError("a sample is taken at `random`")
    return Sample()


_READERS: dict[str, Callable[[dict[str, msgspec.Raw]], Query]] = {
    "nearest": _nearest,
    "recommend": lambda named: recommended(decoded(Liked, named["recommend"])),
    "discover": lambda named: discovered(decoded(Discovered, named["discover"])),
    "context": lambda named: Discover(None, _pairs(decoded(list[_Pair] | _Pair, named["context"]))),  # type: ignore[arg-type]  # as above
    "order_by": lambda named: read_order(named["order_by"]),
    "formula": lambda named: Formula(
        decoded(object, named["formula"]), decoded(dict[str, Any], named.get("defaults", _NONE))
    ),
    "fusion": _fusion,
    "rrf": _ranks,
    "sample": _sample,
}
"""By the member that says which kind of query it is."""
