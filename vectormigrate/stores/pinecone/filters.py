"""Pinecone's metadata filters to and from `model.filter`.

Inward everything is understood. Outward only what Pinecone says with exactly the meaning of `model.filter.matches`
is translated, and the rest raises Unsupported: it orders numbers alone, sees no nulls and no nested keys, and cannot
ask for ids. A field that is not there is neither `$ne` nor `$nin` anything: it has to be asked for by `$exists`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
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

DIALECT = "pinecone"
MAX_IN = 10_000
"""Values of one `$in` or `$nin`."""

_COMPARISONS = {
    "$eq": Comparison.EQ,
    "$ne": Comparison.NE,
    "$gt": Comparison.GT,
    "$gte": Comparison.GTE,
    "$lt": Comparison.LT,
    "$lte": Comparison.LTE,
}
_WORDS = {comparison: word for word, comparison in _COMPARISONS.items()}
_EQUALITIES = (Comparison.EQ, Comparison.NE)


class BadFilter(ValueError):
    """A filter that Pinecone would refuse; the message is fit for an answer of status 400."""


# Inward.


def from_json(given: Any) -> Filter:
    """A parsed filter object in neutral terms. Raises BadFilter."""
    if not isinstance(given, Mapping):
        raise BadFilter("the filter must be an object")
    items = [_clause(key, value) for key, value in given.items()]
    return items[0] if len(items) == 1 else And(tuple(items))


def _clause(key: str, value: Any) -> Filter:
    if key in ("$and", "$or"):
        if not isinstance(value, list) or not value:
            raise BadFilter(f"illegal condition for operator {key}, expected a non-empty array")
        items = tuple(from_json(item) for item in value)
        return And(items) if key == "$and" else Or(items)
    if key == "$not":
        return Not(from_json(value))
    if key.startswith("$"):
        raise BadFilter(f"{key} is not a valid operator")
    if not isinstance(value, Mapping):
        return _operator((key,), "$eq", value)
    items = tuple(_operator((key,), word, operand) for word, operand in value.items())
    if not items:
        raise BadFilter(f"illegal condition for field {key}, got {{}}")
    return items[0] if len(items) == 1 else And(items)


def _operator(path: Path, word: str, operand: Any) -> Filter:
    if word in _COMPARISONS:
        _check_operand(word, operand)
        compared = Compare(path, _COMPARISONS[word], operand)
        return And((Exists(path), compared)) if word == "$ne" else compared
    if word in ("$in", "$nin"):
        if not isinstance(operand, list) or not operand or len(operand) > MAX_IN:
            raise BadFilter(f"{word} operator must be followed by a list of 1 to {MAX_IN} values")
        for item in operand:
            _check_operand("$eq", item)
        listed = In(path, tuple(operand))
        return listed if word == "$in" else And((Exists(path), Not(listed)))
    if word == "$exists":
        if not isinstance(operand, bool):
            raise BadFilter("$exists operator must be followed by a boolean")
        return Exists(path) if operand else Not(Exists(path))
    if word == "$not" and isinstance(operand, Mapping):
        return Not(_clause(path[0], operand))
    raise BadFilter(f"{word} is not a valid operator")


def _check_operand(word: str, operand: Any) -> None:
    if isinstance(operand, int | float) and not isinstance(operand, bool):
        return
    if word not in ("$eq", "$ne"):
        raise BadFilter(
            f"the {word} operator must be followed by a number, got {str(operand)[:100]!r} instead"
        )
    if not isinstance(operand, str | bool):
        raise BadFilter(
            f"the {word} operator must be followed by a string, boolean or a number, got {str(operand)[:100]!r} instead"
        )


# Outward.

Json = dict[str, Any]

_NOWHERE = "_vm_nowhere"
NEVER: Json = {"$and": [{_NOWHERE: {"$exists": True}}, {_NOWHERE: {"$exists": False}}]}
"""Matches nothing."""
ALWAYS: Json = {"$or": [{_NOWHERE: {"$exists": True}}, {_NOWHERE: {"$exists": False}}]}
"""Matches everything."""


def to_json(condition: Filter) -> Json:
    """The filter object that means the same for records of native metadata. Raises Unsupported when there is none."""
    return _translate(condition, negated=False)


def _translate(condition: Filter, *, negated: bool) -> Json:  # noqa: C901, PLR0911 one arm a case
    match condition:
        case And(items):
            return _join(items, "$or" if negated else "$and", negated=negated)
        case Or(items):
            return _join(items, "$and" if negated else "$or", negated=negated)
        case Not(item):
            return _translate(item, negated=not negated)
        case Compare(path, comparison, value):
            return _compare(_key(path), comparison, value, negated=negated)
        case In(path, values):
            return _in(_key(path), values, negated=negated)
        case Exists(path):
            return {_key(path): {"$exists": not negated}}
        case IsNull():  # native metadata holds no null
            return ALWAYS if negated else NEVER
        case HasId():
            raise Unsupported("pinecone cannot filter by id", store=DIALECT)
        case Native(dialect, value):
            if dialect != DIALECT or negated:
                raise foreign_words(condition)
            return dict(value)


def _join(items: tuple[Filter, ...], word: str, *, negated: bool) -> Json:
    if not items:
        return ALWAYS if word == "$and" else NEVER
    return {word: [_translate(item, negated=negated) for item in items]}


def _key(path: Path) -> str:
    if len(path) != 1:
        raise Unsupported("pinecone's metadata has no nested keys", store=DIALECT)
    if path[0].startswith("$"):
        raise Unsupported(f"{path[0]!r} cannot be a key of pinecone's metadata", store=DIALECT)
    return path[0]


def _compare(key: str, comparison: Comparison, value: Any, *, negated: bool) -> Json:
    _check_value(value)
    if comparison in _EQUALITIES:
        if (comparison is Comparison.NE) is not negated:
            return _or_absent(key, {"$ne": value})
        return {key: {"$eq": value}}
    if isinstance(value, str | bool):
        raise Unsupported("pinecone orders numbers only", store=DIALECT)
    within = {key: {_WORDS[comparison]: value}}
    if not negated:
        return within
    # Anything that is no number, or not there, has no order either: only what compares is excluded, and there is no
    # word for "not a number".
    raise Unsupported("pinecone cannot say that a number is not in a range", store=DIALECT)


def _in(key: str, values: tuple[Any, ...], *, negated: bool) -> Json:
    for value in values:
        _check_value(value)
    if not values:
        return ALWAYS if negated else NEVER
    if len(values) > MAX_IN:
        raise Unsupported(f"pinecone takes at most {MAX_IN} values in a list", store=DIALECT)
    listed = list(values)
    return _or_absent(key, {"$nin": listed}) if negated else {key: {"$in": listed}}


def _or_absent(key: str, condition: Json) -> Json:
    return {"$or": [{key: condition}, {key: {"$exists": False}}]}


def _check_value(value: Any) -> None:
    if isinstance(value, str | bool):
        return
    if not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > 2**53:
        raise Unsupported(f"pinecone cannot compare with {value!r}", store=DIALECT)
