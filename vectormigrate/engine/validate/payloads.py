"""Two payloads: equal with their types, or the first path at which they differ.

1, 1.0, True and "1" are four different values; a missing key and None are two. A field that the target declares is
excepted twice, because a column cannot tell: None and absence are one in it, and a double holds the integer 1 as 1.0.
Numbers are compared by value (so -0.0 is 0.0), a
Decimal with its digits, NaN equals NaN, a date-time with a zone is an instant. The order of keys means nothing.

The surprise: each question is asked three times, by cost. `surely_same` settles a whole batch at the speed of C but
may shrug; then `payload_difference` looks at each record, and `first_difference` at the few that differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

import msgspec

from vectormigrate.model import jsonvalue
from vectormigrate.model.collection import FieldType
from vectormigrate.model.payload_columns import JsonColumn, PayloadColumns, Values
from vectormigrate.model.record import Payload

_SHOWN = 48
_DOUBLE_ULPS = 2
"""How far a double may be off in a store whose capabilities say that it may."""
_SIMPLE = frozenset({str, int, float, bool, bytes})
_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_NOTHING: Any = object()
_NO_FIELDS: Mapping[str, FieldType] = {}


def surely_same(source: Sequence[Payload], target: Sequence[Payload]) -> bool:
    """Whether all these payloads are the same. False only means that each has to be looked at."""
    if not (isinstance(source, PayloadColumns) and isinstance(target, PayloadColumns)):
        return _surely_equal(list(source), list(target))
    ours, theirs = source.columns, target.columns
    return ours.keys() == theirs.keys() and all(_same_column(ours[key], theirs[key]) for key in ours)


def _same_column(source: Values, target: Values) -> bool:
    if isinstance(source, JsonColumn) and isinstance(target, JsonColumn) and _same_json(source, target):
        return True
    return _surely_equal(list(source), list(target))


def _same_json(source: JsonColumn, target: JsonColumn) -> bool:
    if source.texts == target.texts:
        return True
    ours, theirs = ([text or "null" for text in column.texts] for column in (source, target))
    try:
        return jsonvalue.surely_same(ours, theirs)
    except (RecursionError, msgspec.DecodeError):
        return False


def _surely_equal(source: list[Any], target: list[Any]) -> bool:
    """Whether all these values are the same.

    Values of one simple type need no more than Python's ==. Elsewhere that takes 1 for 1.0 and True, but never text for
    another type; the encoding takes text for a Decimal or a UUID, but 1, 1.0 and True for three things. What both call
    equal is the same.
    """
    kinds = set(map(type, source))
    if len(kinds) == 1 and kinds <= _SIMPLE:
        return set(map(type, target)) == kinds and source == target
    try:
        return source == target and _ENCODER.encode(source) == _ENCODER.encode(target)
    except (TypeError, ValueError, ArithmeticError, RecursionError, msgspec.MsgspecError):
        return False


def payload_difference(
    source: Payload,
    target: Payload,
    declared: Mapping[str, FieldType] = _NO_FIELDS,
    unwritten: frozenset[str] = frozenset(),
) -> str | None:
    """Where and how two payloads differ, in words; None when they are equal.

    `declared` are the target's declared fields; `unwritten` those of them that the migration does not fill, which
    may hold anything (a column's default).
    """
    if _same_dict(source, target):
        return None
    for key in source.keys() | target.keys():
        if key not in source and key in unwritten:
            continue
        missing = None if key in declared else _NOTHING
        value, found = source.get(key, missing), target.get(key, missing)
        if not same(value, found) and not _became_double(declared.get(key), value, found):
            return first_difference(value, found, key)
    return None


def _became_double(held: FieldType | None, value: Any, found: Any) -> bool:
    return held is FieldType.FLOAT and type(value) is int and type(found) is float and value == found


def forgiven(sent: Any, found: Any) -> Any:
    """What was sent, with each double as it was found where the two are no more than two units in the last place
    apart: for stores whose `inexact_doubles` is set.
    """
    if isinstance(sent, dict) and isinstance(found, dict):
        return {key: forgiven(value, found.get(key, _NOTHING)) for key, value in sent.items()}
    if isinstance(sent, list) and isinstance(found, list) and len(sent) == len(found):
        return [forgiven(*pair) for pair in zip(sent, found, strict=True)]
    if type(sent) is type(found) is float and abs(sent - found) <= _DOUBLE_ULPS * math.ulp(sent):
        return found
    return sent


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, types included, all the way down."""
    kind = type(one)
    if kind is not type(other):
        return False
    compare = _COMPARE.get(kind)
    return bool(one == other) if compare is None else compare(one, other)


def _same_dict(one: dict[str, Any], other: dict[str, Any]) -> bool:
    if len(one) != len(other):
        return False
    for key, value in one.items():
        found = other.get(key, _NOTHING)
        if value is found:
            continue
        kind = type(value)
        if kind is not type(found):
            return False
        compare = _COMPARE.get(kind)
        if not (value == found if compare is None else compare(value, found)):
            return False
    return True


def _same_list(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(map(same, one, other))


def _same_float(one: float, other: float) -> bool:
    return one == other or (one != one and other != other)


def _same_decimal(one: Decimal, other: Decimal) -> bool:
    return one.as_tuple() == other.as_tuple()


def _same_datetime(one: datetime, other: datetime) -> bool:
    if one.tzinfo is None or other.tzinfo is None:
        return one.tzinfo is other.tzinfo and one == other
    # In UTC, because == between zones is always False for an hour that a clock change repeats.
    return one.astimezone(UTC) == other.astimezone(UTC)


def _same_time(one: time, other: time) -> bool:
    return one.utcoffset() == other.utcoffset() and one.replace(tzinfo=None) == other.replace(tzinfo=None)


_COMPARE: dict[type, Callable[[Any, Any], bool]] = {
    dict: _same_dict,
    list: _same_list,
    float: _same_float,
    Decimal: _same_decimal,
    datetime: _same_datetime,
    time: _same_time,
}


def first_difference(one: Any, other: Any, path: str) -> str:
    """The innermost place at which two values that are not the same differ, and how."""
    for step, value, found in _children(one, other):
        if not same(value, found):
            return first_difference(value, found, path + step)
    if one is _NOTHING:
        return f"{path}: {_show(other)} appeared from nowhere"
    if other is _NOTHING:
        return f"{path}: {_show(one)} is missing"
    return f"{path}: {_show(one)} became {_show(other)}"


def _children(one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in (*one, *(key for key in other if key not in one)):
            yield f".{key}", one.get(key, _NOTHING), other.get(key, _NOTHING)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (value, found) in enumerate(zip(one, other, strict=True)):
            yield f"[{place}]", value, found


def _show(value: Any) -> str:
    text = f"{len(value)} elements" if isinstance(value, list) else repr(value)
    text = text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
    return f"{type(value).__name__} {text}"
