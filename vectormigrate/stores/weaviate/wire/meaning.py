"""What a clause means, as Weaviate has it: exactly, over one object, and as a filter of the model where that has words.

Weaviate looks filters up in an index of keys. A text is there by its tokens, so that Equal means "has all these words",
and a list by its elements. The surprises: NotEqual matches an object without the property; of several tokens none may be
there; and words that Weaviate ignores in a search are ignored in a filter.
"""

from __future__ import annotations

import math
import operator as operators
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np

from vectormigrate.model import filter as model
from vectormigrate.model.filter import Comparison, Filter
from vectormigrate.model.record import RecordId

from .clauses import (
    CONTAINS,
    CREATED,
    ID,
    ORDERED,
    UPDATED,
    Clause,
    Every,
    Geo,
    Negated,
    Operator,
    Some,
    Test,
    Unanswerable,
)
from .layout import REFERENCE, Property

ENGLISH = frozenset(
    (
        *(
            "a",
            "an",
            "and",
            "are",
            "as",
            "at",
            "be",
            "but",
            "by",
            "for",
            "if",
            "in",
            "into",
            "is",
            "it",
            "no",
            "not",
        ),
        *(
            "of",
            "on",
            "or",
            "such",
            "that",
            "the",
            "their",
            "then",
            "there",
            "these",
            "they",
            "this",
            "to",
            "was",
        ),
        *("will", "with"),
    )
)
"""The words that Weaviate's preset `en` ignores."""
_EARTH = 6_371_000.0
"""Meters, as Weaviate's geo index has it."""
_TEXTS = ("text", "string")
_HOLDS: Mapping[Operator, Callable[[Any, Any], Any]] = {
    Operator.EQUAL: operators.eq,
    Operator.GREATER_THAN: operators.gt,
    Operator.GREATER_THAN_EQUAL: operators.ge,
    Operator.LESS_THAN: operators.lt,
    Operator.LESS_THAN_EQUAL: operators.le,
}
_COMPARISONS = {
    Operator.GREATER_THAN: Comparison.GT,
    Operator.GREATER_THAN_EQUAL: Comparison.GTE,
    Operator.LESS_THAN: Comparison.LT,
    Operator.LESS_THAN_EQUAL: Comparison.LTE,
}


@dataclass(frozen=True, slots=True)
class Index:
    """What the `invertedIndexConfig` of a class says that filters depend on."""

    stopwords: frozenset[str] = ENGLISH
    nulls: bool = False
    lengths: bool = False
    times: bool = False
    unindexed: frozenset[str] = field(default=frozenset())
    """Properties that cannot be filtered by."""


def read_index(described: Mapping[str, Any]) -> Index:
    """The index of a class as the schema describes it."""
    config = described.get("invertedIndexConfig") or {}
    words = config.get("stopwords") or {}
    known = frozenset() if words.get("preset") == "none" else ENGLISH
    known = (known | frozenset(words.get("additions") or ())) - frozenset(words.get("removals") or ())
    unindexed = (
        one["name"]
        for one in described.get("properties") or ()
        if one.get("indexFilterable") is False
        and not (one.get("indexSearchable") and one["dataType"][0].removesuffix("[]") in _TEXTS)
        and not one.get("indexRangeFilters")
    )
    return Index(
        known,
        bool(config.get("indexNullState")),
        bool(config.get("indexPropertyLength")),
        bool(config.get("indexTimestamps")),
        frozenset(unindexed),
    )


def check(clause: Clause, index: Index) -> None:
    """Raise ValueError for what the class has no index for, as Weaviate does, and Unanswerable for what is not known."""
    match clause:
        case Every(items) | Some(items):
            for item in items:
                check(item, index)
        case Negated(item):
            check(item, index)
        case Test():
            _check_test(clause, index)


def _check_test(test: Test, index: Index) -> None:
    name = test.held.name
    if test.operator is Operator.IS_NULL:
        if not index.nulls:
            raise ValueError(
                "Nullstate must be indexed to be filterable! Add `IndexNullState: true` to the invertedIndexConfig in the schema"
            )
    elif test.length and test.held.type != REFERENCE:
        if not index.lengths:
            raise ValueError(
                "Property length must be indexed to be filterable! Add `IndexPropertyLength: true` to the "
                "invertedIndexConfig in the schema"
            )
    elif name in (CREATED, UPDATED):
        if not index.times:
            raise ValueError(
                "timestamps must be indexed to be filterable! Add `IndexTimestamps: true` to the InvertedIndexConfig in the "
                "schema"
            )
    elif name in index.unindexed:
        raise ValueError(
            f"Filtering by property '{name}' requires inverted index. Is `indexFilterable` option of property '{name}' "
            "enabled? Set it to `true` or leave empty"
        )
    if test.held.element in _TEXTS and not test.length and test.operator is not Operator.IS_NULL:
        _check_words(test, index)
    if test.operator is Operator.LIKE and test.held.element not in _TEXTS:
        raise ValueError(f"operator {test.operator} not supported")


def _check_words(test: Test, index: Index) -> None:
    if test.held.tokenization not in _TOKENIZERS:
        raise Unanswerable(f"a filter over texts that are tokenized by {test.held.tokenization}")
    values = test.value if test.operator in CONTAINS else (test.value,)
    found = [bool(_terms(test, value, index)) for value in values]
    enough = any if test.operator is Operator.CONTAINS_ANY else all
    if not enough(found):
        raise ValueError(
            "invalid search term, only stopwords provided. Stopwords can be configured in class.invertedIndexConfig.stopwords"
        )


# Over one object.


def means(clause: Clause, object_id: UUID, payload: Mapping[str, Any], index: Index) -> bool:
    """Whether an object matches a clause that was checked. Raises Unanswerable for a time that nobody kept."""
    match clause:
        case Every(items):
            return all(means(item, object_id, payload, index) for item in items)
        case Some(items):
            return any(means(item, object_id, payload, index) for item in items)
        case Negated(item):
            return not means(item, object_id, payload, index)
        case Test():
            return _tests(clause, object_id, payload, index)


def _tests(test: Test, object_id: UUID, payload: Mapping[str, Any], index: Index) -> bool:
    held = _held(test.held.name, object_id, payload)
    if test.length:
        return _compares(test.operator, [len(held) if held is not None else 0], test.value)
    if test.operator is Operator.IS_NULL:
        return (held is None or held == []) is test.value
    if isinstance(test.value, Geo):
        return held is not None and _meters(held, test.value) <= test.value.distance
    values = [] if held is None else held if isinstance(held, list) else [held]
    if test.held.element not in _TEXTS:
        return _of_keys(test, values, lambda value: [value])
    tokens = _TOKENIZERS[test.held.tokenization]
    keys = [token for value in values for token in tokens(value)]
    return _of_keys(test, keys, lambda value: _terms(test, value, index))


def _held(name: str, object_id: UUID, payload: Mapping[str, Any]) -> Any:
    if name == ID:
        return str(object_id)
    if name not in (CREATED, UPDATED):
        return payload.get(name)
    if name not in payload:
        raise Unanswerable("a filter over times that were not kept")
    return datetime.fromtimestamp(payload[name] / 1000, UTC)


def _of_keys(test: Test, keys: Sequence[Any], terms: Callable[[Any], Sequence[Any]]) -> bool:
    if test.operator not in CONTAINS:
        return all(_compares(test.operator, keys, term) for term in terms(test.value))
    wanted = [terms(value) for value in test.value]
    found = [bool(some) and all(term in keys for term in some) for some in wanted]
    match test.operator:
        case Operator.CONTAINS_ANY:
            return any(found)
        case Operator.CONTAINS_ALL:
            return all(found)
        case _:
            return not any(found)


def _terms(test: Test, value: str, index: Index) -> Sequence[str]:
    """What a text of a filter looks for; nothing when all its words are ignored."""
    kind = test.held.tokenization
    if test.operator is Operator.LIKE:
        return _split(value.lower(), _NO_PATTERN) if kind == "word" else _TOKENIZERS[kind](value)
    terms = _TOKENIZERS[kind](value)
    return terms if kind != "word" else [term for term in terms if term not in index.stopwords]


def _compares(operator: Operator, keys: Iterable[Any], value: Any) -> bool:
    if operator is Operator.NOT_EQUAL:
        return value not in keys
    if operator is Operator.LIKE:
        pattern = re.compile(re.escape(value).replace(r"\?", ".").replace(r"\*", ".*"))
        return any(pattern.fullmatch(key) for key in keys)
    return any(_HOLDS[operator](key, value) for key in keys)


def _meters(held: Mapping[str, float], around: Geo) -> float:
    """The way over the surface of a sphere (haversine), in the 32 bits that Weaviate keeps and subtracts coordinates in:
    who asks for what is within a millimeter finds the object itself.
    """
    south, north = np.float32(held["latitude"]), np.float32(around.latitude)
    lap = math.radians(north - south)
    across = math.radians(np.float32(around.longitude) - np.float32(held["longitude"]))
    narrow = math.cos(_radians(south)) * math.cos(_radians(north))
    chord = math.sin(lap / 2) ** 2 + narrow * math.sin(across / 2) ** 2
    return float(np.float32(2 * _EARTH * math.asin(math.sqrt(min(1.0, chord)))))


def _radians(degrees: np.float32) -> np.float32:
    return degrees * np.float32(math.pi) / np.float32(180)


# Tokens.

_NO_WORD = re.compile(r"[\W_]+")
"""Everything but letters and numbers."""
_NO_PATTERN = re.compile(r"(?:(?![?*])[\W_])+")


def _split(text: str, between: re.Pattern[str]) -> list[str]:
    return [token for token in between.split(text) if token]


def _trigrams(text: str) -> list[str]:
    joined = "".join(_split(text, _NO_WORD)).lower()
    return [joined[start : start + 3] for start in range(len(joined) - 2)]


_TOKENIZERS: Mapping[str, Callable[[str], list[str]]] = {
    "word": lambda text: [token.lower() for token in _split(text, _NO_WORD)],
    "lowercase": lambda text: text.lower().split(),
    "whitespace": lambda text: text.split(),
    "field": lambda text: [text.strip()],
    "trigram": _trigrams,
}


# As a filter of the model.


def translate(clause: Clause, key: Callable[[UUID], RecordId] = lambda one: one) -> Filter | None:
    """The same as a filter of the model, with the key that an object of each id has; None where that has no words for it.

    A text that is one token is compared as it stands: Weaviate ignores blanks around it.
    """
    match clause:
        case Every(items) | Some(items):
            parts = [translate(item, key) for item in items]
            if None in parts:
                return None
            kinds = tuple(part for part in parts if part is not None)
            return model.And(kinds) if isinstance(clause, Every) else model.Or(kinds)
        case Negated(item):
            part = translate(item, key)
            return None if part is None else model.Not(part)
        case Test():
            return _translate_test(clause, key)


def _translate_test(test: Test, key: Callable[[UUID], RecordId]) -> Filter | None:
    held = test.held
    by_tokens = held.element in _TEXTS and held.tokenization != "field"
    if test.length or isinstance(test.value, Geo) or held.name in (CREATED, UPDATED):
        return None
    if test.operator is Operator.IS_NULL:
        return None if held.is_list else _translate_null(held, null=test.value)
    if test.operator is Operator.LIKE or by_tokens:
        return None
    if test.operator in ORDERED:
        plain = held.name != ID and held.element != "uuid"
        return (
            model.Compare((held.name,), _COMPARISONS[test.operator], _trimmed(test.value)) if plain else None
        )
    return _translate_equal(test, key)


def _translate_equal(test: Test, key: Callable[[UUID], RecordId]) -> Filter:
    values = test.value if test.operator in CONTAINS else (test.value,)
    parts = tuple(_equal(test.held, value, key) for value in values)
    if test.operator is Operator.CONTAINS_ALL:
        return model.And(parts)
    negated = test.operator in (Operator.NOT_EQUAL, Operator.CONTAINS_NONE)
    return model.Not(model.Or(parts)) if negated else model.Or(parts)


def _translate_null(held: Property, *, null: bool) -> Filter:
    there = model.And((model.Exists((held.name,)), model.Not(model.IsNull((held.name,)))))
    return model.Not(there) if null else there


def _equal(held: Property, value: Any, key: Callable[[UUID], RecordId]) -> Filter:
    if held.name != ID:
        return model.Compare((held.name,), Comparison.EQ, _trimmed(value))
    try:
        return model.HasId((key(UUID(value)),))
    except ValueError:
        return model.Or(())


def _trimmed(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value
