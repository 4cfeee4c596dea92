"""Filters of Qdrant's REST API for the engine: each condition as the object that the engine takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import qdrant_edge as edge

from .refusal import Refused

_CLAUSES = ("must", "should", "must_not")
_RANGE = ("gte", "gt", "lte", "lt")


def make_filter(given: Any) -> edge.Filter | None:
    if given is None:
        return None
    if not isinstance(given, dict) or not given.keys() <= {*_CLAUSES, "min_should"}:
        raise Refused(
            400, "Format error in JSON body: data did not match any variant of untagged enum Condition"
        )
    clauses: dict[str, Any] = {}
    for clause in _CLAUSES:
        if (conditions := given.get(clause)) is not None:
            listed = conditions if isinstance(conditions, list) else [conditions]
            clauses[clause] = [_condition(one) for one in listed]
    if least := given.get("min_should"):
        conditions = [_condition(one) for one in least["conditions"]]
        clauses["min_should"] = edge.MinShould(conditions, least["min_count"])
    return edge.Filter(**clauses)


def _condition(given: dict[str, Any]) -> Any:  # noqa: PLR0911 one return a kind
    match given:
        case {"key": key, **asked}:
            return edge.FieldCondition(
                key, **{word: _ASKED[word](what) for word, what in asked.items() if what is not None}
            )
        case {"is_empty": {"key": key}}:
            return edge.IsEmptyCondition(key)
        case {"is_null": {"key": key}}:
            return edge.IsNullCondition(key)
        case {"has_id": ids}:
            return edge.HasIdCondition(set(ids))
        case {"has_vector": name}:
            return edge.HasVectorCondition(name)
        case {"nested": {"key": key, "filter": inner}}:
            return edge.NestedCondition(key, make_filter(inner))
        case _:
            return make_filter(given)


def _match(given: dict[str, Any]) -> Any:
    ((word, value),) = given.items()
    kinds = {
        # The engine's Python door takes True for the integer 1, but not numpy's.
        "value": lambda value: edge.MatchValue(np.bool_(value) if isinstance(value, bool) else value),
        "text": edge.MatchText,
        "text_any": edge.MatchTextAny,
        "phrase": edge.MatchPhrase,
        "prefix": edge.MatchPrefix,
        "substring": edge.MatchSubstring,
        "any": edge.MatchAny,
        "except": edge.MatchExcept,
    }
    return kinds[word](value)


def _range(given: dict[str, Any]) -> Any:
    bounds = {word: given[word] for word in _RANGE if given.get(word) is not None}
    if any(isinstance(bound, str) for bound in bounds.values()):
        return edge.RangeDateTime(**bounds)
    return edge.RangeFloat(**bounds)


def _geo(given: dict[str, float]) -> Any:
    return edge.GeoPoint(given["lon"], given["lat"])


def _ring(given: dict[str, Any]) -> list[edge.GeoPoint]:
    return [_geo(point) for point in given["points"]]


_ASKED = {
    "match": _match,
    "range": _range,
    "values_count": lambda given: edge.ValuesCount(**given),
    "is_empty": bool,
    "is_null": bool,
    "geo_radius": lambda given: edge.GeoRadius(_geo(given["center"]), given["radius"]),
    "geo_bounding_box": lambda given: edge.GeoBoundingBox(
        _geo(given["top_left"]), _geo(given["bottom_right"])
    ),
    "geo_polygon": lambda given: edge.GeoPolygon(
        _ring(given["exterior"]), [_ring(one) for one in given.get("interiors") or ()]
    ),
}
