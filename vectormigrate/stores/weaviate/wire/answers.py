"""Objects as a search of the gRPC API asks for them and answers them, both ways; a batch's are in `messages.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import numpy as np

from vectormigrate.model.batch import Batch, Column, DenseColumn, dense_column, multi_column
from vectormigrate.model.collection import VectorField, VectorKind
from vectormigrate.model.record import Payload, RecordId, id_text
from vectormigrate.stores.weaviate import pb

from .layout import META, REFERENCE, Layout, Property
from .objects import key_of, read_payload
from .values import BEACON, infer
from .vectors import read_dense, read_multi

Json = dict[str, Any]


# What a search is asked to return, and its answer.


def wanted_properties(layout: Layout) -> Any:
    """A `PropertiesRequest` for everything, what auto-schema declared since the class was described included. Blobs and
    references come only when they are named; where there are blobs all is, and so nothing else comes.
    """
    request = pb.PropertiesRequest()
    if not any(map(_has_blob, layout.properties.values())):
        request.return_all_nonref_properties = True
    else:
        _want(request, layout.properties.values())
        if layout.meta:
            request.non_ref_properties.append(META)
    for held in layout.properties.values():
        for target in held.targets:
            asked = request.ref_properties.add(reference_property=held.name, target_collection=target)
            asked.metadata.uuid = True
    return request


def _has_blob(held: Property) -> bool:
    return held.element in ("blob", "blobHash") or any(map(_has_blob, held.nested.values()))


def _want(request: Any, properties: Iterable[Property]) -> None:
    primitive = request.non_ref_properties if hasattr(request, "non_ref_properties") else None
    names = request.primitive_properties if primitive is None else primitive
    for held in properties:
        if held.element == "object":
            _want(request.object_properties.add(prop_name=held.name), held.nested.values())
        elif held.type != REFERENCE:
            names.append(held.name)


def wanted_metadata(layout: Layout, *, vectors: bool = True, distance: bool = False) -> Any:
    """A `MetadataRequest` for ids, and all vectors of the class."""
    request = pb.MetadataRequest(uuid=True, distance=distance)
    if vectors:
        names = [vector.name for vector in layout.vectors]
        request.vector = "" in names
        request.vectors.extend(name for name in names if name)
    return request


def undeclared(results: Sequence[Any], layout: Layout) -> bool:
    """Whether objects of a `SearchReply` have properties that the class had not when it was described."""
    known = {**layout.properties, META: Property(META, "text")}
    return any(_strange(result.properties.non_ref_props, known) for result in results)


def _strange(members: Any, known: Mapping[str, Property]) -> bool:
    """Whether an object has members that are not known, at any depth."""
    if not known.keys() >= set(members.fields):
        return True
    return any(
        _strange(one, held.nested)
        for name, held in known.items()
        if held.nested and name in members.fields
        for one in _objects(members.fields[name])
    )


def _objects(value: Any) -> Sequence[Any]:
    if value.WhichOneof("kind") == "object_value":
        return [value.object_value]
    objects: Sequence[Any] = value.list_value.object_values.values
    return objects


def read_results(results: Sequence[Any], layout: Layout, *, tenant: str = "", bare: bool = False) -> Batch:
    """Objects of a `SearchReply` as a batch; `bare` has ids alone. Raises ValueError for what does not fit the class.

    An object that holds what no payload can (a moment finer than a microsecond) is a fault of its row.
    """
    ids: list[RecordId] = []
    payloads: list[Payload] = []
    faults: dict[int, str] = {}
    for row, result in enumerate(results):
        plain = _plain_result(result.properties)
        key = key_of(UUID(bytes=result.metadata.id_as_bytes), layout, tenant)
        ids.append(key)
        payload: Payload = {}
        if not bare:
            try:
                payload = read_payload(plain, layout)
            except ValueError as error:
                faults[row] = f"{id_text(key)[:200]}: {error}"
        payloads.append(payload)
    columns = {} if bare else {one.name: _read_column(results, one) for one in layout.vectors}
    return Batch(ids, columns, payloads, faults=faults)


def _read_column(results: Sequence[Any], vector: VectorField) -> Column:
    many = vector.kind is VectorKind.MULTI
    raw = [_vector_bytes(result.metadata, vector.name) for result in results]
    rows = [(read_multi if many else read_dense)(one) if one else None for one in raw]
    width = vector.dim or next((row.shape[-1] for row in rows if row is not None), 0)
    if any(row is not None and row.shape[-1] != width for row in rows):
        raise ValueError(f"vector {vector.name!r} has not {width} dimensions everywhere")
    if many:
        return multi_column(rows, width=width)
    if all(raw):  # one copy of all of them at once
        return DenseColumn(np.frombuffer(b"".join(raw), "<f4").reshape(len(raw), width))
    return dense_column(rows, width=width)


def _vector_bytes(metadata: Any, name: str) -> bytes:
    if not name:
        return bytes(metadata.vector_bytes)
    return next((bytes(one.vector_bytes) for one in metadata.vectors if one.name == name), b"")


def _plain_result(message: Any) -> Json:
    plain = _plain_members(message.non_ref_props)
    for one in message.ref_props:
        beacons = [
            {"beacon": f"{BEACON}{target.target_collection}/{target.metadata.id}"}
            for target in one.properties
        ]
        plain.setdefault(one.prop_name, []).extend(beacons)
    return plain


def _plain_members(message: Any) -> Json:
    return {name: _plain_value(value) for name, value in message.fields.items()}


def _plain_value(value: Any) -> Any:
    match value.WhichOneof("kind"):
        case "object_value":
            return _plain_members(value.object_value)
        case "list_value":
            return _plain_list(value.list_value)
        case "geo_value":
            return {"latitude": value.geo_value.latitude, "longitude": value.geo_value.longitude}
        case "phone_value":
            return _plain_phone(value.phone_value)
        case "null_value" | None:
            return None
        case kind:
            return getattr(value, kind)


def _plain_list(message: Any) -> list[Any]:
    kind = message.WhichOneof("kind")
    if kind is None:
        return []
    values = getattr(message, kind).values
    match kind:
        case "number_values":
            return list(np.frombuffer(values, "<f8").tolist())
        case "int_values":
            return list(np.frombuffer(values, "<i8").tolist())
        case "object_values":
            return [_plain_members(item) for item in values]
        case _:
            return list(values)


_PHONE = {
    "input": "input",
    "defaultCountry": "default_country",
    "internationalFormatted": "international_formatted",
    "countryCode": "country_code",
    "national": "national",
    "nationalFormatted": "national_formatted",
    "valid": "valid",
}
"""The members of a phone number as JSON and as a message."""


def _plain_phone(message: Any) -> Json:
    return {ours: getattr(message, theirs) for ours, theirs in _PHONE.items()}


# A record as an answer: what a facade sends.


def write_properties_result(plain: Mapping[str, Any], properties: Mapping[str, Property]) -> Any:
    """Plain values as the `Properties` of an answer; a name that the class does not know is typed by its value."""
    message = pb.Properties()
    for name, value in plain.items():
        held = properties.get(name) or Property(name, infer(value) or "text")
        if held.type != REFERENCE:
            message.fields[name].CopyFrom(write_value(value, held))
    return message


_KINDS = {
    "text": "text_value",
    "string": "text_value",
    "blobHash": "text_value",
    "boolean": "bool_value",
    "int": "int_value",
    "number": "number_value",
    "date": "date_value",
    "uuid": "uuid_value",
    "blob": "blob_value",
}
_LISTS = {
    "text": "text_values",
    "string": "text_values",
    "boolean": "bool_values",
    "date": "date_values",
    "uuid": "uuid_values",
}
_PACKED = {"int": ("int_values", "<i8"), "number": ("number_values", "<f8")}


def write_value(plain: Any, held: Property) -> Any:
    """A plain value as the `Value` of an answer."""
    message = pb.Value()
    if plain is None:
        message.null_value = 0
    elif isinstance(plain, list):
        _write_list(message.list_value, plain, held)
    elif held.type == "object":
        message.object_value.CopyFrom(write_properties_result(plain, held.nested))
    elif held.type == "geoCoordinates":
        message.geo_value.latitude, message.geo_value.longitude = plain["latitude"], plain["longitude"]
    elif held.type == "phoneNumber":
        for ours, theirs in _PHONE.items():
            if ours in plain:
                setattr(message.phone_value, theirs, plain[ours])
    else:
        setattr(message, _KINDS[held.type], plain)
    return message


def _write_list(message: Any, plain: list[Any], held: Property) -> None:
    if held.element == "object":
        message.object_values.SetInParent()
        for item in plain:
            message.object_values.values.append(write_properties_result(item, held.nested))
    elif held.element in _PACKED:
        kind, dtype = _PACKED[held.element]
        getattr(message, kind).values = np.array(plain, dtype).tobytes()
        getattr(message, kind).SetInParent()
    else:
        kind = _LISTS[held.element]
        getattr(message, kind).SetInParent()
        getattr(message, kind).values.extend(plain)
