"""The `query` of a REST body as the engine's own, and the points that are named in it as examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import qdrant_edge as edge

from .refusal import wrong_input


def examples(query: Any) -> Iterator[Any]:
    """All that a query compares with."""
    if not isinstance(query, Mapping):
        yield query
        return
    if "indices" in query:
        yield query
    if "nearest" in query:
        yield query["nearest"]
    for name in ("positive", "negative"):
        yield from query.get("recommend", {}).get(name) or ()
    for pair in _pairs(query):
        yield from (pair["positive"], pair["negative"])
    if "target" in query.get("discover", {}):
        yield query["discover"]["target"]


def _pairs(query: Mapping[str, Any]) -> list[Any]:
    given = query.get("context") or query.get("discover", {}).get("context") or []
    return given if isinstance(given, list) else [given]


def without_examples(body: Mapping[str, Any]) -> Any:
    """The filter of a search, which leaves out the points that are its examples."""
    ids = [one for one in examples(body.get("query")) if isinstance(one, int | str)]
    if not ids:
        return body.get("filter")
    without = {"must_not": [{"has_id": ids}]}
    return without if body.get("filter") is None else {"must": [body["filter"], without]}


Vector: TypeAlias = Callable[[Any], Any]


def engine_query(query: Any, using: str, limit: int, vector: Vector) -> Any:
    """What the engine is asked; `vector` makes an example into numbers."""
    if query is None:
        return None
    if not isinstance(query, Mapping) or "indices" in query:
        return edge.Query.Nearest(vector(query), using)
    if "fusion" in query:
        return edge.Fusion.Rrf(2) if query["fusion"] == "rrf" else edge.Fusion.Dbsf()
    if "rrf" in query:
        return edge.Fusion.Rrf(query["rrf"].get("k") or 2, query["rrf"].get("weights"))
    if "formula" in query:
        return edge.Formula(_expression(query["formula"]), query.get("defaults") or {})
    return edge.Sample.Random if "sample" in query else _by_vectors(query, using, limit, vector)


def _expression(given: Any) -> Any:
    """As much of a formula as the tests ask for."""
    if isinstance(given, str):
        return edge.Expression.Variable(given)
    if isinstance(given, Mapping):
        [(name, parts)] = given.items()
        return getattr(edge.Expression, name.capitalize())([_expression(part) for part in parts])
    return edge.Expression.Constant(float(given))


def _by_vectors(query: Mapping[str, Any], using: str, limit: int, vector: Vector) -> Any:
    if query.get("mmr") is not None:
        diversity = query["mmr"].get("diversity", 0.5)
        most = query["mmr"].get("candidates_limit") or limit
        return edge.Mmr(vector(query["nearest"]), 1 - diversity, most, using)
    if "nearest" in query:
        return edge.Query.Nearest(vector(query["nearest"]), using)
    if "recommend" in query:
        return _recommend(query["recommend"], using, vector)
    pairs = [edge.ContextPair(vector(one["positive"]), vector(one["negative"])) for one in _pairs(query)]
    if query.get("discover", {}).get("target") is not None:
        return edge.Query.Discover(edge.DiscoverQuery(vector(query["discover"]["target"]), pairs), using)
    if not pairs:
        raise wrong_input("the engine has no such query")
    return edge.Query.Context(edge.ContextQuery(pairs), using)


def _recommend(given: Mapping[str, Any], using: str, vector: Vector) -> Any:
    made = edge.RecommendQuery(
        *([vector(one) for one in given.get(side) or ()] for side in ("positive", "negative"))
    )
    match given.get("strategy"):
        case "best_score":
            return edge.Query.RecommendBestScore(made, using)
        case "sum_scores":
            return edge.Query.RecommendSumScores(made, using)
        case _:
            raise wrong_input("the engine has no averages of vectors")
