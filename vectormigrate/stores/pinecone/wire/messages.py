"""Messages of the gRPC service to and from the same objects as the bodies of REST, so that both are answered alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from vectormigrate.stores.pinecone.pb import MESSAGES, METHODS

from .heads import Head, HeadItem
from .records import Malformed

Json = dict[str, Any]

_STRUCT = "google.protobuf.Struct"


def read_request(method: str, request: bytes) -> Any:
    """The message of a request to a method of `VectorService`. Raises Malformed."""
    message = MESSAGES[METHODS[method][0]]()
    try:
        message.ParseFromString(request)
    except DecodeError:
        raise Malformed(f"the request is no {METHODS[method][0]}") from None
    return message


def write_answer(method: str, answer: Mapping[str, Any]) -> bytes:
    """The bytes of an answer."""
    message = MESSAGES[METHODS[method][1]]()
    _fill(message, answer)
    encoded: bytes = message.SerializeToString()
    return encoded


def read_answer(method: str, answered: bytes) -> Json:
    """An answer as the object that REST gives."""
    message = MESSAGES[METHODS[method][1]]()
    message.ParseFromString(answered)
    return to_object(message)


def head_of(method: str, message: Any) -> Head:
    """What an Upsert, Update or Delete says of which records it changes."""
    if method == "Upsert":
        return Head(message.namespace, vectors=[HeadItem(one.id) for one in message.vectors])
    condition = _struct(message.filter) if message.HasField("filter") else None
    if method == "Update":
        return Head(message.namespace, id=message.id or None, filter=condition, dry_run=message.dry_run)
    return Head(message.namespace, ids=list(message.ids), filter=condition, delete_all=message.delete_all)


# Either way. Names are those of JSON; what is not set is not there.


def to_object(message: Any) -> Json:
    """A message as a JSON object."""
    return {field.json_name: _value(field, held) for field, held in message.ListFields()}


def _value(field: Any, held: Any) -> Any:
    kind = field.message_type
    if kind is None:
        return list(held) if field.is_repeated else held
    if kind.GetOptions().map_entry:
        return {key: to_object(one) for key, one in held.items()}
    if kind.full_name == _STRUCT:
        return _struct(held)
    return [to_object(one) for one in held] if field.is_repeated else to_object(held)


def _struct(held: Any) -> Json:
    return {key: _plain(value) for key, value in held.fields.items()}


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _struct(value.struct_value)
    if kind == "list_value":
        return [_plain(one) for one in value.list_value.values]
    return None if kind in (None, "null_value") else getattr(value, kind)


def _fill(message: Any, given: Mapping[str, Any]) -> None:
    names = {**message.DESCRIPTOR.fields_by_camelcase_name, **message.DESCRIPTOR.fields_by_name}
    for key, value in given.items():
        field = names[key]
        kind = field.message_type
        if kind is None:
            if field.is_repeated:
                getattr(message, field.name).extend(
                    value.tolist() if isinstance(value, np.ndarray) else value
                )
            else:
                setattr(message, field.name, value)
        elif kind.GetOptions().map_entry:
            for name, one in value.items():
                _fill(getattr(message, field.name)[name], one)
        elif kind.full_name == _STRUCT:
            _fill_struct(getattr(message, field.name), value)
        elif field.is_repeated:
            for one in value:
                _fill(getattr(message, field.name).add(), one)
        else:
            getattr(message, field.name).SetInParent()
            _fill(getattr(message, field.name), value)


def _fill_struct(struct: Any, given: Mapping[str, Any]) -> None:
    struct.SetInParent()
    for key, value in given.items():
        _fill_value(struct.fields[key], value)


def _fill_value(held: Any, value: Any) -> None:
    if isinstance(value, bool):
        held.bool_value = value
    elif isinstance(value, str):
        held.string_value = value
    elif isinstance(value, int | float):
        held.number_value = value
    elif isinstance(value, list):
        held.list_value.SetInParent()
        for one in value:
            _fill_value(held.list_value.values.add(), one)
    elif isinstance(value, Mapping):
        _fill_struct(held.struct_value, value)
    else:
        held.null_value = 0
