"""Weaviate, by its client."""

from __future__ import annotations

import base64
import re
import warnings
from contextlib import ExitStack
from dataclasses import replace
from itertools import count
from typing import Any
from uuid import UUID, uuid5

import numpy as np
from weaviate.classes.config import DataType
from weaviate.classes.data import DataObject

from tests.life.weaviate_client import weaviate_client
from vectormigrate.model.collection import Element, FieldType, IdKind, Metric, VectorField, VectorKind
from vectormigrate.model.record import Record
from vectormigrate.model.specification import StoreRef

from .kinds import Table
from .side import Held, Side, by_place, kept, mapped, none_of

_DISTANCES = {
    Metric.COSINE: "cosine",
    Metric.DOT: "dot",
    Metric.EUCLID: "l2-squared",
    Metric.MANHATTAN: "manhattan",
}
_TYPES = {
    FieldType.BOOL: "boolean",
    FieldType.INT: "int",
    FieldType.FLOAT: "number",
    FieldType.TEXT: "text",
    FieldType.BYTES: "blob",
    FieldType.DATETIME: "date",
    FieldType.UUID: "uuid",
}
_BY_VALUE = {bool: "boolean", int: "int", float: "number", str: "text"}
_MOST_INT = 2**53
_SPACE = UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")


class WeaviateSide(Side):
    """Classes of one server."""

    kind = "weaviate"

    def __init__(self, url: str, grpc_port: int) -> None:
        self._url, self._grpc_port = url, grpc_port
        self._stack = ExitStack()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            port = int(url.rpartition(":")[2])
            self._client = self._stack.enter_context(weaviate_client(port, grpc_port))

    def ref(self, name: str, table: Table, *, target: bool = False) -> StoreRef:
        options = {"grpc_port": str(self._grpc_port), "wake_tenants": "yes"}
        if table.shape.partitions and table.shape.id.kind is IdKind.UUID and target:
            options["keys"] = "tenants"
        return StoreRef(self.kind, self._url, self.name(name), options=options)

    def name(self, name: str) -> str:
        return "M_" + name.replace("-", "_")

    def own(self, table: Table) -> Table:
        shape = table.shape
        if not all(map(_natural, shape.vectors)):
            return none_of(table)
        if shape.id.kind is IdKind.TEXT:  # that is about something else than ids
            if table.group == "Ids":
                return none_of(table)
            table = _identified(table)
        elif shape.id.kind is not IdKind.UUID:
            return none_of(table)
        known = {field.name: field for field in shape.fields}
        named = {name for name, field in known.items() if _property(field.type, field.element)}
        return kept(table, lambda one: _fits(one) and not (one.payload.keys() & known.keys()) - named)

    def make(self, name: str, table: Table) -> None:
        shape = table.shape
        made: dict[str, Any] = {
            "class": self.name(name),
            "properties": [{"name": name, "dataType": [kind]} for name, kind in _properties(table).items()],
            "multiTenancyConfig": {"enabled": bool(shape.partitions)},
            "vectorConfig": {one.name: _config(one) for one in shape.vectors},
        }
        self._client.collections.create_from_dict(made)
        collection = self._client.collections.use(self.name(name))
        if shape.partitions:
            collection.tenants.create(list(shape.partitions))
        for place, records in by_place(table.records, 200):
            within = collection.with_tenant(place) if place else collection
            answer = within.data.insert_many([_object(record) for record in records])
            assert not answer.has_errors, answer.errors

    def read(self, name: str) -> list[Held]:
        collection = self._client.collections.use(self.name(name))
        config = collection.config.get()
        names = [one.name for one in config.properties]  # blobs come only when they are asked for
        blobs = {one.name for one in config.properties if one.data_type is DataType.BLOB}
        tenants: list[str | None] = [None]
        if config.multi_tenancy_config.enabled:
            tenants = [*collection.tenants.get()]
        found = []
        for tenant in tenants:
            within = collection if tenant is None else collection.with_tenant(tenant)
            last: UUID | None = None
            while objects := within.query.fetch_objects(
                limit=1000, include_vector=True, return_properties=names, after=last
            ).objects:
                found += [_held(one, tenant, blobs) for one in objects]
                last = UUID(str(objects[-1].uuid))
        return found

    def exists(self, name: str) -> bool:
        return bool(self._client.collections.exists(self.name(name)))

    def drop(self, name: str) -> None:
        self._client.collections.delete(self.name(name))

    def close(self) -> None:
        self._stack.close()


def _natural(field: VectorField) -> bool:
    dense = field.kind in (VectorKind.DENSE, VectorKind.MULTI)
    return dense and field.element is Element.FLOAT32 and field.metric in _DISTANCES


def _property(kind: FieldType, element: FieldType | None) -> str:
    """The type of a property; "" where there is none for it."""
    if kind is FieldType.ARRAY and element is not None:
        return _TYPES[element] + "[]"
    return _TYPES.get(kind, "")


def _properties(table: Table) -> dict[str, str]:
    """The types of all properties; of keys that nobody declared by their values."""
    found = {field.name: _property(field.type, field.element) for field in table.shape.fields}
    for record in table.records:
        for key, value in record.payload.items():
            if key not in found:
                one, more = (value[0], "[]") if isinstance(value, list) else (value, "")
                found[key] = _BY_VALUE[type(one)] + more
    return found


def _identified(table: Table) -> Table:
    """With UUIDs for ids."""
    numbers = count(1)
    key = replace(table.shape.id, kind=IdKind.UUID)
    same: dict[Any, UUID] = {}
    changed = mapped(
        table, lambda one: replace(one, id=same.setdefault(one.id, uuid5(_SPACE, str(next(numbers)))))
    )
    return replace(changed, shape=replace(table.shape, id=key))


def _fits(record: Record) -> bool:
    """Null is missing, a number is a double, names are of letters, an empty list is none."""
    names = all(key.isascii() and key.replace("_", "a").isalnum() and key != "id" for key in record.payload)
    tenant = re.fullmatch(r"[A-Za-z0-9_-]{1,64}", record.partition or "a") is not None
    return names and tenant and all(map(_value_fits, record.payload.values()))


def _value_fits(value: Any) -> bool:
    if value is None or isinstance(value, dict):
        return False
    if isinstance(value, int) and abs(value) > _MOST_INT:
        return False
    if isinstance(value, list):
        return bool(value) and len({type(item) for item in value}) == 1
    return True


def _config(field: VectorField) -> dict[str, Any]:
    assert field.metric is not None
    index: dict[str, Any] = {"distance": _DISTANCES[field.metric]}
    if field.kind is VectorKind.MULTI:
        index["multivector"] = {"enabled": True}
    return {"vectorizer": {"none": {}}, "vectorIndexType": "hnsw", "vectorIndexConfig": index}


def _given(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _object(record: Record) -> DataObject[Any, Any]:
    assert isinstance(record.id, UUID)
    return DataObject(
        properties={key: _given(value) for key, value in record.payload.items()},
        uuid=record.id,
        vector={one: vector.tolist() for one, vector in {**record.dense, **record.multi}.items()},
    )


def _held(one: Any, tenant: str | None, blobs: set[str]) -> Held:
    vectors = {name: np.array(vector, np.float32) for name, vector in one.vector.items() if vector}
    held = {key: value for key, value in one.properties.items() if value is not None}
    # A blob is spoken of as base64, by the client too.
    held |= {key: base64.b64decode(held[key]) for key in blobs & held.keys()}
    return Held(UUID(str(one.uuid)), held, vectors, tenant)
