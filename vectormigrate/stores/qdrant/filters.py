"""Qdrant's filters, as JSON, to and from `model.filter`.

Outward, only what means exactly the same is translated and the rest raises Unsupported. The surprises: Qdrant's
`match` on a number takes no floats, so equality of numbers is a range; a range compares doubles, so it is exact below
2^53 only; `is_null` is true of a list with a null in it; and a missing key cannot be told from an empty list.

Inward, three words mean less in the model than in Qdrant: `match` of an integer finds an equal float too, a range with two
bounds may be met by two elements of a list, and `is_null` looks into no list. `superset` says where that matters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vectormigrate.model.errors import Unsupported
from vectormigrate.model.filter import (
    And,
    Compare,
    Comparison,
    Exists,
    Filter,
    HasId,
    In,
    IsNull,
    Native,
    Not,
    Or,
    Path,
    foreign_words,
)

from .ids import is_point_id, read_id, write_id

Json = dict[str, Any]

DIALECT = "qdrant"

_EXACT = 2**53
"""Below this, doubles and integers compare alike."""
_RANGES = {Comparison.GT: "gt", Comparison.GTE: "gte", Comparison.LT: "lt", Comparison.LTE: "lte"}
_COMPARISONS = {word: comparison for comparison, word in _RANGES.items()}
_NOTHING: Json = {"has_id": []}
_EVERYTHING: Json = {"must_not": [_NOTHING]}


# Out: the model's filter in Qdrant's words.


def to_filter(condition: Filter) -> Json:
    """A filter as a JSON object, good as the `filter` of any request. Raises Unsupported."""
    written = _condition(condition)
    return written if written.keys() <= {"must", "should", "must_not"} else {"must": [written]}


def _condition(condition: Filter) -> Json:  # noqa: C901, PLR0911 one arm a case
    match condition:
        case And(items):
            return {"must": [_condition(item) for item in items]} if items else _EVERYTHING
        case Or(items):
            return {"should": [_condition(item) for item in items]} if items else _NOTHING
        case Not(item):
            return {"must_not": [_condition(item)]}
        case Compare(path, comparison, value):
            return _compare(path, comparison, value)
        case In(path, values):
            return {"should": [_equal(path, value) for value in values]} if values else _NOTHING
        case Exists():
            raise Unsupported("qdrant cannot tell a missing key from an empty list")
        case IsNull(path):
            key = {"key": write_path(path)}
            return {"must": [{"is_null": key}, {"is_empty": key}]}
        case HasId(ids):
            return {"has_id": [write_id(record_id) for record_id in ids if is_point_id(record_id)]}
        case Native(dialect, value):
            if dialect != DIALECT:
                raise foreign_words(condition)
            written: Json = value
            return written


def _compare(path: Path, comparison: Comparison, value: Any) -> Json:
    match comparison:
        case Comparison.EQ:
            return _equal(path, value)
        case Comparison.NE:
            return {"must_not": [_equal(path, value)]}
        case _:
            return {"key": write_path(path), "range": {_RANGES[comparison]: _number(value)}}


def _equal(path: Path, value: Any) -> Json:
    if value is None:
        return _NOTHING
    if isinstance(value, bool | str):
        return {"key": write_path(path), "match": {"value": value}}
    number = _number(value)
    return {"key": write_path(path), "range": {"gte": number, "lte": number}}


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unsupported(f"qdrant cannot compare with {value!r}")
    if not -_EXACT < value < _EXACT:
        raise Unsupported(f"qdrant compares doubles, and {value!r} needs more digits")
    return value


# Paths.

_BARE = re.compile(r"(?:\w|-)+")
_KEY = r'(?:(?P<bare>(?:[\w-]|[^\x00-\x7f])+)|"(?P<quoted>[^\\"]*)")'
_FIRST, _NEXT = re.compile(_KEY), re.compile(r"\." + _KEY)


def write_path(path: Path) -> str:
    """A path as Qdrant writes it: keys with a dot between, quoted where they must be. Raises Unsupported."""
    return ".".join(map(_write_key, path))


def _write_key(key: str) -> str:
    if _BARE.fullmatch(key):
        return key
    if '"' in key or "\\" in key:
        raise Unsupported(f"qdrant has no way to name the key {key!r}")
    return f'"{key}"'


def read_path(text: str) -> Path:
    """Invert `write_path`. Raises ValueError for what is no path, Unsupported for one that goes into lists."""
    keys: list[str] = []
    place = 0
    while place < len(text) or not keys:
        found = (_NEXT if keys else _FIRST).match(text, place)
        if found is None:
            if text[place : place + 1] == "[":
                raise Unsupported(f"the path {text!r} goes into a list")
            raise ValueError(f"{text!r} is not a path")
        keys.append(found["bare"] or found["quoted"] or "")
        place = found.end()
    return tuple(keys)


# In: a client's filter as the model's.


def from_filter(given: object) -> Filter:
    """A request's `filter` as the model's. Raises ValueError for what is no filter, Unsupported for what the model has no
    words for (text and geo matches, moments, nested objects, ...).
    """
    if given is None:
        return And(())
    if not isinstance(given, Mapping) or not given.keys() <= _CLAUSES:
        raise ValueError("a filter has must, should, must_not and min_should, and nothing else")
    items: list[Filter] = [_read_condition(one) for one in _listed(given.get("must"))]
    items += [Not(_read_condition(one)) for one in _listed(given.get("must_not"))]
    should = _listed(given.get("should"))
    if should:
        items.append(Or(tuple(map(_read_condition, should))))
    if given.get("min_should") is not None:
        items.append(_min_should(given["min_should"]))
    return items[0] if len(items) == 1 else And(tuple(items))


EVERYTHING: Filter = And(())


def superset(given: Mapping[str, Any]) -> tuple[Filter, bool]:
    """A filter that every record meets which a request's `filter` means, and whether no other does. Raises ValueError and
    its like for what is no filter.
    """
    parts = [_superset(one) for one in _listed(given.get("must"))]
    parts += [_outside(one) for one in _listed(given.get("must_not"))]
    least, should = given.get("min_should"), _listed(given.get("should"))
    if should:
        parts.append(_either(should))
    if least is not None:
        some, exact = _either(least["conditions"])
        parts.append((some, exact and least["min_count"] == 1) if least["min_count"] else (EVERYTHING, True))
    if not given.keys() <= _CLAUSES:
        from_filter(given)
    items = tuple(where for where, _ in parts if where != EVERYTHING)
    return items[0] if len(items) == 1 else And(items), all(exact for _, exact in parts)


def _superset(given: Any) -> tuple[Filter, bool]:
    if isinstance(given, Mapping) and given and given.keys() <= _CLAUSES:
        return superset(given)
    try:
        return (
            (EVERYTHING, False) if _asks_for_null(given) else (_read_condition(given), not _is_loose(given))
        )
    except Unsupported:
        return EVERYTHING, False


def _outside(given: Any) -> tuple[Filter, bool]:
    where, exact = _superset(given)
    return (Not(where), True) if exact else (EVERYTHING, False)


def _either(given: Sequence[Any]) -> tuple[Filter, bool]:
    parts = [_superset(one) for one in given]
    where: Filter = Or(tuple(where for where, _ in parts))
    if any(where == EVERYTHING for where, _ in parts):
        where = EVERYTHING
    return where, all(exact for _, exact in parts)


def _asks_for_null(given: Any) -> bool:
    return "is_null" in given and given["is_null"] is not None


def _is_loose(given: Any) -> bool:
    """Whether a condition that the model has words for means less there."""
    match, bounds = given.get("match") or {}, given.get("range") or {}
    values = [match.get("value"), *(match.get("any") or ())]
    several = len({bound for bound in bounds.values() if bound is not None}) > 1
    return several or any(type(value) is int for value in values)


_CLAUSES = frozenset({"must", "should", "must_not", "min_should"})


def _listed(conditions: Any) -> Sequence[Any]:
    if conditions is None:
        return ()
    return conditions if isinstance(conditions, list) else (conditions,)


def _min_should(given: Any) -> Filter:
    conditions = tuple(map(_read_condition, _listed(given["conditions"])))
    least = given["min_count"]
    if least == 0:
        return And(())
    if least == 1:
        return Or(conditions)
    if least == len(conditions):
        return And(conditions)
    raise Unsupported(f"at least {least} of {len(conditions)} conditions cannot be asked for here")


def _read_condition(given: Any) -> Filter:
    if not isinstance(given, Mapping):
        raise ValueError("a condition is an object")  # noqa: TRY004 the request is wrong, not a type
    if "key" in given:
        return _read_field(given)
    if "has_id" in given:
        return HasId(tuple(map(read_id, given["has_id"])))
    if "is_null" in given:
        return IsNull(read_path(given["is_null"]["key"]))
    if "is_empty" in given:
        return _is_empty(read_path(given["is_empty"]["key"]))
    for unsupported in ("nested", "has_vector", "slice"):
        if unsupported in given:
            raise Unsupported(f"the condition {unsupported!r} cannot be answered here")
    return from_filter(given)


def _is_empty(path: Path) -> Filter:
    return Or((Not(Exists(path)), IsNull(path), Compare(path, Comparison.EQ, [])))


def _read_field(given: Mapping[str, Any]) -> Filter:
    path = read_path(given["key"])
    asked = {word: value for word, value in given.items() if word != "key" and value is not None}
    if not asked:
        raise ValueError("a condition on a key says what to compare it with")
    if len(asked) > 1:
        raise Unsupported(
            "several questions about one key, of which one must be true, cannot be answered here"
        )
    ((word, value),) = asked.items()
    return _reader(word)(path, value)


def _reader(word: str) -> Callable[[Path, Any], Filter]:
    readers = {"match": _read_match, "range": _read_range, "is_null": _read_null, "is_empty": _read_empty}
    if word in readers:
        return readers[word]
    if word in ("geo_bounding_box", "geo_radius", "geo_polygon", "values_count"):
        raise Unsupported(f"the condition {word!r} cannot be answered here")
    raise ValueError(f"there is no condition {word!r}")


def _read_null(path: Path, asked: Any) -> Filter:
    return IsNull(path) if asked else Not(IsNull(path))


def _read_empty(path: Path, asked: Any) -> Filter:
    return _is_empty(path) if asked else Not(_is_empty(path))


def _read_match(path: Path, match: Any) -> Filter:
    if "value" in match:
        return Compare(path, Comparison.EQ, _literal(match["value"]))
    if "any" in match:
        return In(path, tuple(map(_literal, match["any"])))
    # `except` is true of a list with any element that is none of the values, which the model cannot say.
    raise Unsupported(f"the match {', '.join(match)!r} cannot be answered here")


def _literal(value: Any) -> Any:
    if not isinstance(value, str | int):
        raise ValueError(f"{value!r} cannot be matched: only texts, integers, true and false can")  # noqa: TRY004
    return value


def _read_range(path: Path, given: Mapping[str, Any]) -> Filter:
    bounds = {word: bound for word, bound in given.items() if bound is not None}
    if any(isinstance(bound, str) for bound in bounds.values()):
        raise Unsupported("a range of moments cannot be answered here")
    if not bounds.keys() <= _COMPARISONS.keys():
        raise ValueError("a range has gt, gte, lt and lte")
    if bounds.keys() == {"gte", "lte"} and bounds["gte"] == bounds["lte"]:
        return Compare(path, Comparison.EQ, bounds["gte"])
    items = tuple(Compare(path, _COMPARISONS[word], bound) for word, bound in bounds.items())
    return items[0] if len(items) == 1 else And(items)
