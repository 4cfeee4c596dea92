"""Objects of the REST API to and from records.

`write_properties` and `read_payload` are what both wires share: plain values by property name, as `values.py` has
them, with what they cannot say in `_vm_meta`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import numpy as np

from vectormigrate.model import jsonvalue
from vectormigrate.model.collection import VectorKind
from vectormigrate.model.record import Array, Payload, Record, RecordId
from vectormigrate.stores.weaviate.ids import uuid_of

from .layout import META, Layout
from .values import from_plain, to_plain

Json = dict[str, Any]


def write_properties(payload: Mapping[str, Any], layout: Layout) -> Json:
    """Plain values of an object's properties. Raises ValueError for a value that this class cannot give back."""
    written: Json = {}
    rest: Json = {}
    for key, value in payload.items():
        held = layout.properties.get(key)
        if held is None or (value is None and layout.meta):  # to Weaviate a null is no value at all
            rest[key] = value
        elif value is not None:
            plain, exact = to_plain(held, value)
            if plain is not None:
                written[key] = plain
            if not exact:
                rest[key] = value
    if rest:
        if not layout.meta:
            raise ValueError(f"property {next(iter(rest))!r} of this class cannot hold the value exactly")
        written[META] = jsonvalue.dumps(rest).decode()
    return written


def read_payload(properties: Mapping[str, Any], layout: Layout) -> Payload:
    """Invert `write_properties`. Raises ValueError for what does not fit the class."""
    payload: Payload = {
        key: from_plain(layout.properties[key], plain)
        for key, plain in properties.items()
        if plain is not None and key in layout.properties
    }
    kept = (properties.get(META) if layout.meta else None) or "{}"
    for key, value in jsonvalue.loads(kept).items():
        held = layout.properties.get(key)
        beside = None if held is None or value is None else to_plain(held, value)[0]
        if beside == properties.get(
            key
        ):  # else the property was set since, by somebody who knows nothing of ours
            payload[key] = value
    return payload


def tenant_of(record_id: RecordId, layout: Layout) -> str:
    """The tenant that a key is in; "" in a class without tenants. Raises ValueError for what is no key of the class."""
    if not layout.multi_tenant:
        return ""
    if not isinstance(record_id, tuple):
        raise ValueError("the key of a class with tenants is tenant and id")  # noqa: TRY004 the value is wrong
    return str(record_id[0])


def object_id(record_id: RecordId) -> UUID:
    """The UUID of the object that a key names. Raises ValueError for a key that names none."""
    found = uuid_of(record_id)
    if found is None:
        raise ValueError(f"{record_id!r} holds no UUID")
    return found


def key_of(given: UUID, layout: Layout, tenant: str = "") -> RecordId:
    """The key of an object."""
    return (tenant, given) if layout.multi_tenant else given


def write_object(record: Record, layout: Layout) -> Json:
    """A record as the JSON of an object; arrays stay numpy's, for orjson. Raises ValueError."""
    written: Json = {
        "class": layout.name,
        "id": str(object_id(record.id)),
        "properties": write_properties(record.payload, layout),
    }
    if tenant := tenant_of(record.id, layout):
        written["tenant"] = tenant
    named = {name: vector for name, vector in {**record.dense, **record.multi}.items() if name}
    if named:
        written["vectors"] = named
    if "" in record.dense:
        written["vector"] = record.dense[""]
    return written


def read_object(told: Mapping[str, Any], layout: Layout) -> Record:
    """A record out of the JSON of an object, parsed. Raises ValueError for what is no object of this class."""
    try:
        given = UUID(told["id"])
        properties = told.get("properties") or {}
        vectors: dict[str, Any] = dict(told.get("vectors") or {})
        if told.get("vector"):
            vectors[""] = told["vector"]
        kinds = {vector.name: vector.kind for vector in layout.vectors}
        dense: dict[str, Array] = {}
        multi: dict[str, Array] = {}
        for name, numbers in vectors.items():
            if name not in kinds:
                raise ValueError(f"the class has no vector {name!r}")
            many = kinds[name] is VectorKind.MULTI
            (multi if many else dense)[name] = _numbers(numbers, 2 if many else 1)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"an object cannot be read: {error!r}") from None
    key = key_of(given, layout, told.get("tenant") or "")
    return Record(key, dense, {}, multi, read_payload(properties, layout))


def _numbers(given: Any, dimensions: int) -> Array:
    with np.errstate(over="ignore"):
        array = np.asarray(given, np.float32)
    if array.ndim != dimensions or not np.isfinite(array).all():
        raise ValueError("a vector is no list of finite numbers")
    return array
