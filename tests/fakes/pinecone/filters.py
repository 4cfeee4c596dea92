"""Pinecone's filter language, evaluated."""

from __future__ import annotations

import operator

_ORDER = {"$gt": operator.gt, "$gte": operator.ge, "$lt": operator.lt, "$lte": operator.le}
_MISSING = object()


class BadFilter(ValueError):
    """What the service answers with 400."""


def passes(condition, metadata):
    """Whether metadata passes. Raises BadFilter for what is no filter."""
    if not isinstance(condition, dict):
        raise BadFilter("expected a filter object")
    return all(_clause(key, value, metadata) for key, value in condition.items())


def _clause(key, value, metadata):
    if key in ("$and", "$or"):
        if not isinstance(value, list) or not value:
            raise BadFilter(f"{key} must be followed by a non-empty list")
        found = [passes(item, metadata) for item in value]
        return all(found) if key == "$and" else any(found)
    if key.startswith("$"):
        raise BadFilter(f"{key} is not a valid operator")
    held = metadata.get(key, _MISSING)
    if not isinstance(value, dict):
        return _operator("$eq", value, held)
    if not value:
        raise BadFilter(f"no operator for {key}")
    return all(_operator(word, operand, held) for word, operand in value.items())


def _operator(word, operand, held):
    if word == "$exists":
        if not isinstance(operand, bool):
            raise BadFilter("$exists must be followed by a boolean")
        return (held is not _MISSING) is operand
    if word in ("$in", "$nin"):
        if not isinstance(operand, list) or not operand:
            raise BadFilter(f"{word} must be followed by a list")
        found = any(_equal(one, held) for one in operand)
        # A field that is not there is neither in nor out: who wants it has to ask for it.
        return found if word == "$in" else held is not _MISSING and not found
    if word in ("$eq", "$ne"):
        found = _equal(operand, held)
        return found if word == "$eq" else held is not _MISSING and not found
    if word not in _ORDER:
        raise BadFilter(f"{word} is not a valid operator")
    if isinstance(operand, bool) or not isinstance(operand, int | float):
        raise BadFilter(f"{word} must be followed by a number")
    return _is_number(held) and _ORDER[word](held, operand)


def _equal(operand, held):
    if not isinstance(operand, str | bool | int | float):
        raise BadFilter(f"cannot compare with {operand!r}")
    if isinstance(held, list):
        return any(_equal(operand, one) for one in held)
    if isinstance(operand, bool) or isinstance(held, bool):
        return operand is held
    return operand == held


def _is_number(held):
    return isinstance(held, int | float) and not isinstance(held, bool)
