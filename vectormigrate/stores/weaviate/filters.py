"""The model's filters as Weaviate's, outward only: what a client's filter means is in `wire/meaning.py`.

A filter is *narrowed*: what comes of it finds at least what is meant, and says whether it finds just that, so that a
search asks Weaviate for what it can and looks at the records for the rest. The surprises that make it so: a text is
found by its tokens, so that equality finds too much, and a text of stop words is an error; a null and a missing property
are one, and neither can be asked for unless the class indexes it; no filter goes with a cursor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from vectormigrate.model.filter import (
    And,
    Compare,
    Comparison,
    Filter,
    HasId,
    In,
    Native,
    Or,
    Path,
    foreign_words,
)

from .ids import uuid_of
from .pb import Filters

DIALECT = "weaviate"
_OPERATORS = {
    Comparison.EQ: Filters.OPERATOR_EQUAL,
    Comparison.GT: Filters.OPERATOR_GREATER_THAN,
    Comparison.GTE: Filters.OPERATOR_GREATER_THAN_EQUAL,
    Comparison.LT: Filters.OPERATOR_LESS_THAN,
    Comparison.LTE: Filters.OPERATOR_LESS_THAN_EQUAL,
}
_NOBODY = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class Sought:
    """What to ask a property for in place of a value of the model."""

    plain: str | bool | int | float | None = None
    """None where a filter on that property could miss records, or would fail."""
    exact: bool = False
    """Whether what equals it there is just what equals the value."""
    ordered: bool = False
    """Whether the property compares by size as the model does."""


Seek: TypeAlias = Callable[[str, Any], Sought]


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A filter in Weaviate's words."""

    message: Any = None
    """A `Filters` message; None finds everything."""
    exact: bool = False
    """Whether it finds only what is meant."""


_EVERYTHING = Narrowed()


def narrow(condition: Filter, seek: Seek) -> Narrowed:  # noqa: PLR0911 one arm a case
    """The narrowest words known to find all that a filter means. Raises Unsupported for another vendor's."""
    match condition:
        case And(items):
            return _all([narrow(item, seek) for item in items])
        case Or(items):
            return _any([narrow(item, seek) for item in items])
        case Compare(path, comparison, value):
            return _compare(path, comparison, value, seek)
        case In(path, values):
            return _any([_compare(path, Comparison.EQ, value, seek) for value in values])
        case HasId(ids):
            return Narrowed(by_id([found for one in ids if (found := uuid_of(one)) is not None]))
        case Native():
            return Narrowed(_native(condition), exact=True)
        case _:
            return _EVERYTHING


def by_id(uuids: Sequence[UUID]) -> Any:
    """The filter for objects of these ids; for none it finds as good as nothing: the last of all ids."""
    message = Filters(operator=Filters.OPERATOR_CONTAINS_ANY)
    message.target.property = "_id"
    message.value_text_array.values.extend(str(one) for one in uuids or [_NOBODY])
    return message


def _native(condition: Native) -> Any:
    if condition.dialect != DIALECT:
        raise foreign_words(condition)
    return Filters.FromString(condition.value)


def _all(parts: Sequence[Narrowed]) -> Narrowed:
    messages = [part.message for part in parts if part.message is not None]
    joined = Filters(operator=Filters.OPERATOR_AND, filters=messages) if messages else None
    return Narrowed(joined, all(part.exact for part in parts))


def _any(parts: Sequence[Narrowed]) -> Narrowed:
    if not parts:
        return Narrowed(by_id([]))
    messages = [part.message for part in parts if part.message is not None]
    if len(messages) < len(parts):
        return _EVERYTHING
    joined = Filters(operator=Filters.OPERATOR_OR, filters=messages)
    return Narrowed(joined, all(part.exact for part in parts))


def _compare(path: Path, comparison: Comparison, value: Any, seek: Seek) -> Narrowed:
    if len(path) != 1 or comparison not in _OPERATORS or value is None:
        return _EVERYTHING
    sought = seek(path[0], value)
    if sought.plain is None or (comparison is not Comparison.EQ and not sought.ordered):
        return _EVERYTHING
    message = Filters(operator=_OPERATORS[comparison])
    message.target.property = path[0]
    setattr(message, _value_name(sought.plain), sought.plain)
    return Narrowed(message, sought.exact)


def _value_name(plain: object) -> str:
    names: tuple[tuple[type, str], ...] = (
        (bool, "value_boolean"),
        (int, "value_int"),
        (float, "value_number"),
    )
    return next((name for kind, name in names if isinstance(plain, kind)), "value_text")
