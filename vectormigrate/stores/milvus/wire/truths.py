"""What a single predicate says of a value, in the three values of Milvus: true, false, and None for what is not known.

Null is not even unequal to anything; true is not 1; an order is for numbers among themselves and texts among themselves.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np

from vectormigrate.model.filter import Comparison
from vectormigrate.model.record import Payload

from .expressions import Among, Compared, Contains, Leaf, Length, Like, Null, Ref
from .schema import Column, DataType

_ORDERS: dict[Comparison, Callable[[Any, Any], bool]] = {
    Comparison.GT: operator.gt,
    Comparison.GTE: operator.ge,
    Comparison.LT: operator.lt,
    Comparison.LTE: operator.le,
}
ORDERED = frozenset(_ORDERS)


def stored(kind: int, value: Any) -> Any:
    """A value as a column of this type holds it: FLOAT has 32 bits."""
    if kind == DataType.Float and isinstance(value, int | float) and not isinstance(value, bool):
        with np.errstate(over="ignore"):
            return float(np.float32(value))
    return value


def found_at(payload: Payload, ref: Ref) -> Any:
    """What a payload holds at a place; None for nothing, null or otherwise."""
    held: Any = payload.get(ref.name)
    for key in ref.path:
        if isinstance(key, str):
            held = held.get(key) if isinstance(held, dict) else None
        else:
            held = held[key] if isinstance(held, list) and 0 <= key < len(held) else None
    return held


def computed(held: Any, ref: Ref) -> Any:
    """What a reference's step makes of what is held; None of what is no number. Whole numbers stay whole, as in Milvus."""
    if ref.step is None:
        return held
    sign, by = ref.step
    return _STEPS[sign](held, by) if _is_number(held) else None


def _quotient(held: Any, by: Any) -> Any:
    """Towards zero, of whole numbers."""
    if not (isinstance(held, int) and isinstance(by, int)):
        return held / by
    whole = abs(held) // abs(by)
    return whole if (held < 0) is (by < 0) else -whole


def _remainder(held: Any, by: Any) -> Any:
    """With the sign of what is divided."""
    return (
        held - by * _quotient(held, by)
        if isinstance(held, int) and isinstance(by, int)
        else math.fmod(held, by)
    )


_STEPS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _quotient,
    "%": _remainder,
}


def leaf_truth(leaf: Leaf, held: Any, column: Column | None) -> bool | None:  # noqa: PLR0911 one return a leaf
    """What a leaf says of what is held at its place; `column` is that of a declared field."""
    if isinstance(leaf, Null):
        return held is None
    if isinstance(leaf, Contains):
        if not isinstance(held, list):
            return None if held is None and column is not None and column.type == DataType.Array else False
        found = [any(_same(one, value) for one in held) for value in _wanted(leaf.values, column)]
        return all(found) if leaf.every else any(found)
    if held is None:
        return None
    match leaf:
        case Compared(_, comparison, value):
            return _compared(held, comparison, _wanted([value], None if leaf.ref.step else column)[0])
        case Among(_, values):
            return any(_same(held, value) for value in _wanted(values, column))
        case Like(_, pattern):
            return isinstance(held, str) and _like(pattern).fullmatch(held) is not None
        case Length(_, comparison, value):
            return _compared(len(held), comparison, value) if isinstance(held, list) else None


def _wanted(values: Sequence[Any], column: Column | None) -> list[Any]:
    kind = 0 if column is None else column.element or column.type
    return [stored(kind, value) for value in values]


def _compared(held: Any, comparison: Comparison, value: Any) -> bool | None:
    if comparison in (Comparison.EQ, Comparison.NE):
        return _same(held, value) is (comparison is Comparison.EQ)
    ordered = (_is_number(held) and _is_number(value)) or (isinstance(held, str) and isinstance(value, str))
    return _ORDERS[comparison](held, value) if ordered else None


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if _is_number(one) and _is_number(other):
        return bool(one == other)
    return type(one) is type(other) and bool(one == other)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def all_of(truths: Iterable[bool | None]) -> bool | None:
    """Whether all are true: one that is false decides, one that is unknown leaves it open."""
    unknown = False
    for truth in truths:
        if truth is False:
            return False
        unknown = unknown or truth is None
    return None if unknown else True


def opposite(truth: bool | None) -> bool | None:
    """Of unknown, unknown."""
    return None if truth is None else not truth


@lru_cache(maxsize=256)
def _like(pattern: str) -> re.Pattern[str]:
    words: list[str] = []
    escaped = False
    for letter in pattern:
        if letter == "\\" and not escaped:
            escaped = True
            continue
        wild = "" if escaped else {"%": ".*", "_": "."}.get(letter, "")
        words.append(wild or re.escape(letter))
        escaped = False
    return re.compile("".join(words), re.DOTALL)
