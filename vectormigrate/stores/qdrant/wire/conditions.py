"""Filters as gRPC has them, in the words of REST: one language for everybody further in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf import json_format

from vectormigrate.stores.qdrant.ids import read_message_id, write_id

Json = dict[str, Any]
_CLAUSES = ("must", "should", "must_not")


def read_filter(message: Any) -> Json:
    """A `Filter` as the `filter` of a REST request. Raises ValueError."""
    read: Json = {
        clause: [read_condition(one) for one in conditions]
        for clause in _CLAUSES
        if (conditions := getattr(message, clause))
    }
    if message.HasField("min_should"):
        conditions = [read_condition(one) for one in message.min_should.conditions]
        read["min_should"] = {"conditions": conditions, "min_count": message.min_should.min_count}
    return read


def read_condition(message: Any) -> Json:
    kind = message.WhichOneof("condition_one_of")
    if kind is None:
        raise ValueError("a condition is missing, or not known here")
    return _READERS[kind](getattr(message, kind))


def _field(message: Any) -> Json:
    read: Json = {"key": message.key}
    for name in ("match", "range", "datetime_range", *_PLAIN):
        if message.HasField(name):
            given = getattr(message, name)
            read[_NAMES.get(name, name)] = _QUESTIONS.get(name, _plain)(given)
    for name in ("is_empty", "is_null"):
        if message.HasField(name):
            read[name] = getattr(message, name)
    return read


_PLAIN = ("geo_bounding_box", "geo_radius", "geo_polygon", "values_count")
_NAMES = {"datetime_range": "range"}
_MATCHES = {
    "keyword": "value",
    "integer": "value",
    "boolean": "value",
    "keywords": "any",
    "integers": "any",
    "except_keywords": "except",
    "except_integers": "except",
}


def _match(message: Any) -> Json:
    kind = message.WhichOneof("match_value")
    if kind is None:
        raise ValueError("a match is missing, or not known here")
    value = getattr(message, kind)
    if kind.endswith("keywords"):
        value = list(value.strings)
    elif kind.endswith("integers"):
        value = list(value.integers)
    return {_MATCHES.get(kind, kind): value}


def _range(message: Any) -> Json:
    return {bound.name: value for bound, value in message.ListFields()}


def _moments(message: Any) -> Json:
    return {bound.name: value.ToJsonString() for bound, value in message.ListFields()}


def _plain(message: Any) -> Json:
    """Messages that are written in JSON as they are; whole numbers beyond 32 bits as text, which none of these has."""
    read: Json = json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return {name: int(value) if isinstance(value, str) else value for name, value in read.items()}


_QUESTIONS: dict[str, Callable[[Any], Json]] = {"match": _match, "range": _range, "datetime_range": _moments}
_READERS: dict[str, Callable[[Any], Json]] = {
    "field": _field,
    "is_empty": lambda message: {"is_empty": {"key": message.key}},
    "is_null": lambda message: {"is_null": {"key": message.key}},
    "has_id": lambda message: {"has_id": [write_id(read_message_id(one)) for one in message.has_id]},
    "filter": read_filter,
    "nested": lambda message: {"nested": {"key": message.key, "filter": read_filter(message.filter)}},
    "has_vector": lambda message: {"has_vector": message.has_vector},
    "slice": lambda message: {"slice": {"total": message.total, "index": message.index}},
}
