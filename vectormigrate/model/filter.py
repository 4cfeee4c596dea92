"""The neutral filter expression, and what it means.

`matches` is the meaning: every translation into a vendor's language must agree with it. Paths are tuples of
keys, so that a key with a dot in it stays one key.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from .errors import Unsupported
from .record import RecordId

Path: TypeAlias = tuple[str, ...]


class Comparison(StrEnum):
    """How a field is compared with a value."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"


@dataclass(frozen=True, slots=True)
class Compare:
    """The field compares so with the value. A missing field or None matches nothing but NE. A list matches EQ if any
    element does, and NE if none does. Values of different types are unequal and have no order; true is not 1.
    """

    path: Path
    comparison: Comparison
    value: Any


@dataclass(frozen=True, slots=True)
class In:
    """The field, or any element of a list, equals one of the values."""

    path: Path
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """The key is there, whatever it holds (None too)."""

    path: Path


@dataclass(frozen=True, slots=True)
class IsNull:
    """The key is there and holds None."""

    path: Path


@dataclass(frozen=True, slots=True)
class HasId:
    """The record's id is one of these."""

    ids: tuple[RecordId, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The item does not match."""

    item: Filter


@dataclass(frozen=True, slots=True)
class And:
    """All items match; an empty And matches everything."""

    items: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one item matches; an empty Or matches nothing."""

    items: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Native:
    """A filter in a vendor's own words, undecoded: only a store of that kind can be asked for it, and nobody else can
    say what it means.
    """

    dialect: str
    """The registry's name of the vendor."""
    value: Any
    alike: bool = False
    """Whether it means the same only in a collection that is configured alike, beside being named so."""


Filter: TypeAlias = Compare | In | Exists | IsNull | HasId | Not | And | Or | Native


def foreign_words(condition: Native) -> Unsupported:
    """The error for what is asked in another vendor's words."""
    return Unsupported(f"only {condition.dialect} knows what this means")


_MISSING = object()


def matches(condition: Filter, record_id: RecordId, payload: Mapping[str, Any]) -> bool:  # noqa: PLR0911 one arm a case
    """Whether a record matches: the reference meaning of every filter."""
    match condition:
        case Compare(path, comparison, value):
            return _compares(_find(payload, path), comparison, value)
        case In(path, values):
            held = _find(payload, path)
            return any(_compares(held, Comparison.EQ, value) for value in values)
        case Exists(path):
            return _find(payload, path) is not _MISSING
        case IsNull(path):
            return _find(payload, path) is None
        case HasId(ids):
            return record_id in ids
        case Not(item):
            return not matches(item, record_id, payload)
        case And(items):
            return all(matches(item, record_id, payload) for item in items)
        case Or(items):
            return any(matches(item, record_id, payload) for item in items)
        case Native():
            raise foreign_words(condition)


def _find(payload: Mapping[str, Any], path: Path) -> Any:
    held: Any = payload
    for key in path:
        if not isinstance(held, Mapping) or key not in held:
            return _MISSING
        held = held[key]
    return held


def _compares(held: Any, comparison: Comparison, value: Any) -> bool:
    candidates = held if isinstance(held, list) and not isinstance(value, list) else [held]
    if comparison is Comparison.NE:
        return not any(_one(candidate, Comparison.EQ, value) for candidate in candidates)
    return any(_one(candidate, comparison, value) for candidate in candidates)


_TRUE: dict[Comparison, Callable[[Any, Any], Any]] = {
    Comparison.EQ: operator.eq,
    Comparison.GT: operator.gt,
    Comparison.GTE: operator.ge,
    Comparison.LT: operator.lt,
    Comparison.LTE: operator.le,
}


def _one(held: Any, comparison: Comparison, value: Any) -> bool:
    if held is _MISSING or held is None or not _comparable(held, value):
        return False
    try:
        return bool(_TRUE[comparison](held, value))
    except TypeError:  # no order: objects, lists of different things, moments with a zone and without
        return False


def _comparable(held: Any, value: Any) -> bool:
    if isinstance(held, bool) or isinstance(value, bool):
        return isinstance(held, bool) and isinstance(value, bool)
    if isinstance(held, int | float) and isinstance(value, int | float):
        return True
    return type(held) is type(value)
