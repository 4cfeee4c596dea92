"""Payloads: the values of a record to and from JSON text and protobuf `Value`s.

What JSON has no type for travels as `model.jsonvalue` writes it, and numbers that a double cannot hold as
`stores.decimals` does, so any payload comes back; `{"$date": ...}` in somebody else's payload is read as what it says
and written back as it was. Integers beyond 64 bits are refused: Qdrant would make doubles of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import repeat
from typing import Any

import msgspec

from vectormigrate.model.record import Payload
from vectormigrate.stores import decimals
from vectormigrate.stores.qdrant.pb import json_with_int_pb2

_INT64 = range(-(2**63), 2**63)
DEEPEST = 124
"""Objects and lists in each other that a payload may be: Qdrant's parser takes 127, and three are around it."""
_DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


class Doubtful(Exception):
    """A double between 2^63 and 2^64 in a message: servers send integers of that size so, and their digits are lost."""


def to_plain(value: Any) -> Any:
    """The same value out of JSON's own types alone; itself when it is already. Raises ValueError."""
    if _is_plain(value):
        return value
    plain = _DECODER.decode(decimals.dumps(value))
    if not _fits(plain):
        raise ValueError("an integer needs more than 64 bits")
    return plain


def from_plain(value: Any) -> Any:
    """Invert `to_plain`."""
    return decimals.loads(msgspec.json.encode(value)) if _has_tag(value) else value


def dumps(value: Any) -> bytes:
    """JSON text of a payload, or of one value. Raises ValueError."""
    return msgspec.json.encode(to_plain(value))


def loads(text: bytes | msgspec.Raw) -> Any:
    """Invert `dumps`: a server's or a client's JSON as values, numbers as the server would read them.

    Raises ValueError when it is not JSON.
    """
    try:
        value = _DECODER.decode(text)
        return from_plain(value) if b'"$' in bytes(text) else value
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def loads_object(text: bytes | msgspec.Raw) -> Payload:
    """A whole payload, nothing being an empty one. Raises ValueError, too, for what is no object."""
    payload: Payload | None = loads(text)
    if payload is None:
        return {}
    if type(payload) is not dict:
        raise ValueError("a payload is an object")
    return payload


def write_message(payload: Payload) -> dict[str, Any]:
    """A payload as the map of `Value`s that messages hold. Raises ValueError."""
    return {key: _value(item) for key, item in to_plain(payload).items()}


def read_message(payload: Any, *, answer: bool = False) -> Payload:
    """Invert `write_message`. In a server's `answer`, raises Doubtful when only JSON can say what a number is."""
    plain = {key: _plain(item, answer) for key, item in payload.items()}
    read: Payload = from_plain(plain)
    return read


def _is_plain(value: Any, left: int = DEEPEST) -> bool:
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return value in _INT64
    if kind is float:
        return math.isfinite(value)
    if not left:
        raise ValueError(f"a payload may be nested {DEEPEST} levels deep")
    if kind is list:
        return all(map(_is_plain, value, repeat(left - 1)))
    if kind is not dict or (len(value) == 1 and _is_tag(value)):
        return False
    return all(map(_is_plain, value.values(), repeat(left - 1))) and all(type(key) is str for key in value)


def _is_tag(value: dict[str, Any]) -> bool:
    return next(iter(value)).startswith("$")


def _has_tag(value: Any) -> bool:
    if type(value) is dict:
        return (len(value) == 1 and _is_tag(value)) or any(map(_has_tag, value.values()))
    return type(value) is list and any(map(_has_tag, value))


def _fits(value: Any) -> bool:
    if type(value) is dict:
        return all(map(_fits, value.values()))
    if type(value) is list:
        return all(map(_fits, value))
    return type(value) is not int or value in _INT64


_MAKERS: dict[type, Callable[[Any], Any]] = {
    str: lambda value: json_with_int_pb2.Value(string_value=value),
    int: lambda value: json_with_int_pb2.Value(integer_value=value),
    float: lambda value: json_with_int_pb2.Value(double_value=value),
    bool: lambda value: json_with_int_pb2.Value(bool_value=value),
    dict: lambda value: json_with_int_pb2.Value(
        struct_value=json_with_int_pb2.Struct(fields={key: _value(item) for key, item in value.items()})
    ),
    list: lambda value: json_with_int_pb2.Value(
        list_value=json_with_int_pb2.ListValue(values=map(_value, value))
    ),
    type(None): lambda _: json_with_int_pb2.Value(null_value=json_with_int_pb2.NULL_VALUE),
}


def _value(value: Any) -> Any:
    return _MAKERS[type(value)](value)


def _plain(message: Any, answer: bool) -> Any:
    kind = message.WhichOneof("kind")
    if kind == "struct_value":
        return {key: _plain(item, answer) for key, item in message.struct_value.fields.items()}
    if kind == "list_value":
        return [_plain(item, answer) for item in message.list_value.values]
    if kind in ("null_value", None):
        return None
    value = getattr(message, kind)
    if answer and kind == "double_value" and 2.0**63 <= value <= 2.0**64:
        raise Doubtful
    return value
