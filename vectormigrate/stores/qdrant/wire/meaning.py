"""What a filter of Qdrant's means, condition by condition: for the words that the model's filters lack.

Judged by Qdrant's own engine in the tests. What its tokenizer makes of a text nobody else can tell, so matches of words
are refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, TypeAlias

from vectormigrate.model.errors import Unsupported
from vectormigrate.model.record import Payload, RecordId
from vectormigrate.stores.qdrant.ids import read_id

from .paths import EACH, Path, read_path

Json: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Point:
    """What conditions are about. Inside `nested` there is only the payload."""

    payload: Payload
    id: RecordId | None = None
    vectors: Container[str] = ()


def means(given: Json, point: Point) -> bool:
    """Whether a point matches. Raises ValueError and its like for what is no filter, Unsupported for what nobody but
    Qdrant can tell.
    """
    should, least = given.get("should"), given.get("min_should")
    return (
        all(_matches(one, point) for one in listed(given.get("must")))
        and not any(_matches(one, point) for one in listed(given.get("must_not")))
        and (not should or any(_matches(one, point) for one in listed(should)))
        and (
            least is None
            or sum(_matches(one, point) for one in least["conditions"]) >= int(least["min_count"])
        )
    )


def listed(conditions: Any) -> Iterable[Json]:
    """The conditions of a clause, which may be one that stands alone."""
    if conditions is None:
        return ()
    return conditions if isinstance(conditions, list) else (conditions,)


def _matches(given: Json, point: Point) -> bool:  # noqa: PLR0911 one return a kind of condition
    if "key" in given:
        return _field_matches(given, point)
    if "is_empty" in given:
        return all(value in (None, []) for value in _values(given["is_empty"]["key"], point))
    if "is_null" in given:
        return any(_null(True, value) for value in _values(given["is_null"]["key"], point))
    if "has_id" in given:
        return any(point.id == read_id(one) for one in given["has_id"])
    if "has_vector" in given:
        return given["has_vector"] in point.vectors
    if "nested" in given:
        return _nested_matches(given["nested"], point)
    if "slice" in given:
        raise Unsupported("only Qdrant knows which slice a point is in")
    return means(given, point)


def _nested_matches(given: Json, point: Point) -> bool:
    path = read_path(given["key"])
    path = path if path[-1] is EACH else (*path, EACH)
    objects = (item for item in _found(point.payload, path) if isinstance(item, Mapping))
    return any(means(given["filter"], Point(dict(one))) for one in objects)


def _values(key: str, point: Point) -> list[Any]:
    return list(_found(point.payload, read_path(key)))


def _found(value: Any, path: Path) -> Iterator[Any]:
    if not path:
        yield value
        return
    step, rest = path[0], path[1:]
    if isinstance(step, str):
        if isinstance(value, Mapping) and step in value:
            yield from _found(value[step], rest)
    elif isinstance(value, list):
        for item in value if step is EACH else value[step : step + 1]:
            yield from _found(item, rest)


def values_at(payload: Payload, path: Path) -> Iterator[Any]:
    """The values at a path, those of a list that stands there one by one."""
    for value in _found(payload, path):
        if isinstance(value, list):
            yield from value
        else:
            yield value


# Conditions on a key.


def _field_matches(given: Json, point: Point) -> bool:
    asked = {word: how for word, how in given.items() if word != "key" and how is not None}
    values = _values(given["key"], point)
    if not asked or asked.keys() - _CHECKS.keys() - _WHOLE.keys():
        raise ValueError(f"there is no condition {', '.join(asked) or 'on ' + given['key']!r}")
    for word, check in _WHOLE.items():  # of the value as it stands, and of one that is missing
        if word in asked:
            if not values and word == "is_null":
                return not asked[word]
            return any(check(asked[word], value) for value in values or [None])
    return any(
        _CHECKS[word](how, item)
        for item in values_at(point.payload, read_path(given["key"]))
        for word, how in asked.items()
    )


def _counts(bounds: Json, value: Any) -> bool:
    return _within(bounds, 0 if value is None else len(value) if isinstance(value, list) else 1)


def _empty(wanted: bool, value: Any) -> bool:
    return (value in (None, [])) is wanted


def _null(wanted: bool, value: Any) -> bool:
    held = any(item is None for item in value) if isinstance(value, list) else value is None
    return held is wanted


_WHOLE: dict[str, Callable[[Any, Any], bool]] = {
    "values_count": _counts,
    "is_empty": _empty,
    "is_null": _null,
}


def _match(given: Json, value: Any) -> bool:
    ((word, wanted),) = given.items()
    if word == "value":
        return _same(wanted, value)
    if word == "any":
        return any(_same(one, value) for one in wanted)
    if word == "except":
        return value is not None and not any(_same(one, value) for one in wanted)
    if word in ("text", "phrase", "text_any"):
        raise Unsupported("only Qdrant knows how it takes a text apart")
    if word not in _PARTS:
        raise ValueError(f"there is no match by {word}")
    return isinstance(value, str) and _PARTS[word](value, wanted)


_PARTS: dict[str, Callable[[str, str], bool]] = {
    "prefix": lambda value, wanted: value.startswith(wanted),
    "substring": lambda value, wanted: wanted in value,
}


def _same(wanted: Any, value: Any) -> bool:
    """Texts, integers and booleans are compared with their like; a float is equal to nothing."""
    return type(wanted) is type(value) and type(value) in (str, int, bool) and wanted == value


def _range(bounds: Json, value: Any) -> bool:
    if any(isinstance(bound, str) for bound in bounds.values()):
        moment = read_moment(value) if isinstance(value, str) else None
        wanted = {word: _wanted_moment(bound) for word, bound in bounds.items() if bound is not None}
        return moment is not None and _within(wanted, moment)
    return isinstance(value, int | float) and not isinstance(value, bool) and _within(bounds, float(value))


_BOUNDS: dict[str, Callable[[Any, Any], bool]] = {
    "lt": lambda value, bound: bool(value < bound),
    "gt": lambda value, bound: bool(value > bound),
    "lte": lambda value, bound: bool(value <= bound),
    "gte": lambda value, bound: bool(value >= bound),
}


def _within(bounds: Json, value: Any) -> bool:
    return all(_BOUNDS[word](value, bound) for word, bound in bounds.items() if bound is not None)


_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?P<zone>[Zz]|[+-]\d\d(?::?\d\d)?)?)?"
)


def read_moment(text: str) -> datetime | None:
    """A moment to the microsecond, in UTC where it says no zone; None for what is none."""
    if _MOMENT.fullmatch(text) is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _wanted_moment(bound: Any) -> datetime:
    moment = read_moment(str(bound))
    if moment is None:
        raise ValueError(f"{bound!r} is not a moment")
    return moment


# Places.

_EARTH = 6_371_008.8
"""Its mean radius, in metres."""


def place_of(value: Any) -> tuple[float, float] | None:
    if not isinstance(value, Mapping):
        return None
    lon, lat = value.get("lon"), value.get("lat")
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in (lon, lat)):
        return None
    return float(value["lon"]), float(value["lat"])


def _in_box(box: Json, value: Any) -> bool:
    place = place_of(value)
    if place is None:
        return False
    lon, lat = place
    west, north = box["top_left"]["lon"], box["top_left"]["lat"]
    east, south = box["bottom_right"]["lon"], box["bottom_right"]["lat"]
    between = lon > west or lon < east if west > east else west < lon < east
    return bool(between and south < lat < north)


def _in_circle(circle: Json, value: Any) -> bool:
    place, center = place_of(value), circle["center"]
    if place is None:
        return False
    return bool(distance_between(place, (center["lon"], center["lat"])) < circle["radius"])


def distance_between(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Metres on the globe between two places, longitude first."""
    north, south = (math.radians(place[1]) for place in (one, other))
    turn = math.radians(one[0] - other[0])
    chord = math.sin((north - south) / 2) ** 2 + math.cos(north) * math.cos(south) * math.sin(turn / 2) ** 2
    return 2 * _EARTH * math.asin(math.sqrt(chord))


def _in_polygon(polygon: Json, value: Any) -> bool:
    place = place_of(value)
    if place is None or not _inside(polygon["exterior"]["points"], place):
        return False
    return not any(_inside(hole["points"], place) for hole in polygon.get("interiors") or ())


def _inside(ring: Sequence[Json], place: tuple[float, float]) -> bool:
    """Whether a ray from the place crosses the ring an odd number of times."""
    inside, (x, y) = False, place
    for start, end in pairwise(ring):
        if (start["lat"] > y) is not (end["lat"] > y):
            across = (end["lon"] - start["lon"]) * (y - start["lat"]) / (end["lat"] - start["lat"])
            inside ^= x < start["lon"] + across
    return inside


_CHECKS: dict[str, Callable[[Any, Any], bool]] = {
    "match": _match,
    "range": _range,
    "geo_bounding_box": _in_box,
    "geo_radius": _in_circle,
    "geo_polygon": _in_polygon,
}
